package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
)

// OwnIdentity fails a client that is not local but uses a local identity as its HELO: localhost in any form, or a local
// address with or without brackets. The address that the client connected to is local, so the check needs no settings.
func OwnIdentity(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-identity", Needs: helogate.Helo, Cost: helogate.Local,
		Doc: "HELO is not localhost in any form, nor a local address, unless the client is local (RFC 5321 section 4.1.1.1)",
		Fix: fixHelo,
		Run: func(c *helogate.Case) helogate.Finding {
			if own.hasClient(c) {
				return c.None("%s is local", c.ClientText())
			}
			switch h := parsed.Of(c); {
			case isLocalhost(h.Name):
				return c.Fail("HELO %s is a name of this server itself, but the client is %s", helo(c), c.ClientText()).
					WithReply(c, "HELO %s is not a valid name for your server %s", helo(c), c.ClientText())
			case own.hasAddress(c, h.Addr):
				return c.Fail("HELO %s is an address of this server, but the client is %s", helo(c), c.ClientText()).
					WithReply(c, "HELO %s is an address of the receiving server, not of your server %s", helo(c), c.ClientText())
			}
			return c.Pass("HELO is no local identity")
		},
	}
}

// isLocalhost reports whether a name is one of localhost: the names that the hosts files of systems give to the
// loopback addresses, and RFC 6761 section 6.3.
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
