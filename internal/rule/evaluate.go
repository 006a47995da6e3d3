package rule

import (
	"cmp"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/printable"
)

// An evaluation is one run of a rule on a case. It is the activation of CEL, which looks a name up when the
// expression reads it: DNS is asked no question that the rule does not need.
type evaluation struct {
	c              *helogate.Case
	rule           *Rule
	failed         string  // the first failed lookup that the rule read
	handledFailure string  // the first one whose failure the rule handles itself
	failedOpen     string  // the first one of a check that fails open
	known          []value // values that were read before
	score          int64
	readScore      bool // the rule read score
}

// value is the value of a name. It is made once, because a rule may read a name in a loop.
type value struct {
	name string
	is   ref.Val
}

var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

// run evaluates the rule for a case.
func (r *Rule) run(c *helogate.Case) helogate.Finding {
	e := evaluations.Get().(*evaluation)
	*e = evaluation{c: c, rule: r, known: e.known}
	matched, err := e.judge()
	failed, excused, missed := e.failed, e.handledFailure, e.failedOpen
	clear(e.known)
	*e = evaluation{known: e.known[:0]}
	evaluations.Put(e)
	if err == nil && matched && r.adverse {
		failed = cmp.Or(failed, excused)
	}
	if r.matched == helogate.Pass { // the client might be accepted: do not reject it because a list is down
		failed, missed = cmp.Or(failed, missed), ""
	}
	switch {
	case failed != "":
		return helogate.Finding{Outcome: helogate.TempError, Why: printable.Text(failed, maxWhy)}
	case missed != "":
		return helogate.Finding{Outcome: helogate.None, Why: printable.Text(missed, maxWhy)}
	case err != nil:
		return helogate.Finding{Outcome: helogate.PermError, Why: printable.Text(err.Error(), maxWhy)}
	case !matched:
		return c.None("no match")
	case r.matched == helogate.Pass:
		return c.Pass("%s", r.why)
	case r.matched == helogate.Neutral:
		return c.Neutral("%s", r.why)
	}
	return c.Fail("%s", r.why)
}

// judge evaluates the rule for the minimum score. Where the rule reads the score and DNS failures leave it open,
// judge evaluates the rule for every possible score.
func (e *evaluation) judge() (matched bool, err error) {
	least, most := 0, 0
	if e.rule.Check.UsesScore {
		least, most = e.c.Score()
		e.score = int64(least)
	}
	matched, err = e.eval()
	if e.readScore && least < most && !e.sameForAll(int64(least), int64(most), matched, err) {
		e.fail(score, "the score is %d to %d: a DNS lookup failed", least, most)
	}
	return matched, err
}

// sameForAll reports whether the rule has the same value for every possible score. The rule compares score with
// constants only, so its value can change at a constant or just above it, and at no other score.
func (e *evaluation) sameForAll(least, most int64, matched bool, err error) bool {
	same := func(score int64) bool {
		if score <= least || score > most {
			return true
		}
		e.score = score
		is, bad := e.eval()
		return is == matched && (bad == nil) == (err == nil)
	}
	for _, n := range e.rule.scores {
		if !same(n) || !same(n+1) {
			return false
		}
	}
	return true
}

func (e *evaluation) eval() (bool, error) {
	out, _, err := e.rule.program.Eval(e)
	if err != nil {
		return false, err
	}
	is, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the value of the rule is a %s", out.Type().TypeName())
	}
	return bool(is), nil
}

// Parent returns nil: there is no outer activation.
func (e *evaluation) Parent() cel.Activation { return nil }

// ResolveName returns the value of a name.
func (e *evaluation) ResolveName(name string) (any, bool) {
	c := e.c
	switch name {
	case "client":
		return ext.IP{Addr: c.Client}, true
	case "server.address":
		return ext.IP{Addr: c.Server.Addr().Unmap().WithZone("")}, true
	case "server.port":
		return types.Int(c.Server.Port()), true
	case "helo":
		return heloValue{e}, true
	case "stage":
		return types.String(c.Stage.String()), true
	case score:
		e.readScore = true
		return types.Int(e.score), true
	}
	if v := e.rule.compiler.ownList[name]; v != nil {
		return v, true
	}
	for i := range e.known {
		if e.known[i].name == name {
			return e.known[i].is, true
		}
	}
	v := e.compute(name)
	if v == nil {
		return nil, false
	}
	e.known = append(e.known, value{name, v})
	return v, true
}

// compute returns the value of a name that is read for the first time, nil for an unknown name.
func (e *evaluation) compute(name string) ref.Val {
	c := e.c
	switch name {
	case "helo.text":
		return types.String(text(c.Helo))
	case "helo.name":
		return types.String(e.helo().Name)
	case "helo.kind":
		return types.String(e.helo().Form)
	case "helo.org":
		return types.String(parsed.Of(c).Org(e.helo().Name))
	case "helo.verb":
		return types.String(verb(c.Verb))
	case "sender":
		return types.String(text(c.Sender))
	case "sender.domain":
		return types.String(domainOf(c.Sender, parsed.Of(c).SenderDomain))
	case "recipient":
		return types.String(text(c.Recipient))
	case "recipient.domain":
		return types.String(domainOf(c.Recipient, parsed.Of(c).RecipientDomain))
	case "auth":
		return types.String(text(c.Auth))
	case "own.client":
		return types.Bool(e.ownClient())
	}
	return e.lookUp(name)
}

// lookUp returns the value of a name that comes from other checks or from DNS.
func (e *evaluation) lookUp(name string) ref.Val {
	if check, is := strings.CutPrefix(name, checks+"."); is {
		found := e.c.OutcomeOf(check)
		if found == helogate.TempError {
			e.fail(name, "the outcome of %s is not known: a lookup failed", check)
		}
		return types.String(found.String())
	}
	switch name {
	case "ptr.names":
		return stringList(e.ptr())
	case "ptr.confirmed":
		return stringList(e.confirmed())
	case ptrStatus:
		e.ptr()
		return types.String(e.c.Ask(helogate.PTR, e.c.ClientText()).Status.String())
	}
	return nil
}

func stringList(s []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, s) }

// fail notes that a value that the rule read is not known. of is the name whose state the rule may compare with the
// word for a failure. A failure of a check that fails open (a DNSBL, a callout) is noted apart, because an
// unreachable blocklist must not stop mail.
func (e *evaluation) fail(of, format string, args ...any) {
	where := &e.failed
	check, _ := strings.CutPrefix(of, checks+".")
	switch {
	case e.rule.handled[of]:
		where = &e.handledFailure
	case e.rule.compiler.checks[check].FailOpen:
		where = &e.failedOpen
	}
	if *where == "" {
		*where = fmt.Sprintf(format, args...)
	}
}

// answered reports whether a question has an answer, positive or negative.
func (e *evaluation) answered(of string, kind helogate.Kind, name string) bool {
	a := e.c.Ask(kind, name)
	if a.Status == helogate.TempFail {
		e.fail(of, "%s of %s: %s", kind, name, a.Note)
		return false
	}
	return true
}

// ptr returns the names in the client's PTR records.
func (e *evaluation) ptr() []string {
	if !e.answered(ptrStatus, helogate.PTR, e.c.ClientText()) {
		return nil
	}
	return e.c.PTR(e.c.Client)
}

// confirmed returns those PTR names that resolve back to the client. A rule cannot handle the failure of one of these
// lookups itself.
func (e *evaluation) confirmed() (out []string) {
	kind, _ := e.c.AddressKinds()
	for _, name := range e.ptr() {
		if e.answered("", kind, name) && e.c.ResolvesBack(name) {
			out = append(out, name)
		}
	}
	return out
}

// ownClient reports whether the client is this host or in the local addresses or networks.
func (e *evaluation) ownClient() bool {
	a, own := e.c.Client, &e.rule.compiler.own
	if a.IsLoopback() || a == e.c.Server.Addr().Unmap().WithZone("") || anyContains(own.Networks, a) {
		return true
	}
	for _, is := range own.Addresses {
		if a == is {
			return true
		}
	}
	return false
}

// helo returns the parsed HELO argument.
func (e *evaluation) helo() *hostname.Helo { return &parsed.Of(e.c).Helo }

func (e *evaluation) heloText() string {
	v, _ := e.ResolveName("helo.text")
	return string(v.(types.String))
}

// text returns text of a client as rules see it: at most maxText octets, and U+FFFD for each run of octets that is
// not valid UTF-8, so that CEL functions see valid UTF-8 only.
func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// verb returns "HELO" or "EHLO", "" where it is not known.
func verb(s string) string {
	switch strings.ToUpper(s) {
	case "HELO":
		return "HELO"
	case "EHLO":
		return "EHLO"
	}
	return ""
}

// domainOf returns the domain of an envelope address, as checks have it, "" where the domain is too long for DNS.
func domainOf(address string, parse func() string) string {
	if len(address)-strings.LastIndexByte(address, '@') > maxText {
		return ""
	}
	domain := parse()
	if len(domain) > maxName {
		return ""
	}
	return domain
}
