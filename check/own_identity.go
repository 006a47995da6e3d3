package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// OwnIdentity is for a stranger who says that he is we: localhost in any form, or an address of ours, with brackets or
// without. The address that the client connected to is ours, so it works with nothing configured.
func OwnIdentity(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-identity", Needs: helogate.Helo, Cost: helogate.Local,
		Doc: "HELO is not localhost in any form, nor one of our own addresses (RFC 5321 section 4.1.1.1)",
		Fix: "greet with your host's own name",
		Run: func(c *helogate.Case) helogate.Finding {
			if own.hasClient(c) {
				return c.None("%s is one of ours", c.ClientText())
			}
			switch h := parsed.Of(c); {
			case isLocalhost(h.Name):
				return c.Fail("HELO %s is this host's name for itself, not %s's", said(c), c.ClientText())
			case own.hasAddress(c, h.Addr):
				return c.Fail("HELO %s is this host's address, not %s", said(c), c.ClientText())
			}
			return c.Pass("not our name")
		},
	}
}

// isLocalhost knows the names that the hosts files of systems give to the loopback addresses, and RFC 6761 section 6.3.
func isLocalhost(name string) bool {
	first, rest, _ := strings.Cut(name, ".")
	switch first {
	case "localhost", "localhost4", "localhost6":
		switch rest {
		case "", "localdomain", "localdomain4", "localdomain6":
			return true
		}
	}
	return strings.HasSuffix(name, ".localhost")
}
