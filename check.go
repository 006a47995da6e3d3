package helogate

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Cost is the tier of a check. A more expensive tier runs only while nothing is decided.
type Cost int

// The tiers, cheapest first.
const (
	Local  Cost = iota // needs nothing but the facts
	Lookup             // asks DNS
	Probe              // asks another mail server
)

// Phase is when a check runs.
type Phase int

// The phases.
const (
	// Main is with the other checks of its tier.
	Main Phase = iota
	// OnGreylist is after the main checks, if the decision is to greylist. Fail confirms it, any other outcome cancels
	// it. If the policy's action for fail is greylist, the check runs for every client.
	OnGreylist
	// OnDefer is after the main checks, if the decision is to defer only because of temperrors. Pass makes the policy
	// ignore these.
	OnDefer
)

// String returns "local", "lookup" or "probe".
func (c Cost) String() string { return [...]string{"local", "lookup", "probe"}[c] }

// Outcome of a check, in the words of RFC 8601 section 2.7.
type Outcome uint16

// The outcomes.
const (
	None      Outcome = 1 + iota // nothing to judge
	Neutral                      // judged, says nothing for or against the client
	Pass                         // as it should be
	SoftFail                     // probably not as it should be
	Fail                         // not as it should be
	TempError                    // unknown now: a lookup failed
	PermError                    // unknown: a record is invalid
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{None, Neutral, Pass, SoftFail, Fail, TempError, PermError}

var outcomes = words{"", "none", "neutral", "pass", "softfail", "fail", "temperror", "permerror"}

// String returns the word of RFC 8601: "softfail".
func (o Outcome) String() string { return outcomes.name(int(o), "outcome") }

// ParseOutcome is the inverse of String.
func ParseOutcome(s string) (Outcome, error) {
	i, err := outcomes[None:].parse(s, "outcome")
	if err != nil {
		return 0, err
	}
	return Outcome(i) + None, nil
}

// MarshalText returns String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what ParseOutcome does.
func (o *Outcome) UnmarshalText(b []byte) (err error) { *o, err = ParseOutcome(string(b)); return err }

// A Check judges one property of a client. It is a pure function: no network, no clock, no state but the Case.
type Check struct {
	Name string // stable: configuration, records, metrics, docs and replies use it
	Doc  string // when it passes, in one line, with its RFC; docs/checks.md is made of these
	Fix  string // the remedy, for the client's postmaster; ends the reply: "use a HELO name that resolves"
	Code string // enhanced status code of a rejection (RFC 3463, RFC 7372): "5.7.25"; "" is 5.7.1
	// AtHelo is the basic code of a rejection at the HELO stage where RFC 5321 section 4.3.2 has one that fits better
	// than 550: 501 for a syntax error, 504 for a parameter that is not accepted.
	AtHelo int
	// Settings distinguish the check from one of the same name with other settings: the condition of a rule, the
	// entries of a list. They are part of Policy.ID.
	Settings string
	// Family is the name of several checks of one kind, such as "dnsbl" for several lists; "" if there is just this
	// one. Policy.Texts can have a text for a family, and Case.OutcomeOf reads one.
	Family string
	Needs  Stage // the earliest stage it can run at
	Cost   Cost
	Phase  Phase
	// FailOpen is true for a check of lists or stores: its temperror has no effect, unless the policy names one.
	FailOpen bool
	// Conclusive is the outcome that one answer is enough to prove: it stands even if another answer is a tempfail. If
	// an answer is a tempfail, every other outcome becomes temperror. 0 is none.
	Conclusive Outcome
	// UsesScore is true for a check that calls Case.Score. It runs after all lines before it, and not once the client
	// is rejected.
	UsesScore bool
	Run       func(*Case) Finding
}

// A Finding is the result of a check.
type Finding struct {
	Check   string
	Outcome Outcome
	Effect  Effect        // what the policy makes of the outcome
	Why     string        // what was found, for the administrator: the client in the third person; printable ASCII
	Reply   string        // the same for the client's postmaster, see WithReply; empty in a Verdict, which has a whole Reply
	Code    string        // replaces Check.Code in the reply, if the check has several codes
	Entry   int           // the number of the entry in the administrator's list, from 1; 0 without a list
	Ref     string        // a name for that entry made of its content, which does not change with its place; "" without a list
	Retry   time.Duration // how long a greylisted client waits; else 0
}

// String returns "fail: 192.0.2.1 has no name".
func (f Finding) String() string { return fmt.Sprintf("%s: %s", f.Outcome, f.Why) }

// As returns the finding with another enhanced status code for its reply.
func (f Finding) As(code string) Finding { f.Code = code; return f }

// WithReply gives the finding another text for the reply: what the client's postmaster reads in place of Why, where
// that would speak as the administrator does. The text is made only if the policy can put it into a reply. It is no
// part of a record: the same facts and answers give it again.
func (f Finding) WithReply(c *Case, format string, args ...any) Finding {
	if false {
		_ = fmt.Sprintf(format, args...) // for go vet, as in Case.say
	}
	if !c.pending && c.inReply(f.Outcome) {
		f.Reply = text(format, args)
	}
	return f
}

// replied returns what a reply says of the finding.
func (f *Finding) replied() string { return cmp.Or(f.Reply, f.Why) }

// After returns the finding with the time to wait before a retry.
func (f Finding) After(d time.Duration) Finding { f.Retry = d; return f }

// At returns the finding with the entry of the administrator's list that matched: its number, from 1, and its
// reference.
func (f Finding) At(entry int, ref string) Finding { f.Entry, f.Ref = entry, ref; return f }

// Judge runs the check alone.
func (c Check) Judge(f Facts, ask Asker) Finding {
	p, err := NewPolicy(Thresholds{}, Line{Check: c})
	if err != nil {
		panic(err) // one line with no actions is always a policy
	}
	found := p.Judge(context.Background(), f, ask).Findings
	if len(found) == 0 {
		return Finding{Check: c.Name, Outcome: None, Why: fmt.Sprintf("cannot be judged before %s", c.Needs)}
	}
	return found[0]
}
