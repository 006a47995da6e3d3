package helogate

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/internal/printable"
)

// How many values of an answer are used. The finding says how many more there are.
const (
	MaxPTR   = 10
	MaxMX    = 10
	MaxAddrs = 16
)

// A Case is what a check sees: the facts, and the answers to its questions.
//
// A check is written as if all answers were known. An unknown one reads as empty. If an answer is still on its way, the
// finding is discarded, and the check runs again when the answer is there. If an answer is a tempfail, Check.Conclusive
// says whether the finding stands.
type Case struct {
	Facts
	answers       *answers
	firstTempFail *QA    // the first tempfail that the check read
	pending       bool   // the check read an answer that is not there yet
	client        string // Client as text, made when first needed
	read          addrText
	memo, spare   any
	line          *line // whose check is running
	omitReasons   bool
	judged        *judgement
}

// OutcomeOf returns the outcome of another check of the policy, or None if the policy does not have it, it cannot run
// at this stage, or its phase has not come. A check that has not run yet, or that the policy ignores, is run. For a
// family it is the outcome with the highest rank: a fail of one check before a pass of another, and both before a
// temperror. The caller has to handle a temperror; it does not make the finding of this check one.
func (c *Case) OutcomeOf(check string) Outcome {
	p := c.judged.policy
	if i, ok := p.byName[check]; ok {
		return c.outcomeOfLine(i)
	}
	most := None
	for _, i := range p.families[check] {
		if o := c.outcomeOfLine(i); rank[o] > rank[most] {
			most = o
		}
	}
	return most
}

func (c *Case) outcomeOfLine(i int) Outcome {
	l := &c.judged.policy.lines[i]
	switch {
	case c.pending || l.Check.Needs > c.Stage:
		return None
	case l.Check.Phase != Main && c.judged.outcomes[i] == 0:
		return None
	}
	return max(None, c.judged.outcomeFor(i)) // 0 while it is not known
}

// rank orders the outcomes of a family.
var rank = [...]int{None: 0, Neutral: 1, PermError: 2, TempError: 3, Pass: 4, SoftFail: 5, Fail: 6}

// Score returns the score of the lines before this one: its lower and its upper end. In the dry-run reading of the
// policy it includes dry-run lines. A check that calls it sets UsesScore, and does not run once the client is rejected,
// since the score would then lack the lines that no longer run.
func (c *Case) Score() (least, most int) {
	return c.judged.now.score()
}

// Ask returns the whole answer, for checks that handle its status themselves. A question that leaves a trace is asked
// only when no earlier answer is pending, since it might be another question then.
func (c *Case) Ask(kind Kind, name string) *Answer {
	if c.pending && kind.traits().trace {
		return &unanswered
	}
	a := c.answers.answer(Question{kind, name})
	if a == nil {
		c.pending = true
		return &unanswered
	}
	if a.Status == NotAsked {
		return &unasked
	}
	return a
}

// Pending reports whether an answer that the check read is not there yet. The finding will be discarded, so the check
// can skip what is expensive.
func (c *Case) Pending() bool { return c.pending }

// What a check reads where there is no answer.
var (
	unanswered = Answer{Status: TempFail, Note: "not answered yet"}
	unasked    = Answer{Status: TempFail, Note: notAsked.Note}
)

// Values returns the values of an answer, all of them.
func (c *Case) Values(kind Kind, name string) []string {
	a := c.Ask(kind, name)
	if a.Status == TempFail && c.firstTempFail == nil {
		c.firstTempFail = &QA{Question{kind, name}, a}
	}
	return a.Values
}

// ClientText returns the client's address as text, made once.
func (c *Case) ClientText() string {
	if c.client == "" {
		c.client = c.Client.String()
	}
	return c.client
}

// addrText is an address and its text in the answer.
type addrText struct {
	addr netip.Addr
	text string
}

// AddrText returns an address as text, without an allocation for the client and for the last address of Addrs or
// AnyAddrs.
func (c *Case) AddrText(a netip.Addr) string {
	switch a {
	case c.Client:
		return c.ClientText()
	case c.read.addr:
		return c.read.text
	}
	return a.String()
}

// WantsReason reports whether the text of a finding with outcome o is used, so that it is worth its cost.
func (c *Case) WantsReason(o Outcome) bool {
	return !c.pending && (!c.omitReasons || c.line.hasEffect(o))
}

// Refuses reports whether the policy refuses the client for an outcome of this check, and not as a dry run. A check
// asks only then for what just the reply needs.
func (c *Case) Refuses(o Outcome) bool {
	a := c.line.on[o]
	return a.Action.Refuses() && !a.DryRun
}

// inReply reports whether an outcome can be part of a reply: what refuses, and what adds to the score.
func (c *Case) inReply(o Outcome) bool {
	e := c.line.on[o]
	return !e.DryRun && (e.Action.Refuses() || e.RaisesScore())
}

// Memo returns room for what checks derive from the facts once and share; it is nil at first, and lasts for one
// judgement. What is stored must be a function of the facts alone. spare is what an earlier judgement stored, or nil;
// its memory can be reused.
func (c *Case) Memo() (memo *any, spare any) { return &c.memo, c.spare }

// PTR returns the PTR names of an address, not confirmed, at most MaxPTR. If there are more, the client's HELO name
// comes first if it is among them.
func (c *Case) PTR(a netip.Addr) []string {
	if a == c.Client {
		return followed(c.Values(PTR, c.ClientText()), MaxPTR, c.Helo)
	}
	return followed(c.Values(PTR, c.AddrText(a)), MaxPTR, "")
}

// More says how many values of an answer are not used: ", and 140 more not followed", or "".
func (c *Case) More(kind Kind, name string) string {
	most := MaxAddrs
	switch kind {
	case PTR:
		most = MaxPTR
	case MX:
		most = MaxMX
	}
	n := len(c.Ask(kind, name).Values) - most
	if n <= 0 {
		return ""
	}
	return ", and " + strconv.Itoa(n) + " more not followed"
}

// followed returns the first of values, at most most. If first is among all values, it comes first.
func followed(values []string, most int, first string) []string {
	if len(values) <= most {
		return values
	}
	out := make([]string, 0, most)
	for _, v := range values {
		if first != "" && strings.EqualFold(v, first) {
			out = append(out, v)
		}
	}
	for _, v := range values {
		if len(out) == most {
			break
		}
		if len(out) == 0 || v != out[0] {
			out = append(out, v)
		}
	}
	return out
}

// family returns A or AAAA, as the client's address is.
func (c *Case) family() Kind {
	if c.Client.Is6() {
		return AAAA
	}
	return A
}

// Addrs yields the addresses of name that are of the client's family, at most MaxAddrs. If the client is among all
// addresses, it is among these.
func (c *Case) Addrs(name string) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, v := range c.followedAddrs(c.family(), name) {
			if a, ok := c.addr(v); ok && !yield(a) {
				return
			}
		}
	}
}

// addr parses an address of an answer.
func (c *Case) addr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	c.read = addrText{a, text}
	return a, err == nil
}

// AnyAddrs yields the addresses of name of both families, the client's family first, at most MaxAddrs of each. It asks
// for the second family only if the loop goes on past the first.
func (c *Case) AnyAddrs(name string) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		first := c.family()
		for _, kind := range [...]Kind{first, otherFamily(first)} {
			for _, v := range c.followedAddrs(kind, name) {
				if a, ok := c.addr(v); ok && !yield(a) {
					return
				}
			}
			if a := c.Ask(kind, name); a == &unanswered || a.Status == NXDomain {
				return
			}
		}
	}
}

// AddressKinds returns A and AAAA, the client's family first.
func (c *Case) AddressKinds() (first, second Kind) { return c.family(), otherFamily(c.family()) }

func otherFamily(k Kind) Kind {
	if k == A {
		return AAAA
	}
	return A
}

// Confirms reports whether a name resolves to an address, as ResolvesBack does for the client's.
func (c *Case) Confirms(name string, a netip.Addr) bool {
	kind := A
	if a.Is6() {
		kind = AAAA
	}
	return slices.Contains(c.Values(kind, name), c.AddrText(a))
}

// followedAddrs returns the addresses of a name that are used.
func (c *Case) followedAddrs(kind Kind, name string) []string {
	values := c.Values(kind, name)
	if len(values) <= MaxAddrs {
		return values
	}
	return followed(values, MaxAddrs, c.ClientText())
}

// ResolvesBack reports whether name resolves to the client's address, among others.
func (c *Case) ResolvesBack(name string) bool {
	return slices.Contains(c.Values(c.family(), name), c.ClientText())
}

// Confirmed yields the client's forward-confirmed PTR names: those that resolve back to it (iprev, RFC 8601 section 3).
func (c *Case) Confirmed() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range c.PTR(c.Client) {
			if c.ResolvesBack(name) && !yield(name) {
				return
			}
		}
	}
}

// MX yields the mail hosts of domain by preference, at most MaxMX. The null MX of RFC 7505 yields nothing.
func (c *Case) MX(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, v := range c.Values(MX, domain) {
			_, host, _ := strings.Cut(v, " ")
			if i == MaxMX || host != "." && !yield(host) {
				return
			}
		}
	}
}

// Exists reports whether name has records of one of the kinds. It asks in that order, and stops at the first record, or
// if the name does not exist: it then has none of any kind (RFC 8020 section 2).
func (c *Case) Exists(name string, kinds ...Kind) bool {
	for _, k := range kinds {
		if len(c.Values(k, name)) > 0 {
			return true
		}
		if a := c.Ask(k, name); a == &unanswered || a.Status == NXDomain {
			return false
		}
	}
	return false
}

// Pass returns the finding that the property is as it should be. The format is the administrator's text, Finding.Why;
// see there. Its arguments may be what the client sent: the text is made printable. So it is for the outcomes below.
func (c *Case) Pass(format string, args ...any) Finding { return c.say(Pass, format, args...) }

// Neutral returns the finding that the property says nothing for or against the client.
func (c *Case) Neutral(format string, args ...any) Finding { return c.say(Neutral, format, args...) }

// SoftFail returns the finding that something is probably wrong.
func (c *Case) SoftFail(format string, args ...any) Finding { return c.say(SoftFail, format, args...) }

// Fail returns the finding that something is wrong. The format names the address or name that was looked up.
func (c *Case) Fail(format string, args ...any) Finding { return c.say(Fail, format, args...) }

// PermError returns the finding that a record is invalid, so that nothing can be judged by it.
func (c *Case) PermError(format string, args ...any) Finding {
	return c.say(PermError, format, args...)
}

// None returns the finding that there is nothing to judge.
func (c *Case) None(format string, args ...any) Finding { return c.say(None, format, args...) }

const maxWhy = 400 // bytes: a reply line holds 512 with its code and CRLF (RFC 5321 section 4.5.3.1.5)

func (c *Case) say(o Outcome, format string, args ...any) Finding {
	if false {
		_ = fmt.Sprintf(format, args...) // go vet sees by it that the formats are fmt's
	}
	if c.pending {
		return Finding{}
	}
	if !c.WantsReason(o) {
		return Finding{Outcome: o}
	}
	return Finding{Outcome: o, Why: text(format, args)}
}

// text formats a text of a finding and makes it printable.
func text(format string, args []any) string {
	if len(args) == 0 {
		return format // the check's own words, printable as they stand
	}
	var room [maxWhy]byte
	return printable.Text(string(appendFormat(room[:0], format, args)), maxWhy)
}
