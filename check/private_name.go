package check

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// PrivateName fails a name that only the client's own network knows. The client may still be a mail server, such as an
// Exchange server of a bank.
var PrivateName = helogate.Check{
	Name: "private-name", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is not under a private top-level domain, such as .local, .lan, .internal or .home.arpa (RFC 6762 appendix G, RFC 8375)",
	Fix: fixHelo,
	Run: func(c *helogate.Case) helogate.Finding {
		switch h := parsed.Of(c); h.Form {
		case hostname.Private:
			return c.Fail("HELO %s is a private name, which is not in public DNS", helo(c))
		case hostname.FQDN, hostname.SingleLabel:
			return c.Pass("no private name")
		}
		return c.None("HELO has no name to judge")
	},
}
