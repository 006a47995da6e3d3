package check

import (
	"strings"

	"github.com/helogate/helogate"
)

// HeloMissing is for a client that comes to MAIL without having said who it is (RFC 5321 section 4.1.4).
var HeloMissing = helogate.Check{
	Name: "helo-missing", Needs: helogate.Mail, Cost: helogate.Local, Code: "5.5.1",
	Doc: "a HELO or EHLO with an argument came before MAIL (RFC 5321 sections 4.1.1.1, 4.1.4)",
	Fix: "say EHLO with your host's own name first",
	Run: func(c *helogate.Case) helogate.Finding {
		if strings.TrimSpace(c.Helo) == "" {
			return c.Fail("%s said no HELO or EHLO name", c.ClientText())
		}
		return c.Pass("greeted")
	},
}
