package check

import "github.com/helogate/helogate"

// HeloResolves is for a name that DNS knows nothing of: a random string, or a domain that nobody has.
var HeloResolves = helogate.Check{
	Name: "helo-resolves", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "HELO has an address or an MX in DNS (RFC 5321 section 2.3.5)",
	Fix: "greet with a name that resolves",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloName(c)
		if !ok {
			return none
		}
		first, second := c.AddressKinds()
		if c.Exists(name, first, second, helogate.MX) {
			return c.Pass("%s exists", clip(name))
		}
		if c.Ask(first, name).Status == helogate.NXDomain {
			return c.Fail("HELO %s", missing(c, first, name))
		}
		return c.Fail("HELO %s has neither an address nor an MX", said(c))
	},
}
