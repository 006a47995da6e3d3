package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// SenderDomain fails a sender's domain that accepts no mail, so that neither a bounce nor an answer can reach the
// sender. A null MX says so explicitly.
var SenderDomain = helogate.Check{
	Name: "sender-domain", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.1.8",
	Doc: "the sender's domain has an MX or address record, and no null MX (RFC 5321 sections 3.6.2, 5.1; RFC 7505)",
	Fix: "use a sender address in a domain of your own that accepts mail",
	Run: func(c *helogate.Case) helogate.Finding {
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		mx := c.Values(helogate.MX, domain)
		if slices.Contains(mx, "0 .") {
			return c.Fail("the sender's domain %s accepts no mail (null MX)", printed(domain)).As("5.7.27")
		}
		if c.Ask(helogate.MX, domain).Status == helogate.TempFail {
			return c.None("a null MX cannot be ruled out") // an address proves nothing then
		}
		first, second := c.AddressKinds()
		if c.Exists(domain, helogate.MX, first, second) {
			return c.Pass("%s accepts mail", printed(domain))
		}
		if c.Ask(helogate.MX, domain).Status == helogate.NXDomain {
			return c.Fail("the sender's domain %s", missing(c, helogate.MX, domain))
		}
		return c.Fail("the sender's domain %s has no MX, A or AAAA record", printed(domain))
	},
}
