package main

import (
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
)

// A way is one that may let a client in.
type way struct {
	name  string
	needs helogate.Stage
	fixed string // why it does not, whoever the client is; "" if that depends
	also  string // what is to be said beside a match
}

// waysOf returns the ways of a policy, in its order, and the lines that tell whether they lead in: an entry of a list is
// one each. Those that the policy ignores are named too, for that may be why.
func waysOf(c *config.Config, p *policy.Policy, noTrust string) (ways []way, lines []helogate.Line) {
	accept := map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}
	own, ruled := p.Lines(), false
	ask := func(env way, l helogate.Line) {
		env.name, env.needs = l.Check.Name, l.Check.Needs
		ways, lines = append(ways, env), append(lines, l)
	}
	entry := func(of *helogate.Line, i int, e check.Exemption, also string) {
		name := fmt.Sprintf("%s %d", of.Check.Name, i+1)
		on := of.On
		if len(on) == 0 {
			on = accept
		}
		ask(way{also: also}, helogate.Line{Check: check.ExemptEntry(name, e), On: on})
	}
	for _, name := range letIn(own) {
		at := slices.IndexFunc(own, func(l helogate.Line) bool { return l.Check.Name == name })
		switch {
		case at < 0 || !accepts(&own[at]):
			ways = append(ways, way{name: name, fixed: "the policy lets nobody in by it"})
		case name == "trusted" && noTrust != "":
			ways = append(ways, way{name: name, fixed: noTrust})
		case name == "exempt":
			for i, e := range policy.Exemptions(c) {
				entry(&own[at], i, e, "")
			}
		case name == "forwarder":
			for i, e := range policy.Forwarders(c) {
				also := ""
				if e.Origin {
					also = "; where the listener shows from whom it has the mail, that client is judged"
				}
				entry(&own[at], i, e.Exemption, also)
			}
		default:
			ruled = ruled || !slices.Contains(check.Names(), name)
			ask(way{}, own[at])
		}
	}
	if ruled { // by what checks find, perhaps
		lines = join(own, lines)
	}
	return ways, lines
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

// letIn names what lets in: the checks that are there for it, and rules.
func letIn(own []helogate.Line) []string {
	names := []string{"authenticated", "submission", "own-network", "trusted", "exempt", "forwarder", "postmaster", "abuse"}
	for i := range own {
		if accepts(&own[i]) && !slices.Contains(names, own[i].Check.Name) {
			names = append(names, own[i].Check.Name)
		}
	}
	return names
}

func accepts(l *helogate.Line) bool {
	for _, a := range l.On {
		if a.Action == helogate.Accept {
			return true
		}
	}
	return false
}

// wayVerdict says whether a way leads in, the better the larger.
type wayVerdict int

const (
	wayNo wayVerdict = iota
	wayUnsure
	wayMatch
)

// String returns "no", "unsure" or "match".
func (v wayVerdict) String() string { return [...]string{"no", "unsure", "match"}[v] }

// say words what was found of a way.
func (env *way) say(f *helogate.Facts, found []helogate.Finding) (wayVerdict, string) {
	if env.fixed != "" {
		return wayNo, env.fixed
	}
	if env.needs > f.Stage {
		what := map[helogate.Stage]string{helogate.Helo: "the HELO is not known: name it", helogate.Mail: "the sender is not known: give --from",
			helogate.Rcpt: "the recipient is not known: give --rcpt"}
		return wayNo, what[env.needs]
	}
	i := slices.IndexFunc(found, func(f helogate.Finding) bool { return f.Check == env.name })
	if i < 0 {
		return wayNo, "it was not looked at"
	}
	switch one := &found[i]; {
	case one.Effect.Action == helogate.Accept && one.Effect.DryRun:
		return wayNo, "on trial, so nobody is let in: " + one.Why
	case one.Effect.Action == helogate.Accept:
		return wayMatch, one.Why + env.also
	case one.Outcome == helogate.TempError:
		return wayUnsure, one.Why
	default:
		return wayNo, one.Why
	}
}
