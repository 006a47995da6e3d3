package protocol

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// An httpServer is what the protocols over HTTP share: net/http with limits, one handler and no global mux. The zero
// value is ready.
//
// A handler judges with the server's context, not with its request's: a verdict is useful even if its caller has gone.
// What a handler can read of a body is limited; reading more gives an [http.MaxBytesError]. It writes its answer at the
// end, and panics with [http.ErrAbortHandler] if there is none: the connection is then closed without an answer. Any
// other panic is logged, and answered 500 if no part of an answer was sent.
type httpServer struct {
	once   sync.Once
	http   http.Server
	server *Server
	handle http.HandlerFunc
}

const (
	httpMaxHeader     = 16 << 10         // bytes of request line and header; net/http takes 4 KiB more
	httpMaxBody       = 64 << 10         // bytes: a HELO that fills an SMTP line is 6 KiB at most, with every byte escaped
	httpHeaderTimeout = 10 * time.Second // from connecting, or a request's first byte, to the end of its header
	httpReadTimeout   = 30 * time.Second // to the end of its body
	httpIdleTimeout   = 2 * time.Minute  // between requests
	httpWriteTimeout  = 10 * time.Second // for an answer from where it begins
)

func (s *httpServer) init(server *Server, handle http.HandlerFunc) {
	s.once.Do(func() {
		s.server, s.handle = server, handle
		s.http = http.Server{
			Handler:                      s,
			DisableGeneralOptionsHandler: true,
			MaxHeaderBytes:               httpMaxHeader,
			ReadHeaderTimeout:            httpHeaderTimeout,
			ReadTimeout:                  httpReadTimeout,
			IdleTimeout:                  httpIdleTimeout,
			ErrorLog:                     slog.NewLogLogger(server.Log.Handler(), slog.LevelWarn),
		}
	})
}

// answer has handle answer the requests of a connection.
func (s *httpServer) answer(c *conn, handle http.HandlerFunc) error {
	s.init(c.server, handle)
	only := &onlyListener{conn: onlyConn{Conn: c.Conn, closed: make(chan struct{})}, ended: make(chan struct{})}
	_ = s.http.Serve(only)
	if only.taken.Load() {
		<-only.conn.closed
	}
	return nil
}

// stop closes connections that are idle; one on which nothing has come yet has five seconds. Requests under way are
// answered.
func (s *httpServer) stop(server *Server) {
	s.init(server, nil)
	go s.http.Shutdown(server.ctx)
}

// An onlyListener gives net/http one connection, and ends with it.
type onlyListener struct {
	conn  onlyConn
	taken atomic.Bool
	once  sync.Once
	ended chan struct{}
}

// Accept is of [net.Listener].
func (l *onlyListener) Accept() (net.Conn, error) {
	if !l.taken.Swap(true) {
		return &l.conn, nil
	}
	select {
	case <-l.conn.closed:
	case <-l.ended:
	}
	return nil, net.ErrClosed
}

// Close is of [net.Listener].
func (l *onlyListener) Close() error { l.once.Do(func() { close(l.ended) }); return nil }

// Addr is of [net.Listener].
func (l *onlyListener) Addr() net.Addr { return l.conn.LocalAddr() }

// An onlyConn reports when it is closed.
type onlyConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

// Close is of [net.Conn].
func (c *onlyConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.closed) })
	return err
}

// CloseWrite lets net/http end an answer before it ends a connection on which more is coming than it reads.
func (c *onlyConn) CloseWrite() error {
	if half, can := c.Conn.(interface{ CloseWrite() error }); can {
		return half.CloseWrite()
	}
	return nil
}

// ServeHTTP is of [http.Handler]: it keeps the limits around the protocol's handler.
func (s *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &httpAnswer{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil {
			s.panicked(a, r, v)
		}
	}()
	r.Body = http.MaxBytesReader(w, r.Body, httpMaxBody)
	s.handle(a, r)
	a.begin()
}

// panicked ends a request whose handler panicked. An answer that was sent in part is cut off, so that it is not taken
// for a whole one.
func (s *httpServer) panicked(a *httpAnswer, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	s.server.Log.Error("panic: the request was answered 500 or cut off; please report this", "panic", fmt.Sprint(v), "listener", local, "peer", r.RemoteAddr, "stack", string(debug.Stack()))
	if a.begun {
		panic(http.ErrAbortHandler)
	}
	clear(a.Header())
	a.Header().Set("Connection", "close")
	http.Error(a, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// An httpAnswer starts the write deadline with the answer: the time of the judgement does not count.
type httpAnswer struct {
	http.ResponseWriter
	begun bool
}

func (a *httpAnswer) begin() {
	if !a.begun {
		a.begun = true
		http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(httpWriteTimeout))
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
