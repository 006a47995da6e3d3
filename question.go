package helogate

import (
	"context"
	"time"
)

// A Question is anything asked of the outside world; comparable, so it is its own cache key.
type Question struct {
	Kind Kind
	Name string // canonical: lower case, no final dot; an address as netip.Addr prints it
}

// ByKind is an Asker that asks the Asker of the question's kind, or that of AnyKind where the kind has none.
type ByKind map[Kind]Asker

func (b ByKind) asker(k Kind) Asker {
	if a, ok := b[k]; ok {
		return a
	}
	return b[AnyKind]
}

// Known returns what the asker of the kind has at hand.
func (b ByKind) Known(q Question) (*Answer, bool) { return b.asker(q.Kind).Known(q) }

// Ask asks the asker of the kind.
func (b ByKind) Ask(ctx context.Context, q Question) *Answer { return b.asker(q.Kind).Ask(ctx, q) }

// Status says what became of a question.
type Status uint16

// Only NoData and NXDomain are a no. Everything that went wrong is TempFail: no failure of DNS is ever a rejection.
const (
	TempFail Status = iota // servfail, refused, no answer in time, a CNAME loop, a reply that makes no sense
	OK                     // there are Values
	NoData                 // the name exists, and has none of that kind
	NXDomain               // no such name (RFC 8020: nor anything below it)
	// NotAsked says that Evidence has no answer, for the judgement that it is of did not ask. To a check it is a TempFail; in
	// a verdict's evidence it stands apart, so that a replay under another policy shows what it could not know.
	NotAsked
)

var statuses = words{"tempfail", "ok", "nodata", "nxdomain", "notasked"}

// String returns the word for it: "nxdomain".
func (s Status) String() string { return statuses.name(int(s), "status") }

// ParseStatus is the inverse of String.
func ParseStatus(s string) (Status, error) {
	i, err := statuses.parse(s, "status")
	return Status(i), err
}

// MarshalText returns what String does.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what ParseStatus does.
func (s *Status) UnmarshalText(b []byte) (err error) { *s, err = ParseStatus(string(b)); return err }

// An Answer is data, failures included, so that it can be recorded. It is shared: nobody writes to one.
type Answer struct {
	Status    Status
	Values    []string      // in canonical order, so that round robin changes no verdict
	TTL       time.Duration // as the server gave it, clamped; not what is left of it
	Authentic bool          // validated by DNSSEC: AD from a resolver that is trusted (RFC 4035 section 3.2.3)
	Note      string        // for people: "servfail from 127.0.0.1:53", "alias of mx.example.net"
}

// QA is one piece of evidence: what was asked, and what came back.
type QA struct {
	Question
	*Answer
}

// An Asker is where answers come from: cache, resolver, store, journal, literal zone. It is safe for concurrent use.
type Asker interface {
	// Known returns an answer that is at hand. It never waits.
	Known(Question) (*Answer, bool)
	// Ask finds an answer out. It may wait until ctx ends, and then says TempFail. It never returns nil.
	Ask(context.Context, Question) *Answer
}

// Evidence is what a verdict rests on, and an Asker that replays it. A question that is not in it is NotAsked.
type Evidence []QA

var notAsked = &Answer{Status: NotAsked, Note: "not asked then"}

// Known answers from the evidence; it always knows.
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

// An Overlay is Askers in order. Each question goes to the first, and on to the next while the answer is NotAsked: with
// Evidence before a resolver, a replay under another policy learns what was not asked then. Questions that leave a trace
// (Kind.LeavesTrace) go to the first Asker alone: a replay changes nothing.
type Overlay []Asker

// Known returns what is at hand at the first Asker that does not say NotAsked.
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

// of returns the Askers that a question may go to.
func (o Overlay) of(q Question) []Asker {
	if q.Kind.LeavesTrace() {
		return o[:min(1, len(o))]
	}
	return o
}
