package legacy

import (
	"net/netip"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// DMP is the Designated Mailers Protocol, a proposal of 2003 that went into SPF: a domain that takes part says of each
// address whether it may send for it, by a TXT record a client. It asks about the sender's domain; and where that does not
// allow the client, about the host that the client greets as, which may speak for itself (draft-fecyk-dmp-02 section 5). A
// sender without a domain, the null reverse-path above all, has nothing but that host.
var DMP = helogate.Check{
	Name: "dmp", Needs: helogate.Mail, Cost: helogate.Lookup, Code: "5.7.1",
	Doc: "the client is allowed by the DMP records of the sender's domain, or of HELO's host (draft-fecyk-dmp-02)",
	Fix: "send through a host that your domain's DMP records allow",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return dmpOfHost(c, "")
		}
		switch dmpOf(c, domain) {
		case dmpAllows:
			return c.Pass("%s allows %s by DMP", parsed.Cut(domain), c.ClientText())
		case dmpDenies:
			return dmpOfHost(c, parsed.Cut(domain)+" denies "+c.ClientText()+" by DMP")
		case dmpLacks:
			return dmpOfHost(c, parsed.Cut(domain)+" takes part in DMP and does not allow "+c.ClientText())
		}
		return c.None("%s takes no part in DMP", parsed.Cut(domain))
	},
}

// dmpOfHost is what remains when the sender's domain does not allow the client, and so says why; or when there is no such
// domain, and why is empty.
func dmpOfHost(c *helogate.Case, why string) helogate.Finding {
	g := parsed.Of(c)
	said := dmpAbsent
	if g.Form == hostname.FQDN {
		said = dmpOf(c, g.Name)
	}
	switch {
	case said == dmpAllows:
		return c.Pass("HELO %s allows %s by DMP", parsed.Cut(g.Name), c.ClientText())
	case said == dmpDenies:
		return c.Fail("HELO %s denies %s by DMP", parsed.Cut(g.Name), c.ClientText())
	case said == dmpLacks:
		return c.Fail("HELO %s takes part in DMP and does not allow %s", parsed.Cut(g.Name), c.ClientText())
	case why != "":
		return c.Fail("%s", why)
	}
	return c.None("neither a sender's domain nor HELO takes part in DMP")
}

// What a domain says of the client.
const (
	dmpAbsent = iota // it takes no part
	dmpLacks         // it takes part, and says nothing of the client
	dmpAllows
	dmpDenies
)

// dmpOf asks a domain about the client. Two records that contradict each other say nothing.
func dmpOf(c *helogate.Case, domain string) int {
	allows, denies := false, false
	for _, v := range c.Values(helogate.TXT, dmpOwner(c.Client)+domain) {
		allows = allows || strings.EqualFold(v, "dmp=allow")
		denies = denies || strings.EqualFold(v, "dmp=deny")
	}
	switch {
	case allows && !denies:
		return dmpAllows
	case denies && !allows:
		return dmpDenies
	}
	for _, v := range c.Values(helogate.TXT, "_smtp-client."+domain) {
		if len(v) >= 4 && strings.EqualFold(v[:4], "dmp=") {
			return dmpLacks
		}
	}
	return dmpAbsent
}

// dmpOwner is what stands before the domain in the name of a client's record.
func dmpOwner(a netip.Addr) string {
	if a.Is4() {
		return parsed.Reversed(a) + ".in-addr._smtp-client."
	}
	return parsed.Reversed(a) + ".ip6._smtp-client."
}
