package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// ClientMX fails a client that is an MX host of its HELO name's domain by an alias (RFC 2181 section 10.3) or by a name
// with a private address, which no other server can reach. Not every host that sends mail is an MX host: others are not
// judged.
var ClientMX = helogate.Check{
	Name: "client-mx", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Fail,
	Doc: "if the client is an MX host of its HELO name's domain, the name in the MX record is no alias and has no private address (RFC 2181 section 10.3)",
	Fix: "point the MX record of the HELO name's domain to a host name that is no alias and has only public addresses",
	Run: func(c *helogate.Case) helogate.Finding {
		_, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		org := parsed.Of(c).HeloOrg()
		if org == "" {
			return c.None("the HELO name is in no registered domain")
		}
		mx := ""
		for host := range c.MX(org) {
			if !c.ResolvesBack(host) {
				continue
			}
			mx = host
			if of, is := isAlias(c, host); is {
				return c.Fail("%s is an MX host of %s as %s, which is an alias of %s", c.ClientText(), org, printed(host), printed(of))
			}
			for a := range c.AnyAddrs(host) {
				if hostname.IsPrivate(a) {
					return c.Fail("%s is an MX host of %s as %s, which has the private address %s", c.ClientText(), org, printed(host), a)
				}
			}
		}
		if mx == "" {
			return c.None("%s is no MX host of %s", c.ClientText(), org)
		}
		return c.Pass("%s is %s, an MX host of %s", c.ClientText(), printed(mx), org)
	},
}
