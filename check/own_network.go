package check

import "github.com/helogate/helogate"

// OwnNetwork passes local clients: those in Own.Networks, on this host, and at a local address.
func OwnNetwork(own Own) helogate.Check {
	return helogate.Check{
		Name: "own-network", Needs: helogate.Connect, Cost: helogate.Local,
		Doc: "the client is in a local network, on this host, or at a local address",
		Run: func(c *helogate.Case) helogate.Finding {
			if own.hasClient(c) {
				return c.Pass("%s is local", c.ClientText())
			}
			return c.None("not local")
		},
	}
}
