package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/control"
)

var aTriplet = helogate.Question{Kind: helogate.Greylisted, Name: "192.0.2.0/24 jane@example.org bob@example.net"}

// The service that runs is asked, and what it says is the answer.
func TestServicePeek(t *testing.T) {
	asked := helogate.Question{}
	socket := controlled(t, func(s *control.Server) {
		s.Peek = func(_ context.Context, q helogate.Question) *helogate.Answer {
			asked = q
			return &helogate.Answer{Status: helogate.OK, Values: []string{"first 2026-11-21T08:00:00Z"}}
		}
	})
	p := servicePeek{socket, version()}
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

// Where no service runs nothing is remembered; whoever else listens there cannot tell, and says why.
func TestServicePeekWithoutService(t *testing.T) {
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
		{"nobody there", filepath.Join(t.TempDir(), "c.sock"), helogate.NXDomain, ""},
		{"an older service", says("v0.1.0", 404, `{"kind":"not found","error":"helogate v0.1.0 knows no such request: POST /v1/peek"}`), helogate.TempFail, "knows no such request: POST /v1/peek; the service is helogate v0.1.0 and this is "},
		{"another program", says("", 200, `{}`), helogate.TempFail, "is not helogate"},
		{"one in trouble", says(version(), 500, `{"kind":"failed","error":"a \u001b bug"}`), helogate.TempFail, `a \x1b bug`},
	} {
		a := servicePeek{c.socket, version()}.Ask(t.Context(), aTriplet)
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
	l, err := control.Listen(socket, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return socket
}
