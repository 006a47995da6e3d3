package check

import (
	"slices"

	"github.com/helogate/helogate"
)

// HeloFCrDNS passes a HELO name with an address whose PTR record has that name: the name of a host, whichever host that
// is.
var HeloFCrDNS = helogate.Check{
	Name: "helo-fcrdns", Needs: helogate.Helo, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.7.25",
	Doc: "an address of the HELO name has the HELO name in its PTR record",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if !hasAddrs(c, name) {
			return c.None("%s has no address of the client's family", printed(name))
		}
		for a := range c.Addrs(name) {
			if slices.Contains(c.Values(helogate.PTR, c.AddrText(a)), name) {
				return c.Pass("%s resolves to %s, whose PTR is %s", printed(name), a, printed(name))
			}
		}
		kind, _ := c.AddressKinds()
		return c.Fail("HELO %s resolves to %s%s, whose PTR is not %s", helo(c), addrsOf(c, helogate.Fail, name), c.More(kind, name), helo(c))
	},
}
