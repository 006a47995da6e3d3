package greylist

import (
	"fmt"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// A client that passes at once does so for as long as it sends: its record is renewed in time, also where one lasts
// less than the day after which it is renewed at the latest.
func TestPassingClientStays(t *testing.T) {
	for _, pass := range []time.Duration{time.Hour, 12 * time.Hour, 30 * time.Hour, 36 * 24 * time.Hour} {
		now := noon
		b := New(Config{Store: memory(t), Times: state.Times{Delay: time.Minute, Window: time.Hour, Pass: pass, AutoPass: 1},
			Now: func() time.Time { return now }})
		for range 2 {
			b.Ask(t.Context(), question("a.example s r"))
			now = now.Add(time.Minute)
		}
		for i := range 6 {
			now = now.Add(pass * 2 / 3)
			const want = "ok first 2026-03-01T12:01:00Z, passed 2026-03-01T12:01:00Z"
			if got := said(b.Ask(t.Context(), question(fmt.Sprint("a.example new ", i)))); got != want {
				t.Errorf("mail %d, each %s after the last, where a record lasts %s: %s, want %s", i+1, pass*2/3, pass, got, want)
			}
		}
	}
}
