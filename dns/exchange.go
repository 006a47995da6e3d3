package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	wire "github.com/miekg/dns"
)

// lookup asks the servers in their order, in rounds, until one of them takes the trail further.
// A failure is kept at its server's place.
func (r *Resolver) lookup(ctx context.Context, q query, t trail) (trail, failures) {
	failed := make(failures, len(r.servers))
	for range r.config.Attempts {
		for _, s := range r.order() {
			if f := failed[s.place]; f != nil && f.said() {
				continue
			}
			if ctx.Err() != nil {
				return t, failed
			}
			further, f := r.try(ctx, s, q, t)
			if ctx.Err() == nil { // when we ran out of time, that says nothing about the server
				s.heed(f, r.now())
			}
			if f == nil {
				return further, nil
			}
			r.counts.fail(f)
			failed[s.place] = f
		}
	}
	return t, failed
}

// try asks one server and reads what it says. A server that answers FORMERR or NOTIMP to EDNS may not know it, and is
// asked without (RFC 6891 section 7); only if that helped is it remembered, since the name may be to blame.
func (r *Resolver) try(ctx context.Context, s *server, q query, t trail) (trail, *failure) {
	now := r.now()
	how := manner{edns: !s.noEDNS.holds(now), mix: !s.local && !s.flattens.holds(now)}
	m, f := r.exchange(ctx, s, q, how)
	if f == nil && how.edns && ednsUnknown(m.Rcode) {
		how.edns = false
		if m, f = r.exchange(ctx, s, q, how); f == nil && !ednsUnknown(m.Rcode) {
			s.noEDNS.learn(now, learnedFor)
		}
	}
	if f != nil {
		return t, f
	}
	return t.read(m, s.trusted)
}

func ednsUnknown(rcode int) bool {
	return rcode == wire.RcodeFormatError || rcode == wire.RcodeNotImplemented || rcode == wire.RcodeBadVers
}

// exchange sends a query over UDP, and over TCP if the reply says that it was cut (RFC 7766 section 5) or spells the
// question in another case. The latter is a server that does not keep case, or a forger who could not know it. Nobody
// off the path can forge over TCP, so what comes there is believed, and what it says about the case is remembered. Only
// where TCP is not to be had is the server asked over UDP with letters as they are: it is no less safe than a resolver
// that never mixes them, and an administrator behind such a forwarder gets his mail.
func (r *Resolver) exchange(ctx context.Context, s *server, q query, how manner) (*wire.Msg, *failure) {
	m, got, f := r.converse(ctx, s, q.pack(how), "udp")
	if !how.mix && got == recased {
		got = fits // nothing was hidden in the case
	}
	if f != nil || got == fits && !m.Truncated {
		return m, f
	}
	overTCP, echoed, f := r.converse(ctx, s, q.pack(how), "tcp")
	switch {
	case f == nil && overTCP.Truncated:
		return nil, cutOnTCP
	case f == nil && how.mix && echoed == recased:
		s.flattens.learn(r.now(), learnedFor)
		return overTCP, nil
	case f == nil || got == fits || ctx.Err() != nil:
		return overTCP, f
	}
	s.flattens.learn(r.now(), learnedFor)
	how.mix = false
	m, _, f = r.converse(ctx, s, q.pack(how), "udp")
	if f == nil && m.Truncated {
		return nil, &failure{senselessFailure, "truncated reply, and no TCP, from %"}
	}
	return m, f
}

// converse sends one message and waits for the reply that fits it; others are passed over.
func (r *Resolver) converse(ctx context.Context, s *server, msg []byte, network string) (*wire.Msg, fit, *failure) {
	r.counts.sent.Add(1)
	if network == "tcp" {
		r.counts.tcp.Add(1)
	}
	l, err := s.line(ctx, network, time.Now().Add(r.config.Timeout))
	if err != nil {
		return nil, alien, netFailure(err)
	}
	// The end of the flight, by its deadline or by Close, ends the wait.
	unwatch := context.AfterFunc(ctx, func() { l.conn.SetDeadline(time.Unix(1, 0)) })
	m, got, f := r.hear(ctx, l, msg)
	if unwatch() && f == nil {
		s.idle.put(l)
	} else {
		l.conn.Close()
	}
	return m, got, f
}

// resendAfter is how long a datagram is taken to be on its way. Then it is sent once more, the same in all, and the first
// reply counts: a busy server's socket is soon full, and a lost datagram must not cost a whole Timeout.
const resendAfter = 300 * time.Millisecond

// hear sends on a line, and reads from it until something fits.
func (r *Resolver) hear(ctx context.Context, l line, msg []byte) (*wire.Msg, fit, *failure) {
	if err := l.send(msg); err != nil {
		return nil, alien, netFailure(err)
	}
	if !l.tcp {
		again := time.AfterFunc(resendAfter, func() {
			if ctx.Err() == nil {
				_ = l.send(msg) // what goes wrong is seen by who reads
			}
		})
		defer again.Stop()
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		got, err := l.receive(*buf)
		if err != nil {
			return nil, alien, netFailure(err)
		}
		how := compare(msg, got)
		if how == alien {
			r.counts.passedOver.Add(1)
			continue
		}
		if cut(got) && !l.tcp {
			return &wire.Msg{MsgHdr: wire.MsgHdr{Truncated: true}}, how, nil // what is left need not be whole
		}
		m, ok := parse(got)
		if !ok {
			return nil, how, senseless
		}
		return m, how, nil
	}
}

// buffers are large enough for any reply over UDP that a server has reason to send to us.
var buffers = sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}

// A line is a connected UDP socket, on which nothing but the server's packets and its host's refusal arrive, or a TCP
// connection.
type line struct {
	conn net.Conn
	tcp  bool
}

// line opens one, or takes an idle one of a server on this machine. Off the machine each query has a socket, and so a
// random port, of its own, which a forger has to guess (RFC 5452 section 9.2).
func (s *server) line(ctx context.Context, network string, deadline time.Time) (line, error) {
	if network == "udp" {
		if l, ok := s.idle.get(); ok {
			return l, l.conn.SetDeadline(deadline)
		}
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.addr))
		if err != nil {
			return line{}, err
		}
		return line{conn: conn}, conn.SetDeadline(deadline)
	}
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.DialContext(ctx, "tcp", s.name)
	if err != nil {
		return line{}, err
	}
	return line{conn, true}, conn.SetDeadline(deadline)
}

func (l line) send(msg []byte) error {
	if l.tcp {
		framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
		msg = append(framed, msg...) // in one write: some servers want length and message in one packet (RFC 7766 section 8)
	}
	_, err := l.conn.Write(msg)
	return err
}

// receive reads one message, into buf if it has the room.
func (l line) receive(buf []byte) ([]byte, error) {
	if !l.tcp {
		n, err := l.conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(l.conn, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(l.conn, buf[:n])
	return buf[:n], err
}
