package helogate

import (
	"fmt"
	"strconv"
	"strings"
)

// An Action is what is done with a client.
type Action uint16

// The actions of an outcome in a policy. A verdict has one of Continue to Accept.
const (
	Unset    Action = iota // not set; in a policy it is Note
	Ignore                 // do not run the check
	Note                   // run it, keep the finding
	AddScore               // change the score by Effect.Score
	Continue               // of verdicts only: no decision
	Greylist               // defer until the client retries
	Defer                  // 4xx
	Reject                 // 5xx
	Drop                   // 5xx, and close the connection if the listener can
	Accept                 // no objection, and no further checks; no permission to relay
)

var actions = words{"", "ignore", "note", "score", "continue", "greylist", "defer", "reject", "drop", "accept"}

// String returns the name: "greylist".
func (d Action) String() string { return actions.name(int(d), "action") }

// ParseAction is the inverse of String.
func ParseAction(s string) (Action, error) {
	i, err := actions[Ignore:].parse(s, "action")
	if err != nil {
		return Unset, err
	}
	return Action(i) + Ignore, nil
}

// MarshalText returns String.
func (d Action) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (d *Action) UnmarshalText(b []byte) (err error) {
	if *d = Unset; len(b) > 0 {
		*d, err = ParseAction(string(b))
	}
	return err
}

// Refuses reports whether the action refuses the client: Defer, Reject or Drop.
func (d Action) Refuses() bool { return d == Defer || d == Reject || d == Drop }

// An Effect is what an outcome does in a policy.
type Effect struct {
	Action Action
	DryRun bool // "would": evaluated and counted, with no effect on the mail
	Score  int  // of AddScore: what it adds, from -maxScore to maxScore, and not 0
}

// maxScore bounds the score of one effect, so that the sum of a policy cannot overflow.
const maxScore = 1000

// RaisesScore reports whether the effect adds to the score, which speaks against the client.
func (e Effect) RaisesScore() bool { return e.Action == AddScore && e.Score > 0 }

// LowersScore reports whether the effect takes off the score, which speaks for the client.
func (e Effect) LowersScore() bool { return e.Action == AddScore && e.Score < 0 }

// renamedActions are the new words for actions of earlier versions.
var renamedActions = map[string]string{"suspect": "score N", "vouch": "score -N"}

// ParseEffect reads "reject", "score 2", "score -1", "would defer".
func ParseEffect(s string) (Effect, error) {
	var e Effect
	word := strings.Fields(s)
	if len(word) > 0 && word[0] == "would" {
		e.DryRun, word = true, word[1:]
	}
	if len(word) == 0 {
		return e, fmt.Errorf("%q names no action: %s", s, actionWords)
	}
	if now := renamedActions[word[0]]; now != "" {
		n := "1"
		if len(word) > 1 {
			n = word[1]
		}
		if e.DryRun {
			now = "would " + now
		}
		hint := strings.ReplaceAll(now, "N", n)
		if _, err := ParseEffect(hint); err != nil || len(word) > 2 {
			return e, fmt.Errorf("%q: %s is now score: write %q", s, word[0], now)
		}
		return e, fmt.Errorf("%q has a new name: write %q", s, hint)
	}
	action, err := ParseAction(word[0])
	if err != nil || action == Continue {
		return e, fmt.Errorf("%q is no action: %s", word[0], actionWords)
	}
	e.Action, word = action, word[1:]
	if e.Action == AddScore {
		if len(word) == 0 {
			return e, fmt.Errorf("%q needs a number: score 2, or score -1 to speak for the client", s)
		}
		n, err := strconv.Atoi(word[0])
		if err != nil {
			return e, fmt.Errorf("%q: a score is a number such as 2 or -1, not %q", s, word[0])
		}
		e.Score, word = n, word[1:]
		if err := e.checkScore(); err != nil {
			return e, err
		}
	}
	if len(word) > 0 {
		return e, fmt.Errorf("%q: nothing may follow %q", s, e)
	}
	return e, nil
}

// checkScore returns an error for a score that no effect may have.
func (e Effect) checkScore() error {
	if e.Action == AddScore && (e.Score == 0 || e.Score < -maxScore || e.Score > maxScore) {
		return fmt.Errorf("%s: a score is a number from -%d to %d, and not 0", e, maxScore, maxScore)
	}
	return nil
}

const actionWords = "write ignore, note, score N, greylist, defer, reject, drop or accept; would before it makes it a dry run"

// String returns what ParseEffect reads.
func (e Effect) String() string {
	s := e.Action.String()
	switch e.Action {
	case Unset:
		s = Note.String()
	case AddScore:
		s += " " + strconv.Itoa(e.Score)
	}
	if e.DryRun {
		s = "would " + s
	}
	return s
}

// MarshalText returns String.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what ParseEffect does.
func (e *Effect) UnmarshalText(b []byte) (err error) { *e, err = ParseEffect(string(b)); return err }
