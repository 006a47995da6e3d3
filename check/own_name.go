package check

import (
	"cmp"
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// OwnName fails a client that is not local but uses a local name as its HELO name. Local names are those in Own.Names,
// those in the recipient's domain, since the MTA accepts mail for it, and those that resolve to a local address. So the
// check needs no settings. A local host that is not configured passes if DNS says that the name is its own.
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
			local := own.owner(c, name)
			if local.domain == "" {
				return c.None("HELO is no local name")
			}
			if c.ResolvesBack(name) {
				return c.Pass("%s resolves to %s", name, c.ClientText())
			}
			if ptr, ok := confirmedBelow(c, local.domain); ok {
				return c.Pass("PTR of %s is %s, also in %s", c.ClientText(), ptr, local.domain)
			}
			if local.addr.IsValid() {
				return c.Fail("HELO %s resolves to the local address %s, not to %s", helo(c), local.addr, c.ClientText()).
					WithReply(c, "HELO %s resolves to %s, an address of the receiving server, not to your server %s",
						helo(c), local.addr, c.ClientText())
			}
			return c.Fail("HELO %s is %s, but %s does not belong to %s", helo(c), local.how, c.ClientText(), printed(local.domain)).
				WithReply(c, "HELO %s is %s, but your server %s does not belong to it", helo(c), local.reply, c.ClientText())
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

// ownership is why a HELO name is local: by its domain or by its address.
type ownership struct {
	domain string     // "" if the name is not local
	how    string     // what the name is, in the finding; "" if addr is why
	reply  string     // the same in the reply
	addr   netip.Addr // the local address that the name resolves to, if that is why
}

// owner returns why a name is local.
func (o *Own) owner(c *helogate.Case, name string) ownership {
	if domain, ok := o.domainOf(name); ok {
		return ownership{domain: domain, how: "a local name", reply: "a name of the receiving site"}
	}
	if domain := parsed.Of(c).RecipientDomain(); hostname.Under(name, domain) {
		return ownership{domain: domain, how: "in the recipient's domain", reply: "in the recipient's domain"}
	}
	if a, is := o.addressOf(c, name); is {
		return ownership{domain: cmp.Or(parsed.Of(c).HeloOrg(), name), addr: a}
	}
	return ownership{}
}

// addressOf returns a local address that a name resolves to. It asks for addresses of the client's family (IPv4 or
// IPv6), and for those of the other family only if there are none. That saves a question a client. It suffices because
// a name of this server has a local address in each family in which it has addresses.
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
