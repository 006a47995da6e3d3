package legacy

import (
	"net/netip"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// DMP is the Designated Mailers Protocol (draft-fecyk-dmp-02), a proposal of 2003 that became part of SPF. A
// participating domain has a TXT record for each address, which says whether the address may send for the domain. The
// check asks the sender's domain; if this does not allow the client, it asks the HELO name, which may allow the
// client itself (section 5). For a sender without a domain, above all the null sender, it asks the HELO name only.
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

// dmpOfHost asks the HELO name where the sender's domain does not allow the client, and why says so; or where there
// is no such domain, and why is "".
func dmpOfHost(c *helogate.Case, why string) helogate.Finding {
	g := parsed.Of(c)
	answer := dmpAbsent
	if g.Form == hostname.FQDN {
		answer = dmpOf(c, g.Name)
	}
	switch {
	case answer == dmpAllows:
		return c.Pass("HELO %s allows %s by DMP", parsed.Cut(g.Name), c.ClientText())
	case answer == dmpDenies:
		return c.Fail("HELO %s denies %s by DMP", parsed.Cut(g.Name), c.ClientText())
	case answer == dmpLacks:
		return c.Fail("HELO %s takes part in DMP and does not allow %s", parsed.Cut(g.Name), c.ClientText())
	case why != "":
		return c.Fail("%s", why)
	}
	return c.None("neither a sender's domain nor HELO takes part in DMP")
}

// The answers of a domain about the client.
const (
	dmpAbsent = iota // the domain does not participate
	dmpLacks         // it participates, and has no record for the client
	dmpAllows
	dmpDenies
)

// dmpOf asks a domain about the client. Two contradictory records count as none.
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

// dmpOwner returns the part of a record's name before the domain.
func dmpOwner(a netip.Addr) string {
	if a.Is4() {
		return parsed.Reversed(a) + ".in-addr._smtp-client."
	}
	return parsed.Reversed(a) + ".ip6._smtp-client."
}
