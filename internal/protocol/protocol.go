// Package protocol receives an MTA's questions and sends the answers, in the protocol of the MTA.
//
// A protocol translates. It reads what the MTA shows of a client into [helogate.Facts], has the server's
// [response.Judge] judge them, and words the [response.Response]. It decides nothing, remembers nothing of a client,
// and knows neither policy nor DNS; whether a rejection is held until RCPT is also up to the judge. The [Server] does
// the rest, which is the same for all protocols: connections, limits, panics, the log, the shutdown.
//
// Every protocol keeps two rules. Accept is never a permit: it means "no objection", and the MTA's later checks still
// decide, since a permit before the MTA's relay check would be an open relay. And no answer is made up in case of an
// error: the connection is closed, and the MTA does what its administrator configured for a failing policy service.
//
//	l, err := listen.On("127.0.0.1:10040", 0)
//	…
//	s := &protocol.Server{Protocol: &protocol.Postfix{}, Judge: judge, Log: log}
//	go s.Serve(l)
//	…
//	s.Shutdown(ctx)
package protocol

// A Protocol is how MTAs ask, and are answered. Each [Server] needs its own. Set its fields before Serve.
type Protocol interface {
	// missing names the field that it cannot do without, "" if it has all.
	missing() string
	// answer answers an MTA until one of the two has had enough; the connection is then closed. An error ends the
	// server.
	answer(*conn) error
}

// noAddress is logged for a client that cannot be judged.
const noAddress = "a client without an IP address is accepted: it cannot be judged"

// A stopper is a protocol that ends waiting connections in its own way. With the others, Shutdown expires the read
// deadline (see [conn.next]).
type stopper interface{ stop(*Server) }

// A multiplexer is a protocol with many SMTP sessions on one connection.
type multiplexer interface{ sessions() int }
