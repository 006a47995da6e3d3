package check

import (
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// OwnName is for a stranger who greets with a name of ours: one under our names, under the recipient's domain, which the
// MTA takes mail for, or one that resolves to an address of ours. It works with nothing configured. A host of ours that
// nobody told us of passes if the name is its own in DNS.
func OwnName(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-name", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass,
		Doc: "HELO is not a name of ours or of the recipient's domain, unless DNS says that it is the client's",
		Fix: "greet with your host's own name",
		Run: func(c *helogate.Case) helogate.Finding {
			name, none, ok := heloName(c)
			if h := parsed.Of(c); h.Form == hostname.Private {
				name = h.Name // ours may be a private name too
				_, ok = own.domainOf(name)
			}
			if !ok {
				return none
			}
			if own.hasClient(c) {
				return c.None("%s is one of ours", c.ClientText())
			}
			if none, is := parsed.Unroutable(c); is {
				return none
			}
			domain, whose := own.owner(c, name)
			if domain == "" {
				return c.None("not a name of ours")
			}
			if c.ResolvesBack(name) {
				return c.Pass("%s is %s", name, c.ClientText())
			}
			if ptr, ok := confirmedBelow(c, domain); ok {
				return c.Pass("%s is %s, in %s too", c.ClientText(), ptr, domain)
			}
			return c.Fail("HELO %s %s, and %s is no host of it", said(c), whose, c.ClientText())
		},
	}
}

// confirmedBelow returns a confirmed name of the client that is domain or below it.
func confirmedBelow(c *helogate.Case, domain string) (ptr string, ok bool) {
	for ptr := range c.Confirmed() {
		if hostname.Under(ptr, domain) {
			return ptr, true
		}
	}
	return "", false
}

// owner returns the domain of ours that a name is in, and how that is known; "" if it is none of ours.
func (o *Own) owner(c *helogate.Case, name string) (domain, whose string) {
	if domain, ok := o.domainOf(name); ok {
		return domain, "is a name of ours, in " + domain
	}
	if domain := parsed.Of(c).RecipientDomain(); hostname.Under(name, domain) {
		return domain, "is in the recipient's domain " + clip(domain)
	}
	if a, is := o.addressOf(c, name); is {
		if domain = parsed.Of(c).HeloOrg(); domain == "" {
			domain = name
		}
		return domain, "resolves to our address " + a.String()
	}
	return "", ""
}

// addressOf returns an address of ours that a name has. A name with addresses of the client's family is not asked about
// those of the other: that is a question for each client, and ours have both or none.
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
