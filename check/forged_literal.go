package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// ForgedLiteral fails an address literal that is not the client's address. It compares addresses, not their text.
var ForgedLiteral = helogate.Check{
	Name: "forged-literal", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "an address literal in HELO is the client's address (RFC 5321 sections 4.1.1.1, 4.1.3)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); {
		case h.Form != hostname.Literal:
			return c.None("no address literal")
		case h.Addr != c.Client: // also a literal with an unregistered tag
			return c.Fail("HELO %s is not the client's address %s", helo(c), c.ClientText()).
				WithReply(c, "HELO %s is not your server's address %s", helo(c), c.ClientText())
		}
		return c.Pass("HELO %s is the client's address", helo(c))
	},
}
