package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// MXFCrDNS fails a sender's domain if none of its mail hosts has forward-confirmed reverse DNS. Mail servers have it,
// those that only receive mail, too.
var MXFCrDNS = helogate.Check{
	Name: "mx-fcrdns", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "an address of a mail host of the sender's domain has a PTR name that resolves back to it (RFC 8601 section 3)",
	Fix: "give a mail host of the sender's domain a PTR record that resolves back to its address",
	Run: func(c *helogate.Case) helogate.Finding {
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		hosts := false
		for host := range parsed.MailHosts(c, domain) {
			for a := range c.AnyAddrs(host) {
				for _, name := range c.PTR(a) {
					if c.Confirms(name, a) {
						return c.Pass("%s resolves to %s, whose PTR is %s", printed(host), a, printed(name))
					}
				}
			}
			hosts = true
		}
		if !hosts {
			return c.None("%s has no mail host", printed(domain))
		}
		return c.Fail("no mail host of the sender's domain %s has a PTR name that resolves back to it:%s%s",
			printed(domain), mailHostsOf(c, helogate.Fail, domain), c.More(helogate.MX, domain))
	},
}

// mailHostsOf lists the mail hosts of a domain, for a finding with outcome o.
func mailHostsOf(c *helogate.Case, o helogate.Outcome, domain string) string {
	if !c.WantsReason(o) {
		return ""
	}
	hosts := ""
	for host := range parsed.MailHosts(c, domain) {
		hosts += " " + host
	}
	return printed(hosts)
}
