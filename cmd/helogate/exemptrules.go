package main

// The allow rules of a policy, for "exempt why": an entry of [[exempt]] or [[forwarder]] is a rule of its own.

import (
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
)

// An allowRule may accept a client.
type allowRule struct {
	name  string
	needs helogate.Stage
	never string // why it accepts no client; "" if that depends on the client
	note  string // what to add to a match
}

// allowRules returns the allow rules of a policy in its order, and the lines that evaluate them. Those that the
// policy ignores are among them, for that may be the reason. If notTrusted is not "", it says why it is not known
// which clients are trusted.
func allowRules(c *config.Config, p *policy.Policy, notTrusted string) (rules []allowRule, lines []helogate.Line) {
	accept := map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}
	own, ruled := p.Lines(), false
	add := func(r allowRule, l helogate.Line) {
		r.name, r.needs = l.Check.Name, l.Check.Needs
		rules, lines = append(rules, r), append(lines, l)
	}
	entry := func(of *helogate.Line, i int, e check.Exemption, note string) {
		name := fmt.Sprintf("%s %d", of.Check.Name, i+1)
		on := of.On
		if len(on) == 0 {
			on = accept
		}
		add(allowRule{note: note}, helogate.Line{Check: check.ExemptEntry(name, e), On: on})
	}
	for _, name := range allowNames(own) {
		at := slices.IndexFunc(own, func(l helogate.Line) bool { return l.Check.Name == name })
		switch {
		case at < 0 || !accepts(&own[at]):
			rules = append(rules, allowRule{name: name, never: "the policy accepts no client by it"})
		case name == "trusted" && notTrusted != "":
			rules = append(rules, allowRule{name: name, never: notTrusted})
		case name == "exempt":
			for i, e := range policy.Exemptions(c) {
				entry(&own[at], i, e, "")
			}
		case name == "forwarder":
			for i, e := range policy.Forwarders(c) {
				note := ""
				if e.Origin {
					note = "; if the listener knows the origin of the mail, that is evaluated instead"
				}
				entry(&own[at], i, e.Exemption, note)
			}
		default:
			ruled = ruled || !slices.Contains(check.Names(), name)
			add(allowRule{}, own[at])
		}
	}
	if ruled { // a [[rule]] may use the outcome of any check
		lines = join(own, lines)
	}
	return rules, lines
}

// join returns a policy's own lines, and others that are not among them.
func join(own, others []helogate.Line) []helogate.Line {
	out := slices.Clone(own)
	for _, l := range others {
		if !slices.ContainsFunc(own, func(o helogate.Line) bool { return o.Check.Name == l.Check.Name }) {
			out = append(out, l)
		}
	}
	return out
}

// allowNames returns the names of the checks that are made to accept clients, and of the other lines that do.
func allowNames(own []helogate.Line) []string {
	names := []string{"authenticated", "submission", "own-network", "trusted", "exempt", "forwarder", "postmaster", "abuse"}
	for i := range own {
		if accepts(&own[i]) && !slices.Contains(names, own[i].Check.Name) {
			names = append(names, own[i].Check.Name)
		}
	}
	return names
}

// accepts reports whether an outcome of a line accepts the client.
func accepts(l *helogate.Line) bool {
	for _, a := range l.On {
		if a.Action == helogate.Accept {
			return true
		}
	}
	return false
}

// An allowResult is whether an allow rule accepts a client. The greatest of several counts.
type allowResult int

const (
	allowNo allowResult = iota
	allowUnsure
	allowMatch
)

// String returns "no", "unsure" or "match".
func (v allowResult) String() string { return [...]string{"no", "unsure", "match"}[v] }

// result returns whether the rule accepts the client, and why.
func (r *allowRule) result(f *helogate.Facts, found []helogate.Finding) (allowResult, string) {
	if r.never != "" {
		return allowNo, r.never
	}
	if r.needs > f.Stage {
		missing := map[helogate.Stage]string{helogate.Helo: "the HELO name is not known; give it as the second argument",
			helogate.Mail: "the sender is not known; give it with --from", helogate.Rcpt: "the recipient is not known; give it with --rcpt"}
		return allowNo, missing[r.needs]
	}
	i := slices.IndexFunc(found, func(f helogate.Finding) bool { return f.Check == r.name })
	if i < 0 {
		return allowNo, "it was not evaluated"
	}
	switch f := &found[i]; {
	case f.Effect.Action == helogate.Accept && f.Effect.DryRun:
		return allowNo, "a dry run, which accepts no client: " + f.Why
	case f.Effect.Action == helogate.Accept:
		return allowMatch, f.Why + r.note
	case f.Outcome == helogate.TempError:
		return allowUnsure, f.Why
	default:
		return allowNo, f.Why
	}
}
