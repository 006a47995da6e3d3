package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// HeloMatches is the exact match: the name is the client's. RFC 5321 section 4.1.4 forbids refusing mail only because it
// is not, and the pools of the largest senders are not; so no preset rejects by it. But who passes is whom he says.
var HeloMatches = helogate.Check{
	Name: "helo-matches", Needs: helogate.Helo, Cost: helogate.Lookup,
	Doc: "HELO resolves to the client's address; its /24 or /64 is neutral, and so is a generic name (RFC 5321 section 4.1.4)",
	Fix: "let your host's name resolve to its address",
	Run: func(c *helogate.Case) helogate.Finding {
		name, none, ok := heloAndClient(c)
		if !ok {
			return none
		}
		if c.ResolvesBack(name) {
			if h := parsed.Of(c); h.Form == hostname.FQDN && h.Class(name) != hostname.Custom {
				return c.Neutral("%s is %s, but a generic name: %s", clip(name), c.ClientText(), parsed.Why(c, helogate.Neutral, name))
			}
			return c.Pass("%s is %s", clip(name), c.ClientText())
		}
		switch {
		case !hasAddrs(c, name):
			return c.None("%s has no address of the client's kind", clip(name)) // helo-resolves judges that
		case isNear(c, name):
			return c.Neutral("%s is %s, in the client's network", clip(name), addrsOf(c, helogate.Neutral, name))
		}
		return c.Fail("HELO %s is %s, not %s", said(c), addrsOf(c, helogate.Fail, name), c.ClientText())
	},
}
