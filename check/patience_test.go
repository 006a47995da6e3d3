package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

// TestPatience: when it ends, and by which name it is counted.
func TestPatience(t *testing.T) {
	reject := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: RDNS, On: reject}, helogate.Line{Check: Patience(true, 4*time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ zone, want string }{
		{"", "defer rdns; neutral: deferred for DNS failures since 2026-03-01 12:00:00 UTC, until 2026-03-01 16:00:00 UTC at the latest"},
		{"* DEFERRED first 2026-03-01T08:00:01Z", "defer rdns; neutral: deferred for DNS failures since 2026-03-01 08:00:01 UTC, until 2026-03-01 12:00:01 UTC at the latest"},
		{"* DEFERRED first 2026-03-01T08:00:00Z", "continue ; pass: deferred for DNS failures since 2026-03-01 08:00:00 UTC: the grace period is over"},
		{"* DEFERRED resolver-down no answer about 12 of 17 domains", "continue ; pass: the local resolver is down: no answer about 12 of 17 domains"},
		{"* DEFERRED tempfail", "defer rdns; temperror: DEFERRED of 192.0.2.0/24 mx.exa%20mple.org: the zone says so"},
		{"* DEFERRED first tomorrow", "defer rdns; neutral: deferred for DNS failures since 2026-03-01 12:00:00 UTC, until 2026-03-01 16:00:00 UTC at the latest"},
	} {
		f := facts("192.0.2.1 x a@example.org")
		f.Helo, f.Time = "MX.exa mple.org.", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		v := p.Judge(t.Context(), f, helogate.MustZone("192.0.2.1 PTR tempfail\n"+c.zone))
		if got := fmt.Sprintf("%s %s; %s", v.Action, v.By, v.Findings[len(v.Findings)-1]); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.zone, got, c.want)
		}
	}
}
