package check

import "github.com/helogate/helogate"

// Trusted lets in who has proved itself lately by other means: a login at the POP server of the same house, say. Nobody is
// trusted unless somebody answers for it.
func Trusted(asked bool) helogate.Check {
	return helogate.Check{
		Name: "trusted", Needs: helogate.Connect, Cost: helogate.Local, Conclusive: helogate.Pass,
		Doc: "the client's address is trusted for a while, after POP before SMTP and the like",
		Run: func(c *helogate.Case) helogate.Finding {
			if !asked {
				return c.None("nobody is trusted")
			}
			if why := c.Values(helogate.Trust, c.ClientText()); len(why) > 0 {
				return c.Pass("trusted: %s", clip(why[0]))
			}
			return c.None("not trusted")
		},
	}
}
