package patience

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/testlog"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func question(name string) helogate.Question {
	return helogate.Question{Kind: helogate.Deferred, Name: name}
}

func said(a *helogate.Answer) string {
	return fmt.Sprint(a.Status, " ", strings.Join(a.Values, ", "))
}

type failing struct{ state.Store }

func (failing) Note(context.Context, state.Bucket, string, time.Time, time.Duration) (state.Record, error) {
	return state.Record{}, errors.New("down")
}

// TestBook: the first deferral is remembered while there are more, with a store or without.
func TestBook(t *testing.T) {
	memory, err := state.OpenSQLite(state.SQLiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for name, store := range map[string]state.Store{"a store": memory, "a store that is down": failing{memory}} {
		now, down := noon, false
		b := New(Config{Store: store, Limit: 4 * time.Hour, Now: func() time.Time { return now },
			ResolverDown: func() (string, bool) { return "nobody answers", down }})
		ask := func(after time.Duration, want string) {
			t.Helper()
			now = noon.Add(after)
			if got := said(b.Ask(t.Context(), question("192.0.2.0/24 "+name))); got != want {
				t.Errorf("%s, after %s: %s, want %s", name, after, got, want)
			}
		}
		if got := said(b.Peek(t.Context(), question("192.0.2.0/24 "+name))); got != "nxdomain " {
			t.Error(got)
		}
		ask(0, "ok first 2026-03-01T12:00:00Z")
		ask(5*time.Hour, "ok first 2026-03-01T12:00:00Z")
		if a, known := b.Known(question("x")); known {
			t.Errorf("%+v", a)
		}
		down = true
		ask(6*time.Hour, "ok resolver-down nobody answers")
		if a, known := b.Known(question("x")); !known || said(a) != "ok resolver-down nobody answers" {
			t.Errorf("%+v", a)
		}
		down = false
		ask(100*time.Hour, "ok first 2026-03-05T16:00:00Z")
	}
}

// answers is a resolver of which some names fail.
// While the store is down, a client with a new name each time does not make the others begin anew.
func TestBookInAFlood(t *testing.T) {
	now := noon
	b := New(Config{Store: failing{}, Limit: 4 * time.Hour, Now: func() time.Time { return now }})
	for range 2 {
		b.Ask(t.Context(), question("192.0.2.0/24 mx.example.org"))
		now = now.Add(time.Hour)
	}
	for i := range 2 * maxSpare {
		b.Ask(t.Context(), question(fmt.Sprint("198.51.100.0/24 ", i)))
	}
	if got := said(b.Ask(t.Context(), question("192.0.2.0/24 mx.example.org"))); got != "ok first 2026-03-01T12:00:00Z" {
		t.Error(got)
	}
	if n := b.spare.Len(now); n > maxSpare {
		t.Errorf("%d are remembered", n)
	}
}

type answers struct{ broken map[string]bool }

func (a answers) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

func (a answers) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	if a.broken[q.Name] {
		return &helogate.Answer{Status: helogate.TempFail}
	}
	return &helogate.Answer{Status: helogate.NXDomain}
}

// TestHealth: most of the domains of a minute fail, and it shouts once; what one domain does is one.
func TestHealth(t *testing.T) {
	now := noon
	var log testlog.Buffer
	a := answers{map[string]bool{}}
	h := NewHealth(a, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	ask := func(good, bad int) {
		for i := range good {
			h.Ask(t.Context(), helogate.Question{Kind: helogate.A, Name: fmt.Sprintf("mx.good%d.example", i)})
		}
		for i := range bad {
			name := fmt.Sprintf("mx.bad%d.example", i)
			a.broken[name] = true
			h.Ask(t.Context(), helogate.Question{Kind: helogate.MX, Name: name})
		}
	}
	down := func(want bool) {
		t.Helper()
		if why, _, is := h.Down(); is != want {
			t.Errorf("at %s: %v, want %v: %s", now.Format(time.TimeOnly), is, want, why)
		}
	}
	ask(0, 8)
	down(false) // too few to tell
	for i := range 100 {
		name := fmt.Sprintf("h%d.bad0.example", i)
		a.broken[name] = true
		h.Ask(t.Context(), helogate.Question{Kind: helogate.A, Name: name})
	}
	down(false) // of one domain
	now = now.Add(2 * time.Minute)
	ask(20, 12)
	down(false)
	now = now.Add(2 * time.Minute)
	ask(5, 12)
	down(true)
	if why, since, _ := h.Down(); why != "no answer for 12 of 17 domains in the last minute" || !since.Equal(now) {
		t.Error(why, since)
	}
	ask(5, 12)
	if n := strings.Count(log.String(), "the local resolver fails"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
	now = now.Add(30 * time.Second)
	ask(20, 0)
	down(false)
	if !strings.Contains(log.String(), "the local resolver answers again") || !strings.Contains(log.String(), "down_since="+now.Add(-30*time.Second).UTC().Format(time.RFC3339)) {
		t.Error(log.String())
	}
	now = now.Add(time.Hour)
	ask(0, 12)
	down(true)
	now = now.Add(2 * time.Minute) // and nobody asks
	down(false)
}

// What a judgement no longer waits for says nothing of the resolver.
func TestHealthOfWhatIsGivenUp(t *testing.T) {
	h := NewHealth(answers{map[string]bool{"x.example": true}}, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 20 {
		h.Ask(ctx, helogate.Question{Kind: helogate.PTR, Name: fmt.Sprintf("192.%d.2.1", i)})
	}
	if why, _, _ := h.Down(); why != "no answer for 0 of 0 domains in the last minute" {
		t.Error(why)
	}
}

func TestDomainOf(t *testing.T) {
	for _, c := range []struct {
		kind       helogate.Kind
		name, want string
	}{
		{helogate.A, "mx1.mail.example.org", "example.org"},
		{helogate.PTR, "192.0.2.1", "192.0"},
		{helogate.PTR, "2001:db8::1", "2001:db8"},
		{helogate.TXT, "", ""},
		{helogate.A, "org", "org"},
	} {
		if got := domainOf(helogate.Question{Kind: c.kind, Name: c.name}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.name, got, c.want)
		}
	}
}

// allFail is a resolver that fails.
type allFail struct{ answers }

func (allFail) Ask(context.Context, helogate.Question) *helogate.Answer {
	return &helogate.Answer{Status: helogate.TempFail}
}

// One client, whatever many domains and networks it names, cannot make it look as if our resolver failed.
func TestHealthOfOneClient(t *testing.T) {
	h := NewHealth(allFail{}, slog.New(slog.DiscardHandler), nil)
	names := helogate.Check{Name: "names", Run: func(c *helogate.Case) helogate.Finding {
		for i := range 50 {
			c.Ask(helogate.PTR, fmt.Sprintf("192.%d.2.1", i))
			c.Ask(helogate.A, fmt.Sprintf("mx.bad%d.example", i))
		}
		return c.None("done")
	}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: names})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // of a /24, who count as one
		p.Judge(t.Context(), helogate.Facts{Client: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, h)
	}
	if why, _, down := h.Down(); down || why != "no answer for 2 of 2 domains in the last minute" {
		t.Error(down, why)
	}
	for i := range 5 {
		p.Judge(t.Context(), helogate.Facts{Client: netip.AddrFrom4([4]byte{198, 51, byte(i), 1})}, h)
	}
	if why, _, down := h.Down(); !down || !strings.HasPrefix(why, "no answer for 1") {
		t.Error(down, why)
	}
}
