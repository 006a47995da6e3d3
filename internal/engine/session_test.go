package engine

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

// A session is found by the name that the listener gives it; without a name there is nothing to remember. One
// connection's HELO names are not another's.
func TestSessionsAreFoundByName(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	for _, c := range []struct{ session, helo, earlier string }{
		{"a", "1.example.org", ""}, {"b", "2.example.org", ""}, {"a", "3.example.org", "EHLO 1.example.org"},
		{"", "4.example.org", ""}, {"", "5.example.org", ""}, {"b", "2.example.org", ""},
	} {
		if got := strings.Join(b.hello(t, endpoint, c.session, c.helo), "; "); got != c.earlier {
			t.Errorf("%s %s: earlier are %q, want %q", c.session, c.helo, got, c.earlier)
		}
	}
}

// TestFloodOfSessions: however many connections come, so many are kept, and one in use is not forgotten.
func TestFloodOfSessions(t *testing.T) {
	b := newBench("")
	b.verdicts.Out = io.Discard
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	for i := range 3 * maxSessions {
		if i%(maxSessions/3) == 0 {
			if earlier := b.hello(t, endpoint, "in use", fmt.Sprint(i, ".example.org")); i > 0 && len(earlier) == 0 {
				t.Fatalf("after %d others, a session in use is forgotten", i)
			}
		}
		b.hello(t, endpoint, fmt.Sprint("[192.0.2.1]:", i), "mx.example.org")
	}
	if n := b.Sessions(); n > maxSessions || n < maxSessions/2 {
		t.Errorf("%d sessions are kept, of at the most %d", n, maxSessions)
	}
}

// hello sends a HELO name, and returns what is remembered of the connection.
func (b *bench) hello(t *testing.T, endpoint *Endpoint, session, helo string) []string {
	f := helogate.Facts{Stage: helogate.Helo, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: helo, Session: session}
	endpoint.Judge(t.Context(), f)
	r := b.seen[len(b.seen)-1]
	b.seen = b.seen[:0]
	return r.Earlier
}

// TestSessionsEnd: a connection that says nothing for long is forgotten, one that goes on is not.
func TestSessionsEnd(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	b.hello(t, endpoint, "a", "1.example.org")
	b.hello(t, endpoint, "b", "1.example.org")
	for i := range 3 {
		b.now = b.now.Add(sessionKeep - 1)
		if got := b.hello(t, endpoint, "a", fmt.Sprint(i+2, ".example.org")); len(got) != i+1 {
			t.Fatalf("after %d pauses, remembered is %v", i+1, got)
		}
	}
	if n := b.Sessions(); n != 1 {
		t.Errorf("%d sessions are kept", n)
	}
	if got := b.hello(t, endpoint, "b", "2.example.org"); len(got) != 0 {
		t.Errorf("silent for three times as long, and remembered is %v", got)
	}
}
