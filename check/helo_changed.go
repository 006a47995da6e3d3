package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// HeloChanged is for a client that changes its mind about who it is. The same greeting again is what STARTTLS asks for
// (RFC 3207 section 4.2).
var HeloChanged = helogate.Check{
	Name: "helo-changed", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is the name that was given earlier in the connection, and no HELO after EHLO (RFC 5321 section 4.1.4)",
	Fix: "greet with one name, your host's own",
	Run: func(c *helogate.Case) helogate.Finding {
		for _, greeting := range c.Earlier {
			verb, name, _ := strings.Cut(greeting, " ")
			if hostname.Canonical(name) != hostname.Canonical(c.Helo) {
				return c.Fail("HELO %s after %s %s in the same connection", said(c), verb, clip(name))
			}
			if verb == "EHLO" && c.Verb == "HELO" {
				return c.Fail("HELO %s after EHLO", said(c))
			}
		}
		if len(c.Earlier) == 0 {
			return c.None("the first greeting of the connection")
		}
		return c.Pass("as before")
	},
}
