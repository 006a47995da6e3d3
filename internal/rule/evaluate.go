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

// An evaluation is one run of a rule on a case. It is the activation: a name is looked up when the expression comes to
// it, so that DNS is asked no question that the rule can do without.
type evaluation struct {
	c         *helogate.Case
	rule      *Rule
	failed    string  // what failed of all that was read, the first of it
	excused   string  // likewise, of what the rule itself says the failure of
	missed    string  // likewise, of lists and stores
	known     []value // what was looked up before
	score     int64
	suspected bool // score was read
}

// value is that of a name. Text is made valid, and answers are made lists, once: a rule may read a name in a loop.
type value struct {
	name string
	is   ref.Val
}

var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

// run judges a case.
func (r *Rule) run(c *helogate.Case) helogate.Finding {
	e := evaluations.Get().(*evaluation)
	*e = evaluation{c: c, rule: r, known: e.known}
	matched, err := e.judge()
	failed, excused, missed := e.failed, e.excused, e.missed
	clear(e.known)
	*e = evaluation{known: e.known[:0]}
	evaluations.Put(e)
	if err == nil && matched && r.against {
		failed = cmp.Or(failed, excused)
	}
	if r.matched == helogate.Pass { // who might be let in is not rejected for a list that is down
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

// judge evaluates the rule, for the least score and, where it reads that and failures of DNS leave a part of it
// open, for all that it might be.
func (e *evaluation) judge() (matched bool, err error) {
	least, most := 0, 0
	if e.rule.Check.UsesScore {
		least, most = e.c.Score()
		e.score = int64(least)
	}
	matched, err = e.eval()
	if e.suspected && least < most && !e.sure(int64(least), int64(most), matched, err) {
		e.fail(score, "score is %d to %d: DNS did not answer all", least, most)
	}
	return matched, err
}

// sure reports whether the rule says the same for all that the score might be. It is only ever compared with
// constants, so that what the rule says changes at one of them, or just above, and nowhere else.
func (e *evaluation) sure(least, most int64, matched bool, err error) bool {
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
		return false, fmt.Errorf("the rule came to %s", out.Type().TypeName())
	}
	return bool(is), nil
}

// Parent is none.
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
		e.suspected = true
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
	v := e.work(name)
	if v == nil {
		return nil, false
	}
	e.known = append(e.known, value{name, v})
	return v, true
}

// work works out what a client says, or what others say of it; nil for a name that is none.
func (e *evaluation) work(name string) ref.Val {
	c := e.c
	switch name {
	case "helo.text":
		return types.String(text(c.Helo))
	case "helo.name":
		return types.String(e.greeting().Name)
	case "helo.kind":
		return types.String(e.greeting().Form)
	case "helo.org":
		return types.String(parsed.Of(c).Org(e.greeting().Name))
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

// lookUp returns the value of a name that others have to be asked for.
func (e *evaluation) lookUp(name string) ref.Val {
	if check, is := strings.CutPrefix(name, checks+"."); is {
		found := e.c.OutcomeOf(check)
		if found == helogate.TempError {
			e.fail(name, "%s is not known now", check)
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

// fail notes that something which was read is not known. of is the name by which a rule would speak of it. Of lists and
// stores that are down nothing follows, here as elsewhere: a dead blocklist must not stop the mail.
func (e *evaluation) fail(of, format string, args ...any) {
	where := &e.failed
	check, _ := strings.CutPrefix(of, checks+".")
	switch {
	case e.rule.excused[of]:
		where = &e.excused
	case e.rule.compiler.checks[check].FailOpen:
		where = &e.missed
	}
	if *where == "" {
		*where = fmt.Sprintf(format, args...)
	}
}

// answered reports whether a question has an answer, be it no.
func (e *evaluation) answered(of string, kind helogate.Kind, name string) bool {
	a := e.c.Ask(kind, name)
	if a.Status == helogate.TempFail {
		e.fail(of, "%s of %s: %s", kind, name, a.Note)
		return false
	}
	return true
}

// ptr returns the client's names.
func (e *evaluation) ptr() []string {
	if !e.answered(ptrStatus, helogate.PTR, e.c.ClientText()) {
		return nil
	}
	return e.c.PTR(e.c.Client)
}

// confirmed returns those of the client's names that lead back to it. A rule has no word for that one of them could not be
// asked about.
func (e *evaluation) confirmed() (out []string) {
	kind, _ := e.c.AddressKinds()
	for _, name := range e.ptr() {
		if e.answered("", kind, name) && e.c.ResolvesBack(name) {
			out = append(out, name)
		}
	}
	return out
}

// ownClient reports whether the client is one of ours: of this host, or of our addresses or networks.
func (e *evaluation) ownClient() bool {
	a, own := e.c.Client, &e.rule.compiler.own
	if a.IsLoopback() || a == e.c.Server.Addr().Unmap().WithZone("") || holds(own.Networks, a) {
		return true
	}
	for _, is := range own.Addresses {
		if a == is {
			return true
		}
	}
	return false
}

// greeting is what the HELO argument is by itself.
func (e *evaluation) greeting() *hostname.Helo { return &parsed.Of(e.c).Helo }

func (e *evaluation) heloText() string {
	v, _ := e.ResolveName("helo.text")
	return string(v.(types.String))
}

// text is what a client said, as rules see it: no more than maxText octets of it, and U+FFFD for each run of octets that
// is no UTF-8, so that no function of CEL ever sees such.
func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// verb is HELO or EHLO, "" where it is not known.
func verb(s string) string {
	switch strings.ToUpper(s) {
	case "HELO":
		return "HELO"
	case "EHLO":
		return "EHLO"
	}
	return ""
}

// domainOf returns the domain of an envelope address, as checks have it, "" for one that DNS could not know.
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
