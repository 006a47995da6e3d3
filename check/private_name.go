package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// PrivateName is for a name that means something in the client's own network alone. Behind it may be a bank's Exchange.
var PrivateName = helogate.Check{
	Name: "private-name", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is not under a private top level: .local, .lan, .internal, .home.arpa and such (RFC 6762 appendix G, RFC 8375)",
	Fix: "greet with a name that public DNS knows",
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); h.Form {
		case hostname.Private:
			return c.Fail("HELO %s is a private name: nobody outside its network can look it up", said(c))
		case hostname.FQDN, hostname.SingleLabel:
			return c.Pass("no private name")
		}
		return c.None("there is no name to judge")
	},
}
