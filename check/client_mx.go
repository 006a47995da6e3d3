package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// ClientMX is for a client that takes mail for the domain that it greets with. Not every host that sends takes mail; but
// one that does is no alias (RFC 2181 section 10.3) and has public addresses, or nobody could answer it.
var ClientMX = helogate.Check{
	Name: "client-mx", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Fail,
	Doc: "a client that is an MX of its HELO's domain is so by a name that is no alias and has no private address (RFC 2181 section 10.3)",
	Fix: "let your domain's MX name a host with public addresses alone",
	Run: func(c *helogate.Case) helogate.Finding {
		_, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		org := parsed.Of(c).HeloOrg()
		if org == "" {
			return c.None("no organisation's name")
		}
		mx := ""
		for host := range c.MX(org) {
			if !c.ResolvesBack(host) {
				continue
			}
			mx = host
			if of, is := isAlias(c, host); is {
				return c.Fail("the client's MX name %s is an alias of %s", clip(host), clip(of))
			}
			for a := range c.AnyAddrs(host) {
				if hostname.IsPrivate(a) {
					return c.Fail("the client's MX name %s has the private address %s", clip(host), a)
				}
			}
		}
		if mx == "" {
			return c.None("%s is no MX of %s", c.ClientText(), org)
		}
		return c.Pass("%s is %s, an MX of %s", c.ClientText(), clip(mx), org)
	},
}
