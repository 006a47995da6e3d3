package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HeloMatches passes a HELO name that resolves to the client. RFC 5321 section 4.1.4 forbids refusing mail only because
// the name does not, and the pools of the largest senders fail; so no preset rejects by it. A pass speaks for the
// client.
var HeloMatches = helogate.Check{
	Name: "helo-matches", Needs: helogate.Helo, Cost: helogate.Lookup,
	Doc: "HELO resolves to the client; an address in its /24 or /64 is neutral, and so is an auto-generated name (RFC 5321 section 4.1.4)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if c.ResolvesBack(name) {
			if h := parsed.Of(c); h.Form == hostname.FQDN && h.Class(name) != hostname.Custom {
				return c.Neutral("%s resolves to %s, but looks auto-generated: %s", printed(name), c.ClientText(), parsed.Why(c, helogate.Neutral, name))
			}
			return c.Pass("%s resolves to %s", printed(name), c.ClientText())
		}
		switch {
		case !hasAddrs(c, name):
			return c.None("%s has no address of the client's family", printed(name)) // helo-resolves judges that
		case isNear(c, name):
			return c.Neutral("%s resolves to %s, in the client's network", printed(name), addrsOf(c, helogate.Neutral, name))
		}
		return c.Fail("HELO %s resolves to %s, not to %s", helo(c), addrsOf(c, helogate.Fail, name), c.ClientText())
	},
}
