package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// ForgedLiteral is for an address literal that is not the client's own address, compared as an address and not as text.
var ForgedLiteral = helogate.Check{
	Name: "forged-literal", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "an address literal in HELO is the client's own address (RFC 5321 sections 4.1.1.1, 4.1.3)",
	Fix: "greet with your host's own name",
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); {
		case h.Form != hostname.Literal:
			return c.None("no address literal")
		case h.Addr != c.Client: // nor is one with a tag that nobody has registered
			return c.Fail("HELO %s is not your address %s", said(c), c.ClientText())
		}
		return c.Pass("HELO %s is the client's address", said(c))
	},
}
