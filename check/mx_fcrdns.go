package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// MXFCrDNS is for a sender's domain none of whose mail hosts has forward-confirmed reverse DNS: real mail servers have it,
// those that take mail too.
var MXFCrDNS = helogate.Check{
	Name: "mx-fcrdns", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "an address of a mail host of the sender's domain has a PTR name that leads back to it (RFC 8601 section 3)",
	Fix: "give your mail hosts' addresses PTR records that lead back to them",
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
						return c.Pass("%s is %s, named %s", clip(host), a, clip(name))
					}
				}
			}
			hosts = true
		}
		if !hosts {
			return c.None("%s has no mail host", clip(domain))
		}
		return c.Fail("no address of the mail hosts of %s has a name that leads back to it:%s%s",
			clip(domain), mailHostsOf(c, helogate.Fail, domain), c.More(helogate.MX, domain))
	},
}

// mailHostsOf words the mail hosts of a domain, for a finding of an outcome.
func mailHostsOf(c *helogate.Case, o helogate.Outcome, domain string) string {
	if !c.WantsReason(o) {
		return ""
	}
	hosts := ""
	for host := range parsed.MailHosts(c, domain) {
		hosts += " " + host
	}
	return clip(hosts)
}
