package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/testlog"
	"github.com/helogate/helogate/internal/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	addrs   = cmpopts.EquateComparable(netip.Addr{})
)

// aServer is a server with plain answers.
func aServer(t *testing.T) (*Server, *testlog.Buffer) {
	t.Helper()
	store, err := trust.Open(trust.Config{Now: func() time.Time { return morning }})
	if err != nil {
		t.Fatal(err)
	}
	log := &testlog.Buffer{}
	return &Server{
		Version: "v1.2.3", Status: aStatus, Reload: func(context.Context) error { return nil },
		Exemptions: func() []Exemption { return nil }, Trust: store, Log: slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

func aStatus() Status {
	until := morning.Add(-time.Hour)
	return Status{
		Version: "v1.2.3", PID: 42, Since: morning, Now: morning.Add(time.Hour),
		Config: Config{File: "/etc/helogate.toml", Loaded: morning, Mode: "enforce", Preset: "balanced", Watch: true,
			Reload: &Reload{At: morning, By: "signal", Error: "line 1\nline 2"}},
		Listeners: []Listener{{"postfix", "127.0.0.1:10040", "enforce", "strict", 3}},
		Verdicts:  Verdicts{Held: 1, Counts: []Count{{"reject", "fcrdns", true, 7}}},
		DNS: DNS{Questions: 5, Hits: 2, Misses: 3, Coalesced: 1, Sent: 4, TCP: 1, Mismatched: 9, Failures: map[string]uint64{"timeout": 2},
			InFlight: 1, CacheEntries: 6, CacheBytes: 700, Servers: []NameServer{{"127.0.0.1:53", 5, 4, true, &until, "timeout"}}},
		Observers: []Observer{{"journal", 1, 2, 3}}, Trusted: 2, Sessions: 8, Panics: 1, LogLost: 5, Goroutines: 20, MemoryBytes: 1 << 20,
	}
}

// socketPath is short enough for a unix socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "control.sock")
}

// serve runs a server for the length of a test.
func serve(t *testing.T, s *Server) (path string) {
	t.Helper()
	path = socketPath(t)
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(path, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStatus(t *testing.T) {
	s, _ := aServer(t)
	got, err := dial(t, serve(t, s)).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(aStatus(), got); diff != "" {
		t.Error(diff)
	}
}

func TestReload(t *testing.T) {
	s, _ := aServer(t)
	long := "helogate.toml:1:8: mode: \"enforced\" is no mode\n  1 | mode = \"enforced\"\n    |        ^~~~~~~~~~\n" + strings.Repeat("more\n", 100_000)
	results := []error{nil, errors.New(long), &Error{Failed, "no room"}}
	s.Reload = func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("it may take for ever")
		}
		err := results[0]
		results = results[1:]
		return err
	}
	c := dial(t, serve(t, s))
	if st, err := c.Reload(t.Context()); err != nil || st.PID != 42 {
		t.Errorf("%+v, %v", st, err)
	}
	for range 2 {
		want := results[0]
		if _, err := c.Reload(t.Context()); err == nil || err.Error() != want.Error() || ErrorKindOf(err) != BadConfig {
			t.Errorf("%.200s (%s)", err, ErrorKindOf(err))
		}
	}
}

// A client that disconnects does not end a reload half-way, and two reloads run one after the other.
func TestReloadGoesOn(t *testing.T) {
	s, _ := aServer(t)
	begun, end, ended := make(chan bool), make(chan bool), make(chan error, 2)
	s.Reload = func(ctx context.Context) error {
		begun <- true
		<-end
		ended <- ctx.Err()
		return nil
	}
	c := dial(t, serve(t, s))
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() { _, err := c.Reload(ctx); answered <- err }()
	<-begun
	cancel()
	if err := <-answered; ErrorKindOf(err) != Failed || !strings.Contains(err.Error(), "interrupted") {
		t.Error(err)
	}
	go func() { _, err := c.Reload(t.Context()); answered <- err }()
	select {
	case <-begun:
		t.Error("two reloads at a time")
	case end <- true:
	}
	<-begun
	end <- true
	for range 2 {
		if err := <-ended; err != nil {
			t.Error("the reload was ended:", err)
		}
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestTrust(t *testing.T) {
	s, log := aServer(t)
	c, ctx := dial(t, serve(t, s)), t.Context()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	if all, err := c.Trusted(ctx); err != nil || all == nil || len(all) != 0 {
		t.Errorf("no address is trusted: %v, %v", all, err)
	}
	want := trust.Entry{Address: a, Since: morning, Until: morning.Add(90 * time.Second), Comment: `pop3 \x1bjane`}
	got, err := c.Trust(ctx, netip.MustParseAddr("::ffff:192.0.2.1"), 90*time.Second, "pop3 \x1bjane")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, addrs); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Trust(ctx, b.WithZone("eth0"), time.Hour, ""); err != nil {
		t.Error(err)
	}
	all, err := c.Trusted(ctx)
	if diff := cmp.Diff([]trust.Entry{want, {Address: b, Since: morning, Until: morning.Add(time.Hour)}}, all, addrs); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if one, err := c.TrustOf(ctx, a); err != nil || !one.Until.Equal(want.Until) {
		t.Errorf("%v, %v", one, err)
	}
	for range 2 {
		err = c.Untrust(ctx, b)
	}
	if ErrorKindOf(err) != NotFound || err.Error() != "2001:db8::1 is not trusted" {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := c.TrustOf(ctx, b); ErrorKindOf(err) != NotFound {
		t.Errorf("no more: %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(c.Trust(ctx, a, time.Millisecond, "")), "an address can be trusted for 1s to 30 days, not for 1ms"},
		{second(c.Trust(ctx, a, 1000*time.Hour, "")), "[[exempt]]"},
		{second(c.Trust(ctx, netip.IPv4Unspecified(), time.Hour, "")), "cannot be the address of a client"},
		{second(c.Trust(ctx, netip.Addr{}, time.Hour, "")), `"invalid IP" is no IPv4 or IPv6 address`},
		{second(c.Trust(ctx, a, time.Hour, strings.Repeat("x", maxRequest))), "request body too large"},
	} {
		if ErrorKindOf(c.err) != Request || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v (%s), want %s", c.err, ErrorKindOf(c.err), c.want)
		}
	}
	for _, want := range []string{"msg=trusted client=192.0.2.1 until=", `comment="pop3 \\x1bjane"`, `msg="no longer trusted" client=2001:db8::1`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestExemptions(t *testing.T) {
	s, _ := aServer(t)
	last := morning
	want := []Exemption{}
	s.Exemptions = func() []Exemption { return want }
	c := dial(t, serve(t, s))
	for range 2 {
		got, err := c.Exemptions(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		want = []Exemption{{"exempt", 1, "address=192.0.2.0/24", "192.0.2.0/24", "partner", &last, 3, &last}, {"forwarder", 1, "name=.example.org", ".example.org", "", nil, 0, nil}}
	}
}

func TestPanic(t *testing.T) {
	s, log := aServer(t)
	s.Status = func() Status { panic("a bug") }
	c := dial(t, serve(t, s))
	if _, err := c.Status(t.Context()); ErrorKindOf(err) != Failed || err.Error() != "this request met a bug of helogate; its log has the details" {
		t.Errorf("%v", err)
	}
	if !strings.Contains(log.String(), `cause="a bug"`) || !strings.Contains(log.String(), "control_test.go") {
		t.Error("the log does not say where:", log)
	}
	if _, err := c.Exemptions(t.Context()); err != nil {
		t.Error("the server is no more:", err)
	}
}

// A wrong request is an error, and the server goes on.
func TestBadRequests(t *testing.T) {
	s, _ := aServer(t)
	path := serve(t, s)
	head := func(method, target, body string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: helogate\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", method, target, len(body), body)
	}
	for _, c := range []struct{ request, want string }{
		{head("GET", "/", ""), "404 Not Found"},
		{head("GET", "/v1/status", ""), "helogate v1.2.3 has no such request: GET /v1/status"},
		{head("POST", "/v2/status", ""), "has no such request: POST /v2/status"},
		{head("GET", "/v2/reload", ""), "404 Not Found"},
		{head("GET", "/%1b", ""), `/\\x1b`},
		{head("POST", "/v2/trust", ""), "400 Bad Request"},
		{head("POST", "/v2/trust", "{"), "the JSON of the request is not understood: unexpected EOF"},
		{head("POST", "/v2/trust", `{"address":"192.0.2.1","for":"30m","net":24}`), `unknown field`},
		{head("POST", "/v2/trust", `{"address":"192.0.2.1","for":"30m"} {}`), "more than one JSON value"},
		{head("POST", "/v2/trust", `{"address":"192.0.2.1","for":30}`), "cannot unmarshal number"},
		{head("POST", "/v2/trust", `{"address":"192.0.2.1","for":"long"}`), `for: \"long\" is no duration such as 30m`},
		{head("POST", "/v2/trust", `{"address":"mx.example.org","for":"30m"}`), `\"mx.example.org\" is no IPv4 or IPv6 address`},
		{head("DELETE", "/v2/trust/192.0.2.300", ""), `\"192.0.2.300\" is no IPv4 or IPv6 address`},
		{head("DELETE", "/v2/trust", ""), "404 Not Found"},
		{"request=smtpd_access_policy\n\n", "400 Bad Request"},
		{"GET /" + strings.Repeat("x", 3*maxHeader) + " HTTP/1.1\r\n\r\n", "431 Request Header Fields Too Large"},
		{"\x00\xff\r\n\r\n", "400 Bad Request"},
	} {
		if got := converse(t, path, c.request); !strings.Contains(got, c.want) {
			t.Errorf("%.80q: want %s, got\n%s", c.request, c.want, got)
		}
	}
	if _, err := dial(t, path).Status(t.Context()); err != nil {
		t.Error("the server is no more:", err)
	}
}

func converse(t *testing.T, path, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, request) // the server may have closed
	got, _ := io.ReadAll(conn)
	return string(got)
}

// The errors distinguish a service of another version from one that fails.
func TestOtherVersions(t *testing.T) {
	answer := func(code int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(versionHeader, header)
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}
	}
	const both = "; the service is helogate v9 and this command is v1.2.3: restart the service"
	for _, c := range []struct {
		handler http.HandlerFunc
		kind    ErrorKind
		want    string
	}{
		{answer(200, "v9", `{"pid":1,"new":{}}`), "", ""}, // a new key is ignored
		{answer(404, "v9", `{"kind":"not found","error":"helogate v9 has no such request: GET /v2/status"}`), NotFound, "has no such request: GET /v2/status" + both},
		{answer(500, "v9", `{"kind":"failed","error":"trouble"}`), Failed, "trouble"},
		{answer(200, "v9", `[]`), Incompatible, "is not understood (200 OK, json: "},
		{answer(200, "v1.2.3", `<html>`), Incompatible, "is not understood (200 OK, invalid character"},
		{answer(404, "v9", `page not found`), Incompatible, both},
		{answer(404, "v9", `{}`), Incompatible, "(404 Not Found, <nil>)" + both},
		{answer(200, "", `{}`), Incompatible, "is not helogate"},
		{answer(204, "v9\x1b[2J", ``), Incompatible, ""},
	} {
		path := socketPath(t)
		l, err := Listen(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: c.handler}
		done := make(chan error)
		go func() { done <- s.Serve(l) }()
		_, err = dial(t, path).Status(t.Context())
		if c.kind == "" && err != nil || c.kind != "" && (ErrorKindOf(err) != c.kind || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v (%s), want %s (%s)", err, ErrorKindOf(err), c.want, c.kind)
		}
		s.Close()
		<-done
	}
}

// The client also ends if the service accepts the connection and sends nothing, or no HTTP.
func TestNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name, says string
		want       string
	}{
		{"silence", "", "interrupted before helogate answered"},
		{"no HTTP", "220 mx.example.org ESMTP\r\n", "does not speak the protocol of helogate: "},
	} {
		path := socketPath(t)
		l, err := Listen(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan bool)
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, c.says)
			if c.says == "" {
				cancel()
			}
			io.Copy(io.Discard, conn)
		}()
		if _, err := dial(t, path).Status(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		cancel()
		<-done
		l.Close()
	}
}

func TestDNSOf(t *testing.T) {
	at := morning
	got := DNSOf(dns.Stats{
		Hits: 2, Misses: 3, Coalesced: 1, Sent: 4, TCP: 5, Mismatched: 6, Failures: map[string]uint64{"timeout": 7}, InFlight: 8, Entries: 9, Weight: 10,
		Servers: []dns.ServerStats{
			{Server: netip.MustParseAddrPort("127.0.0.1:53"), Tries: 11},
			{Server: netip.MustParseAddrPort("[::1]:53"), Tries: 12, Failed: 13, Down: true, LastFailure: at, LastError: "timeout"},
		},
	})
	want := DNS{
		Questions: 5, Hits: 2, Misses: 3, Coalesced: 1, Sent: 4, TCP: 5, Mismatched: 6, Failures: map[string]uint64{"timeout": 7}, InFlight: 8,
		CacheEntries: 9, CacheBytes: 10, Servers: []NameServer{{"127.0.0.1:53", 11, 0, false, nil, ""}, {"[::1]:53", 12, 13, true, &at, "timeout"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever comes over the socket, the server answers with HTTP or closes, and only a request to trust an address
// changes the trusted addresses.
func FuzzServer(f *testing.F) {
	for _, s := range []string{
		"GET /v2/status HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /v2/trust HTTP/1.1\r\nHost: h\r\nContent-Length: 38\r\n\r\n{\"address\":\"192.0.2.1\",\"for\":\"1h0m00s\"}",
		"POST /v2/trust HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"DELETE /v2/trust/::1%25eth0 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /v2/trust/..%2f HTTP/1.0\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		s, log := aServer(t)
		l := &oneConn{closed: make(chan bool)}
		client, server := net.Pipe()
		l.conn = server
		done := make(chan error)
		go func() { done <- s.Serve(l) }()
		_ = client.SetDeadline(time.Now().Add(10 * time.Second))
		go func() {
			_, _ = client.Write(request)
			_, _ = client.Write([]byte("\r\n\r\nGET /v2/exemptions HTTP/1.1\r\nConnection: close\r\nHost: h\r\n\r\n"))
		}()
		got := make([]byte, 12)
		if n, err := io.ReadFull(client, got); n > 0 && (err != nil || !bytes.HasPrefix(got, []byte("HTTP/1."))) {
			t.Errorf("answered %q, %v", got[:n], err)
		}
		client.Close()
		if err := s.server().Close(); err != nil {
			t.Error(err)
		}
		<-done
		if strings.Contains(log.String(), "panicked") {
			t.Error(log)
		}
		for _, e := range s.Trust.List() {
			if !e.Address.IsValid() || !bytes.Contains(request, []byte("POST /v2/trust")) {
				t.Errorf("trusted %v", e)
			}
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	closed chan bool
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{} }
