// Package spf finds out whether a client may send for a domain, by what the domain publishes in DNS: the Sender Policy
// Framework, RFC 7208.
//
// A domain lists in a TXT record who sends for it: "v=spf1 mx ip4:192.0.2.0/24 include:mail.example -all". The terms are
// tried in order; the first that matches the client decides by its qualifier: "+" or none is pass, "-" fail, "~" softfail,
// "?" neutral.
//
// blitiri.com.ar/go/spf walks through the terms, and counts what RFC 7208 section 4.6.4 limits. This package is what stands
// around it. It asks the questions, so that each is evidence. It reads records strictly, by the grammar of section 12, and
// expands macros. What the engine is given has nothing of a stranger's in it: it sees terms such as "a:#3/24", and asks
// for the addresses of #3.
package spf

import (
	"cmp"
	"net/netip"
	"time"

	"blitiri.com.ar/go/spf"

	"github.com/helogate/helogate"
)

// An Asker is what an evaluation needs of a helogate.Case.
type Asker interface {
	// Ask returns an answer. What is not answered yet is a tempfail.
	Ask(helogate.Kind, string) *helogate.Answer
	// Values is Ask where the outcome rests on the answer: after a tempfail it is a temperror, whatever else is found.
	Values(helogate.Kind, string) []string
	// Waiting reports whether something was asked that is not answered yet. The result is thrown away then.
	Waiting() bool
}

// An Identity is who wants to send, for whom: what RFC 7208 section 4.1 calls the arguments of check_host().
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
	run     *run
}

// Limits of RFC 7208 section 4.6.4. The engine counts the first itself.
const (
	maxTerms = 10 // that ask DNS
	maxHosts = 10 // of an MX; more is a permerror
	maxNames = 10 // of a PTR that are looked at
)

// Check evaluates the record of the identity's domain: check_host() of RFC 7208 section 4. While the Asker is waiting it
// goes on as if nothing matched, to ask ahead what the terms behind will need.
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
	if !hasRecord(a.Values) { // most that do not send have none: they cost no more than this
		return Result{Outcome: helogate.None, Domain: id.Domain, Problem: "has no SPF record"}
	}
	if id.Local == "" {
		id.Local = "postmaster"
	}
	r := &run{ask: ask, id: id, client: id.Client.String()}
	r.targets = append(r.room[:0], target{at: at})
	found, err := spf.CheckHostWithSender(id.Client.AsSlice(), "", "@"+token(0), spf.WithResolver(r))
	outcome, _ := helogate.ParseOutcome(string(found))
	return r.conclude(outcome, err)
}

// conclude words what the engine found.
func (r *run) conclude(o helogate.Outcome, err error) Result {
	out := Result{Outcome: o, Domain: cmp.Or(r.top.at.raw, r.id.Domain), run: r}
	switch o {
	case helogate.PermError:
		out.Problem = r.problem(err)
	case helogate.TempError, helogate.None:
	default:
		if t := r.matched(err); t != nil {
			out.Term = t.text
		}
	}
	return out
}

// matched is the term of the deciding record that matched. Terms are tried one after the other, so it is the last that the
// engine asked about, or, if it matched all, the one that needs no question: none in an included record is written "all".
func (r *run) matched(err error) *term {
	switch err {
	case nil:
		return nil
	case spf.ErrMatchedAll:
		return r.top.end
	}
	return r.top.asked
}

// problem says what is wrong with a record.
func (r *run) problem(err error) string {
	switch err {
	case spf.ErrLookupLimitReached:
		return "more than 10 terms ask DNS"
	case spf.ErrVoidLookupLimitReached:
		return "more than 2 lookups find nothing"
	case spf.ErrTooManyMXRecords:
		return r.looked + " has more than 10 MX records"
	case spf.ErrNoResult:
		if r.looked == "" {
			return "a name that cannot exist is included, or redirected to"
		}
		return r.looked + " has no SPF record"
	}
	return err.Error()
}
