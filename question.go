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

// Kind says what is asked for: a DNS type now, state such as a greylist later.
type Kind string

// The kinds of question that DNS answers. Values of an Answer are in presentation form, without a final dot.
const (
	PTR   Kind = "PTR"   // Name is an address; Values are host names
	A     Kind = "A"     // Values are IPv4 addresses
	AAAA  Kind = "AAAA"  // Values are IPv6 addresses
	MX    Kind = "MX"    // Values are "preference host", by preference; the null MX of RFC 7505 is "0 ."
	TXT   Kind = "TXT"   // Values are the strings of a record joined, a record each
	CNAME Kind = "CNAME" // Values are what Name is an alias of: none or one
	// Listing is an A asked of a DNS list (RFC 5782): Name is what it is asked about and its zone. It is a kind of its own so that
	// who watches the lists can tell what they are asked from what a client has us look up below their zones.
	Listing Kind = "LISTING"
	SRV     Kind = "SRV" // Values are "priority weight port target", by priority (RFC 2782); the target "." is none
)

// Kinds of question that what we remember answers. NXDomain is that nothing is remembered.
const (
	Trust     Kind = "TRUST"     // Name is an address, and OK that it is let in for a while; the one of Values says why
	Hammering Kind = "HAMMERING" // Name is an address, and OK that it was rejected too often lately; the one of Values says how often
	SetAside  Kind = "SETASIDE"  // Name is the zone of a list, and OK that it is not believed now; the one of Values says why
)

// Kinds of question that leave a trace, in what we remember or at somebody else's server. They are asked only when all that
// was read before them is known.
const (
	// Greylisted notes an attempt. Name is who tries what: see package check. Values are "first TIME", and "passed TIME" once
	// it has proved that it retries; times are of RFC 3339.
	Greylisted Kind = "GREYLIST"
	// Deferred notes that a client is to be deferred for failures of DNS. Name is its network, a space and its HELO name;
	// Values are "first TIME", or "sick WHY" where it is our own resolver that fails.
	Deferred Kind = "DEFERRED"
	// Callout asks the mail hosts of an address whether they take mail for it, as they should (RFC 5321 section 4.5.5). Name
	// is the address; the one of Values is "accepts", "refuses REPLY", "accepts all" for a domain that takes every address,
	// or "refuses null REPLY" for one that takes no null reverse-path.
	Callout Kind = "CALLOUT"
)

// inDNS reports whether it is DNS that answers.
func (k Kind) inDNS() bool {
	switch k {
	case Trust, Hammering, SetAside:
		return false
	}
	return !k.acts()
}

// counts reports whether it is the client's DNS that answers: not the lists that the administrator chose.
func (k Kind) counts() bool { return k.inDNS() && k != Listing }

// ours reports whether it is our own memory that answers, and must be asked.
func (k Kind) ours() bool { return k == Greylisted || k == Deferred }

// acts reports whether to ask leaves a trace.
func (k Kind) acts() bool { return k == Greylisted || k == Deferred || k == Callout }

// ByKind is an Asker that asks the one who knows of a kind, and that of "" for all other kinds.
type ByKind map[Kind]Asker

func (b ByKind) asker(k Kind) Asker {
	if a, ok := b[k]; ok {
		return a
	}
	return b[""]
}

// Known returns what the asker of the kind has at hand.
func (b ByKind) Known(q Question) (*Answer, bool) { return b.asker(q.Kind).Known(q) }

// Ask asks the asker of the kind.
func (b ByKind) Ask(ctx context.Context, q Question) *Answer { return b.asker(q.Kind).Ask(ctx, q) }

// Status says what became of a question.
type Status string

// Only NoData and NXDomain are a no. Everything that went wrong is TempFail: no failure of DNS is ever a rejection.
const (
	OK       Status = "ok"       // there are Values
	NoData   Status = "nodata"   // the name exists, and has none of that kind
	NXDomain Status = "nxdomain" // no such name (RFC 8020: nor anything below it)
	TempFail Status = "tempfail" // servfail, refused, no answer in time, a CNAME loop, a reply that makes no sense
)

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

// Evidence is what a verdict rests on, and an Asker that replays it: a question that is not in it was not asked then,
// and is a tempfail now.
type Evidence []QA

// Known answers from the evidence; it always knows.
func (e Evidence) Known(q Question) (*Answer, bool) {
	for i := range e {
		if e[i].Question == q {
			return e[i].Answer, true
		}
	}
	return &Answer{Status: TempFail, Note: "not in the evidence"}, true
}

// Ask is Known.
func (e Evidence) Ask(_ context.Context, q Question) *Answer { a, _ := e.Known(q); return a }
