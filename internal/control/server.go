package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/trust"
)

// A Server answers requests on control sockets. All its functions must be set and safe for concurrent use.
type Server struct {
	Version    string // of this program
	Status     func() Status
	Reload     func(context.Context) error // called by one request at a time; the client gets the whole error
	Exemptions func() []Exemption
	Trust      *trust.Store
	// Peek returns what is stored, and changes nothing.
	Peek func(context.Context, helogate.Question) *helogate.Answer
	Log  *slog.Logger

	once      sync.Once
	http      *http.Server
	reloading sync.Mutex
}

// Serve answers requests on l until Shutdown, which closes l. It returns nil after a shutdown.
func (s *Server) Serve(l net.Listener) error {
	err := s.server().Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("control socket %s: %w", l.Addr(), err)
}

// Shutdown closes all listeners and waits for pending requests until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.server().Shutdown(ctx)
	if err != nil {
		return errors.Join(err, s.server().Close())
	}
	return nil
}

func (s *Server) server() *http.Server {
	s.once.Do(func() {
		s.http = &http.Server{
			Handler:           s.handler(),
			ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: reloadTime + requestTime, IdleTimeout: requestTime,
			MaxHeaderBytes: maxHeader,
			ErrorLog:       slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		}
	})
	return s.http
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.reply(w, r, answer) })
	}
	handle("GET "+pathStatus, func(*http.Request) (any, error) { return s.Status(), nil })
	handle("POST "+pathReload, s.reload)
	handle("GET "+pathTrust, func(*http.Request) (any, error) { return s.Trust.List(), nil })
	handle("POST "+pathTrust, s.trust)
	handle("GET "+pathTrust+"/{address}", s.trusted)
	handle("DELETE "+pathTrust+"/{address}", s.untrust)
	handle("GET "+pathExemptions, func(*http.Request) (any, error) {
		return append([]Exemption{}, s.Exemptions()...), nil // none is [], not null
	})
	handle("POST "+pathPeek, s.peek)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.send(w, http.StatusNotFound, &Error{NotFound, "helogate " + s.Version + " has no such request: " + printable.Text(r.Method+" "+r.URL.Path, 200)})
	})
	return mux
}

// reply answers a request with the result of a function, which may fail or panic.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, answer func(*http.Request) (any, error)) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Log.Error("a request on the control socket panicked; please report this", "request", r.Method+" "+r.URL.Path, "cause", cause,
				"stack", string(debug.Stack()))
			s.send(w, http.StatusInternalServerError, &Error{Failed, "this request met a bug of helogate; its log has the details"})
		}
	}()
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	got, err := answer(r)
	if err == nil {
		s.send(w, http.StatusOK, got)
		return
	}
	kind := ErrorKindOf(err)
	code, known := map[ErrorKind]int{
		Request: http.StatusBadRequest, BadConfig: http.StatusUnprocessableEntity, NotFound: http.StatusNotFound,
	}[kind]
	if !known {
		kind, code = Failed, http.StatusInternalServerError
	}
	s.send(w, code, &Error{kind, err.Error()})
}

func (s *Server) send(w http.ResponseWriter, code int, what any) {
	body, err := json.Marshal(what)
	if err != nil { // a time in the year 10000, say
		code, body = http.StatusInternalServerError, []byte(`{"kind":"failed","error":"the answer cannot be written as JSON"}`)
		s.Log.Error("an answer on the control socket cannot be written as JSON; please report this", "error", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(versionHeader, s.Version)
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// peekKinds are the kinds of question that Peek answers. A client can ask DNS itself.
var peekKinds = []helogate.Kind{helogate.Greylisted, helogate.Deferred, helogate.Callout, helogate.Hammering, helogate.Suspended}

func (s *Server) peek(r *http.Request) (any, error) {
	var asked peekRequest
	if err := decode(r.Body, &asked); err != nil {
		return nil, err
	}
	if !slices.Contains(peekKinds, asked.Kind) {
		return nil, &Error{Request, fmt.Sprintf("nothing of the kind %q is stored", printable.Text(asked.Kind.String(), 50))}
	}
	a := s.Peek(r.Context(), helogate.Question{Kind: asked.Kind, Name: string(asked.Name)})
	out := peekAnswer{Status: a.Status, Values: [][]byte{}, Note: a.Note}
	for _, v := range a.Values {
		out.Values = append(out.Values, []byte(v))
	}
	return out, nil
}

// reload continues if the client disconnects: a reload is done whole.
func (s *Server) reload(r *http.Request) (any, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), reloadTime)
	defer cancel()
	if err := s.Reload(ctx); err != nil {
		return nil, &Error{BadConfig, err.Error()}
	}
	return s.Status(), nil
}

func (s *Server) trust(r *http.Request) (any, error) {
	var asked trustRequest
	if err := decode(r.Body, &asked); err != nil {
		return nil, err
	}
	addr, err := parseAddr(asked.Address)
	if err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(asked.For)
	if err != nil {
		return nil, &Error{Request, fmt.Sprintf("for: %q is no duration such as 30m", printable.Text(asked.For, 50))}
	}
	e, err := s.Trust.Add(addr, d, asked.Comment)
	if err != nil {
		return nil, &Error{Request, err.Error()}
	}
	s.Log.Info("trusted", "client", e.Address.String(), "until", e.Until, "comment", e.Comment)
	return e, nil
}

func (s *Server) trusted(r *http.Request) (any, error) {
	addr, err := parseAddr(r.PathValue("address"))
	if err != nil {
		return nil, err
	}
	e, ok := s.Trust.Get(addr)
	if !ok {
		return nil, notTrusted(addr)
	}
	return e, nil
}

func notTrusted(a netip.Addr) error { return &Error{NotFound, a.String() + " is not trusted"} }

func (s *Server) untrust(r *http.Request) (any, error) {
	addr, err := parseAddr(r.PathValue("address"))
	if err != nil {
		return nil, err
	}
	if !s.Trust.Remove(addr) {
		return nil, notTrusted(addr)
	}
	s.Log.Info("no longer trusted", "client", addr.String())
	return struct{}{}, nil
}

// parseAddr parses the address of a client, and returns it as the store has it.
func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, &Error{Request, fmt.Sprintf("%q is no IPv4 or IPv6 address", printable.Text(s, 100))}
	}
	return a.WithZone("").Unmap(), nil
}

// decode reads one JSON value, strictly: to ignore an unknown key of a newer client would be to do something else.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &Error{Request, "the JSON of the request is not understood: " + printable.Text(err.Error(), 200)}
	}
	if _, err := d.Token(); err != io.EOF {
		return &Error{Request, "the request has more than one JSON value"}
	}
	return nil
}
