package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// An httpServer is what doors share that speak HTTP: net/http with limits, one handler and no mux of the process, ended
// as every door is. The zero value is ready; a limit that is zero has its default. Limits are set before serve.
//
// A handler judges with ctx, not with its request's context: a judgement is worth having though its client has gone. What
// it may still read of a body is limited; reading more gives an [http.MaxBytesError]. It writes its answer at the end, and
// panics with [http.ErrAbortHandler] where there is none: the connection is then closed without one. A handler that panics
// with anything else is logged, and its client is answered 500 if it has no part of an answer yet.
type httpServer struct {
	maxHeader     int           // bytes of request line and header, 16 KiB; net/http takes 4 KiB more
	maxBody       int           // bytes, 64 KiB
	headerTimeout time.Duration // from connecting, or a request's first byte, to the end of its header, 10s
	readTimeout   time.Duration // to the end of its body, 30s
	idleTimeout   time.Duration // between requests, 2m
	writeTimeout  time.Duration // for an answer from where it begins, 10s

	ctx    context.Context // of all judgements; ends when shutdown returns
	cancel context.CancelFunc
	once   sync.Once
	http   http.Server
	handle http.HandlerFunc
	log    *slog.Logger
	conns  atomic.Int64
}

func (s *httpServer) init(log *slog.Logger, handle http.HandlerFunc) {
	s.once.Do(func() {
		orDefault(&s.maxHeader, 16<<10)
		orDefault(&s.maxBody, 64<<10)
		orDefault(&s.headerTimeout, 10*time.Second)
		orDefault(&s.readTimeout, 30*time.Second)
		orDefault(&s.idleTimeout, 2*time.Minute)
		orDefault(&s.writeTimeout, 10*time.Second)
		if s.log, s.handle = log, handle; log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		s.http = http.Server{
			Handler:                      s,
			DisableGeneralOptionsHandler: true,
			MaxHeaderBytes:               s.maxHeader,
			ReadHeaderTimeout:            s.headerTimeout,
			ReadTimeout:                  s.readTimeout,
			IdleTimeout:                  s.idleTimeout,
			ConnState:                    s.count,
			ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		}
	})
}

// serve answers with handle who connects to l, until l closes, and closes it. It returns nil after a shutdown. Where it
// runs on several listeners, log, which may be nil, and handle are those of the first.
func (s *httpServer) serve(l net.Listener, log *slog.Logger, handle http.HandlerFunc) error {
	s.init(log, handle)
	err := s.http.Serve(passingListener{l})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("accept on %s: %w", l.Addr(), err)
}

// open is how many connections there are.
func (s *httpServer) open() int { return int(s.conns.Load()) }

func (s *httpServer) count(_ net.Conn, to http.ConnState) {
	switch to {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// shutdown stops accepting, lets requests under way be answered, and closes connections that are idle; one on which
// nothing has come yet has five seconds. It returns when all have ended; when ctx ends before, it ends judgements and
// closes connections by force.
func (s *httpServer) shutdown(ctx context.Context) error {
	s.init(nil, nil)
	defer s.cancel()
	if err := s.http.Shutdown(ctx); err == nil {
		return nil
	}
	busy := s.open()
	s.http.Close()
	if busy == 0 {
		return nil
	}
	return fmt.Errorf("closed %d connections that were still busy: %w", busy, ctx.Err())
}

// ServeHTTP is of [http.Handler]: it keeps the limits around the door's handler.
func (s *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &httpAnswer{ResponseWriter: w, within: s.writeTimeout}
	defer func() {
		if v := recover(); v != nil {
			s.panicked(a, r, v)
		}
	}()
	r.Body = http.MaxBytesReader(w, r.Body, int64(s.maxBody))
	s.handle(a, r)
	a.begin()
}

// panicked ends a request whose handler panicked. Part of an answer that was sent is not to be taken for the whole.
func (s *httpServer) panicked(a *httpAnswer, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	s.log.Error("panic: not answered", "panic", fmt.Sprint(v), "door", local, "peer", r.RemoteAddr, "stack", string(debug.Stack()))
	if a.begun {
		panic(http.ErrAbortHandler)
	}
	clear(a.Header())
	a.Header().Set("Connection", "close")
	http.Error(a, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// An httpAnswer gives an answer the time in which it must be taken, from where it begins: how long the judge thought
// before does not count.
type httpAnswer struct {
	http.ResponseWriter
	within time.Duration
	begun  bool
}

func (a *httpAnswer) begin() {
	if !a.begun {
		a.begun = true
		http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(a.within))
	}
}

// WriteHeader is of [http.ResponseWriter].
func (a *httpAnswer) WriteHeader(status int) {
	a.begin()
	a.ResponseWriter.WriteHeader(status)
}

// Write is of [http.ResponseWriter].
func (a *httpAnswer) Write(b []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(b)
}

// A passingListener tells net/http of which errors Accept should be tried again: it knows only some of them.
type passingListener struct{ net.Listener }

func (l passingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil && passing(err) {
		err = passingError{err}
	}
	return c, err
}

type passingError struct{ error }

func (passingError) Timeout() bool   { return false }
func (passingError) Temporary() bool { return true }
