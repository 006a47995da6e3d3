package protocol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/helogate/helogate/internal/response"
)

// A Server answers the MTAs that connect to its listeners, each in a goroutine of its own. Its fields are set before
// Serve.
type Server struct {
	Protocol Protocol
	Judge    response.Judge
	// Whole is Judge with the whole verdict in its responses, for a protocol that shows it. nil: those of Judge have
	// it.
	Whole response.Judge
	Log   *slog.Logger // nil: nothing is logged

	mu        sync.Mutex
	listeners map[net.Listener]error // the error that ended one, if its connection reported it
	conns     map[net.Conn]struct{}

	once    sync.Once
	stop    chan struct{}      // closed when Shutdown begins
	drained chan struct{}      // closed when, after that, the last connection has ended
	ctx     context.Context    // of all judgements
	cancel  context.CancelFunc // when Shutdown returns

	noAddress rateLimited // questions about no client
	malformed rateLimited // what is no question
}

func (s *Server) init() {
	s.once.Do(func() {
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		if s.Whole == nil {
			s.Whole = s.Judge
		}
		s.listeners, s.conns = map[net.Listener]error{}, map[net.Conn]struct{}{}
		s.stop, s.drained = make(chan struct{}), make(chan struct{})
		s.ctx, s.cancel = context.WithCancel(context.Background())
	})
}

// Serve answers on l until l closes, and closes it. It may run on several listeners. It returns nil after Shutdown,
// else the error that ended it.
func (s *Server) Serve(l net.Listener) error {
	if s.Judge == nil {
		return errors.New("listener: a Server without a Judge")
	}
	if field := s.Protocol.missing(); field != "" {
		return fmt.Errorf("listener: a %T without a %s", s.Protocol, field)
	}
	s.init()
	defer l.Close()
	if !s.listen(l) {
		return nil
	}
	err := s.accept(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.listeners[l]; why != nil {
		err = why
	}
	delete(s.listeners, l)
	return err
}

func (s *Server) accept(l net.Listener) error {
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.take(l, c)
			continue
		}
		if s.closing() {
			return nil
		}
		if !isTransient(err) {
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.Log.Warn("a connection could not be accepted", "listener", l.Addr().String(), "error", err, "retry_ms", pause.Milliseconds())
		select {
		case <-s.stop:
		case <-time.After(pause):
		}
	}
}

// passing reports whether the next Accept may succeed: the client has gone, or the machine is short of something.
func isTransient(err error) bool {
	for _, e := range []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// closing reports whether Shutdown has begun.
func (s *Server) closing() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing() {
		return false
	}
	s.listeners[l] = nil
	return true
}

func (s *Server) take(l net.Listener, c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing() {
		c.Close()
		return
	}
	s.conns[c] = struct{}{}
	go func() {
		defer s.end(c)
		if err := s.answer(c); err != nil {
			s.fail(l, err)
		}
	}()
}

// answer runs the protocol on a connection. A panic closes the connection, and the daemon continues.
func (s *Server) answer(c net.Conn) error {
	asked := &conn{Conn: c, server: s}
	defer asked.recovered()
	return s.Protocol.answer(asked)
}

// fail ends a listener for what happened on its connection.
func (s *Server) fail(l net.Listener, why error) {
	s.mu.Lock()
	if _, open := s.listeners[l]; open && !s.closing() {
		s.listeners[l] = why
	}
	s.mu.Unlock()
	l.Close()
}

func (s *Server) end(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.closing() && len(s.conns) == 0 {
		close(s.drained)
	}
}

// Connections returns how many connections are open; of a protocol with many SMTP sessions on one, how many of these.
func (s *Server) Connections() int {
	if m, is := s.Protocol.(multiplexer); is {
		return m.sessions()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// past is an expired deadline, which wakes a waiting Read.
var past = time.Unix(1, 0)

// Shutdown stops accepting, answers questions that have arrived at least in part, and closes idle connections. It
// returns nil when that is done. When ctx ends first, it ends the judgements, closes all connections, and returns an
// error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	defer s.cancel()
	s.beginShutdown()
	select {
	case <-s.drained:
		return nil
	default:
	}
	select {
	case <-s.drained:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := len(s.conns)
	for c := range s.conns {
		c.Close()
	}
	if busy == 0 {
		return nil
	}
	return fmt.Errorf("closed %d connections that were still busy: %w", busy, ctx.Err())
}

func (s *Server) beginShutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing() {
		return
	}
	close(s.stop)
	if len(s.conns) == 0 {
		close(s.drained)
	}
	for l := range s.listeners {
		l.Close()
	}
	if p, is := s.Protocol.(stopper); is {
		p.stop(s)
		return
	}
	for c := range s.conns {
		c.SetReadDeadline(past)
	}
}
