package helogate_test

import (
	"strings"
	"testing"

	. "github.com/helogate/helogate"
)

func TestParseAction(t *testing.T) {
	for in, want := range map[string]string{
		"reject": "reject", " drop ": "drop", "suspect": "suspect 1", "suspect 2": "suspect 2", "vouch 3": "vouch 3",
		"would defer": "would defer", "would suspect 4": "would suspect 4", "note": "note", "ignore": "ignore", "greylist": "greylist",
		"accept": "accept",
		"":       "error: names no action", "would": "error: names no action", "deny": `error: "deny" is no action`,
		"continue": "error: is no action", "suspect x": "error: points are a number", "suspect 0": "error: points are a number",
		"suspect 1001": "error: points are a number", "reject 5": "error: nothing may follow", "would would reject": "error: is no action",
	} {
		a, err := ParseAction(in)
		if text, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v %v, want %s", in, a, err, want)
			}
			continue
		}
		if err != nil || a.String() != want {
			t.Errorf("%q: %v %v, want %s", in, a, err, want)
		}
		if again, err := ParseAction(a.String()); err != nil || again != a {
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
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Action{PermError + 1: {Do: Reject}}}}, `check "a": outcome(8) is no outcome`},
		{Thresholds{}, []Line{{Check: one, On: on("temperror=reject")}}, `check "a": reject on temperror: no failure of DNS may reject, say defer`},
		{Thresholds{}, []Line{{Check: one, On: on("temperror=would drop")}}, `check "a": would drop on temperror`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Action{Fail: {Do: Continue}}}}, `check "a": "continue" is no action of a line`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Action{Fail: {Do: Suspect}}}}, `check "a": suspect 0: points are a number from 1 to 1000`},
		{Thresholds{}, []Line{{Check: one, On: map[Outcome]Action{Pass: {Do: Vouch, Points: 1001}}}}, `check "a": vouch 1001: points are`},
		{Thresholds{}, []Line{{Check: Check{Run: one.Run}}}, `check "" is not whole`},
		{Thresholds{}, []Line{{Check: Check{Name: "a"}}}, `check "a" is not whole`},
		{Thresholds{}, []Line{{Check: Check{Name: "a", Run: one.Run, Cost: 3}}}, `check "a" is not whole`},
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
