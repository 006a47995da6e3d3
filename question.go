package helogate

import (
	"context"
	"time"
)

// A Question is asked of DNS, a store or another mail server. It is comparable, and so can be a cache key.
type Question struct {
	Kind Kind
	Name string // canonical: lower case, no final dot; an address as netip.Addr prints it
}

// ByKind is an Asker that asks the Asker for the question's kind, or else the one for AnyKind.
type ByKind map[Kind]Asker

func (b ByKind) asker(k Kind) Asker {
	if a, ok := b[k]; ok {
		return a
	}
	return b[AnyKind]
}

// Known returns the answer that the Asker of the kind has at hand.
func (b ByKind) Known(q Question) (*Answer, bool) { return b.asker(q.Kind).Known(q) }

// Ask asks the Asker of the kind.
func (b ByKind) Ask(ctx context.Context, q Question) *Answer { return b.asker(q.Kind).Ask(ctx, q) }

// Status is the kind of an answer.
type Status uint16

// Only NoData and NXDomain mean that there is no record. Every failure is TempFail, so that no DNS failure leads to a
// rejection.
const (
	TempFail Status = iota // servfail, refused, no answer in time, a CNAME loop, a reply that makes no sense
	OK                     // there are Values
	NoData                 // the name exists, and has none of that kind
	NXDomain               // no such name (RFC 8020: nor anything below it)
	// NotAsked says that Evidence has no answer, since its judgement did not ask. A check reads it as a TempFail. In a
	// verdict's evidence it is distinct, so that a replay under another policy shows what it could not know.
	NotAsked
)

var statuses = words{"tempfail", "ok", "nodata", "nxdomain", "notasked"}

// String returns the name: "nxdomain".
func (s Status) String() string { return statuses.name(int(s), "status") }

// ParseStatus is the inverse of String.
func ParseStatus(s string) (Status, error) {
	i, err := statuses.parse(s, "status")
	return Status(i), err
}

// MarshalText returns String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseStatus does.
func (s *Status) UnmarshalText(b []byte) (err error) { *s, err = ParseStatus(string(b)); return err }

// An Answer is data, failures included, so that it can be recorded. It is shared: do not modify one.
type Answer struct {
	Status    Status
	Values    []string      // in canonical order, so that DNS round robin does not change a verdict
	TTL       time.Duration // as the server sent it, within limits; not the remaining time
	Authentic bool          // validated by DNSSEC: AD from a resolver that is trusted (RFC 4035 section 3.2.3)
	Note      string        // details as text: "servfail from 127.0.0.1:53", "alias of mx.example.net"
}

// QA is one piece of evidence: a question and its answer.
type QA struct {
	Question
	*Answer
}

// An Asker answers questions: a cache, a resolver, a store, a record, a literal zone. It is safe for concurrent use.
type Asker interface {
	// Known returns an answer that is at hand, and whether there is one. It never waits.
	Known(Question) (*Answer, bool)
	// Ask looks the answer up. It may wait until ctx ends, and then returns a TempFail. It never returns nil.
	Ask(context.Context, Question) *Answer
}

// Evidence is the questions and answers of a verdict, and an Asker that replays them. Other questions are NotAsked.
type Evidence []QA

var notAsked = &Answer{Status: NotAsked, Note: "not asked then"}

// Known answers from the evidence. It always has an answer.
func (e Evidence) Known(q Question) (*Answer, bool) {
	for i := range e {
		if e[i].Question == q {
			return e[i].Answer, true
		}
	}
	return notAsked, true
}

// Ask is Known.
func (e Evidence) Ask(_ context.Context, q Question) *Answer { a, _ := e.Known(q); return a }

// An Overlay is a list of Askers. A question goes to the first, and to the next while the answer is NotAsked. With
// Evidence before a resolver, a replay under another policy looks up what was not asked then. Questions that leave a
// trace (Kind.LeavesTrace) go only to the first Asker, so that a replay changes nothing.
type Overlay []Asker

// Known returns the answer at hand of the first Asker that does not say NotAsked.
func (o Overlay) Known(q Question) (*Answer, bool) {
	for _, ask := range o.of(q) {
		if a, ok := ask.Known(q); !ok || a == nil || a.Status != NotAsked {
			return a, ok
		}
	}
	return notAsked, true
}

// Ask returns the first answer that is not NotAsked.
func (o Overlay) Ask(ctx context.Context, q Question) *Answer {
	for _, ask := range o.of(q) {
		if a := ask.Ask(ctx, q); a == nil || a.Status != NotAsked {
			return a
		}
	}
	return notAsked
}

// of returns the Askers that a question can go to.
func (o Overlay) of(q Question) []Asker {
	if q.Kind.LeavesTrace() {
		return o[:min(1, len(o))]
	}
	return o
}
