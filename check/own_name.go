package check

import (
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// OwnName fails a client that is not local but uses a local name as its HELO name. Local names are those in Own.Names, those
// in the recipient's domain, since the MTA accepts mail for it, and those that resolve to a local address. So the check needs
// no settings. A local host that is not configured passes if DNS says that the name is its own.
func OwnName(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-name", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
		Doc: "HELO is not a local name, nor in the recipient's domain, unless DNS says that it is the client's name",
		Fix: fixHelo,
		Run: func(c *helogate.Case) helogate.Finding {
			name, none, ok := heloName(c)
			if h := parsed.Of(c); h.Form == hostname.Private {
				name = h.Name // a local name can be a private one
				_, ok = own.domainOf(name)
			}
			if !ok {
				return none
			}
			if own.hasClient(c) {
				return c.None("%s is local", c.ClientText())
			}
			if none, is := parsed.Unroutable(c); is {
				return none
			}
			domain, why := own.owner(c, name)
			if domain == "" {
				return c.None("HELO is no local name")
			}
			if c.ResolvesBack(name) {
				return c.Pass("%s resolves to %s", name, c.ClientText())
			}
			if ptr, ok := confirmedBelow(c, domain); ok {
				return c.Pass("PTR of %s is %s, also in %s", c.ClientText(), ptr, domain)
			}
			return c.Fail("HELO %s %s, but %s does not belong there", said(c), why, c.ClientText()).
				WithReply(c, "HELO %s is a name of %s, to which your server %s does not belong", said(c), domain, c.ClientText())
		},
	}
}

// confirmedBelow returns a forward-confirmed PTR name of the client that is domain or below it.
func confirmedBelow(c *helogate.Case, domain string) (ptr string, ok bool) {
	for ptr := range c.Confirmed() {
		if hostname.Under(ptr, domain) {
			return ptr, true
		}
	}
	return "", false
}

// owner returns the local domain that a name is in, and why it is local; "" if the name is not local.
func (o *Own) owner(c *helogate.Case, name string) (domain, why string) {
	if domain, ok := o.domainOf(name); ok {
		return domain, "is a local name, in " + domain
	}
	if domain := parsed.Of(c).RecipientDomain(); hostname.Under(name, domain) {
		return domain, "is in the recipient's domain " + clip(domain)
	}
	if a, is := o.addressOf(c, name); is {
		if domain = parsed.Of(c).HeloOrg(); domain == "" {
			domain = name
		}
		return domain, "resolves to the local address " + a.String()
	}
	return "", ""
}

// addressOf returns a local address that a name has. If the name has addresses of the client's family, those of the other
// family are not asked for: that saves a question for each client, and local hosts have both or none.
func (o *Own) addressOf(c *helogate.Case, name string) (netip.Addr, bool) {
	for a := range c.Addrs(name) {
		if o.hasAddress(c, a) {
			return a, true
		}
	}
	if hasAddrs(c, name) {
		return netip.Addr{}, false
	}
	for a := range c.AnyAddrs(name) {
		if o.hasAddress(c, a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}
