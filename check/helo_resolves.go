package check

import "github.com/helogate/helogate"

// HeloResolves fails a HELO name without records in DNS: a random string, or a domain that is not registered.
var HeloResolves = helogate.Check{
	Name: "helo-resolves", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "HELO has an A, AAAA or MX record (RFC 5321 section 2.3.5)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloName(c)
		if !ok {
			return none
		}
		first, second := c.AddressKinds()
		if c.Exists(name, first, second, helogate.MX) {
			return c.Pass("%s exists", printed(name))
		}
		if c.Ask(first, name).Status == helogate.NXDomain {
			return c.Fail("HELO name %s", missing(c, first, name))
		}
		return c.Fail("HELO name %s has no A, AAAA or MX record", helo(c))
	},
}
