package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HeloRelated asks for anything that ties the name to the client: large senders greet with one name from many hosts, but
// their hosts' names, networks or mail exchangers are of the same house. A generic PTR ties nobody to anything.
var HeloRelated = helogate.Check{
	Name: "helo-related", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
	Doc: "HELO is the client's name, in its organisation, its network or among its domain's MX hosts (compare RFC 5321 section 4.1.4)",
	Fix: "greet with a name of the host that you send from",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if c.ResolvesBack(name) {
			return c.Pass("%s is %s", clip(name), c.ClientText())
		}
		if isNear(c, name) {
			return c.Pass("%s is %s, in the client's network", clip(name), addrsOf(c, helogate.Pass, name))
		}
		org := parsed.Of(c).HeloOrg()
		for ptr := range c.Confirmed() {
			if ptr == name {
				return c.Pass("%s is named so", c.ClientText())
			}
			if org != "" && hostname.Under(ptr, org) && named(c, ptr) {
				return c.Pass("%s is %s, of the same organisation", c.ClientText(), clip(ptr))
			}
		}
		if org != "" {
			for host := range c.MX(org) {
				if c.ResolvesBack(host) {
					return c.Pass("%s is %s, an MX of %s", c.ClientText(), clip(host), org)
				}
			}
		}
		return c.Fail("nothing relates HELO %s to %s: not its names, not its network, not its domain's MX", said(c), c.ClientText())
	},
}

// named reports whether a name of the client is one that a person gave.
func named(c *helogate.Case, name string) bool {
	return parsed.Of(c).Class(name) == hostname.Custom
}
