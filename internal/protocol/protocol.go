// Package protocol lets an MTA's questions in and carries the ruling out, in the protocol that the MTA speaks.
//
// A protocol translates. It reads what the MTA shows of a client into [helogate.Facts], has the server's [response.Judge]
// judge them, and words the [response.Response]. It decides nothing, remembers nothing of a client, and knows neither
// policy nor DNS; whether a rejection is held until RCPT is the judge's affair, too. All else is the [Server]'s, which is
// the same for all: connections, limits, panics, the log, the end.
//
// Two things every protocol keeps. Accept is never a permit: it means "no objection", and whatever the MTA asks after us
// still decides, for a permit before the MTA's relay check is an open relay. And in trouble no answer is made up: the
// connection is closed, and the MTA does what its administrator told it to do when a policy service fails.
//
//	l, err := listen.On("127.0.0.1:10040", 0)
//	…
//	s := &protocol.Server{Protocol: &protocol.Postfix{}, Judge: judge, Log: log}
//	go s.Serve(l)
//	…
//	s.Shutdown(ctx)
package protocol

// A Protocol is how MTAs ask, and are answered. One is for one [Server]. Its fields are set before that serves.
type Protocol interface {
	// missing names the field that it cannot do without, "" if it has all.
	missing() string
	// answer answers an MTA until one of the two has had enough; the connection is then closed. An error ends the server.
	answer(*conn) error
}

// noAddress is what the log says of a client that cannot be judged.
const noAddress = "a client without an IP address is accepted: it cannot be judged"

// A stopper is a protocol that has its own way to end connections that wait for their client, and is told to. With the
// others a read that waits is over (see [conn.next]).
type stopper interface{ stop(*Server) }

// A multiplexer is a protocol with many SMTP sessions on one connection.
type multiplexer interface{ sessions() int }
