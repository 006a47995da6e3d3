package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// Literal is for an address literal at all. It is correct; it is also what software says that was never set up.
var Literal = helogate.Check{
	Name: "literal", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is a name, not an address literal, which RFC 5321 section 4.1.4 allows only to hosts without a name",
	Fix: "greet with your host's own name",
	Run: func(c *helogate.Case) helogate.Finding {
		if h := parsed.Of(c); h.Form == hostname.Literal {
			return c.Fail("HELO %s is an address, not a name", said(c))
		}
		return c.Pass("no literal")
	},
}
