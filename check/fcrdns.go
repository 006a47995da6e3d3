package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// FCrDNS is iprev of RFC 8601 section 3: one of the client's PTR names must have the client's address. A name that has
// only other addresses is forged or stale; one that has none does not exist. Who reads the reply needs to know which.
var FCrDNS = helogate.Check{
	Name: "fcrdns", Needs: helogate.Connect, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.7.25",
	Doc: "a PTR name of the client resolves back to it (RFC 8601 section 3)",
	Fix: "let the name of your address resolve to it",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		names := c.PTR(c.Client)
		if len(names) == 0 {
			return c.None("%s has no name to confirm", c.ClientText()) // rdns judges that
		}
		for _, name := range names {
			if c.ResolvesBack(name) {
				return c.Pass("%s is %s", clip(name), c.ClientText())
			}
		}
		more := c.More(helogate.PTR, c.ClientText())
		return c.Fail("no name of %s leads back to it: %s%s", c.ClientText(), whereNamesLead(c, names), more)
	},
}

// whereNamesLead words for a fail what the client's names have in place of its address.
func whereNamesLead(c *helogate.Case, names []string) string {
	if !c.WantsReason(helogate.Fail) {
		return ""
	}
	why := make([]string, len(names))
	for i, name := range names {
		if hasAddrs(c, name) {
			why[i] = clip(name) + " is " + addrsOf(c, helogate.Fail, name)
		} else {
			kind, _ := c.AddressKinds()
			why[i] = missing(c, kind, name)
		}
	}
	return strings.Join(why, ", ")
}
