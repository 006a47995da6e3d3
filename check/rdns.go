package check

import (
	"fmt"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// RDNS is for a client whose address has no name. Who runs a mail server can have one, and its provider gives it.
var RDNS = helogate.Check{
	Name: "rdns", Needs: helogate.Connect, Cost: helogate.Lookup, Code: "5.7.25",
	Doc: "the client's address has a name in reverse DNS: a PTR (RFC 1912 section 2.1, RFC 7372 section 3.3)",
	Fix: "give your address a PTR record",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		names := c.PTR(c.Client)
		switch more := c.More(helogate.PTR, c.ClientText()); {
		case len(names) == 0:
			return c.Fail("%s has no name in reverse DNS", c.ClientText())
		case len(names) == 1:
			return c.Pass("%s is named %s", c.ClientText(), clip(names[0]))
		default:
			return c.Pass("%s is named %s%s", c.ClientText(), clip(fmt.Sprint(names)), more)
		}
	},
}
