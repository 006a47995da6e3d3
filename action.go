package helogate

import (
	"fmt"
	"strconv"
	"strings"
)

// Do is what becomes of a client.
type Do string

// What a line of a policy may do, and, but for the first four, what a verdict may be.
const (
	Ignore   Do = "ignore"   // do not run the check
	Note     Do = "note"     // run it, keep the finding
	Suspect  Do = "suspect"  // add points to the suspicion
	Vouch    Do = "vouch"    // take points off it
	Continue Do = "continue" // a verdict alone: nothing was decided
	Greylist Do = "greylist" // let it prove that it retries
	Defer    Do = "defer"    // 4xx
	Reject   Do = "reject"   // 5xx
	Drop     Do = "drop"     // 5xx, and close where the door can
	Accept   Do = "accept"   // stop judging, no objection; never a permit to relay
)

// Refuses reports whether the client is told no, for good or for now.
func (d Do) Refuses() bool { return d == Defer || d == Reject || d == Drop }

// Action is what a line of a policy makes of an outcome.
type Action struct {
	Do     Do
	Points int  // of Suspect and Vouch
	Trial  bool // "would": judged and counted as if, and nothing happens to the mail
}

// ParseAction reads "reject", "suspect 2", "vouch", "would defer". Points left out are 1.
func ParseAction(s string) (Action, error) {
	var a Action
	word := strings.Fields(s)
	if len(word) > 0 && word[0] == "would" {
		a.Trial, word = true, word[1:]
	}
	if len(word) == 0 {
		return a, fmt.Errorf("%q names no action: %s", s, actionWords)
	}
	a.Do, word = Do(word[0]), word[1:]
	switch a.Do {
	case Suspect, Vouch:
		a.Points = 1
		if len(word) > 0 {
			n, err := strconv.Atoi(word[0])
			if err != nil || n < 1 || n > 1000 {
				return a, fmt.Errorf("%q: points are a number from 1 to 1000, not %q", s, word[0])
			}
			a.Points, word = n, word[1:]
		}
	case Ignore, Note, Greylist, Defer, Reject, Drop, Accept:
	default:
		return a, fmt.Errorf("%q is no action: %s", a.Do, actionWords)
	}
	if len(word) > 0 {
		return a, fmt.Errorf("%q: nothing may follow %q", s, a)
	}
	return a, nil
}

const actionWords = "ignore, note, suspect N, vouch N, greylist, defer, reject, drop or accept, with would before it for a trial"

// String returns what ParseAction reads.
func (a Action) String() string {
	s := string(a.Do)
	if s == "" {
		s = string(Note)
	}
	if a.Do == Suspect || a.Do == Vouch {
		s += " " + strconv.Itoa(a.Points)
	}
	if a.Trial {
		s = "would " + s
	}
	return s
}

// MarshalText returns what String does.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText takes what ParseAction does.
func (a *Action) UnmarshalText(b []byte) (err error) { *a, err = ParseAction(string(b)); return err }
