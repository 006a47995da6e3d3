package control

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

var aTriplet = helogate.Question{Kind: helogate.Greylisted, Name: "192.0.2.0/24 jane@example.org bob@example.net"}

// The answer is that of the running service.
func TestAsker(t *testing.T) {
	asked := helogate.Question{}
	s, _ := aServer(t)
	s.Peek = func(_ context.Context, q helogate.Question) *helogate.Answer {
		asked = q
		return &helogate.Answer{Status: helogate.OK, Values: []string{"first 2026-11-21T08:00:00Z"}}
	}
	p := Asker{serve(t, s), "v1.2.3"}
	if a, known := p.Known(aTriplet); known {
		t.Errorf("it knows %v without asking", a)
	}
	a := p.Ask(t.Context(), aTriplet)
	if asked != aTriplet || a.Status != helogate.OK || strings.Join(a.Values, "; ") != "first 2026-11-21T08:00:00Z" {
		t.Errorf("%v was asked, and %v answered", asked, a)
	}
	if a := p.Ask(t.Context(), helogate.Question{Kind: helogate.MX, Name: "example.org"}); a.Status != helogate.TempFail || !strings.Contains(a.Note, `"MX"`) {
		t.Errorf("DNS: %v", a)
	}
}

// Without a service nothing is stored. Another program on the socket is a temporary failure with a reason.
func TestAskerWithoutService(t *testing.T) {
	says := func(theirs string, code int, body string) string {
		return listening(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if theirs != "" {
				w.Header().Set("Helogate-Version", theirs)
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}))
	}
	for _, c := range []struct {
		name, socket string
		status       helogate.Status
		note         string
	}{
		{"no socket", "", helogate.NXDomain, ""},
		{"no service", filepath.Join(t.TempDir(), "c.sock"), helogate.NXDomain, ""},
		{"an older service", says("v0.1.0", 404, `{"kind":"not found","error":"helogate v0.1.0 has no such request: POST /v2/peek"}`), helogate.TempFail, "has no such request: POST /v2/peek; the service is helogate v0.1.0 and this command is "},
		{"another program", says("", 200, `{}`), helogate.TempFail, "is not helogate"},
		{"one in trouble", says("v1.2.3", 500, `{"kind":"failed","error":"a \u001b bug"}`), helogate.TempFail, `a \x1b bug`},
	} {
		a := Asker{c.socket, "v1.2.3"}.Ask(t.Context(), aTriplet)
		if a.Status != c.status || !strings.Contains(a.Note, c.note) || (c.note == "") != (a.Note == "") {
			t.Errorf("%s: %s, %q", c.name, a.Status, a.Note)
		}
	}
}

// listening serves HTTP on a socket for the length of a test.
func listening(t *testing.T, h http.Handler) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "c.sock")
	l, err := Listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return socket
}

// The asker returns the trust of the service, and none without a service.
func TestAskerOfTrust(t *testing.T) {
	s, _ := aServer(t)
	socket := serve(t, s)
	if _, err := s.Trust.Add(netip.MustParseAddr("192.0.2.1"), 30*time.Minute, "jane"); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx          context.Context
		socket, name string
		want         helogate.Status
	}{
		{t.Context(), socket, "192.0.2.1", helogate.OK},
		{t.Context(), socket, "192.0.2.2", helogate.NXDomain},
		{t.Context(), socket + "x", "192.0.2.1", helogate.NXDomain},
		{t.Context(), "", "192.0.2.1", helogate.NXDomain},
		{t.Context(), "/etc/passwd", "192.0.2.1", helogate.TempFail},
		{ended, socket, "192.0.2.1", helogate.TempFail},
		{t.Context(), socket, "mx.example.org", helogate.TempFail},
	} {
		asker := Asker{c.socket, "v1.2.3"}
		q := helogate.Question{Kind: helogate.Trust, Name: c.name}
		if _, known := asker.Known(q); known {
			t.Error("it cannot know")
		}
		a := asker.Ask(c.ctx, q)
		if a.Status != c.want || a.Status == helogate.OK && a.Values[0] != "until "+morning.Add(30*time.Minute).Format("2006-01-02 15:04 UTC")+": jane" {
			t.Errorf("%s at %s: %+v, want %s", c.name, c.socket, a, c.want)
		}
	}
}
