package check

import (
	"slices"

	"github.com/helogate/helogate"
)

// HeloFCrDNS asks whether the name that the client greets with is the name of a host at all, whichever host that is.
var HeloFCrDNS = helogate.Check{
	Name: "helo-fcrdns", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.7.25",
	Doc: "an address of HELO has HELO as its PTR name",
	Fix: "greet with a name that its address's PTR record leads back to",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if !hasAddrs(c, name) {
			return c.None("%s has no address of the client's kind", clip(name))
		}
		for a := range c.Addrs(name) {
			if slices.Contains(c.Values(helogate.PTR, c.AddrText(a)), name) {
				return c.Pass("%s is %s and the other way round", clip(name), a)
			}
		}
		kind, _ := c.AddressKinds()
		return c.Fail("HELO %s is %s%s, of which none is named so", said(c), addrsOf(c, helogate.Fail, name), c.More(kind, name))
	},
}
