package policy

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
)

// lines yields the lines of all policies.
func (p *Policies) lines() iter.Seq[helogate.Line] {
	return func(yield func(helogate.Line) bool) {
		for _, listener := range append([]*ListenerPolicies{p.General}, p.Listeners...) {
			for _, one := range listener.All() {
				for _, l := range one.Lines() {
					if !yield(l) {
						return
					}
				}
			}
		}
	}
}

// uses reports whether a policy has a line, or a rule reads its outcome.
func (p *Policies) uses(name, family string) bool {
	for l := range p.lines() {
		if l.Check.Name == name {
			return true
		}
	}
	return slices.Contains(p.read, name) || slices.Contains(p.read, family)
}

// unusedChecks names lists and callouts that are configured and used by no policy, and callouts that are used and not
// configured.
func unusedChecks(c *config.Config, p *Policies) (out []string) {
	for _, l := range Lists(c) {
		if !p.uses(l.CheckName(), l.Family) {
			out = append(out, fmt.Sprintf("%s %d (%s) is never used, since its action is ignore: give it an action with then, or give one to %s in [policy.checks]",
				l.Family, l.Place+1, cmp.Or(l.Name, l.Zone), l.Family))
		}
	}
	callout, postmaster := p.uses("callout", ""), p.uses("callout-postmaster", "")
	switch domains := len(c.Callout.Domains) > 0; {
	case domains && !callout && !postmaster:
		out = append(out, "callout.domains has no effect, since callout and callout-postmaster are ignore: "+
			"give one of them an action in [policy.checks]")
	case !domains && (callout || postmaster):
		name := "callout"
		if !callout {
			name = "callout-postmaster"
		}
		out = append(out, name+" has no effect, since callout.domains is empty: name the domains")
	}
	return out
}

// withoutGreylisting names checks, rules and the threshold that would greylist where greylisting is off, so that they
// accept. The threshold of a preset does not count, only one that is set.
func withoutGreylisting(c *config.Config, p *Policies) (out []string) {
	const so = ", and greylisting is off: these clients are accepted"
	add := func(what string) {
		if !slices.Contains(out, what+so) {
			out = append(out, what+so)
		}
	}
	for _, listener := range append([]*ListenerPolicies{p.General}, p.Listeners...) {
		for _, one := range listener.All() {
			lines := one.Lines()
			if slices.ContainsFunc(lines, func(l helogate.Line) bool { return l.Check.Name == "greylist" }) {
				continue
			}
			if at := c.Policy.GreylistAt; at != nil && *at > 0 {
				add(fmt.Sprintf("greylist_at is %d", *at))
			}
			for _, l := range lines {
				if greylists(l) {
					add(l.Check.Name + " greylists")
				}
			}
		}
	}
	return out
}

func greylists(l helogate.Line) bool {
	for _, a := range l.On {
		if a.Action == helogate.Greylist {
			return true
		}
	}
	return false
}
