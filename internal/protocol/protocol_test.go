package protocol

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/response"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A pipeListener is a listener in memory, on which tests in a synctest bubble can wait.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	gone  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), gone: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.gone) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "/test", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// A logbook collects what a listener logs.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func always(r response.Response) response.Judge {
	return func(context.Context, helogate.Facts) response.Response { return r }
}

var passes = always(response.Response{Action: helogate.Continue})

// What a server cannot do without is missed at once.
func TestServeWithoutWhatItNeeds(t *testing.T) {
	for _, s := range []*Server{
		{Protocol: &Postfix{}}, {Protocol: &Exim{}}, {Protocol: &Milter{}}, {Protocol: &HTTP{}}, {Protocol: &OpenSMTPD{}},
		{Protocol: &Nginx{Backend: backend}},
		{Protocol: &Nginx{}, Judge: passes},
		{Protocol: &Nginx{Backend: netip.AddrPortFrom(backend.Addr(), 0)}, Judge: passes},
	} {
		if err := s.Serve(newPipeListener()); err == nil {
			t.Errorf("%T served", s.Protocol)
		}
	}
}

// When somebody else closes the listener, that is no clean end.
func TestServeListenerClosed(t *testing.T) {
	l := newPipeListener()
	l.Close()
	for _, p := range []Protocol{&Postfix{}, &Exim{}, &Milter{}, &HTTP{}, &Nginx{Backend: backend}} {
		if err := (&Server{Protocol: p, Judge: passes}).Serve(l); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%T: got %v, want it to wrap net.ErrClosed", p, err)
		}
	}
}

func listenOn(t *testing.T, address string, mode fs.FileMode) net.Listener {
	t.Helper()
	l, err := listen.On(address, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
