package door

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

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

// A logbook collects what a door logs.
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

// serve runs a door in memory until the test ends.
func serve(t *testing.T, p *Postfix) *pipeListener {
	t.Helper()
	l := newPipeListener()
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
	})
	return l
}

func always(r response.Response) response.Judge {
	return func(context.Context, helogate.Facts) response.Response { return r }
}

var passes = always(response.Response{Do: helogate.Continue})

// What a refusal says is fit for an MTA, whatever the judge said.
func TestRefusal(t *testing.T) {
	long := strings.Repeat("x", 600)
	for _, c := range []struct {
		do   helogate.Do
		in   helogate.Reply
		want string
	}{
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "no PTR"}, "550 5.7.25 no PTR"},
		{helogate.Defer, helogate.Reply{Code: 451, Enhanced: "4.4.3", Text: `a \x1b stays`}, `451 4.4.3 a \x1b stays`},
		{helogate.Reject, helogate.Reply{Code: 250, Enhanced: "2.0.0", Text: "come in"}, "550 5.7.1 come in"},
		{helogate.Reject, helogate.Reply{Code: 451, Enhanced: "5.7.1", Text: "no"}, "550 5.7.1 no"},
		{helogate.Defer, helogate.Reply{Code: 550, Enhanced: "4.7.1", Text: "later"}, "450 4.7.1 later"},
		{helogate.Defer, helogate.Reply{Code: 451, Enhanced: "5.7.1", Text: "later"}, "451 4.7.1 later"},
		{helogate.Drop, helogate.Reply{}, "550 5.7.1 refused by policy"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: "two\r\nlines\n\naction=OK"},
			`550 5.7.1 two\x0d\x0alines\x0a\x0aaction=OK`},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: "\x00\x1b[2J\xff\u202e"},
			`550 5.7.1 \x00\x1b[2J\xff\xe2\x80\xae`},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1\n", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1234", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5..71", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.1.1", Text: "no"}, "550 5.7.1 no"},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: long}, ("550 5.7.25 " + long)[:510]},
		{helogate.Reject, helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: long + "\x00"}, ("550 5.7.25 " + long)[:507] + "..."},
	} {
		if got := refusal(response.Response{Do: c.do, Reply: c.in}).String(); got != c.want {
			t.Errorf("%s %.80q:\n got %s\nwant %s", c.do, c.in.Text, got, c.want)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(550, "5.7.1", "two\nlines", true)
	f.Add(451, "4.4.3", strings.Repeat("\x00", 300), false)
	f.Fuzz(func(t *testing.T, code int, enhanced, text string, reject bool) {
		r := response.Response{Do: helogate.Defer, Reply: helogate.Reply{Code: code, Enhanced: enhanced, Text: text}}
		want := byte('4')
		if reject {
			r.Do, want = helogate.Reject, '5'
		}
		got := refusal(r).String()
		if len(got) > maxReplyLine || got[0] != want || got[3] != ' ' || got[4] != want || got[5] != '.' {
			t.Fatalf("%q", got)
		}
		for i := range len(got) {
			if got[i] < ' ' || got[i] > '~' {
				t.Fatalf("%q holds byte %#x", got, got[i])
			}
		}
	})
}

func TestServeWithoutJudge(t *testing.T) {
	if err := new(Postfix).Serve(newPipeListener()); err == nil {
		t.Error("a door without a judge served")
	}
}

// When somebody else closes the listener, that is no clean end.
func TestServeListenerClosed(t *testing.T) {
	l := newPipeListener()
	l.Close()
	if err := (&Postfix{Judge: passes}).Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want it to wrap net.ErrClosed", err)
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
