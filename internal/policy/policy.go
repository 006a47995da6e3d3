// Package policy makes policies of a configuration: one for each listener, and for each recipient that has one of its own,
// of presets, of what the configuration changes of them, of the administrator's rules, and of whether it is all on trial.
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
	General   *ListenerPolicies   // of no listener: what [policy] says
	Listeners []*ListenerPolicies // in the order of the configuration

	read []string // the checks that rules read
}

// A Listener is the policies at one listener.
type ListenerPolicies struct {
	Everybody *Policy
	For       []*For // for some recipients; the first that matches holds
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

// A Policy is one policy, with what was said of it.
type Policy struct {
	*helogate.Policy
	Preset string
	Mode   config.Mode
	Layers []string // where it comes from, the general first: "policy", "listen[0]", "policy.for[1]"
}

// Of returns the policy for a recipient, that for everybody where there is none or the recipient is not known yet.
func (d *ListenerPolicies) Of(recipient string) *Policy {
	if recipient != "" {
		for _, f := range d.For {
			if f.Matches(recipient) {
				return f.Policy
			}
		}
	}
	return d.Everybody
}

// All returns every policy at the listener.
func (d *ListenerPolicies) All() []*Policy {
	all := []*Policy{d.Everybody}
	for _, f := range d.For {
		all = append(all, f.Policy)
	}
	return all
}

// Build makes the policies of a configuration. What is wrong is an error that names its place in the file. It reads the
// files that the configuration names.
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
		d.Everybody = make(layers...)
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

// once drops errors that say the same: what is wrong in [policy] is wrong at each listener.
func once(errs []error) (out []error) {
	said := map[string]bool{}
	var add func(error)
	add = func(err error) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				add(one)
			}
		} else if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			out = append(out, err)
		}
	}
	add(errors.Join(errs...))
	return out
}

// A layer is what one part of the configuration says of a policy; a later one stands above an earlier one.
type layer struct {
	place  string
	preset string      // "" leaves it to the layer below
	mode   config.Mode // likewise
	checks config.Checks
}

// policy makes one policy of what there is and of layers.
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

// layered puts what layers say of a line over what the preset does. What is said of one list stands above what is said of
// its family in general, and below what a listener or some recipients have of their own.
func (m *inputs) layered(line *helogate.Line, layers []layer) error {
	name := cmp.Or(line.Check.Family, line.Check.Name)
	said := false // of temperror, by the administrator
	var errs []error
	for above, l := range layers {
		own := l.checks[name]
		line.On = override(line.On, own, said)
		if _, temperror := own[helogate.TempError]; temperror {
			said = true
		}
		if above == 0 {
			line.On = override(line.On, m.then(&line.Check), said)
		}
		if len(own) > 0 {
			whole := *line
			whole.Check.Name = name // what is wrong with a family is wrong with all of its lists alike
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

// override puts what a layer says of a check over what is below. A temperror that the preset words for its own action on
// fail is forgotten when fail gets another: it says for itself what a failure of DNS does. One that the administrator has
// worded stays.
func override(below, own map[helogate.Outcome]helogate.Effect, saidTempError bool) map[helogate.Outcome]helogate.Effect {
	if len(own) == 0 {
		return below
	}
	out := maps.Clone(below)
	if _, fail := own[helogate.Fail]; fail && !saidTempError {
		delete(out, helogate.TempError)
	}
	if own[helogate.Fail].Action == helogate.Ignore && len(own) == 1 {
		return own // ignored is ignored, whatever else the preset did with it
	}
	maps.Copy(out, own)
	return out
}
