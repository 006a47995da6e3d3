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

// Greylisting has the settings of the greylist. The zero value greylists no client.
type Greylisting struct {
	On        bool          // whether an Asker answers questions of the kind helogate.Greylisted
	Delay     time.Duration // how long after the first attempt a retry is accepted
	Sender    Part          // the part of the sender by which two attempts differ
	Recipient Part          // the part of the recipient by which they differ
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

// Greylist defers the first attempt of a client and passes its retry (RFC 6647): most bots do not retry. It is
// evaluated only for a client that the policy greylists.
//
// The retry can come from another host of a large sender. So the greylist knows the client by the organisational domain
// of its forward-confirmed PTR name, or by a domain whose SPF record permits it. An auto-generated PTR name does not
// count, else one retry would let a whole pool of hijacked desktops pass. A client with neither is known by its /24 or
// /64.
//
// Without g.On, a verdict of greylist is for the caller to carry out.
func Greylist(g Greylisting) helogate.Check {
	phase := helogate.OnGreylist
	if !g.On {
		phase = helogate.Main
	}
	refs := refs(g.Exempt, (*Exemption).Ref)
	return helogate.Check{
		Name: "greylist", Needs: helogate.Rcpt, Cost: helogate.Probe, Phase: phase, FailOpen: true, Code: "5.7.1",
		Doc: "a client that is greylisted has retried after the delay (RFC 6647); with `greylist` as the action of fail, every client is greylisted",
		Run: func(c *helogate.Case) helogate.Finding {
			if !g.On {
				return c.None("greylisting is off")
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
	answer := c.Values(helogate.Greylisted, name)
	first, begun := timeIn(answer, "first ")
	if passed, ok := timeIn(answer, "passed "); ok {
		return c.Pass("%s has retried, and is accepted since %s", printed(client), shownTime(passed))
	}
	if !begun { // no attempt is noted, and this judgement only reads
		return c.Fail("%s is seen for the first time", printed(client)).After(g.Delay)
	}
	if wait := first.Add(g.Delay).Sub(c.Time); wait > 0 {
		wait = min(wait, g.Delay) // the attempt was noted after the judgement began, or by a host whose clock is ahead
		return c.Fail("%s was first seen at %s, and can retry from %s", printed(client), shownTime(first), shownTime(first.Add(g.Delay))).After(wait)
	}
	return c.Pass("%s was first seen at %s, and has retried", printed(client), shownTime(first))
}

// greylistClient returns the name by which the greylist knows the client. A DNS failure is no temperror here: the
// client is then known by its network.
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

// confirmedOrg returns the organisational domain of a forward-confirmed custom PTR name, "" if there is none.
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

// network returns the /24 (IPv4) or /64 (IPv6) of an address.
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

// joined makes one name of parts, which may have any bytes. Different parts give different names.
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

// timeIn returns the time that follows a word in one of the values.
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
