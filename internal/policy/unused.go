package policy

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
)

// lines yields the lines that any of the policies runs.
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

// asks reports whether any of the policies runs a line, or a rule reads what it finds.
func (p *Policies) asks(name, family string) bool {
	for l := range p.lines() {
		if l.Check.Name == name {
			return true
		}
	}
	return slices.Contains(p.read, name) || slices.Contains(p.read, family)
}

// unasked names what is set up and asked by no policy, and the other way round.
func unasked(c *config.Config, p *Policies) (out []string) {
	for _, l := range Lists(c) {
		if !p.asks(l.CheckName(), l.Family) {
			out = append(out, fmt.Sprintf("%s %d (%s) is never asked, for it is ignored: give it an action by then, or %s one in [policy.checks]",
				l.Family, l.Place+1, cmp.Or(l.Name, l.Zone), l.Family))
		}
	}
	callout, postmaster := p.asks("callout", ""), p.asks("callout-postmaster", "")
	switch domains := len(c.Callout.Domains) > 0; {
	case domains && !callout && !postmaster:
		out = append(out, "callout.domains names whose senders are asked about, and nobody is, for callout and callout-postmaster are ignored: "+
			"give one of them an action in [policy.checks]")
	case !domains && (callout || postmaster):
		name := "callout"
		if !callout {
			name = "callout-postmaster"
		}
		out = append(out, name+" asks about nobody, for callout.domains is empty: name the domains")
	}
	return out
}

// ungreylisted names what greylists where greylisting is turned off: it lets in. A threshold counts that is the
// administrator's own; to turn greylisting off is all that he has to say of the preset's.
func ungreylisted(c *config.Config, p *Policies) (out []string) {
	const so = ", and greylisting is ignored: whom it is for is let in"
	said := func(what string) {
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
				said(fmt.Sprintf("greylist_at is %d", *at))
			}
			for _, l := range lines {
				if greylists(l) {
					said(l.Check.Name + " greylists")
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
