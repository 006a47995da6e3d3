package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// useless reports actions that make no sense for their check.
func (d *decoder) useless(root *node, c *Config) {
	d.uselessOf(root.get("policy").get("checks"), c.Policy.Checks)
	for i, one := range alike(root.get("policy").tables("for"), c.Policy.For) {
		d.uselessOf(one.get("checks"), c.Policy.For[i].Checks)
	}
	for i, one := range alike(root.tables("listen"), c.Listen) {
		d.uselessOf(one.get("checks"), c.Listen[i].Checks)
	}
}

// alike returns the tables that a list was decoded from, or none if they do not correspond one to one.
func alike[T any](tables []*node, decoded []T) []*node {
	if len(tables) != len(decoded) {
		return nil
	}
	return tables
}

// uselessOf reports the first such action of each check in a table.
func (d *decoder) uselessOf(n *node, checks Checks) {
	if n == nil || n.kind != table {
		return
	}
	for _, child := range n.children {
		on := checks[child.name]
		for _, outcome := range helogate.Outcomes {
			a, set := on[outcome]
			if !set || a.Action == helogate.Ignore || a.Action == helogate.Note {
				continue
			}
			if err := uselessAction(child.name, outcome, a); err != nil {
				d.fail(child.val, child, "%w", err)
				break
			}
		}
	}
}

// uselessAction returns why an action makes no sense for a check.
func uselessAction(name string, outcome helogate.Outcome, a helogate.Effect) error {
	accepts := a.Action == helogate.Accept || a.LowersScore()
	switch name {
	case "greylist":
		if a.Action != helogate.Greylist || outcome != helogate.Fail {
			return fmt.Errorf("%s = %q: greylist must be greylist (every client), note (clients that a check, a rule or the score greylists) or ignore (no client)", outcome, a)
		}
	case "patience":
		return fmt.Errorf("%s = %q: patience must be note, or ignore, which defers without limit", outcome, a)
	case "callout", "callout-postmaster":
		if outcome == helogate.Pass && accepts {
			return fmt.Errorf("%q: an address that exists proves nothing, since any client can use it as sender", a)
		}
	case check.DNSWL:
		if outcome == helogate.Fail {
			return fmt.Errorf(`an allowlist has the outcome pass, and never fail: write dnswl = { pass = "score -3" }, or accept`)
		}
	}
	listed := helogate.Fail
	if name == check.DNSWL {
		listed = helogate.Pass
	}
	if slices.Contains(check.ListFamilies, name) && outcome == listed {
		return listAction(name, a)
	}
	return nil
}

// listAction returns an error for an action that contradicts the purpose of a list.
func listAction(family string, a helogate.Effect) error {
	switch {
	case family != check.DNSWL && (a.Action == helogate.Accept || a.LowersScore()):
		return fmt.Errorf("%q accepts clients on a blocklist: use [[dnswl]] for an allowlist", a)
	case family == check.DNSWL && (a.Action.Refuses() || a.RaisesScore() || a.Action == helogate.Greylist):
		return fmt.Errorf("%q is against clients on an allowlist: write \"score -3\" or \"accept\"", a)
	}
	return nil
}

// dnsLists checks settings of a DNS list that depend on each other.
func (d *decoder) dnsLists(root *node, c *Config) {
	for _, family := range check.ListFamilies {
		lists := c.ListsOf(family)
		for i, one := range alike(root.tables(family), lists) {
			l := &lists[i]
			if then := one.get("then"); then != nil {
				if err := listAction(family, l.Then); err != nil {
					d.fail(then.val, then, "%w", err)
				}
			}
			wrong, is := errors.AsType[*check.ListError](l.Check(family).Check())
			if !is {
				continue
			}
			if at := one.get(wrong.Setting); at != nil && l.Zone != "" && len(l.Codes) > 0 { // else it is reported already
				d.fail(at.val, at, "%w", wrong)
			}
		}
	}
}
