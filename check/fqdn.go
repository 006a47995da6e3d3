package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// FQDN fails a name of one label, such as desktops have.
var FQDN = helogate.Check{
	Name: "fqdn", Needs: helogate.Helo, Cost: helogate.Local, Code: "5.5.2", AtHelo: 504,
	Doc: "HELO is a fully qualified name, with more than one label (RFC 5321 sections 2.3.5, 4.1.1.1)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); h.Form {
		case hostname.SingleLabel:
			return c.Fail("HELO %s is not a fully qualified host name", helo(c))
		case hostname.FQDN, hostname.Private:
			return c.Pass("fully qualified")
		}
		return c.None("HELO has no name to judge")
	},
}
