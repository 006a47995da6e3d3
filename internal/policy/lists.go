package policy

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// A List is a list in DNS, and what the configuration says of it.
type List struct {
	check.List
	Place int             // among those of its family
	Then  helogate.Effect // the zero Action where nothing is said
	Test  bool            // whether it is to be held to its test entries
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

// ListOf returns the list of a configuration that a line is of. It is false for a line of another check, and for that of a
// family without lists.
func ListOf(c *config.Config, line *helogate.Check) (List, bool) { return listOf(Lists(c), line) }

func listOf(lists []List, line *helogate.Check) (List, bool) {
	for _, l := range lists {
		if l.CheckName() == line.Name {
			return l, true
		}
	}
	return List{}, false
}

// then returns what the administrator said of the list that a line is of, nil if nothing or if it is of none.
func (m *inputs) then(line *helogate.Check) map[helogate.Outcome]helogate.Effect {
	l, is := listOf(m.lists, line)
	switch {
	case !is || l.Then == helogate.Effect{}:
		return nil
	case l.Then.Action == helogate.Ignore: // as in [policy.checks]: it is not asked at all, whatever the family is for
		return map[helogate.Outcome]helogate.Effect{helogate.Fail: l.Then}
	default:
		return map[helogate.Outcome]helogate.Effect{line.Conclusive: l.Then}
	}
}
