package helogate_test

import (
	"context"
	"testing"

	. "github.com/helogate/helogate"
)

// A replay under another policy learns from a second Asker what was not asked then; without one, the verdict says so.
func TestOverlay(t *testing.T) {
	was := policy(t, Thresholds{}, Line{Check: says("a", Lookup), On: on("fail=reject")})
	is := policy(t, Thresholds{}, Line{Check: says("a", Lookup), On: on("fail=note")}, Line{Check: says("b", Lookup), On: on("fail=reject")},
		Line{Check: says("c", Lookup), On: on("fail=reject")})
	f := client("198.51.100.1")
	then := was.Judge(t.Context(), f, MustZone("a TXT pass")).Asked
	now := MustZone("a TXT fail\nb TXT fail\nc TXT tempfail")
	for _, c := range []struct {
		name string
		ask  Asker
		want string // the outcomes and the statuses
	}{
		{"alone", then, "a pass: ok, b temperror: notasked, c temperror: notasked, "},
		{"with today's DNS", Overlay{then, now}, "a pass: ok, b fail: ok, c temperror: tempfail, "},
		{"with today's DNS, which takes its time", Overlay{then, &counter{Asker: now}}, "a pass: ok, b fail: ok, c temperror: tempfail, "},
		{"with nothing", Overlay{then, Evidence{}}, "a pass: ok, b temperror: notasked, c temperror: notasked, "},
		{"of nothing", Overlay{}, "a temperror: notasked, b temperror: notasked, c temperror: notasked, "},
	} {
		v := is.Judge(t.Context(), f, c.ask)
		got := ""
		for i, found := range v.Findings {
			got += found.Check + " " + found.Outcome.String() + ": " + v.Asked[i].Status.String() + ", "
			if v.Asked[i].Status == NotAsked && found.Why != "TXT of "+found.Check+": not asked then" {
				t.Errorf("%s: %s", c.name, found)
			}
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// What leaves a trace is asked of the first alone: a replay changes nothing.
func TestOverlayLeavesNoTrace(t *testing.T) {
	asked := 0
	live := asker{func(Question) (*Answer, bool) { asked++; return &Answer{Status: NXDomain}, true },
		func(context.Context, Question) *Answer { asked++; return &Answer{Status: NXDomain} }}
	for _, k := range []Kind{Greylisted, Deferred, Callout} {
		o := Overlay{Evidence{}, live}
		if a, ok := o.Known(Question{k, "x"}); !ok || a.Status != NotAsked {
			t.Errorf("%s: %v", k, a)
		}
		if a := o.Ask(t.Context(), Question{k, "x"}); a.Status != NotAsked || asked > 0 {
			t.Errorf("%s: %v, asked %d times", k, a, asked)
		}
	}
	if a := (Overlay{Evidence{}, live}).Ask(t.Context(), Question{Trust, "192.0.2.1"}); a.Status != NXDomain || asked != 1 {
		t.Errorf("%v", a)
	}
}
