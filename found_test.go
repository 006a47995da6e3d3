package helogate_test

import (
	"strings"
	"testing"

	. "github.com/helogate/helogate"
)

// reads makes a check that fails when another one has the outcome, and says what that was.
func reads(name, other string, cost Cost, want Outcome) Check {
	return Check{Name: name, Cost: cost, Run: func(c *Case) Finding {
		switch got := c.OutcomeOf(other); got {
		case TempError:
			return Finding{Outcome: TempError, Why: other + " is not known now"}
		case want:
			return c.Fail("%s is %s", other, got)
		default:
			return c.None("%s is %s", other, got)
		}
	}}
}

// What another check found is seen wherever that stands and whoever wants to hear it, and it is asked once.
func TestFound(t *testing.T) {
	for _, c := range []struct {
		name, zone string
		lines      []Line
		want       string // action and by; the findings
	}{
		{"above", "a TXT fail", []Line{{Check: says("a", Lookup)}, {Check: reads("r", "a", Lookup, Fail), On: on("fail=reject")}},
			"reject r: a fail, r fail"},
		{"below", "a TXT fail", []Line{{Check: reads("r", "a", Lookup, Fail), On: on("fail=reject")}, {Check: says("a", Lookup)}},
			"reject r: r fail, a fail"},
		{"not there", "a TXT fail", []Line{{Check: reads("r", "b", Lookup, Fail), On: on("fail=reject")}},
			"continue : r none"},
		{"not known", "a TXT tempfail", []Line{{Check: reads("r", "a", Lookup, Fail), On: on("fail=reject")}, {Check: says("a", Lookup)}},
			"defer r: r temperror, a temperror"},
		// Of one that is ignored nothing follows; it runs for who asks.
		{"ignored", "a TXT fail", []Line{{Check: says("a", Lookup), On: on("fail=ignore")}, {Check: reads("r", "a", Lookup, Fail), On: on("fail=reject")}},
			"reject r: a fail, r fail"},
		{"ignored, and nobody asks", "a TXT fail", []Line{{Check: says("a", Lookup), On: on("fail=ignore")}, {Check: says("b", Lookup), On: on("fail=reject")}},
			"continue : b none"},
		// After a rejection a dearer tier runs the lines that let in, and these see what they need.
		{"of one that nobody wants", "a TXT pass", []Line{{Check: saysNow("fail-b"), On: on("fail=reject")}, {Check: says("a", Lookup)},
			{Check: reads("r", "a", Lookup, Pass), On: on("fail=accept")}},
			"accept r: fail-b fail, a pass, r fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := policy(t, Thresholds{}, c.lines...).Judge(t.Context(), client("198.51.100.1"), MustZone(c.zone))
			var found []string
			for _, f := range v.Findings {
				found = append(found, f.Check+" "+f.Outcome.String())
			}
			if got := v.Action.String() + " " + v.By + ": " + strings.Join(found, ", "); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
			seen := map[Question]bool{}
			for _, qa := range v.Asked {
				if seen[qa.Question] {
					t.Errorf("asked twice: %v", qa.Question)
				}
				seen[qa.Question] = true
			}
		})
	}
}

// A check of a later stage has not been found at an earlier one.
func TestFoundNeedsItsStage(t *testing.T) {
	late := says("a", Local)
	late.Needs = Rcpt
	f := client("198.51.100.1")
	f.Stage = Helo
	p := policy(t, Thresholds{}, Line{Check: reads("r", "a", Local, None), On: on("fail=reject")}, Line{Check: late})
	if v := p.Judge(t.Context(), f, MustZone("a TXT fail")); v.Action != Reject {
		t.Errorf("%s", v.Findings)
	}
}

// The score is that of the lines before, in force or on trial as the reader is.
func TestSuspicionIsRead(t *testing.T) {
	reader := Check{Name: "r", Cost: Lookup, UsesScore: true, Run: func(c *Case) Finding {
		if least, most := c.Score(); least >= 3 {
			return c.Fail("%d to %d", least, most)
		}
		return c.None("little")
	}}
	for _, c := range []struct{ name, a, b, r, want string }{
		{"in force", "fail=score 1", "fail=score 2", "fail=reject", "reject r, trial reject r"},
		{"too little", "fail=score 1", "fail=score 1", "fail=reject", "continue , trial continue "},
		{"on trial it counts for one on trial", "fail=would score 1", "fail=score 2", "fail=would reject", "continue , trial reject r"},
		{"on trial it does not count for one in force, and would", "fail=would score 1", "fail=score 2", "fail=reject", "continue , trial reject r"},
	} {
		p := policy(t, Thresholds{}, Line{Check: says("a", Lookup), On: on(c.a)}, Line{Check: saysNow("fail-b"), On: on(c.b)},
			Line{Check: reader, On: on(c.r)}, Line{Check: says("after", Lookup), On: on("fail=score 5")})
		v := p.Judge(t.Context(), client("198.51.100.1"), MustZone("a TXT fail\nafter TXT fail"))
		if got := v.Action.String() + " " + v.By + ", trial " + v.DryRun.Action.String() + " " + v.DryRun.By; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Worse is never for the better: a line that lets in by the score is not heard of a client that is rejected, for not
// all that speaks against it is then. Where a voucher undoes the rejection, it is heard when all is.
func TestSuspicionLetsNobodyInForWorse(t *testing.T) {
	little := Check{Name: "little", Cost: Lookup, UsesScore: true, Run: func(c *Case) Finding {
		if _, most := c.Score(); most < 8 {
			return c.Pass("less than 8")
		}
		return c.None("much")
	}}
	for _, c := range []struct{ name, zone, local, want string }{
		{"little", "a TXT none", "fail=score 4", "accept little"},
		{"much", "a TXT fail", "fail=score 4", "reject score"},
		{"rejected by score", "a TXT fail", "fail=score 5", "reject score"},
		{"rejected by score, vouched for, and much", "a TXT fail\nvoucher TXT pass", "fail=score 5", "reject score"},
		{"rejected by score, vouched for, and little", "voucher TXT pass", "fail=score 5", "accept little"},
		{"rejected by a line", "a TXT none", "fail=reject", "reject fail-b"},
	} {
		p := policy(t, Thresholds{RejectAt: 5}, Line{Check: saysNow("fail-b"), On: on(c.local)}, Line{Check: says("a", Lookup), On: on("fail=score 8")},
			Line{Check: says("voucher", Lookup), On: on("pass=score -1")}, Line{Check: little, On: on("pass=accept")})
		v := p.Judge(t.Context(), client("198.51.100.1"), MustZone(c.zone))
		if got := v.Action.String() + " " + v.By; got != c.want {
			t.Errorf("%s: %s, want %s; %v", c.name, got, c.want, v.Findings)
		}
		if w := p.DryRun().Judge(t.Context(), client("198.51.100.1"), MustZone(c.zone)); w.DryRun != v.Decision {
			t.Errorf("%s: on trial %v, in force %v", c.name, w.DryRun, v.Decision)
		}
	}
}

// saysNow is says at no cost: its answer is at hand.
func saysNow(name string) Check { return says(name, Local) }

func TestByKind(t *testing.T) {
	ask := ByKind{Trust: MustZone("192.0.2.1 TRUST jane"), AnyKind: MustZone("192.0.2.1 PTR mx.example.org")}
	for q, want := range map[Question]string{{Trust, "192.0.2.1"}: "jane", {PTR, "192.0.2.1"}: "mx.example.org"} {
		known, ok := ask.Known(q)
		if asked := ask.Ask(t.Context(), q); !ok || known.Values[0] != want || asked.Values[0] != want {
			t.Errorf("%v: %v, %v", q, known, asked)
		}
	}
}

// A line that reads the score has one outcome in a reading, though another line asked for it before all that speaks
// against the client was known: what decides is what the verdict shows.
func TestSuspicionIsReadOnceAReading(t *testing.T) {
	reader := Check{Name: "r", UsesScore: true, Run: func(c *Case) Finding {
		if least, _ := c.Score(); least >= 2 {
			return c.Fail("much")
		}
		return c.None("little")
	}}
	asks := Check{Name: "x", Run: func(c *Case) Finding { c.OutcomeOf("r"); return c.Fail("x") }}
	for _, terse := range []bool{false, true} {
		p := policy(t, Thresholds{}, Line{Check: asks, On: on("fail=score 2")}, Line{Check: reader, On: on("fail=reject")})
		p.OmitReasons = terse
		if v := p.Judge(t.Context(), client("198.51.100.1"), MustZone("")); v.Action != Continue {
			t.Errorf("%s by %s: %v", v.Action, v.By, v.Findings)
		}
	}
}

// While answers are on their way, a line sees the score of the reading that needs it: it asks nothing that this reading
// would not, and leaves no trace that no verdict has.
func TestSuspicionOfTheReadingThatWaits(t *testing.T) {
	reader := Check{Name: "r", Cost: Lookup, UsesScore: true, Run: func(c *Case) Finding {
		if least, _ := c.Score(); least >= 2 {
			c.Values(A, "x")
			return c.Fail("much")
		}
		c.Values(Callout, "x@example.org")
		return c.None("little")
	}}
	p := policy(t, Thresholds{}, Line{Check: saysNow("pass-a"), On: on("pass=would accept")}, Line{Check: saysNow("fail-b"), On: on("fail=score 3")},
		Line{Check: reader, On: on("fail=reject")})
	ask := &counter{Asker: MustZone("x A after=1ms 192.0.2.1")}
	v := p.Judge(t.Context(), client("198.51.100.1"), ask)
	if n := ask.counts()[Question{Callout, "x@example.org"}]; n > 0 || v.Action != Reject || v.DryRun.Action != Accept {
		t.Errorf("%s, would %s; %d callouts", v.Action, v.DryRun.Action, n)
	}
}
