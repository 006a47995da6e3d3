package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// FCrDNS passes a client with forward-confirmed reverse DNS, iprev of RFC 8601 section 3: one of its PTR names resolves
// to its address. The finding of a fail says of each name whether it resolves to other addresses or does not exist,
// since the remedy differs.
var FCrDNS = helogate.Check{
	Name: "fcrdns", Needs: helogate.Connect, Cost: helogate.Lookup, Conclusive: helogate.Pass, Code: "5.7.25",
	Doc: "a PTR name of the client resolves back to the client (RFC 8601 section 3)",
	Fix: "make the PTR name and its address record match",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		names := c.PTR(c.Client)
		if len(names) == 0 {
			return c.None("%s has no PTR record", c.ClientText()) // rdns judges that
		}
		for _, name := range names {
			if c.ResolvesBack(name) {
				return c.Pass("PTR of %s is %s, which resolves back to it", c.ClientText(), printed(name))
			}
		}
		if len(names) == 1 {
			return c.Fail("PTR of %s is %s, but that name %s", c.ClientText(), printed(names[0]), otherAddrs(c, names[0]))
		}
		more := c.More(helogate.PTR, c.ClientText())
		return c.Fail("no PTR name of %s resolves back to it: %s%s", c.ClientText(), allOtherAddrs(c, names), more)
	},
}

// otherAddrs says for a fail what a PTR name resolves to in place of the client: "resolves to 198.51.100.9".
func otherAddrs(c *helogate.Case, name string) string {
	switch {
	case !c.WantsReason(helogate.Fail):
		return ""
	case hasAddrs(c, name):
		return "resolves to " + addrsOf(c, helogate.Fail, name)
	}
	kind, _ := c.AddressKinds()
	return lacks(c, kind, name)
}

// allOtherAddrs says for a fail what each of several PTR names resolves to in place of the client.
func allOtherAddrs(c *helogate.Case, names []string) string {
	if !c.WantsReason(helogate.Fail) {
		return ""
	}
	why := make([]string, len(names))
	for i, name := range names {
		why[i] = printed(name) + " " + otherAddrs(c, name)
	}
	return strings.Join(why, ", ")
}
