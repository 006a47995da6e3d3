package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// Literal fails any address literal. A literal is correct, but it is also the default of software that was never set
// up.
var Literal = helogate.Check{
	Name: "literal", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is a name, not an address literal, which RFC 5321 section 4.1.4 allows only for hosts without a name",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		if h := parsed.Of(c); h.Form == hostname.Literal {
			return c.Fail("HELO %s is an address, not a host name", helo(c))
		}
		return c.Pass("no address literal")
	},
}
