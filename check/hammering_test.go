package check

import (
	"testing"

	"github.com/helogate/helogate"
)

func TestHammering(t *testing.T) {
	zone(t, Hammering(true), `
		192.0.2.1   HAMMERING 30 rejections since 2026-03-01T12:00:00Z
		2001:db8::1 HAMMERING 31 rejections since 2026-03-01T12:00:00Z
		192.0.2.2   HAMMERING tempfail`,
		"192.0.2.1", "fail: 192.0.2.1 had 30 rejections since 2026-03-01T12:00:00Z",
		"2001:db8::1", "fail: 2001:db8::1 had 31 rejections since 2026-03-01T12:00:00Z",
		"192.0.2.2", "temperror: HAMMERING of 192.0.2.2: the zone says so",
		"192.0.2.3", "none: not rejected too often")
	zone(t, Hammering(false), "192.0.2.1 HAMMERING 30 rejections", "192.0.2.1", "none: rejections are not counted")
}

// Who hammers is answered at once, whatever would have to be looked up about him; and a count that cannot be had holds
// up nobody.
func TestHammeringIsAnsweredAtOnce(t *testing.T) {
	reject := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: Hammering(true), On: reject}, helogate.Line{Check: RDNS, On: reject})
	if err != nil {
		t.Fatal(err)
	}
	z := helogate.MustZone("192.0.2.1 HAMMERING 30 rejections\n192.0.2.2 HAMMERING tempfail\n192.0.2.2 PTR mx.example.org")
	if v := p.Judge(t.Context(), facts("192.0.2.1"), z); v.Action != helogate.Reject || v.By != "hammering" || len(v.Asked) != 1 {
		t.Errorf("%s by %s, asked %v", v.Action, v.By, v.Asked)
	}
	if v := p.Judge(t.Context(), facts("192.0.2.2"), z); v.Action != helogate.Continue {
		t.Errorf("%s by %s where nobody knows", v.Action, v.By)
	}
}
