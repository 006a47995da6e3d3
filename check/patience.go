package check

import (
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// resolverDown begins the answer to a question of kind Deferred while the local resolver fails; the reason follows.
const resolverDown = "resolver-down "

// Patience is the grace period for DNS failures: a client that is deferred only because DNS lookups fail is deferred
// for a limited time, counted by its small network and HELO name. Its DNS may be broken for longer than the sender's
// queue waits; or it is the local resolver that is down. asked says whether an Asker keeps the time; without one, or
// with a limit of 0, there is no end.
func Patience(asked bool, limit time.Duration) helogate.Check {
	phase := helogate.OnDefer
	if !asked || limit <= 0 {
		phase = helogate.Main
	}
	return helogate.Check{
		Name: "patience", Needs: helogate.Mail, Cost: helogate.Probe, Phase: phase, FailOpen: true, Code: "5.7.1",
		Doc: "a client that is deferred only for DNS failures has used up the grace period, or the local resolver is down: DNS failures are then ignored",
		Run: func(c *helogate.Case) helogate.Finding {
			if phase == helogate.Main {
				return c.None("no grace period: deferrals for DNS failures have no end")
			}
			helo := hostname.Canonical(c.Helo)
			answer := c.Values(helogate.Deferred, joined(network(c.Client), helo[:min(len(helo), 255)]))
			for _, v := range answer {
				if why, is := strings.CutPrefix(v, resolverDown); is {
					return c.Pass("the local resolver is down: %s", why)
				}
			}
			first, ok := timeIn(answer, "first ")
			if since := c.Time.Sub(first); ok && since >= limit {
				return c.Pass("deferred for DNS failures since %s: the grace period is over", shownTime(first))
			}
			if !ok {
				first = c.Time
			}
			return c.Neutral("deferred for DNS failures since %s, until %s at the latest", shownTime(first), shownTime(first.Add(limit)))
		},
	}
}
