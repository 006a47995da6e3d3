package callout

import (
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// With the default store, a restart causes no new callout, and results keep their lifetime.
func TestSQLite(t *testing.T) {
	store, err := state.OpenSQLite(state.SQLiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	withStore := func(c *Config) { c.Store, c.Now = store, func() time.Time { return now } }
	for _, c := range []struct {
		script script
		want   string
		keep   time.Duration
	}{
		{rcpt(`"jane %doe"@example.org`, "550 5.1.1 no") + quits, "refuses 550 5.1.1 no", 3 * time.Hour},
		{rcpt(`"jane %doe"@example.org`, "250 Ok") + another("250 Ok") + quits, "accepts all", 7 * 24 * time.Hour},
	} {
		w := newWorld(t, map[string][]script{"192.0.2.1": {c.script}})
		if got := ask(t, w.caller(oneHost, withStore), `"jane %doe"@example.org`); got != c.want || w.asked() != "192.0.2.1" {
			t.Fatalf("%s, not %s", got, c.want)
		}
		now = now.Add(c.keep - time.Millisecond)
		restarted := w.caller(oneHost, withStore)
		a := restarted.Ask(t.Context(), question(`"jane %doe"@example.org`))
		if word(a) != c.want || a.TTL != c.keep || w.asked() != "" {
			t.Errorf("after a restart: %s for %s", word(a), a.TTL)
		}
		now = now.Add(time.Millisecond)
		if got := word(restarted.Peek(t.Context(), question(`"jane %doe"@example.org`))); got != "nxdomain" {
			t.Errorf("when it is over: %s", got)
		}
	}
}
