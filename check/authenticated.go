package check

import "github.com/helogate/helogate"

// Authenticated lets in whom the MTA knows: a login, or a verified client certificate. Such a client is a person's
// program, and judged by no rule for mail servers.
var Authenticated = helogate.Check{
	Name: "authenticated", Needs: helogate.Connect, Cost: helogate.Local,
	Doc: "the client has authenticated, by login or by a verified certificate (RFC 4954)",
	Run: func(c *helogate.Case) helogate.Finding {
		if c.Auth != "" {
			return c.Pass("authenticated as %s", clip(c.Auth))
		}
		return c.None("not authenticated")
	},
}
