package policy

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// A List is a list in DNS, and its settings.
type List struct {
	check.List
	Place int             // among the lists of its family
	Then  helogate.Effect // the zero Effect if it is not set
	Test  bool            // whether it is tested by its test entries
}

// Lists returns the DNS lists of a configuration, in the order of their lines.
func Lists(c *config.Config) (out []List) {
	for _, family := range check.ListFamilies {
		all := c.ListsOf(family)
		for i := range all {
			l := &all[i]
			out = append(out, List{List: l.Check(family), Place: i, Then: l.Then, Test: l.Test == nil || *l.Test})
		}
	}
	return out
}

// ListOf returns the list of a configuration that a line belongs to. It returns false for another check, and for the
// check of a family without lists.
func ListOf(c *config.Config, line *helogate.Check) (List, bool) { return listOf(Lists(c), line) }

func listOf(lists []List, line *helogate.Check) (List, bool) {
	for _, l := range lists {
		if l.CheckName() == line.Name {
			return l, true
		}
	}
	return List{}, false
}

// then returns the effect of the list that a line belongs to, nil if the list has none or the line belongs to no list.
func (m *inputs) then(line *helogate.Check) map[helogate.Outcome]helogate.Effect {
	l, is := listOf(m.lists, line)
	switch {
	case !is || l.Then == helogate.Effect{}:
		return nil
	case l.Then.Action == helogate.Ignore: // as in [policy.checks]: the list is not asked at all
		return map[helogate.Outcome]helogate.Effect{helogate.Fail: l.Then}
	default:
		return map[helogate.Outcome]helogate.Effect{line.Conclusive: l.Then}
	}
}
