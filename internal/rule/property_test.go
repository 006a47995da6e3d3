package rule

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"pgregory.net/rapid"
)

// atoms are the parts of random rules. None handles failures.
var atoms = []string{
	`ptr.names.size() == 0`, `ptr.names.size() > 1`, `ptr.status == "nxdomain"`, `ptr.status != "ok"`, `ptr.confirmed.size() > 0`,
	`ptr.confirmed.exists(n, n == helo.name)`, `ptr.names.all(n, n.under("example.com"))`, `ptr.names[0] == "mx.example.org"`,
	`checks["fcrdns"] == "fail"`, `checks["rdns"] != "pass"`, `checks["helo-matches"] == "pass"`, `checks["sender-domain"] == "none"`,
	`checks["bare-address"] == "fail"`, `score >= 3`, `score == 2`, `score < 1`,
	`client == ip("192.0.2.1")`, `helo.under("example.org")`, `helo.text == ""`, `own.client`, `1 / (server.port - 25) == 1`,
}

// failing answers as the zone does, except for the questions that fail.
type failing struct {
	*helogate.Zone
	fails map[helogate.Question]bool
}

func (f failing) Known(q helogate.Question) (*helogate.Answer, bool) {
	if f.fails[q] {
		return &helogate.Answer{Status: helogate.TempFail, Note: "drawn"}, true
	}
	return f.Zone.Known(q)
}

func (f failing) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := f.Known(q)
	return a
}

func drawRule(t *rapid.T, atoms []string) string {
	var b strings.Builder
	for i := range rapid.IntRange(1, 4).Draw(t, "atoms") {
		if i > 0 {
			b.WriteString(rapid.SampledFrom([]string{" && ", " || "}).Draw(t, "operator"))
		}
		fmt.Fprintf(&b, rapid.SampledFrom([]string{"(%s)", "!(%s)"}).Draw(t, "sense"), rapid.SampledFrom(atoms).Draw(t, "atom"))
	}
	return b.String()
}

var actions = []string{"accept", "score -2", "note", "score 2", "greylist", "defer", "reject", "drop"}

func drawFacts(t *rapid.T) helogate.Facts {
	return facts(fmt.Sprint(
		rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "192.0.2.5", "2001:db8::1", "192.0.2.25"}).Draw(t, "client"), " ",
		rapid.SampledFrom([]string{"mx.example.org", "-", "192.0.2.1", "host.example.com", "localhost"}).Draw(t, "helo"), " ",
		rapid.SampledFrom([]string{"-", "a@example.org", "a@nowhere.example"}).Draw(t, "sender"),
	))
}

// A DNS failure turns the outcome of a rule into temperror and nothing else, unless the rule handles it.
func TestFailureIsNoAnswer(t *testing.T) {
	whole := helogate.MustZone(regexp.MustCompile(`(?m)^.* tempfail$`).ReplaceAllString(zoneText, ""))
	c := compiler(t)
	turned := 0
	rapid.Check(t, func(rt *rapid.T) {
		when := drawRule(rt, atoms)
		do, _ := helogate.ParseEffect(rapid.SampledFrom(actions).Draw(rt, "action"))
		r, err := c.Compile("r", when, "", do)
		if err != nil {
			rt.Fatalf("%s: %v", when, err)
		}
		f := drawFacts(rt)
		was, v := judge(t, r, f, whole)
		fails := map[helogate.Question]bool{}
		for _, qa := range v.Asked {
			if rapid.Bool().Draw(rt, "fails") {
				fails[qa.Question] = true
			}
		}
		is, _ := judge(t, r, f, failing{whole, fails})
		if is.Outcome != was.Outcome && is.Outcome != helogate.TempError {
			rt.Fatalf("%s: %s became %s as %v failed", when, was, is, fails)
		}
		if is.Outcome != was.Outcome {
			turned++
		}
	})
	if turned == 0 {
		t.Error("no failure made a difference: nothing was tested")
	}
}

// A rule that handles failures is evaluated as it is written, but never rejects where it read a failure.
func TestFailureNeverRejects(t *testing.T) {
	zone := helogate.MustZone(zoneText)
	c := compiler(t)
	deferred := 0
	rapid.Check(t, func(rt *rapid.T) {
		when := drawRule(rt, slices.Concat(speaking, atoms))
		do, _ := helogate.ParseEffect(rapid.SampledFrom([]string{"score 5", "defer", "reject", "drop"}).Draw(rt, "action"))
		r, err := c.Compile("r", when, "", do)
		if err != nil {
			rt.Fatalf("%s: %v", when, err)
		}
		fails := map[helogate.Question]bool{}
		f := drawFacts(rt)
		for _, name := range []string{f.Client.String(), "mx.example.org", "host.example.com", "six.example.org", "example.org"} {
			for _, kind := range []helogate.Kind{helogate.PTR, helogate.A, helogate.AAAA, helogate.MX} {
				if rapid.Bool().Draw(rt, "fails") {
					fails[helogate.Question{Kind: kind, Name: name}] = true
				}
			}
		}
		// Alone in its policy, so that every question is one of the rule. No check is in the policy: their outcome is
		// none.
		p, err := helogate.NewPolicy(helogate.Thresholds{RejectAt: 1}, helogate.Line{Check: r.Check, On: r.On})
		if err != nil {
			rt.Fatal(err)
		}
		v := p.Judge(context.Background(), f, failing{zone, fails})
		for _, qa := range v.Asked {
			if qa.Status == helogate.TempFail && (v.Action == helogate.Reject || v.Action == helogate.Drop) {
				rt.Fatalf("%s: %s, though %s of %s failed", when, v.Action, qa.Kind, qa.Name)
			}
		}
		if v.Action == helogate.Defer {
			deferred++
		}
	})
	if deferred == 0 {
		t.Error("no rule ever read a failure: nothing was tested")
	}
}

// Late answers change no verdict, and no rule is a temperror while it waits.
func TestLateAnswers(t *testing.T) {
	late := strings.NewReplacer("PTR ", "PTR after=1ms ", "   A ", "   A after=1ms ", "AAAA ", "AAAA after=1ms ").Replace(zoneText)
	for _, tt := range outcomeTests {
		r := mustCompile(t, tt.when, tt.then)
		if got, _ := judge(t, r, facts(tt.facts), helogate.MustZone(late)); got.String() != tt.want {
			t.Errorf("%s, %s, on %s:\n got %s\nwant %s", tt.when, tt.then, tt.facts, got, tt.want)
		}
	}
}
