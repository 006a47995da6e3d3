package check

import "github.com/helogate/helogate"

// Hammering fails a client that was rejected so often lately that another judgement is not worth its lookups. asked
// says whether an Asker counts rejections; without one the check finds nothing.
func Hammering(asked bool) helogate.Check {
	return helogate.Check{
		Name: "hammering", Needs: helogate.Connect, Cost: helogate.Local, FailOpen: true, Conclusive: helogate.Fail, Code: "5.7.1",
		Doc: "the client was not rejected too often in the last minutes",
		Fix: "fix what the earlier rejections name, and wait before you retry",
		Run: func(c *helogate.Case) helogate.Finding {
			if !asked {
				return c.None("rejections are not counted")
			}
			if n := c.Values(helogate.Hammering, c.ClientText()); len(n) > 0 {
				return c.Fail("%s had %s", c.ClientText(), printed(n[0]))
			}
			return c.None("not rejected too often")
		},
	}
}
