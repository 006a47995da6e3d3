package check

import "github.com/helogate/helogate"

// Hammering is for a client that was rejected so often lately that nothing new is to be learnt of it: it is answered by
// what is remembered alone. Nobody hammers unless somebody counts.
func Hammering(asked bool) helogate.Check {
	return helogate.Check{
		Name: "hammering", Needs: helogate.Connect, Cost: helogate.Local, FailOpen: true, Conclusive: helogate.Fail, Code: "5.7.1",
		Doc: "the client was not rejected again and again in the last minutes",
		Fix: "stop trying: nothing has changed since the first rejection",
		Run: func(c *helogate.Case) helogate.Finding {
			if !asked {
				return c.None("nobody counts rejections")
			}
			if n := c.Values(helogate.Hammering, c.ClientText()); len(n) > 0 {
				return c.Fail("%s had %s", c.ClientText(), clip(n[0]))
			}
			return c.None("not rejected too often")
		},
	}
}
