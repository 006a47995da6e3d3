package protocol

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/response"
)

// rcptRequest is what Postfix sends at RCPT, 29 attributes.
func rcptRequest(tb testing.TB) []byte {
	text, err := os.ReadFile("testdata/postfix/stages.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var request strings.Builder
	for line := range strings.Lines(string(text)) {
		said, ok := strings.CutPrefix(line, ">")
		if !ok {
			continue
		}
		request.WriteString(strings.TrimPrefix(said, " "))
		if said == "\n" {
			if strings.Contains(request.String(), "protocol_state=RCPT\n") {
				return []byte(request.String())
			}
			request.Reset()
		}
	}
	tb.Fatal("no request at RCPT in testdata/postfix/stages.txt")
	return nil
}

// A request read, parsed and answered, without a socket: what the listener itself costs.
func BenchmarkPostfixListener(b *testing.B) {
	request := rcptRequest(b)
	script := &scriptConn{piece: 1 << 16}
	listener := &Postfix{}
	p := &Server{Protocol: listener, Judge: passes}
	p.init()
	q := newPolicyConn(&conn{Conn: script, server: p}, &postfixLimits)
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		script.in = request
		script.out.Reset()
		if !listener.one(q) {
			b.Fatal("not answered")
		}
	}
}

// A request and its answer over a socket, the client's half included.
func BenchmarkPostfix(b *testing.B) {
	for name, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(b.TempDir(), "policy")} {
		b.Run(name, func(b *testing.B) {
			l, err := listen.On(address, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			p := &Server{Protocol: &Postfix{}, Judge: passes}
			served := make(chan error, 1)
			go func() { served <- p.Serve(l) }()
			request := rcptRequest(b)
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) { ask(b, pb, l.Addr(), request) })
			if err := p.Shutdown(b.Context()); err != nil {
				b.Error(err)
			}
			if err := <-served; err != nil {
				b.Error(err)
			}
		})
	}
}

func ask(b *testing.B, pb *testing.PB, to net.Addr, request []byte) {
	c, err := net.Dial(to.Network(), to.String())
	if err != nil {
		b.Error(err)
		return
	}
	defer c.Close()
	got := make([]byte, len(dunno))
	for pb.Next() {
		if _, err := c.Write(request); err != nil {
			b.Error(err)
			return
		}
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, []byte(dunno)) {
			b.Errorf("%q, %v", got, err)
			return
		}
	}
}

// The listener allocates the strings that the facts keep, and nothing else: HELO, sender, recipient and session here.
func TestPostfixAllocates(t *testing.T) {
	request := rcptRequest(t)
	for _, r := range []response.Response{
		{Action: helogate.Continue},
		{Action: helogate.Reject, Reply: helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "192.0.2.25 has no name"}},
	} {
		script := &scriptConn{piece: 1 << 16}
		listener := &Postfix{}
		p := &Server{Protocol: listener, Judge: always(r)}
		p.init()
		q := newPolicyConn(&conn{Conn: script, server: p}, &postfixLimits)
		n := testing.AllocsPerRun(100, func() {
			script.in = request
			script.out.Reset()
			if !listener.one(q) {
				t.Fatal("not answered")
			}
		})
		if n != 4 {
			t.Errorf("%s: %v allocations", r.Action, n)
		}
	}
}
