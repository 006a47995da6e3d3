package check

import "github.com/helogate/helogate"

// Authenticated passes a client that has logged in or has shown a client certificate that the MTA verified. It is a
// person's mail program, and rules for mail servers do not apply to it.
var Authenticated = helogate.Check{
	Name: "authenticated", Needs: helogate.Connect, Cost: helogate.Local,
	Doc: "the client has authenticated, by login or by a verified certificate (RFC 4954)",
	Run: func(c *helogate.Case) helogate.Finding {
		if c.Auth != "" {
			return c.Pass("authenticated as %s", printed(c.Auth))
		}
		return c.None("not authenticated")
	},
}
