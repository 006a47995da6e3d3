// Package spf finds out whether a client may send for a domain, by what the domain publishes in DNS: the Sender Policy
// Framework, RFC 7208.
//
// A domain lists in a TXT record which hosts send for it: "v=spf1 mx ip4:192.0.2.0/24 include:mail.example -all". The
// terms are tried in order; the first that matches the client decides by its qualifier: "+" or none is pass, "-" fail,
// "~" softfail, "?" neutral.
//
// An evaluation reads a record in one pass, strictly by the grammar of section 12 (record.go). That pass decides the
// terms that need no question and keeps those that do; the walk then tries them (walk.go, mechanism.go). Every question
// goes to the Asker, so that each is evidence. An ordinary record costs no allocation.
package spf

import (
	"net/netip"
	"time"

	"github.com/helogate/helogate"
)

// An Asker is what an evaluation needs of a helogate.Case.
type Asker interface {
	// Ask returns an answer. What is not answered yet is a tempfail.
	Ask(helogate.Kind, string) *helogate.Answer
	// Values is Ask where the outcome rests on the answer: after a tempfail it is a temperror, whatever else is found.
	Values(helogate.Kind, string) []string
	// Waiting reports whether something was asked that is not answered yet. The result is thrown away then.
	Pending() bool
	// ClientText returns the client's address as answers have it.
	ClientText() string
}

// An Identity is a client and the sender that it names: what RFC 7208 section 4.1 calls the arguments of check_host().
type Identity struct {
	Client netip.Addr // unmapped
	Helo   string     // as it was said
	Local  string     // of the sender; "" is postmaster (section 4.3)
	Domain string     // of the sender, or that of HELO: whose record counts
	Time   time.Time  // for the macro t, in explanations
}

// A Result is what a domain says of a client. A temperror has nothing but its outcome: the Asker knows what failed.
type Result struct {
	Outcome helogate.Outcome
	Domain  string // whose record decided: the Identity's, or what that redirects to
	Term    string // the term that matched, as it was published: "-all"; "" if none did
	Problem string // what is wrong: of a permerror a clause, of none what the domain is or has: "has no SPF record"
	exp     string // the domain-spec of exp= in the record that decided; "" if it has none
}

// Limits of RFC 7208 section 4.6.4.
const (
	maxTerms = 10 // that ask DNS; more is a permerror
	maxVoids = 2  // lookups that find nothing; more is a permerror
	maxHosts = 10 // of an MX; more is a permerror
	maxNames = 10 // of the client that are looked at
)

// Check evaluates the record of the identity's domain: check_host() of RFC 7208 section 4. While the Asker is waiting
// it goes on as if nothing matched, to ask ahead what the later terms will need.
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
	if !hasRecord(a.Values) { // as most domains that do not send: they cost no more than this
		return Result{Outcome: helogate.None, Domain: id.Domain, Problem: "has no SPF record"}
	}
	w := newWalk(ask, id)
	w.found.Domain = id.Domain
	o, err := w.evaluate(at, a.Values, false)
	switch err {
	case nil:
		w.found.Outcome = o
	case errTemporary, errWaiting:
		w.found.Outcome = helogate.TempError
	default:
		w.found.Outcome, w.found.Problem = helogate.PermError, err.Error()
	}
	return w.found
}
