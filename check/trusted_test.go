package check

import (
	"testing"

	"github.com/helogate/helogate"
)

func TestTrusted(t *testing.T) {
	zone(t, Trusted(true), `
		192.0.2.1 TRUST until 09:30, pop3 jane
		192.0.2.2 TRUST tempfail`,
		"192.0.2.1", "pass: trusted: until 09:30, pop3 jane",
		"192.0.2.2", "temperror: TRUST of 192.0.2.2: the zone says so",
		"192.0.2.3", "none: not trusted")
	zone(t, Trusted(false), "192.0.2.1 TRUST a login", "192.0.2.1", "none: no addresses are trusted")
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: Trusted(false)})
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone("")); len(v.Asked) > 0 {
		t.Errorf("asked %v where nobody answers", v.Asked)
	}
}
