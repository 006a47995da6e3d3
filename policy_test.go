package helogate_test

import (
	"strings"
	"testing"

	. "github.com/helogate/helogate"
)

func TestParseAction(t *testing.T) {
	for in, want := range map[string]string{
		"reject": "reject", " drop ": "drop", "suspect 2": `error: "suspect 2" has a new name: write "score 2"`, "vouch": `error: write "score -1"`,
		"would suspect 3": `error: write "would score 3"`,
		"suspect 0":       `error: suspect is now score: write "score N"`, "would suspect x y": `error: suspect is now score: write "would score N"`,
		"suspect 2 3": `error: write "score N"`, "vouch -1": `error: vouch is now score: write "score -N"`, "score": "error: needs a number", "score 2": "score 2", "score -3": "score -3",
		"would defer": "would defer", "would score 4": "would score 4", "note": "note", "ignore": "ignore", "greylist": "greylist",
		"accept": "accept",
		"":       "error: names no action", "would": "error: names no action", "deny": `error: "deny" is no action`,
		"continue": "error: is no action", "score x": "error: a score is a number", "score 0": "error: a score is a number",
		"score 1001": "error: a score is a number", "reject 5": "error: nothing may follow", "would would reject": "error: is no action",
	} {
		a, err := ParseEffect(in)
		if text, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v %v, want %s", in, a, err, want)
			}
			continue
		}
		if err != nil || a.String() != want {
			t.Errorf("%q: %v %v, want %s", in, a, err, want)
		}
		if again, err := ParseEffect(a.String()); err != nil || again != a {
			t.Errorf("%q comes back as %v, %v", in, again, err)
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	one := says("a", Lookup)
	for _, c := range []struct {
		at    Thresholds
		lines []Line
		want  string
	}{
		{Thresholds{}, []Line{{Check: one}, {Check: one}}, `check "a" is in the policy twice`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Effect{PermError + 1: {Action: Reject}}}}, `check "a": outcome(8) is not an outcome`},
		{Thresholds{}, []Line{{Check: one, On: on("temperror=reject")}}, `check "a": reject on temperror: no DNS failure may reject, write defer`},
		{Thresholds{}, []Line{{Check: one, On: on("temperror=would drop")}}, `check "a": would drop on temperror`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Effect{Fail: {Action: Continue}}}}, `check "a": "continue" is not an action of a check`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Effect{Fail: {Action: AddScore}}}}, `check "a": score 0: a score is a number from -1000 to 1000, and not 0`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Effect{Pass: {Action: AddScore, Score: -1001}}}}, `check "a": score -1001: a score is`},
		{Thresholds{}, []Line{{Check: Check{Run: one.Run}}}, `check "" is not complete`},
		{Thresholds{}, []Line{{Check: Check{Name: "a"}}}, `check "a" is not complete`},
		{Thresholds{}, []Line{{Check: Check{Name: "a", Run: one.Run, Cost: 3}}}, `check "a" is not complete`},
		{Thresholds{RejectAt: -1}, nil, "a threshold below zero: greylist_at 0, reject_at -1"},
	} {
		if _, err := NewPolicy(c.at, c.lines...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestStage(t *testing.T) {
	for _, s := range []Stage{Connect, Helo, Mail, Rcpt} {
		if got, err := ParseStage(s.String()); err != nil || got != s {
			t.Errorf("%s comes back as %s, %v", s, got, err)
		}
	}
	if _, err := ParseStage("data"); err == nil || err.Error() != `"data" is no stage: connect, helo, mail or rcpt` {
		t.Error(err)
	}
}
