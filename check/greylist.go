package check

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// Greylisting is what the greylist needs to know. The zero value greylists no client.
type Greylisting struct {
	On        bool          // whether an Asker answers questions of the kind helogate.Greylisted
	Delay     time.Duration // how long a first attempt waits; a retry passes from then on
	Sender    Part          // what of the sender tells two attempts apart
	Recipient Part          // what of the recipient does
	Exempt    []Exemption   // clients that are never greylisted
}

// A Part of an envelope address. The words are those of the configuration; any other is as WholeAddress.
type Part string

// The parts of an address.
const (
	WholeAddress Part = "address"
	DomainOnly   Part = "domain"
	Nothing      Part = "nothing"
)

// of returns the part of an address, with its domain as DNS has it.
func (p Part) of(address string) string {
	if p == Nothing {
		return ""
	}
	local, domain := parsed.Mailbox(address)
	switch {
	case p == DomainOnly:
		return domain
	case domain == "":
		return address
	}
	return local + "@" + domain
}

// Greylist is for who cannot be told from a bot, which seldom comes again: it is told to, and passes when it does (RFC 6647).
// Only who is to be greylisted is asked about.
//
// The client goes by the organisational domain of its confirmed name, or of the domain that SPF says may send from it:
// the hosts of a large sender take turns. A name that a provider stamped on an address is none, or a whole pool of
// hijacked desktops would pass with its first. Whoever has neither goes by its /24 or /64.
//
// Where nobody answers for a greylist, a verdict of greylist is for whoever judges to carry out.
func Greylist(g Greylisting) helogate.Check {
	turn := helogate.OnGreylist
	if !g.On {
		turn = helogate.Main
	}
	refs := refs(g.Exempt, (*Exemption).Ref)
	return helogate.Check{
		Name: "greylist", Needs: helogate.Rcpt, Cost: helogate.Probe, Phase: turn, FailOpen: true, Code: "5.7.1",
		Doc: "a client that is to be greylisted has come again after a while (RFC 6647); `greylist` here greylists everybody",
		Run: func(c *helogate.Case) helogate.Finding {
			if !g.On {
				return c.None("there is no greylist")
			}
			if i := match(c, g.Exempt, exemptionOf); i >= 0 {
				return c.None("never greylisted, %d: %s", i+1, g.Exempt[i].Describe()).At(i+1, refs[i])
			}
			client := greylistClient(c)
			return g.judge(c, client, joined(client, g.Sender.of(c.Sender), g.Recipient.of(c.Recipient)))
		},
	}
}

func (g *Greylisting) judge(c *helogate.Case, client, name string) helogate.Finding {
	said := c.Values(helogate.Greylisted, name)
	first, begun := timeIn(said, "first ")
	if passed, ok := timeIn(said, "passed "); ok {
		return c.Pass("%s came again, and passes since %s", clip(client), shownTime(passed))
	}
	if !begun { // nothing is remembered, and we only look
		return c.Fail("%s is seen for the first time", clip(client)).After(g.Delay)
	}
	if wait := first.Add(g.Delay).Sub(c.Time); wait > 0 {
		wait = min(wait, g.Delay) // it is noted a moment after the judgement began, or by a host whose clock is ahead
		return c.Fail("%s was first seen at %s, and is to come again after %s", clip(client), shownTime(first), shownTime(first.Add(g.Delay))).After(wait)
	}
	return c.Pass("%s was first seen at %s, and came again", clip(client), shownTime(first))
}

// greylistClient is who the client is to a greylist. What DNS does not say is no doubt: it goes by its network then.
func greylistClient(c *helogate.Case) string {
	if org := confirmedOrg(c); org != "" {
		return org
	}
	if c.OutcomeOf("spf-from") == helogate.Pass {
		f := parsed.Of(c)
		if org := f.Org(f.SenderDomain()); org != "" {
			return org
		}
	}
	if c.OutcomeOf("spf-helo") == helogate.Pass {
		if org := parsed.Of(c).HeloOrg(); org != "" {
			return org
		}
	}
	return network(c.Client)
}

// confirmedOrg is the organisational domain of a confirmed name that a person gave.
func confirmedOrg(c *helogate.Case) string {
	kind, _ := c.AddressKinds()
	for i, name := range c.Ask(helogate.PTR, c.ClientText()).Values {
		if i == helogate.MaxPTR {
			break
		}
		if parsed.Of(c).Class(name) != hostname.Custom {
			continue
		}
		if slices.Contains(c.Ask(kind, name).Values, c.ClientText()) {
			return parsed.Of(c).Org(name)
		}
	}
	return ""
}

// network is the small network that an address is in: its /24 or /64.
func network(a netip.Addr) string {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// joined makes one name of parts that may hold any bytes; different parts give different names.
func joined(parts ...string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, c := range []byte(part) {
			if c > ' ' && c <= '~' && c != '%' {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			}
		}
	}
	return b.String()
}

// timeIn reads the time that stands behind a word among values.
func timeIn(values []string, word string) (time.Time, bool) {
	for _, v := range values {
		if rest, ok := strings.CutPrefix(v, word); ok {
			if at, err := time.Parse(time.RFC3339Nano, rest); err == nil {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

func shownTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
