package check

import (
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Patience ends deferrals: a client that is deferred for nothing but failures of DNS is so for a limited time, counted by its
// small network and its HELO name. A sender's queue gives up after days, and its DNS may be broken for as long; or it
// is our own resolver that fails, which is nobody else's fault. Zero, or that nobody answers, is no end.
func Patience(asked bool, limit time.Duration) helogate.Check {
	turn := helogate.OnDefer
	if !asked || limit <= 0 {
		turn = helogate.Main
	}
	return helogate.Check{
		Name: "patience", Needs: helogate.Mail, Cost: helogate.Probe, Phase: turn, FailOpen: true, Code: "5.7.1",
		Doc: "a client that is to be deferred for failures of DNS alone has been so for long enough, or our own resolver fails: these are notes then",
		Run: func(c *helogate.Case) helogate.Finding {
			if turn == helogate.Main {
				return c.None("there is no end to deferrals")
			}
			helo := hostname.Canonical(c.Helo)
			said := c.Values(helogate.Deferred, joined(network(c.Client), helo[:min(len(helo), 255)]))
			for _, v := range said {
				if why, sick := strings.CutPrefix(v, "sick "); sick {
					return c.Pass("our own resolver fails: %s", why)
				}
			}
			first, ok := timeIn(said, "first ")
			if since := c.Time.Sub(first); ok && since >= limit {
				return c.Pass("deferred for failures of DNS since %s: long enough", shownTime(first))
			}
			if !ok {
				first = c.Time
			}
			return c.Neutral("deferred for failures of DNS since %s, until %s at the latest", shownTime(first), shownTime(first.Add(limit)))
		},
	}
}
