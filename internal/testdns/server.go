// Package testdns is a DNS server for tests, benchmarks and experiments with real mail servers. It answers from any
// [helogate.Asker], such as a literal zone, as a recursive server does: it follows aliases, adds a SOA with the
// answer's TTL to a negative answer (RFC 2308), sends SERVFAIL for a TempFail, and truncates a reply that does not
// fit into a datagram, which is then available over TCP. It can also be slow, and misbehave in all the ways that a
// resolver must survive; see [Misbehave].
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
	mu     sync.Mutex // guards the fields below
	asked  []helogate.Question
	conns  map[net.Conn]bool
	closed bool
}

// An Option changes how a server answers.
type Option func(*Server)

// At sets the address to listen on, instead of 127.0.0.1 and a free port.
func At(addr netip.AddrPort) Option { return func(s *Server) { s.addr = addr } }

// Delay delays every reply. Replies do not wait for each other.
func Delay(d time.Duration) Option { return func(s *Server) { s.delay = d } }

// Misbehave makes the names below suffix behave as their first label says, such as "servfail.evil.test" with the
// suffix "evil.test". See [Behaviours] for the list.
func Misbehave(suffix string) Option {
	return func(s *Server) { s.suffix = "." + dns.Fqdn(strings.ToLower(suffix)) }
}

// Always makes every name behave in one way, with the zone's data.
func Always(behaviour string) Option { return func(s *Server) { s.always = behaviour } }

// Rewrite calls f with every reply before it is sent, and with whether it goes over TCP. The result of f is sent
// instead; nil sends nothing. f may wait.
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

// listen finds a port that is free for UDP and TCP. Another process may take the port in between, so it tries several
// times.
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

// Addr returns the address of the server.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Queries returns the number of questions, over UDP and TCP.
func (s *Server) Queries() int { return int(s.count.Load()) }

// maxAsked limits the memory that a benchmark needs.
const maxAsked = 10_000

// Asked returns the first ten thousand questions, in order of arrival.
func (s *Server) Asked() []helogate.Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Close stops the server, and waits until all of it has ended.
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

// keep registers a connection, so that Close closes it.
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

// A request is a question and its transport.
type request struct {
	*dns.Msg
	tcp bool
}

// dispatch answers a request: at once if nothing can take time, else in a goroutine, so that no other request waits.
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

// wait returns false if the server is closed meanwhile.
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

// replies returns the messages that answer a request: none at all, or several for some misbehaviours.
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

// pack packs a reply, truncated to the size that the client accepts (RFC 6891 section 6.2.3, RFC 1035 section 4.2.1).
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
	if err != nil { // the test has an invalid value, and SERVFAIL shows it
		b, _ = new(dns.Msg).SetRcode(r.Msg, dns.RcodeServerFailure).Pack()
	}
	return b
}
