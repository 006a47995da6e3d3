package helogate

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Cost is the tier of a check: a dearer tier runs only while nothing is decided.
type Cost int

// The tiers, cheapest first.
const (
	Local  Cost = iota // needs nothing but the facts
	Lookup             // asks DNS
	Probe              // asks another mail server
)

// Turn is when a check is heard.
type Phase int

// The turns.
const (
	// InTier is with the others of its tier.
	Main Phase = iota
	// OnGreylist is when what was heard comes to a greylisting: fail lets it stand, and any other outcome lets the client in.
	// Where the line says greylist itself, everybody is heard.
	OnGreylist
	// OnDefer is when what was heard comes to a deferral, for nothing but temperrors: pass makes notes of these.
	OnDefer
)

// String returns "local", "lookup" or "probe".
func (c Cost) String() string { return [...]string{"local", "lookup", "probe"}[c] }

// Outcome of a check, in the words of RFC 8601 section 2.7.
type Outcome uint16

// The outcomes.
const (
	None      Outcome = 1 + iota // nothing to judge
	Neutral                      // judged, and nothing follows from it
	Pass                         // as it should be
	SoftFail                     // probably not as it should be
	Fail                         // not as it should be
	TempError                    // cannot be told now: DNS failed
	PermError                    // cannot be told: what was found makes no sense
)

// Outcomes lists them all.
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

// MarshalText returns what String does.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText takes what ParseOutcome does.
func (o *Outcome) UnmarshalText(b []byte) (err error) { *o, err = ParseOutcome(string(b)); return err }

// A Check asks one thing about a client. It is a pure function: no network, no clock, no state but the Case.
type Check struct {
	Name string // stable: config, journal, metrics, docs and replies all use it
	Doc  string // one line with its RFC; docs/checks.md is made of these
	Fix  string // the remedy, for the client's postmaster; ends the reply: "use a HELO name that resolves"
	Code string // enhanced status code of a rejection (RFC 3463, RFC 7372): "5.7.25"; "" is 5.7.1
	// AtHelo is the basic code of a rejection at the HELO stage where RFC 5321 section 4.3.2 has one that fits better than
	// 550: 501 for a syntax error, 504 for a parameter that is not taken.
	AtHelo int
	// Settings tell the check apart from one of the same name that was made otherwise: the condition of a rule, the entries of
	// a list. They are part of a Policy's ID.
	Settings string
	// Family is the name that it shares with others of its kind, such as "dnsbl" for each of several lists; "" is its own.
	// Texts of replies go by it where they are not given for the name, and so does Case.Found.
	Family string
	Needs  Stage // the earliest stage it can run at
	Cost   Cost
	Phase  Phase
	// Dispensable is true for a check of lists and stores: where those do not answer, nothing follows from it, unless the
	// policy says otherwise.
	FailOpen bool
	// Finds is the outcome that one answer is enough to prove: it stands though another answer was a tempfail. Every other
	// outcome of a Case with a tempfail in it becomes temperror. 0 is none.
	Conclusive Outcome
	// UsesScore is true for a check that uses Case.Score: it is run when all lines before it are, and not once the
	// client is rejected.
	UsesScore bool
	Run       func(*Case) Finding
}

// A Finding is what a check found.
type Finding struct {
	Check   string
	Outcome Outcome
	Effect  Effect        // what the policy makes of the outcome
	Why     string        // what was found, for the administrator: the client in the third person; printable ASCII
	Reply   string        // the same for the client's postmaster, see WithReply; empty in a Verdict, which has a whole Reply
	Code    string        // replaces Check.Code in the reply, for a check that finds more than one thing wrong
	Entry   int           // which entry of the administrator's list it was, from 1; 0 where there is no list
	Ref     string        // names that entry by what it says, so that it is the same when the file changes; "" where there is none
	Retry   time.Duration // when to come again, of who is greylisted; 0 elsewhere
}

// String returns "fail: 192.0.2.1 has no name".
func (f Finding) String() string { return fmt.Sprintf("%s: %s", f.Outcome, f.Why) }

// As returns the finding with another enhanced status code for its reply.
func (f Finding) As(code string) Finding { f.Code = code; return f }

// WithReply gives the finding another text for the reply: what the client's postmaster reads in place of Why, where that
// would speak as the administrator does. The text is made only if the policy can put it into a reply. It is no part of a
// record: the same facts and answers give it again.
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

// After returns the finding with how long to wait before the next try.
func (f Finding) After(d time.Duration) Finding { f.Retry = d; return f }

// At returns the finding with the entry of the administrator's list that it is about: its number, from 1, and its reference.
func (f Finding) At(entry int, ref string) Finding { f.Entry, f.Ref = entry, ref; return f }

// Judge runs the check alone, for its tests and for who wants but one.
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
