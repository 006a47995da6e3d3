package gosmtp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is the DNS of 192.0.2.2, which is a mail server in order, and of its neighbours.
const zone = `
	192.0.2.2        PTR mx.example.org
	mx.example.org   A   192.0.2.2
	example.org      MX  10 mx.example.org
	192.0.2.3        PTR tempfail`

// faulty is DNS that never answers about one client, and panics about another.
type faulty struct{ helogate.Asker }

func (f faulty) Known(q helogate.Question) (*helogate.Answer, bool) {
	switch q.Name {
	case "192.0.2.6":
		return nil, false
	case "192.0.2.7":
		panic("a bug in the resolver")
	}
	return f.Asker.Known(q)
}

func (f faulty) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Name == "192.0.2.6" {
		<-ctx.Done()
		return nil
	}
	return f.Asker.Ask(ctx, q)
}

// A distantConn is a connection from 127.0.0.n that looks like one from 192.0.2.n: a client on the machine itself is
// accepted.
type distantConn struct{ net.Conn }

func (s distantConn) RemoteAddr() net.Addr {
	a := *s.Conn.RemoteAddr().(*net.TCPAddr)
	a.IP = net.IPv4(192, 0, 2, a.IP.To4()[3])
	return &a
}

type distantListener struct{ net.Listener }

func (l distantListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return distantConn{c}, nil
}

// A server is a real go-smtp server with the backend.
type server struct {
	addr string
	mu   sync.Mutex
	mail []string
	log  []helogate.Record
}

func serve(t *testing.T, edit func(*Backend)) *server {
	t.Helper()
	policy, err := check.NewPolicy("rfc", check.Settings{
		Own:    check.Own{Names: []string{"example.net"}},
		Exempt: []check.Exemption{{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.5/32")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	policy.Budget = 50 * time.Millisecond
	s := &server{}
	b := &Backend{
		Policy: policy, DNS: faulty{helogate.MustZone(zone)}, Domain: "example.net",
		Deliver: func(from string, to []string, mail io.Reader) error {
			text, err := io.ReadAll(mail)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mail = append(s.mail, fmt.Sprintf("%s to %s: %s", from, strings.Join(to, ","), strings.TrimSpace(string(text))))
			return err
		},
		Log: func(r *helogate.Record) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, *r)
		},
	}
	if edit != nil {
		edit(b)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	srv := smtp.NewServer(b)
	srv.Domain = "mx.example.net"
	done := make(chan error, 1)
	go func() { done <- srv.Serve(distantListener{l}) }()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return s
}

// talk sends the lines of a dialogue from a client's address, and returns the codes of the replies.
func (s *server) talk(t *testing.T, client string, lines ...string) string {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(strings.Replace(client, "192.0.2.", "127.0.0.", 1))}}
	c, err := d.Dial("tcp4", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	var got []string
	reply := func() {
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				got = append(got, err.Error())
				return
			}
			if len(line) > 3 && line[3] == '-' {
				continue
			}
			code := line[:3]
			if word := strings.Fields(line); code >= "400" && len(word) > 1 {
				code += " " + word[1]
			}
			got = append(got, code)
			return
		}
	}
	reply()
	for _, l := range lines {
		fmt.Fprintf(c, "%s\r\n", l)
		reply()
	}
	return strings.Join(got, ", ")
}

// What the page promises, each in a dialogue with a real server.
func TestDialogues(t *testing.T) {
	const to, from = "RCPT TO:<jane@example.net>", "MAIL FROM:<bob@example.org>"
	good := []string{"EHLO mx.example.org", from, to}
	for _, c := range []struct {
		name, client string
		lines        []string
		want         string
	}{
		{"a mail server delivers", "192.0.2.2", append(good[:3:3], "DATA", "Hello\r\n."), "220, 250, 250, 250, 354, 250"},
		{"a rejection is held until RCPT", "192.0.2.2", []string{"EHLO localhost", from, to}, "220, 250, 250, 550 5.7.1"},
		{"each recipient is refused", "192.0.2.2", []string{"EHLO localhost", from, to, to}, "220, 250, 250, 550 5.7.1, 550 5.7.1"},
		{"an exemption by the recipient wins", "192.0.2.2", []string{"EHLO localhost", from, "RCPT TO:<postmaster@example.net>", to},
			"220, 250, 250, 250, 550 5.7.1"},
		{"no deferral before MAIL", "192.0.2.3", []string{"EHLO mx.example.org"}, "220, 250"},
		{"a failure of DNS defers, and never rejects", "192.0.2.3", good, "220, 250, 250, 450 4.7.25"},
		{"reverse DNS that is not there rejects", "192.0.2.4", good, "220, 250, 250, 550 5.7.25"},
		{"every HELO is judged, not only the first", "192.0.2.2", []string{"EHLO mx.example.org", "EHLO localhost", from, to},
			"220, 250, 250, 250, 550 5.7.1"},
		{"a corrected HELO is not held to the wrong one", "192.0.2.2", []string{"EHLO localhost", "EHLO mx.example.org", from, to},
			"220, 250, 250, 250, 250"},
		{"an exempt client is accepted", "192.0.2.5", []string{"EHLO localhost", from, to}, "220, 250, 250, 250"},
		{"which is no permit to relay", "192.0.2.5", []string{"EHLO localhost", from, "RCPT TO:<jane@example.com>"}, "220, 250, 250, 550 5.7.1"},
		{"DNS that never answers costs no more than the budget, and defers", "192.0.2.6", good, "220, 250, 250, 450 4.7.25"},
		{"DNS that panics is a failure of DNS", "192.0.2.7", good, "220, 250, 250, 450 4.7.25"},
		{"a second mail of a connection", "192.0.2.2", append(append(good[:3:3], "DATA", "Hello\r\n."), from, to),
			"220, 250, 250, 250, 354, 250, 250, 250"},
		{"bytes that are no text", "192.0.2.2", []string{"EHLO a\x1b[2J\xff", from, to}, "220, 250, 250, 550 5.5.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := serve(t, nil).talk(t, c.client, c.lines...); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// A policy may refuse earlier; a corrected HELO is judged anew.
func TestRejectAtHelo(t *testing.T) {
	s := serve(t, func(b *Backend) { b.Policy.RejectAtStage = helogate.Helo })
	got := s.talk(t, "192.0.2.2", "EHLO localhost", "EHLO mx.example.org", "MAIL FROM:<bob@example.org>", "RCPT TO:<jane@example.net>")
	if want := "220, 550 5.7.1, 250, 250, 250"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := s.talk(t, "192.0.2.3", "EHLO mx.example.org", "MAIL FROM:<bob@example.org>"); got != "220, 250, 450 4.7.25" {
		t.Errorf("a deferral: %s", got)
	}
}

// The records are whole: each replays, and what was held is in them.
func TestRecords(t *testing.T) {
	s := serve(t, nil)
	s.talk(t, "192.0.2.2", "EHLO mx.example.org", "EHLO localhost", "MAIL FROM:<bob@example.org>", "RCPT TO:<jane@example.net>", "QUIT")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) != 3 {
		t.Fatalf("%d records", len(s.log))
	}
	last := s.log[2]
	if last.Action != helogate.Reject || last.Reply.Code != 550 || len(last.Earlier) != 1 || last.Earlier[0] != " mx.example.org" {
		t.Errorf("%s after %q: %s", last.Action, last.Earlier, last.Reply)
	}
}

// The page shows the backend as it is.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/embed.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("gosmtp.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(code), "// A Backend takes")
	if !strings.Contains(string(page), "```go\n// A Backend takes"+shown+"```\n") {
		t.Error("docs/embed.md does not show gosmtp.go as it is, from Backend on")
	}
}
