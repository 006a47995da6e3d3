package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// nonsense finds actions that a check has no use for: they would load, and do what nobody meant.
func (d *decoder) nonsense(root *node, c *Config) {
	d.senseless(root.get("policy").get("checks"), c.Policy.Checks)
	for i, one := range alike(root.get("policy").tables("for"), c.Policy.For) {
		d.senseless(one.get("checks"), c.Policy.For[i].Checks)
	}
	for i, one := range alike(root.tables("listen"), c.Listen) {
		d.senseless(one.get("checks"), c.Listen[i].Checks)
	}
}

// alike returns the tables that a list was decoded from, none where they are not one for one.
func alike[T any](tables []*node, decoded []T) []*node {
	if len(tables) != len(decoded) {
		return nil
	}
	return tables
}

// senseless finds the first such action of each check of a table.
func (d *decoder) senseless(n *node, checks Checks) {
	if n == nil || n.kind != table {
		return
	}
	for _, child := range n.children {
		on := checks[child.name]
		for _, outcome := range helogate.Outcomes {
			a, said := on[outcome]
			if !said || a.Action == helogate.Ignore || a.Action == helogate.Note {
				continue
			}
			if err := senseless(child.name, outcome, a); err != nil {
				d.fail(child.val, child, "%w", err)
				break
			}
		}
	}
}

// senseless says why a check has no use for an action that does something.
func senseless(name string, outcome helogate.Outcome, a helogate.Effect) error {
	lets := a.Action == helogate.Accept || a.LowersScore()
	switch name {
	case "greylist":
		if a.Action != helogate.Greylist || outcome != helogate.Fail {
			return fmt.Errorf("%s = %s: greylist can be greylist, which greylists everybody; note, those whom something else says to; or ignore, nobody", outcome, a)
		}
	case "patience":
		return fmt.Errorf("%s = %s: patience can be note, or ignore, which defers without end", outcome, a)
	case "callout", "callout-postmaster":
		if outcome == helogate.Pass && lets {
			return fmt.Errorf("%s: that an address exists vouches for nobody, for anybody can claim to be it", a)
		}
	case check.DNSWL:
		if outcome == helogate.Fail {
			return fmt.Errorf(`an allow-list never fails, it passes who is on it: write dnswl = { pass = "score -3" }, or accept`)
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

// listAction says that an action is not one for who is on a list of a family.
func listAction(family string, a helogate.Effect) error {
	switch {
	case family != check.DNSWL && (a.Action == helogate.Accept || a.LowersScore()):
		return fmt.Errorf("%s would let in who is listed as bad: an allow-list is a [[dnswl]]", a)
	case family == check.DNSWL && (a.Action.Refuses() || a.RaisesScore() || a.Action == helogate.Greylist):
		return fmt.Errorf("%s would turn away who is listed as good: say score -3, or accept", a)
	}
	return nil
}

// dnsLists checks what no setting of a list in DNS can tell alone.
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
			if at := one.get(wrong.Setting); at != nil && l.Zone != "" && len(l.Codes) > 0 { // else it is told already
				d.fail(at.val, at, "%w", wrong)
			}
		}
	}
}
