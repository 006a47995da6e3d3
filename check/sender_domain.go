package check

import (
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// SenderDomain is for a sender whom nobody can answer: no bounce reaches him, no reply. A null MX says so outright.
var SenderDomain = helogate.Check{
	Name: "sender-domain", Needs: helogate.Mail, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.1.8",
	Doc: "the sender's domain has an MX or an address, and no null MX (RFC 5321 sections 3.6.2, 5.1; RFC 7505)",
	Fix: "send from an address that takes mail",
	Run: func(c *helogate.Case) helogate.Finding {
		domain := parsed.Of(c).SenderDomain()
		if domain == "" {
			return c.None("the sender has no domain")
		}
		mx := c.Values(helogate.MX, domain)
		if slices.Contains(mx, "0 .") {
			return c.Fail("the sender's domain %s takes no mail: null MX", clip(domain)).As("5.7.27")
		}
		if c.Ask(helogate.MX, domain).Status == helogate.TempFail {
			return c.None("a null MX cannot be ruled out") // an address proves nothing then
		}
		first, second := c.AddressKinds()
		if c.Exists(domain, helogate.MX, first, second) {
			return c.Pass("%s takes mail", clip(domain))
		}
		if c.Ask(helogate.MX, domain).Status == helogate.NXDomain {
			return c.Fail("the sender's domain %s", missing(c, helogate.MX, domain))
		}
		return c.Fail("the sender's domain %s has neither an MX nor an address", clip(domain))
	},
}
