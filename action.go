package helogate

import (
	"fmt"
	"strconv"
	"strings"
)

// Do is what becomes of a client.
type Do uint16

// What a line of a policy may do, and, but for the first four, what a verdict may be.
const (
	Unset    Do = iota // nothing was said; in a line it is Note
	Ignore             // do not run the check
	Note               // run it, keep the finding
	Suspect            // add points to the suspicion
	Vouch              // take points off it
	Continue           // a verdict alone: nothing was decided
	Greylist           // make it prove that it retries
	Defer              // 4xx
	Reject             // 5xx
	Drop               // 5xx, and close where the door can
	Accept             // stop judging, no objection; never a permit to relay
)

var does = words{"", "ignore", "note", "suspect", "vouch", "continue", "greylist", "defer", "reject", "drop", "accept"}

// String returns the word for it: "greylist".
func (d Do) String() string { return does.name(int(d), "action") }

// ParseDo is the inverse of String.
func ParseDo(s string) (Do, error) {
	i, err := does[Ignore:].parse(s, "action")
	if err != nil {
		return Unset, err
	}
	return Do(i) + Ignore, nil
}

// MarshalText returns what String does.
func (d Do) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText takes what MarshalText gives.
func (d *Do) UnmarshalText(b []byte) (err error) {
	if *d = Unset; len(b) > 0 {
		*d, err = ParseDo(string(b))
	}
	return err
}

// Refuses reports whether the client is told no, for good or for now.
func (d Do) Refuses() bool { return d == Defer || d == Reject || d == Drop }

// Action is what a line of a policy makes of an outcome.
type Action struct {
	Do     Do
	Trial  bool // "would": judged and counted as if, and nothing happens to the mail
	Points int  // of Suspect and Vouch
}

// maxPoints of one action: all lines of a policy together stay far from any integer's end.
const maxPoints = 1000

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
	do, err := ParseDo(word[0])
	if err != nil || do == Continue {
		return a, fmt.Errorf("%q is no action: %s", word[0], actionWords)
	}
	a.Do, word = do, word[1:]
	if a.Do == Suspect || a.Do == Vouch {
		a.Points = 1
		if len(word) > 0 {
			n, err := strconv.Atoi(word[0])
			if err != nil || n < 1 || n > maxPoints {
				return a, fmt.Errorf("%q: points are a number from 1 to %d, not %q", s, maxPoints, word[0])
			}
			a.Points, word = n, word[1:]
		}
	}
	if len(word) > 0 {
		return a, fmt.Errorf("%q: nothing may follow %q", s, a)
	}
	return a, nil
}

const actionWords = "ignore, note, suspect N, vouch N, greylist, defer, reject, drop or accept, with would before it for a trial"

// String returns what ParseAction reads.
func (a Action) String() string {
	s := a.Do.String()
	if a.Do == Unset {
		s = Note.String()
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
