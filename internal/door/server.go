package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// A server is what doors on sockets share: it accepts connections, runs a goroutine for each, and ends them. The zero
// value is ready.
type server struct {
	mu        sync.Mutex
	listeners map[net.Listener]bool
	conns     map[net.Conn]bool

	once    sync.Once
	stop    chan struct{}      // closed when Shutdown begins
	drained chan struct{}      // closed when, after that, the last connection has ended
	ctx     context.Context    // of all judgements
	cancel  context.CancelFunc // when shutdown returns
}

func (s *server) init() {
	s.once.Do(func() {
		s.listeners, s.conns = map[net.Listener]bool{}, map[net.Conn]bool{}
		s.stop, s.drained = make(chan struct{}), make(chan struct{})
		s.ctx, s.cancel = context.WithCancel(context.Background())
	})
}

// closing reports whether Shutdown has begun.
func (s *server) closing() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// serve accepts from l until it closes, and calls handle in a goroutine for each connection; a connection is closed when
// handle returns. It closes l, and returns nil after a shutdown.
func (s *server) serve(l net.Listener, log *slog.Logger, handle func(net.Conn)) error {
	s.init()
	defer l.Close()
	if !s.listen(l) {
		return nil
	}
	defer s.unlisten(l)
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.take(c, handle)
			continue
		}
		if s.closing() {
			return nil
		}
		if !passing(err) {
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		log.Warn("a connection could not be accepted", "door", l.Addr().String(), "error", err, "next_try_in", pause)
		select {
		case <-s.stop:
		case <-time.After(pause):
		}
	}
}

// passing reports whether the next Accept may succeed: the client has gone, or the machine is short of something.
func passing(err error) bool {
	for _, e := range []error{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing() {
		return false
	}
	s.listeners[l] = true
	return true
}

func (s *server) unlisten(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *server) take(c net.Conn, handle func(net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing() {
		c.Close()
		return
	}
	s.conns[c] = true
	go func() {
		defer s.end(c)
		handle(c)
	}()
}

func (s *server) end(c net.Conn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.closing() && len(s.conns) == 0 {
		close(s.drained)
	}
}

// open is how many connections there are.
func (s *server) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// past is a read deadline that is over: it wakes who waits in Read.
var past = time.Unix(1, 0)

// shutdown stops accepting and wakes every connection that waits for its client, to see that the server is closing. It
// returns when all have ended; when ctx ends before, it ends judgements and closes connections by force.
func (s *server) shutdown(ctx context.Context) error {
	s.init()
	defer s.cancel()
	s.mu.Lock()
	if !s.closing() {
		close(s.stop)
		if len(s.conns) == 0 {
			close(s.drained)
		}
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.SetReadDeadline(past)
	}
	s.mu.Unlock()
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
