// Package spf evaluates SPF, the Sender Policy Framework (RFC 7208): whether a client may send mail for a domain,
// according to the record that the domain publishes in DNS.
//
// A domain lists in a TXT record the hosts that send for it: "v=spf1 mx ip4:192.0.2.0/24 include:mail.example -all".
// The terms are tried in order. The first that matches the client decides by its qualifier: "+" or none is pass, "-"
// fail, "~" softfail, "?" neutral.
//
// An evaluation reads a record in one pass, strictly by the grammar of section 12 (record.go). This pass decides the
// terms that need no question, and keeps the others; the walk then tries those (walk.go, mechanism.go). Every
// question goes to the Asker, so that each is evidence. An ordinary record needs no allocation.
package spf

import (
	"net/netip"
	"time"

	"github.com/helogate/helogate"
)

// An Asker is the part of a helogate.Case that an evaluation needs.
type Asker interface {
	// Ask returns an answer. A pending answer is a tempfail.
	Ask(helogate.Kind, string) *helogate.Answer
	// Values is Ask where the outcome depends on the answer: after a tempfail the outcome is temperror.
	Values(helogate.Kind, string) []string
	// Pending reports whether an answer is pending. The result is discarded then.
	Pending() bool
	// ClientText returns the client's address as answers have it.
	ClientText() string
}

// An Identity is a client and the sender that it claims: the arguments of check_host() in RFC 7208 section 4.1.
type Identity struct {
	Client netip.Addr // unmapped
	Helo   string     // as sent
	Local  string     // of the sender; "" is postmaster (section 4.3)
	Domain string     // of the sender or of HELO: the domain whose record counts
	Time   time.Time  // for the macro t, in explanations
}

// A Result is the result of check_host(). A temperror has an outcome only: the Asker knows what failed.
type Result struct {
	Outcome helogate.Outcome
	Domain  string // the domain whose record decided: the Identity's, or the one that it redirects to
	Term    string // the term that matched, as it was published: "-all"; "" if none did
	Problem string // of a permerror: what is wrong; of none: why there is no record, such as "has no SPF record"
	exp     string // the domain-spec of exp= in the record that decided; "" if it has none
}

// Limits of RFC 7208 section 4.6.4.
const (
	maxTerms = 10 // that ask DNS; more is a permerror
	maxVoids = 2  // lookups without a result ("void lookups"); more is a permerror
	maxHosts = 10 // of an MX; more is a permerror
	maxNames = 10 // PTR names of the client that are used
)

// Check evaluates the record of the identity's domain: check_host() of RFC 7208 section 4. While an answer is
// pending, it continues as if the term did not match, to ask ahead what later terms need.
func Check(ask Asker, id Identity) Result {
	at, ok := newName(id.Domain)
	if !ok || !at.isMultiLabel() {
		return Result{Outcome: helogate.None, Domain: id.Domain, Problem: "is no domain"}
	}
	a := ask.Ask(helogate.TXT, at.question)
	if a.Status == helogate.TempFail {
		ask.Values(helogate.TXT, at.question)
		return Result{Outcome: helogate.TempError, Domain: id.Domain}
	}
	if a.Status == helogate.NXDomain {
		return Result{Outcome: helogate.None, Domain: id.Domain, Problem: "does not exist"}
	}
	if !hasRecord(a.Values) { // as for most domains that do not send: they cost no more than this
		return Result{Outcome: helogate.None, Domain: id.Domain, Problem: "has no SPF record"}
	}
	w := newWalk(ask, id)
	w.found.Domain = id.Domain
	o, err := w.evaluate(at, a.Values, false)
	switch err {
	case nil:
		w.found.Outcome = o
	case errTemporary, errPending:
		w.found.Outcome = helogate.TempError
	default:
		w.found.Outcome, w.found.Problem = helogate.PermError, err.Error()
	}
	return w.found
}
