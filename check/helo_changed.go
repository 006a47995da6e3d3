package check

import (
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// HeloChanged fails a client that changes its HELO name within a connection. The same name again is correct: STARTTLS
// asks for it (RFC 3207 section 4.2).
var HeloChanged = helogate.Check{
	Name: "helo-changed", Needs: helogate.Helo, Cost: helogate.Local,
	Doc: "HELO is the same as earlier in the connection, and no HELO follows an EHLO (RFC 5321 section 4.1.4)",
	Fix: "use one HELO name throughout a connection, and no HELO after EHLO",
	Run: func(c *helogate.Case) helogate.Finding {
		for _, earlier := range c.Earlier {
			verb, name, _ := strings.Cut(earlier, " ")
			if hostname.Canonical(name) != hostname.Canonical(c.Helo) {
				return c.Fail("HELO %s after %s %s in the same connection", helo(c), verb, printed(name))
			}
			if verb == "EHLO" && c.Verb == "HELO" {
				return c.Fail("HELO %s after EHLO", helo(c))
			}
		}
		if len(c.Earlier) == 0 {
			return c.None("the first HELO of the connection")
		}
		return c.Pass("the same HELO name as before")
	},
}
