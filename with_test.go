package helogate_test

import (
	"testing"

	. "github.com/helogate/helogate"
)

// With changes the lines that it is given and nothing else: order, ignored lines and settings stay.
func TestWith(t *testing.T) {
	asks := Check{Name: "asks", Cost: Lookup, Run: func(c *Case) Finding {
		if c.OutcomeOf("ignored") == Fail {
			return c.Fail("ignored fails")
		}
		return c.Pass("ignored does not fail")
	}}
	p := policy(t, Thresholds{RejectAt: 5},
		Line{Check: says("ignored", Lookup), On: on("fail=ignore")},
		Line{Check: says("a", Lookup), On: on("fail=reject")}, Line{Check: asks, On: on("fail=defer")})
	p.Footer, p.RejectAtStage = "Ask us.", Mail
	f, dns := client("198.51.100.1"), MustZone("a TXT fail\nignored TXT fail\nb TXT fail")
	stub := func(name string, o Outcome) Check {
		return Check{Name: name, Run: func(*Case) Finding { return Finding{Outcome: o} }}
	}
	for _, c := range []struct {
		name string
		with []Line
		want string
	}{
		{"nothing", nil, "reject by a"},
		{"a line mended", []Line{{Check: stub("a", Pass), On: on("fail=reject")}}, "defer by asks"},
		{"two", []Line{{Check: stub("a", Pass)}, {Check: stub("ignored", Pass), On: on("fail=ignore")}}, "continue by "},
		{"a line more", []Line{{Check: stub("a", Pass)}, {Check: stub("b", Fail), On: on("fail=score 5")}}, "reject by score"},
	} {
		q, err := p.With(c.with...)
		if err != nil {
			t.Fatal(err)
		}
		if v := q.Judge(t.Context(), f, dns); v.Action.String()+" by "+v.By != c.want {
			t.Errorf("with %s: %s by %s, want %s", c.name, v.Action, v.By, c.want)
		}
		if q.Footer != p.Footer || q.RejectAtStage != p.RejectAtStage {
			t.Errorf("with %s: the policy has lost its settings", c.name)
		}
		if same := q.ID() == p.ID(); same != (c.with == nil) {
			t.Errorf("with %s: the same policy ID is %v", c.name, same)
		}
	}
	if v := p.Judge(t.Context(), f, dns); v.By != "a" {
		t.Errorf("the policy itself has changed: by %s", v.By)
	}
	if _, err := p.With(Line{Check: Check{Name: "broken"}}); err == nil {
		t.Error("a line without a function is no error")
	}
}
