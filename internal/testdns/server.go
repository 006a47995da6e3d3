// Package testdns is a DNS server for tests, benchmarks and trials against real mail servers. It answers from any
// [helogate.Asker], a literal zone for example, as a recursive server would: aliases are followed, a no has a SOA whose
// TTL is the answer's (RFC 2308), a TempFail is a SERVFAIL, what does not fit into a datagram is cut and comes over TCP.
// It can also be slow, and misbehave in all the ways a resolver has to survive; see [Misbehave].
package testdns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// A Server listens on one port, UDP and TCP. It is safe for concurrent use.
type Server struct {
	zone    helogate.Asker
	addr    netip.AddrPort
	delay   time.Duration
	suffix  string // of the names that misbehave, ".evil.test."
	always  string
	rewrite func(*dns.Msg, bool) *dns.Msg

	udp    *net.UDPConn
	tcp    net.Listener
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	count  atomic.Int64
	mu     sync.Mutex // guards what follows
	asked  []helogate.Question
	conns  map[net.Conn]bool
	closed bool
}

// An Option changes how a server answers.
type Option func(*Server)

// At is the address to listen on instead of 127.0.0.1 and a free port.
func At(addr netip.AddrPort) Option { return func(s *Server) { s.addr = addr } }

// Delay holds every reply back for so long. The others do not wait for it.
func Delay(d time.Duration) Option { return func(s *Server) { s.delay = d } }

// Misbehave makes the names below suffix behave as their first label says: "servfail.evil.test" with the suffix
// "evil.test". The behaviours are listed at [Behaviours].
func Misbehave(suffix string) Option {
	return func(s *Server) { s.suffix = "." + dns.Fqdn(strings.ToLower(suffix)) }
}

// Always makes every name behave like this, with the zone's data.
func Always(behaviour string) Option { return func(s *Server) { s.always = behaviour } }

// Rewrite gives every reply to f before it is sent, with whether that is over TCP. What f returns is sent instead; nil is
// silence. It may wait.
func Rewrite(f func(reply *dns.Msg, tcp bool) *dns.Msg) Option {
	return func(s *Server) { s.rewrite = f }
}

// Start starts a server. An error is one of listening.
func Start(zone helogate.Asker, opts ...Option) (*Server, error) {
	s := &Server{zone: zone, conns: map[net.Conn]bool{}, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)}
	for _, o := range opts {
		o(s)
	}
	if s.always != "" && !known(s.always) {
		return nil, fmt.Errorf("testdns: no behaviour %q", s.always)
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("testdns: %w", err)
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wg.Add(1)
	go s.serveTCP()
	for range runtime.GOMAXPROCS(0) {
		s.wg.Add(1)
		go s.serveUDP()
	}
	return s, nil
}

// listen finds a port that is free for both. Another process may take the one in between, so it tries some.
func (s *Server) listen() (err error) {
	for range 20 {
		if s.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.addr)); err != nil {
			return err
		}
		bound := s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
		bound = netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())
		if s.tcp, err = net.Listen("tcp", bound.String()); err == nil {
			s.addr = bound
			s.udp.SetReadBuffer(4 << 20)
			return nil
		}
		s.udp.Close()
		if s.addr.Port() != 0 {
			return err
		}
	}
	return err
}

// Addr is where it listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Queries is how many questions came, over UDP and TCP.
func (s *Server) Queries() int { return int(s.count.Load()) }

// maxAsked bounds what a benchmark makes the server remember.
const maxAsked = 10_000

// Asked is what was asked, in order of arrival: the first ten thousand.
func (s *Server) Asked() []helogate.Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Close stops it, and waits until nothing of it runs.
func (s *Server) Close() {
	s.stop()
	s.udp.Close()
	s.tcp.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) serveUDP() {
	defer s.wg.Done()
	buf := make([]byte, 65535)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		r := new(dns.Msg)
		if r.Unpack(buf[:n]) != nil || len(r.Question) != 1 {
			continue
		}
		s.dispatch(request{Msg: r}, func(reply []byte) { s.udp.WriteToUDPAddrPort(reply, from) })
	}
}

func (s *Server) serveTCP() {
	defer s.wg.Done()
	for {
		c, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !s.keep(c) {
			continue
		}
		go s.serveConn(c)
	}
}

// keep takes a connection in, to be closed by Close.
func (s *Server) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
		return false
	}
	s.conns[c] = true
	s.wg.Add(1)
	return true
}

func (s *Server) serveConn(c net.Conn) {
	defer s.wg.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	}()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		buf := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		r := new(dns.Msg)
		if r.Unpack(buf) != nil || len(r.Question) != 1 {
			return
		}
		s.dispatch(request{r, true}, func(reply []byte) {
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		})
	}
}

// A request is a question and the way it came.
type request struct {
	*dns.Msg
	tcp bool
}

// dispatch answers a request: at once where nothing can take time, or else aside, so that no other waits for it.
func (s *Server) dispatch(r request, send func([]byte)) {
	s.count.Add(1)
	q := questionOf(r.Question[0])
	s.mu.Lock()
	if len(s.asked) < maxAsked {
		s.asked = append(s.asked, q)
	}
	s.mu.Unlock()
	if _, known := s.zone.Known(q); known && s.delay == 0 && s.rewrite == nil && s.behaviour(r) == "" {
		send(s.pack(s.answer(r), r))
		return
	}
	s.wg.Add(1) // we are one of those that Close waits for, so it is not at zero
	go func() {
		defer s.wg.Done()
		if !s.wait(s.delay) {
			return
		}
		for _, reply := range s.replies(r) {
			send(reply)
		}
	}()
}

// wait is false if the server is closed meanwhile.
func (s *Server) wait(d time.Duration) bool {
	if d == 0 {
		return s.ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// replies are the messages that answer a request: none is silence, and some misbehave with several.
func (s *Server) replies(r request) [][]byte {
	if b := s.behaviour(r); b != "" {
		return s.misbehave(b, r)
	}
	if reply := s.rewritten(s.answer(r), r); reply != nil {
		return [][]byte{s.pack(reply, r)}
	}
	return nil
}

func (s *Server) rewritten(reply *dns.Msg, r request) *dns.Msg {
	if s.rewrite == nil {
		return reply
	}
	return s.rewrite(reply, r.tcp)
}

// pack makes the bytes of a reply, cut to what the client takes (RFC 6891 section 6.2.3, RFC 1035 section 4.2.1).
func (s *Server) pack(reply *dns.Msg, r request) []byte {
	if !r.tcp {
		size := dns.MinMsgSize
		if opt := r.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size)
	}
	reply.Compress = true
	b, err := reply.Pack()
	if err != nil { // a value that is none: the test's mistake, and SERVFAIL lets it be seen
		b, _ = new(dns.Msg).SetRcode(r.Msg, dns.RcodeServerFailure).Pack()
	}
	return b
}
