// Package policy makes the policies of a configuration: one for each listener, and one for each [[policy.for]]. A
// policy is made of a preset, the checks that the configuration changes, the administrator's rules, and the mode, which
// may make all of it a dry run.
package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// Policies are all policies of a configuration.
type Policies struct {
	General   *ListenerPolicies   // of no listener: [policy] alone
	Listeners []*ListenerPolicies // in the order of the configuration

	read []string // the checks that rules read
}

// ListenerPolicies are the policies of one listener.
type ListenerPolicies struct {
	Default *Policy
	For     []*For // for some recipients; the first that matches is used
}

// A For is the policy for some recipients.
type For struct {
	*Policy
	Recipients []check.MailboxPattern
}

// Matches reports whether the policy is for a recipient.
func (f *For) Matches(recipient string) bool {
	return slices.ContainsFunc(f.Recipients, func(p check.MailboxPattern) bool { return p.Matches(recipient) })
}

// A Policy is one policy, and the settings that it is made of.
type Policy struct {
	*helogate.Policy
	Preset string
	Mode   config.Mode
	Layers []string // where it comes from, the general first: "policy", "listen[0]", "policy.for[1]"
}

// Of returns the policy for a recipient, and the default policy if there is none or the recipient is not known yet.
func (d *ListenerPolicies) Of(recipient string) *Policy {
	if recipient != "" {
		for _, f := range d.For {
			if f.Matches(recipient) {
				return f.Policy
			}
		}
	}
	return d.Default
}

// All returns every policy at the listener.
func (d *ListenerPolicies) All() []*Policy {
	all := []*Policy{d.Default}
	for _, f := range d.For {
		all = append(all, f.Policy)
	}
	return all
}

// Build makes the policies of a configuration. It reads the files that the configuration names. An error names its
// place in the file.
func Build(c *config.Config) (*Policies, error) {
	m, err := gatherInputs(c)
	if err != nil {
		return nil, err
	}
	general := layer{place: "policy", preset: c.Policy.Preset, mode: c.Mode, checks: c.Policy.Checks}
	all, errs := &Policies{read: m.read()}, []error{}
	listener := func(layers ...layer) *ListenerPolicies {
		d := &ListenerPolicies{}
		make := func(layers ...layer) *Policy {
			p, err := m.policy(layers)
			errs = append(errs, err)
			return p
		}
		d.Default = make(layers...)
		for i, f := range c.Policy.For {
			place := fmt.Sprintf("policy.for[%d]", i)
			own := layer{place: place, preset: f.Preset, mode: f.Mode, checks: f.Checks}
			d.For = append(d.For, &For{Policy: make(append(layers[:len(layers):len(layers)], own)...), Recipients: f.Recipient})
		}
		return d
	}
	all.General = listener(general)
	for i, l := range c.Listen {
		own := layer{place: fmt.Sprintf("listen[%d]", i), preset: l.Preset, mode: l.Mode, checks: l.Checks}
		all.Listeners = append(all.Listeners, listener(general, own))
	}
	if err := config.Join(once(errs)...); err != nil {
		return nil, err
	}
	return all, nil
}

// once drops errors with the same text: a mistake in [policy] occurs at each listener.
func once(errs []error) (out []error) {
	seen := map[string]bool{}
	var add func(error)
	add = func(err error) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				add(one)
			}
		} else if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	add(errors.Join(errs...))
	return out
}

// A layer is what one part of the configuration sets in a policy. A later layer overrides an earlier one.
type layer struct {
	place  string
	preset string      // "" leaves it to the layer below
	mode   config.Mode // likewise
	checks config.Checks
}

// policy makes one policy of the inputs and of layers.
func (m *inputs) policy(layers []layer) (*Policy, error) {
	out := &Policy{}
	for _, l := range layers {
		out.Layers = append(out.Layers, l.place)
		if l.preset != "" {
			out.Preset = l.preset
		}
		if l.mode != "" {
			out.Mode = l.mode
		}
	}
	lines, at, err := check.Lines(out.Preset, m.settings)
	if err != nil {
		return nil, err
	}
	at = m.thresholds(at)
	var errs []error
	for i := range lines {
		errs = append(errs, m.layered(&lines[i], layers))
	}
	if err := config.Join(once(errs)...); err != nil {
		return nil, err
	}
	if lines, err = m.ordered(m.withRules(lines)); err != nil {
		return nil, err
	}
	p, err := helogate.NewPolicy(at, lines...)
	if err != nil {
		return nil, err
	}
	p = p.FromPreset(out.Preset)
	p.URL, p.Footer, p.Texts = m.config.Policy.URL, m.config.Policy.Footer, m.config.Policy.Replies
	p.ByOrigin = check.ByOrigin(m.settings.Forwarders)
	if out.Mode != config.Enforce {
		p = p.DryRun()
	}
	out.Policy = p
	return out, nil
}

// layered applies the layers to a line of the preset. The action of a single list overrides that of its family in
// [policy.checks]; that of the family at a listener or for some recipients overrides both.
func (m *inputs) layered(line *helogate.Line, layers []layer) error {
	name := cmp.Or(line.Check.Family, line.Check.Name)
	temperrorSet := false // by the administrator
	var errs []error
	for above, l := range layers {
		own := l.checks[name]
		line.On = override(line.On, own, temperrorSet)
		if _, temperror := own[helogate.TempError]; temperror {
			temperrorSet = true
		}
		if above == 0 {
			line.On = override(line.On, m.then(&line.Check), temperrorSet)
		}
		if len(own) > 0 {
			whole := *line
			whole.Check.Name = name // a mistake in a family is the same for each of its lists
			if _, err := helogate.NewPolicy(helogate.Thresholds{}, whole); err != nil {
				errs = append(errs, m.config.Errorf(l.place+".checks."+name, "%w", err))
			}
		}
	}
	return errors.Join(errs...)
}

func (m *inputs) thresholds(at helogate.Thresholds) helogate.Thresholds {
	if n := m.config.Policy.GreylistAt; n != nil {
		at.GreylistAt = *n
	}
	if n := m.config.Policy.RejectAt; n != nil {
		at.RejectAt = *n
	}
	return at
}

// override applies the effects of a layer to those below. If fail gets another effect, the preset's effect of temperror
// is dropped, since it was meant for the preset's fail; one that the administrator set stays.
func override(below, own map[helogate.Outcome]helogate.Effect, temperrorSet bool) map[helogate.Outcome]helogate.Effect {
	if len(own) == 0 {
		return below
	}
	out := maps.Clone(below)
	if _, fail := own[helogate.Fail]; fail && !temperrorSet {
		delete(out, helogate.TempError)
	}
	if own[helogate.Fail].Action == helogate.Ignore && len(own) == 1 {
		return own // ignore on fail turns the check off
	}
	maps.Copy(out, own)
	return out
}
