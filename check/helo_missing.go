package check

import (
	"strings"

	"github.com/helogate/helogate"
)

// HeloMissing fails a client that sends MAIL without HELO or EHLO before it (RFC 5321 section 4.1.4).
var HeloMissing = helogate.Check{
	Name: "helo-missing", Needs: helogate.Mail, Cost: helogate.Local, Code: "5.5.1",
	Doc: "a HELO or EHLO with an argument came before MAIL (RFC 5321 sections 4.1.1.1, 4.1.4)",
	Fix: "send EHLO with your server's public host name first",
	Run: func(c *helogate.Case) helogate.Finding {
		if strings.TrimSpace(c.Helo) == "" {
			return c.Fail("%s sent no HELO or EHLO name", c.ClientText())
		}
		return c.Pass("HELO has a name")
	},
}
