package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HeloRelated passes a HELO name with any relation to the client. Large senders use one HELO name on many hosts, whose
// PTR names, networks or MX hosts are of the same organisation. An auto-generated PTR name relates to no organisation.
var HeloRelated = helogate.Check{
	Name: "helo-related", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "HELO has a relation to the client: its PTR name, its organisation, its network or the MX of the HELO name's domain (compare RFC 5321 section 4.1.4)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if c.ResolvesBack(name) {
			return c.Pass("%s resolves to %s", printed(name), c.ClientText())
		}
		if isNear(c, name) {
			return c.Pass("%s resolves to %s, in the client's network", printed(name), addrsOf(c, helogate.Pass, name))
		}
		org := parsed.Of(c).HeloOrg()
		for ptr := range c.Confirmed() {
			if ptr == name {
				return c.Pass("PTR of %s is %s", c.ClientText(), printed(ptr))
			}
			if org != "" && hostname.Under(ptr, org) && isCustom(c, ptr) {
				return c.Pass("PTR of %s is %s, of the same organisation", c.ClientText(), printed(ptr))
			}
		}
		if org != "" {
			for host := range c.MX(org) {
				if c.ResolvesBack(host) {
					return c.Pass("%s is %s, an MX host of %s", c.ClientText(), printed(host), org)
				}
			}
		}
		return c.Fail("HELO %s has no relation to %s by PTR name, network or MX", helo(c), c.ClientText())
	},
}

// isCustom reports whether a name of the client is a custom one.
func isCustom(c *helogate.Case, name string) bool {
	return parsed.Of(c).Class(name) == hostname.Custom
}
