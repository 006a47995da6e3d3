package check

import "github.com/helogate/helogate"

// Trusted passes a client that is trusted for a while by other means, such as a login at the POP server. asked says
// whether an Asker keeps such addresses; without one no client is trusted.
func Trusted(asked bool) helogate.Check {
	return helogate.Check{
		Name: "trusted", Needs: helogate.Connect, Cost: helogate.Local, Conclusive: helogate.Pass,
		Doc: "the client's address is trusted for a while, after POP before SMTP and the like",
		Run: func(c *helogate.Case) helogate.Finding {
			if !asked {
				return c.None("no addresses are trusted")
			}
			if why := c.Values(helogate.Trust, c.ClientText()); len(why) > 0 {
				return c.Pass("trusted: %s", printed(why[0]))
			}
			return c.None("not trusted")
		},
	}
}
