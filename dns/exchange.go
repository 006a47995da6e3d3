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

// lookup asks the servers in their order, in rounds, until one of them extends the trail. failures has the last
// failure of each server.
func (r *Resolver) lookup(ctx context.Context, q query, t trail) (trail, failures) {
	failed := make(failures, len(r.servers))
	for range r.config.Attempts {
		for _, s := range r.order() {
			if f := failed[s.place]; f != nil && f.deliberate() {
				continue
			}
			if ctx.Err() != nil {
				return t, failed
			}
			further, f := r.try(ctx, s, q, t)
			if ctx.Err() == nil { // running out of time says nothing about the server
				s.record(f, r.now())
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

// try asks one server and reads its reply. A server that replies FORMERR or NOTIMP to EDNS may not know EDNS, and is
// asked without it (RFC 6891 section 7). try remembers that only if it helped, because the name may be the cause.
func (r *Resolver) try(ctx context.Context, s *server, q query, t trail) (trail, *failure) {
	now := r.now()
	how := options{edns: !s.noEDNS.active(now), mix: !s.local && !s.foldsCase.active(now)}
	m, f := r.exchange(ctx, s, q, how)
	if f == nil && how.edns && ednsUnknown(m.Rcode) {
		how.edns = false
		if m, f = r.exchange(ctx, s, q, how); f == nil && !ednsUnknown(m.Rcode) {
			s.noEDNS.set(now, learnedFor)
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

// exchange sends a query over UDP, and over TCP if the reply is truncated (RFC 7766 section 5) or has the question in
// another case. The latter is a server that does not preserve case, or a forger who could not know it. Nothing off
// the path can forge over TCP, so the reply over TCP is trusted, and what it shows about the case is remembered. If
// TCP fails, the server is asked over UDP with letters as they are. That is as safe as a resolver that never mixes
// case, and mail works behind such a forwarder.
func (r *Resolver) exchange(ctx context.Context, s *server, q query, how options) (*wire.Msg, *failure) {
	m, got, f := r.attempt(ctx, s, q.pack(how), "udp")
	if !how.mix && got == recased {
		got = fits // the case was not mixed
	}
	if f != nil || got == fits && !m.Truncated {
		return m, f
	}
	overTCP, echoed, f := r.attempt(ctx, s, q.pack(how), "tcp")
	switch {
	case f == nil && overTCP.Truncated:
		return nil, cutOnTCP
	case f == nil && how.mix && echoed == recased:
		s.foldsCase.set(r.now(), learnedFor)
		return overTCP, nil
	case f == nil || got == fits || ctx.Err() != nil:
		return overTCP, f
	}
	s.foldsCase.set(r.now(), learnedFor)
	how.mix = false
	m, _, f = r.attempt(ctx, s, q.pack(how), "udp")
	if f == nil && m.Truncated {
		return nil, &failure{senselessFailure, "truncated reply, and no TCP, from %"}
	}
	return m, f
}

// attempt sends one message and waits for the matching reply. It ignores others.
func (r *Resolver) attempt(ctx context.Context, s *server, msg []byte, network string) (*wire.Msg, fit, *failure) {
	r.counts.sent.Add(1)
	if network == "tcp" {
		r.counts.tcp.Add(1)
	}
	l, err := s.connect(ctx, network, time.Now().Add(r.config.Timeout))
	if err != nil {
		return nil, unrelated, netFailure(err)
	}
	// The end of the lookup, by its deadline or by Close, ends the wait.
	unwatch := context.AfterFunc(ctx, func() { l.conn.SetDeadline(time.Unix(1, 0)) })
	m, got, f := r.roundTrip(ctx, l, msg)
	if unwatch() && f == nil {
		s.idle.put(l)
	} else {
		l.conn.Close()
	}
	return m, got, f
}

// resendAfter is how long a datagram may be on its way. After that the same datagram is sent once more, and the first
// reply counts: the socket of a busy server is soon full, and a lost datagram must not cost a whole Timeout.
const resendAfter = 300 * time.Millisecond

// roundTrip sends a message and reads until a matching reply comes.
func (r *Resolver) roundTrip(ctx context.Context, l connection, msg []byte) (*wire.Msg, fit, *failure) {
	if err := l.send(msg); err != nil {
		return nil, unrelated, netFailure(err)
	}
	if !l.tcp {
		again := time.AfterFunc(resendAfter, func() {
			if ctx.Err() == nil {
				_ = l.send(msg) // the reader sees an error
			}
		})
		defer again.Stop()
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		got, err := l.receive(*buf)
		if err != nil {
			return nil, unrelated, netFailure(err)
		}
		how := compare(msg, got)
		if how == unrelated {
			r.counts.mismatched.Add(1)
			continue
		}
		if isTruncated(got) && !l.tcp {
			return &wire.Msg{MsgHdr: wire.MsgHdr{Truncated: true}}, how, nil // the rest may be incomplete
		}
		m, ok := parse(got)
		if !ok {
			return nil, how, senseless
		}
		return m, how, nil
	}
}

// buffers are large enough for any reply over UDP that a server has reason to send.
var buffers = sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}

// A connection is a connected UDP socket, which receives packets and ICMP errors of the server only, or a TCP
// connection.
type connection struct {
	conn net.Conn
	tcp  bool
}

// connect opens a connection, or takes an idle one for a server on this machine. For other servers each query has a
// socket, and so a random port, of its own, which a forger has to guess (RFC 5452 section 9.2).
func (s *server) connect(ctx context.Context, network string, deadline time.Time) (connection, error) {
	if network == "udp" {
		if l, ok := s.idle.get(); ok {
			return l, l.conn.SetDeadline(deadline)
		}
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.addr))
		if err != nil {
			return connection{}, err
		}
		return connection{conn: conn}, conn.SetDeadline(deadline)
	}
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.DialContext(ctx, "tcp", s.name)
	if err != nil {
		return connection{}, err
	}
	return connection{conn, true}, conn.SetDeadline(deadline)
}

func (l connection) send(msg []byte) error {
	if l.tcp {
		framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
		msg = append(framed, msg...) // in one write: some servers want length and message in one packet (RFC 7766 section 8)
	}
	_, err := l.conn.Write(msg)
	return err
}

// receive reads one message, into buf if it is large enough.
func (l connection) receive(buf []byte) ([]byte, error) {
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
