package check

import "github.com/helogate/helogate"

// Submission passes a client that connects to a port for mail programs, whose HELO name says nothing.
var Submission = helogate.Check{
	Name: "submission", Needs: helogate.Connect, Cost: helogate.Local,
	Doc: "the client connected to a submission port, 587 or 465, where HELO says nothing (RFC 6409, RFC 8314)",
	Run: func(c *helogate.Case) helogate.Finding {
		if p := c.Server.Port(); p == 587 || p == 465 {
			return c.Pass("connected to the submission port %d", int(p))
		}
		return c.None("no submission port")
	},
}
