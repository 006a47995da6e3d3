package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// RDNS fails a client whose address has no PTR record. The provider of a mail server sets one on request.
var RDNS = helogate.Check{
	Name: "rdns", Needs: helogate.Connect, Cost: helogate.Lookup, Code: "5.7.25",
	Doc: "the client's address has a PTR record (RFC 1912 section 2.1, RFC 7372 section 3.3)",
	Fix: fixPTR,
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		names := c.PTR(c.Client)
		switch more := c.More(helogate.PTR, c.ClientText()); {
		case len(names) == 0:
			return c.Fail("%s has no PTR record", c.ClientText())
		case len(names) == 1:
			return c.Pass("PTR of %s is %s", c.ClientText(), printed(names[0]))
		default:
			return c.Pass("PTR names of %s are %s%s", c.ClientText(), printed(strings.Join(names, ", ")), more)
		}
	},
}
