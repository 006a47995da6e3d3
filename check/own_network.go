package check

import "github.com/helogate/helogate"

// OwnNetwork lets in our own: networks, loopback, our addresses.
func OwnNetwork(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-network", Needs: helogate.Connect, Cost: helogate.Local,
		Doc: "the client is in our networks, on this host, or one of our addresses",
		Run: func(c *helogate.Case) helogate.Finding {
			if own.hasClient(c) {
				return c.Pass("%s is one of ours", c.ClientText())
			}
			return c.None("not one of ours")
		},
	}
}
