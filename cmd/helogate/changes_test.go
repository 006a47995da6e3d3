package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// A stub is a line of a policy whose check finds the same of every client.
type stub struct {
	outcome helogate.Outcome
	helogate.Line
}

// stubPolicy makes a policy of stubs, some of which find something else, and of a line that adds to the score.
func stubPolicy(t *rapid.T, at helogate.Thresholds, stubs []stub, instead map[string]helogate.Outcome, add int) *helogate.Policy {
	var lines []helogate.Line
	for _, s := range stubs {
		l, outcome := s.Line, s.outcome
		if o := instead[l.Check.Name]; o != 0 {
			outcome = o
		}
		l.Check.Run = func(*helogate.Case) helogate.Finding {
			return helogate.Finding{Outcome: outcome, Why: outcome.String()}
		}
		lines = append(lines, l)
	}
	if add > 0 {
		lines = append(lines, helogate.Line{
			Check: helogate.Check{Name: "more", Run: func(*helogate.Case) helogate.Finding { return helogate.Finding{Outcome: helogate.Fail} }},
			On:    map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.AddScore, Score: add}},
		})
	}
	p, err := helogate.NewPolicy(at, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// drawStubs draws a policy with checks, rules, blocklists, and lines for greylisting and for the grace period.
func drawStubs(t *rapid.T) (stubs []stub) {
	effects := []string{"note", "score 1", "score 2", "score 3", "score -1", "greylist", "defer", "reject", "drop", "would reject", "would score 4"}
	for i := range rapid.IntRange(1, 8).Draw(t, "lines") {
		name := rapid.SampledFrom(check.Names()[8:]).Draw(t, "name")
		c := helogate.Check{Name: name, Cost: rapid.SampledFrom([]helogate.Cost{helogate.Local, helogate.Lookup}).Draw(t, "cost")}
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			c.Name = fmt.Sprintf("rule %d", i)
		case 1:
			c.Name, c.Family, c.FailOpen = fmt.Sprintf("dnsbl:%d", i), "dnsbl", true
		}
		on := map[helogate.Outcome]helogate.Effect{}
		for _, o := range []helogate.Outcome{helogate.Fail, helogate.SoftFail, helogate.PermError} {
			e, err := helogate.ParseEffect(rapid.SampledFrom(effects).Draw(t, "effect"))
			if err != nil {
				t.Fatal(err)
			}
			on[o] = e
		}
		if e := rapid.SampledFrom([]string{"note", "note", "note", "score -1", "accept"}).Draw(t, "pass"); e != "note" {
			on[helogate.Pass], _ = helogate.ParseEffect(e)
		}
		stubs = append(stubs, stub{rapid.SampledFrom(helogate.Outcomes).Draw(t, "outcome"), helogate.Line{Check: c, On: on}})
	}
	later := []helogate.Outcome{helogate.Pass, helogate.Fail}
	if rapid.Bool().Draw(t, "greylist") {
		l := helogate.Line{Check: helogate.Check{Name: "greylist", Phase: helogate.OnGreylist, FailOpen: true}}
		stubs = append(stubs, stub{rapid.SampledFrom(later).Draw(t, "retried"), l})
	}
	if rapid.Bool().Draw(t, "patience") {
		l := helogate.Line{Check: helogate.Check{Name: "patience", Phase: helogate.OnDefer, FailOpen: true}}
		stubs = append(stubs, stub{rapid.SampledFrom(later).Draw(t, "expired"), l})
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(stubs, func(s stub) bool {
		was := seen[s.Check.Name]
		seen[s.Check.Name] = true
		return was
	})
}

// What is said to change a verdict does: a policy whose checks find just that gives the action that was promised, and
// it is another. Where no check alone is named, no check alone does it. A score that is named is the least that does.
func TestChangesAreTrue(t *testing.T) {
	f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Unix(1e9, 0), Client: netip.MustParseAddr("192.0.2.1")}
	rapid.Check(t, func(t *rapid.T) {
		stubs := drawStubs(t)
		at := helogate.Thresholds{GreylistAt: rapid.IntRange(0, 3).Draw(t, "greylist_at"), RejectAt: rapid.IntRange(0, 6).Draw(t, "reject_at")}
		judge := func(instead map[string]helogate.Outcome, add int) helogate.Decision {
			return stubPolicy(t, at, stubs, instead, add).Judge(context.Background(), f, helogate.Evidence{}).Decision
		}
		p := stubPolicy(t, at, stubs, nil, 0)
		p.RunAll = rapid.Bool().Draw(t, "all")
		r := &helogate.Record{Facts: f, Verdict: p.Judge(context.Background(), f, helogate.Evidence{})}
		changes := newWhatIf(context.Background(), p, r, nothingRemembered{}).changes()
		alone := false
		for _, c := range changes {
			got := judge(mends(c.pass), c.add)
			if got != c.then && c.add == 0 || got.Action != c.then.Action || sameAction(got.Action, r.Action) || c.open {
				t.Fatalf("%s by %s; %+v: %s by %s", r.Action, r.By, c, got.Action, got.By)
			}
			if c.add > 0 {
				for less := 1; less < c.add; less++ {
					if early := judge(nil, less); early.Action == c.then.Action {
						t.Fatalf("%s; %d is promised for %d, and is so for %d", r.Action, c.then.Action, c.add, less)
					}
				}
			}
			alone = alone || len(c.pass) == 1 && !c.answered
		}
		if r.Action == helogate.Accept || r.Action == helogate.Continue {
			return
		}
		for _, s := range stubs {
			one := judge(mends([]string{s.Check.Name}), 0)
			if !sameAction(one.Action, r.Action) && !alone && mendableOutcome(s.outcome) {
				t.Fatalf("%s by %s: %s alone makes it %s, and is not named in %+v", r.Action, r.By, s.Check.Name, one.Action, changes)
			}
		}
	})
}

// TestChanges: what is said of each kind of verdict.
func TestChanges(t *testing.T) {
	f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Unix(1e9, 0), Client: netip.MustParseAddr("192.0.2.1")}
	for _, c := range []struct {
		lines string // CHECK OUTCOME EFFECT; the effect is that of fail, a temperror has its own
		want  string
	}{
		{"fcrdns fail score 3, generic-name fail score 3", "if fcrdns passes: greylist, score 3; if generic-name passes: greylist, score 3"},
		{"fcrdns fail score 3, generic-name fail score 3, rdns fail score 3", "if fcrdns and generic-name pass: greylist, score 3"},
		{"fcrdns fail score 5", "if fcrdns passes: continue"},
		{"fcrdns fail reject", "if fcrdns passes: continue"},
		{"fcrdns fail reject, rdns fail drop", "if fcrdns and rdns pass: continue"},
		{"fcrdns fail reject, rdns fail score 2", "if fcrdns passes: greylist, score 2"},
		{"fcrdns fail defer", "if fcrdns passes: continue"},
		{"fcrdns temperror defer", "if fcrdns passes: continue"},
		{"fcrdns temperror defer, rdns temperror score 3", "if fcrdns passes: greylist, score 0 to 3"},
		{"fcrdns temperror defer, rdns temperror defer", "if the lookups that fail are answered and their checks pass: continue"},
		{"fcrdns temperror score 4, rdns temperror score 3", "if fcrdns passes: greylist, score 0 to 3; if rdns passes: greylist, score 0 to 4"},
		{"fcrdns temperror score 6, rdns temperror score 5", "if the lookups that fail are answered and their checks pass: continue"},
		{"fcrdns temperror defer, patience fail note", "if fcrdns passes: continue; if its DNS failures last longer than the grace period: continue"},
		{"fcrdns fail greylist, greylist fail note", "if fcrdns passes: continue; if it retries: continue"},
		{"fcrdns fail greylist, greylist pass note", "if the score rises by 5: reject"},
		{"dnsbl:a fail reject", "if dnsbl:a does not list it: continue"},
		{"my rule fail reject", `if rule "my rule" does not match: continue`},
		{"my rule fail reject, fcrdns fail reject, dnsbl:a fail reject", `if rule "my rule" does not match and dnsbl:a does not list it and fcrdns passes: continue`},
		{"fcrdns pass reject", "if the score rises by 2: greylist; if the score rises by 5: reject"},
		{"fcrdns fail would reject", "if the score rises by 2: greylist; if the score rises by 5: reject"},
		{"fcrdns fail score 1", "if the score rises by 1: greylist; if the score rises by 4: reject"},
		{"fcrdns fail score -2", "if the score rises by 4: greylist; if the score rises by 7: reject"},
		{"fcrdns fail accept", ""},
	} {
		var lines []helogate.Line
		for l := range strings.SplitSeq(c.lines, ", ") {
			lines = append(lines, stubLine(t, l))
		}
		p, err := helogate.NewPolicy(helogate.Thresholds{GreylistAt: 2, RejectAt: 5}, lines...)
		if err != nil {
			t.Fatal(err)
		}
		r := &helogate.Record{Facts: f, Verdict: p.Judge(t.Context(), f, helogate.Evidence{})}
		page := verdictPage{Record: r, policy: p}
		var got []string
		for _, change := range newWhatIf(t.Context(), p, r, nothingRemembered{}).changes() {
			got = append(got, page.change(change))
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s (%s by %s):\n got %s\nwant %s", c.lines, r.Action, r.By, strings.Join(got, "; "), c.want)
		}
	}
}

// stubLine reads "fcrdns fail score 2": a name, which may have blanks, the outcome of the check, and the effect of
// fail.
func stubLine(t *testing.T, s string) helogate.Line {
	at, o := len(s), helogate.Outcome(0)
	for _, one := range helogate.Outcomes {
		if i := strings.Index(s, " "+one.String()+" "); i >= 0 && i < at {
			at, o = i, one
		}
	}
	e, err := helogate.ParseEffect(s[at+len(o.String())+2:])
	if err != nil {
		t.Fatal(err)
	}
	c := helogate.Check{Name: s[:at], Run: func(*helogate.Case) helogate.Finding { return helogate.Finding{Outcome: o} }}
	switch c.Name {
	case "greylist":
		c.Phase = helogate.OnGreylist
	case "patience":
		c.Phase = helogate.OnDefer
	case "dnsbl:a":
		c.Family = "dnsbl"
	}
	return helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: e}}
}

// mends are the outcomes of checks that find nothing wrong.
func mends(names []string) map[string]helogate.Outcome {
	out := map[string]helogate.Outcome{}
	for _, name := range names {
		out[name] = helogate.Pass
		if len(name) > 5 && (name[:5] == "rule " || name[:5] == "dnsbl") {
			out[name] = helogate.None
		}
	}
	return out
}

func mendableOutcome(o helogate.Outcome) bool {
	return o == helogate.SoftFail || o == helogate.Fail || o == helogate.PermError || o == helogate.TempError
}

// What is not known is not promised: where the decision left lookups out, the end is open, until all are made.
func TestChangesLeftOpen(t *testing.T) {
	p, err := check.NewPolicy("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := helogate.Facts{Stage: helogate.Helo, Time: time.Unix(1e9, 0), Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "localhost"}
	dns := helogate.MustZone("192.0.2.1 PTR mx.example.org\nmx.example.org A 192.0.2.1")
	for _, c := range []struct {
		all  bool
		want string
	}{
		{false, "own-identity open"},
		{true, "own-identity greylist"},
	} {
		q := *p
		q.RunAll = c.all
		r := &helogate.Record{Facts: f, Verdict: q.Judge(t.Context(), f, dns)}
		for i, change := range newWhatIf(t.Context(), &q, r, byMemory(nothingRemembered{}, helogate.Evidence{})).changes() {
			got := change.pass[0] + " " + change.then.Action.String()
			if change.open {
				got = change.pass[0] + " open"
			}
			if i > 0 || got != c.want {
				t.Errorf("all %v: %s, want %s alone", c.all, got, c.want)
			}
		}
	}
}
