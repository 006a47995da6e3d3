package policy

import (
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// ordered moves the lines that policy.order names behind the lines that accept, in its order, and before all others.
func (m *inputs) ordered(lines []helogate.Line) ([]helogate.Line, error) {
	order := m.config.Policy.Order
	if len(order) == 0 {
		return lines, nil
	}
	groups := make([][]helogate.Line, len(order))
	for i, word := range order {
		groups[i] = m.named(word, lines)
	}
	if err := m.possible(order, groups); err != nil {
		return nil, err
	}
	at := m.firstJudging(lines)
	out := slices.Concat(lines[:at], slices.Concat(groups...))
	for _, l := range lines[at:] {
		if !slices.ContainsFunc(out[at:], func(placed helogate.Line) bool { return placed.Check.Name == l.Check.Name }) {
			out = append(out, l)
		}
	}
	return out, nil
}

// possible returns errors for names that cannot have their place in the order.
func (m *inputs) possible(order []string, groups [][]helogate.Line) error {
	var errs []error
	for i, word := range order {
		err := m.placeable(word, groups[i])
		for j := 0; j < i && err == nil; j++ {
			err = tooExpensive(order[j], groups[j], word, groups[i])
		}
		if err != nil {
			errs = append(errs, m.config.Errorf(fmt.Sprintf("policy.order[%d]", i), "%w", err))
		}
	}
	return config.Join(errs...)
}

// firstJudging is the place of the first line that does not only accept: a rule, or the first such check.
func (m *inputs) firstJudging(lines []helogate.Line) int {
	return slices.IndexFunc(lines, func(l helogate.Line) bool { return l.Check.Name == firstJudging || m.isRule(l) })
}

func (m *inputs) isRule(l helogate.Line) bool {
	for _, r := range m.rules {
		if r.Check.Name == l.Check.Name {
			return true
		}
	}
	return false
}

// named returns the lines that a word of the order means. A rule that uses the score stays at the end, where the score
// is complete.
func (m *inputs) named(word string, lines []helogate.Line) (out []helogate.Line) {
	for _, l := range lines {
		c := &l.Check
		is := c.Name == word || c.Family == word
		switch word {
		case config.OrderRules:
			is = m.isRule(l) && !c.UsesScore
		case config.OrderSPF:
			is = c.Name == check.SPFHelo.Name || c.Name == check.SPFFrom.Name
		}
		if is {
			out = append(out, l)
		}
	}
	return out
}

// placeable returns an error if the lines of a word have a fixed place.
func (m *inputs) placeable(word string, group []helogate.Line) error {
	names := check.Names()
	first := slices.Index(names, firstJudging)
	for _, l := range group {
		switch {
		case l.Check.Phase == helogate.OnGreylist:
			return fmt.Errorf("%s is always evaluated last, before a client is greylisted: remove it from the order", word)
		case l.Check.Phase == helogate.OnDefer:
			return fmt.Errorf("%s is always evaluated last, before a client is deferred: remove it from the order", word)
		case slices.Contains(names[:first], l.Check.Name):
			return fmt.Errorf("%s accepts, and checks that accept are always evaluated first: remove it from the order", word)
		}
	}
	return nil
}

// tooExpensive returns an error if all of one group is more expensive than all of a group behind it, and so cannot be
// evaluated before it.
func tooExpensive(first string, a []helogate.Line, then string, b []helogate.Line) error {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	byCost := func(x, y helogate.Line) int { return int(x.Check.Cost) - int(y.Check.Cost) }
	least, most := slices.MinFunc(a, byCost).Check.Cost, slices.MaxFunc(b, byCost).Check.Cost
	if least <= most {
		return nil
	}
	return fmt.Errorf("%s cannot come after %s: an expensive check (%s) is evaluated only while no cheaper one (%s) decides; swap them", then, first, least, most)
}
