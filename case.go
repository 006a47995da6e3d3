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

// How much of an answer is followed. Who has more has it said in the finding.
const (
	MaxPTR   = 10
	MaxMX    = 10
	MaxAddrs = 16
)

// A Case is what a check sees: the facts, and what the world answers.
//
// A check is written as if all were known: what is not known reads as empty. If an answer is still on its way, the
// finding is thrown away and the check runs again when it has come. If an answer is a tempfail, Check.Finds says whether
// the finding stands.
type Case struct {
	Facts
	answers       *answers
	firstTempFail *QA    // that was read
	pending       bool   // something was read that is not answered yet
	client        string // Client as text, made when first needed
	read          addrText
	memo, spare   any
	line          *line // whose check is running, to see whether anything follows from what it finds
	omitReasons   bool
	judged        *judgement
}

// Found returns the outcome of another check of the policy, None if it cannot be judged at this stage or is in no line. A
// check that has not run yet, or that nobody wants to hear, is run for it, but for one whose turn has not come. Of a
// family it is what tells most: a fail of one before a pass of another, and both before what could not be found out. The
// caller deals with a temperror; it is no doubt of the Case.
func (c *Case) OutcomeOf(check string) Outcome {
	p := c.judged.policy
	if i, ok := p.byName[check]; ok {
		return c.foundBy(i)
	}
	most := None
	for _, i := range p.families[check] {
		if o := c.foundBy(i); tells[o] > tells[most] {
			most = o
		}
	}
	return most
}

func (c *Case) foundBy(i int) Outcome {
	l := &c.judged.policy.lines[i]
	switch {
	case c.pending || l.Check.Needs > c.Stage:
		return None
	case l.Check.Phase != Main && c.judged.outcomes[i] == 0:
		return None
	}
	return max(None, c.judged.outcomeFor(i)) // while it is not known it is None
}

// tells is how much an outcome tells among those of a family.
var tells = [...]int{None: 0, Neutral: 1, PermError: 2, TempError: 3, Pass: 4, SoftFail: 5, Fail: 6}

// Score returns what the lines before this one came to: at least, and at most; those on trial too, when what they would
// come to is what is asked. The check says so in UsesScore. Once a client is rejected, such a check is heard no more:
// not all lines are then, and the sum would lack some.
func (c *Case) Score() (least, most int) {
	return c.judged.now.score()
}

// Ask returns the whole answer, for the few checks that deal with its status themselves. A question that leaves a trace is
// asked only when nothing that was read before it is still on its way: it might be another then.
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

// Waiting reports whether something that was asked is not answered yet: the finding will be thrown away, and a check may cut
// short what is dear.
func (c *Case) Pending() bool { return c.pending }

// What a check sees where there is no answer.
var (
	unanswered = Answer{Status: TempFail, Note: "not answered yet"}
	unasked    = Answer{Status: TempFail, Note: notAsked.Note}
)

// Values returns all that name has of a kind.
func (c *Case) Values(kind Kind, name string) []string {
	a := c.Ask(kind, name)
	if a.Status == TempFail && c.firstTempFail == nil {
		c.firstTempFail = &QA{Question{kind, name}, a}
	}
	return a.Values
}

// ClientText returns the client's address as text.
func (c *Case) ClientText() string {
	if c.client == "" {
		c.client = c.Client.String()
	}
	return c.client
}

// addrText is the address that was read last, as the answer has it.
type addrText struct {
	addr netip.Addr
	text string
}

// AddrText returns an address as text. It makes none of the client, nor of the address that Addrs or AnyAddrs yielded last.
func (c *Case) AddrText(a netip.Addr) string {
	switch a {
	case c.Client:
		return c.ClientText()
	case c.read.addr:
		return c.read.text
	}
	return a.String()
}

// Worded reports whether anybody will read the words of a finding of an outcome: else nothing need be made for them.
func (c *Case) WantsReason(o Outcome) bool {
	return !c.pending && (!c.omitReasons || c.line.hasEffect(o))
}

// Refuses reports whether an outcome would have the client refused by what the line makes of it, and not on trial: what is
// only for the reply need not be asked for else.
func (c *Case) Refuses(o Outcome) bool {
	a := c.line.on[o]
	return a.Action.Refuses() && !a.DryRun
}

// inReply reports whether an outcome can be part of a reply: what refuses, and what adds to the score.
func (c *Case) inReply(o Outcome) bool {
	e := c.line.on[o]
	return !e.DryRun && (e.Action.Refuses() || e.RaisesScore())
}

// Memo is room for what a set of checks works out of the facts once for all of them: nil at first, one for a judgement.
// What is kept there must be a function of the facts alone. spare is what an earlier judgement kept, which is over: its
// memory may be used again. It may be nil.
func (c *Case) Memo() (memo *any, spare any) { return &c.memo, c.spare }

// PTR returns the names of an address, at most MaxPTR, none of them confirmed. Of more, the one that the client greets
// with comes first.
func (c *Case) PTR(a netip.Addr) []string {
	if a == c.Client {
		return followed(c.Values(PTR, c.ClientText()), MaxPTR, c.Helo)
	}
	return followed(c.Values(PTR, c.AddrText(a)), MaxPTR, "")
}

// More says how many values of an answer are not followed: ", and 140 more not followed", or nothing.
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

// followed returns the first of values, and that which is equal to first before all others.
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

// family is the kind of the addresses that the client has.
func (c *Case) family() Kind {
	if c.Client.Is6() {
		return AAAA
	}
	return A
}

// Addrs yields the addresses of name that are of the client's family, at most MaxAddrs; the client's own, if it is among
// them, is among these.
func (c *Case) Addrs(name string) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		for _, v := range c.followedAddrs(c.family(), name) {
			if a, ok := c.addr(v); ok && !yield(a) {
				return
			}
		}
	}
}

// addr reads an address of an answer.
func (c *Case) addr(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	c.read = addrText{a, text}
	return a, err == nil
}

// AnyAddrs yields the addresses of name of both families, the client's first, at most MaxAddrs of each. It asks for the
// second family only when the loop goes on past the first.
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

// AddressKinds are the kinds of address records, the client's family first.
func (c *Case) AddressKinds() (first, second Kind) { return c.family(), otherFamily(c.family()) }

func otherFamily(k Kind) Kind {
	if k == A {
		return AAAA
	}
	return A
}

// Confirms reports whether an address is among those of a name, as c.LeadsBack does for the client's.
func (c *Case) Confirms(name string, a netip.Addr) bool {
	kind := A
	if a.Is6() {
		kind = AAAA
	}
	return slices.Contains(c.Values(kind, name), c.AddrText(a))
}

// followedAddrs returns the addresses of a name that are followed.
func (c *Case) followedAddrs(kind Kind, name string) []string {
	values := c.Values(kind, name)
	if len(values) <= MaxAddrs {
		return values
	}
	return followed(values, MaxAddrs, c.ClientText())
}

// LeadsBack reports whether name has the client's address, among all that it has.
func (c *Case) ResolvesBack(name string) bool {
	return slices.Contains(c.Values(c.family(), name), c.ClientText())
}

// Confirmed yields the client's PTR names that lead back to it: forward-confirmed reverse DNS, iprev of RFC 8601 section 3.
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

// Exists reports whether name has records of one of the kinds. It asks in that order, no further than it must: a name
// that does not exist has none of any kind (RFC 8020 section 2).
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

// Pass is the finding that all is as it should be; the format says what was found, and may hold the client's own text.
func (c *Case) Pass(format string, args ...any) Finding { return c.say(Pass, format, args...) }

// Neutral is the finding that something was judged and nothing follows.
func (c *Case) Neutral(format string, args ...any) Finding { return c.say(Neutral, format, args...) }

// SoftFail is the finding that something is probably wrong.
func (c *Case) SoftFail(format string, args ...any) Finding { return c.say(SoftFail, format, args...) }

// Fail is the finding that something is wrong. The format names what was looked for, and for which address.
func (c *Case) Fail(format string, args ...any) Finding { return c.say(Fail, format, args...) }

// PermError is the finding that what was found makes no sense, so that nothing can be judged by it.
func (c *Case) PermError(format string, args ...any) Finding {
	return c.say(PermError, format, args...)
}

// None is the finding that there is nothing to judge.
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
