package policy

import (
	"fmt"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// ordered puts what policy.order names behind what lets in, in its order, and before all else.
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

// possible says what of an order cannot be, at its place.
func (m *inputs) possible(order []string, groups [][]helogate.Line) error {
	var errs []error
	for i, word := range order {
		err := m.placeable(word, groups[i])
		for j := 0; j < i && err == nil; j++ {
			err = tooDear(order[j], groups[j], word, groups[i])
		}
		if err != nil {
			errs = append(errs, m.config.Errorf(fmt.Sprintf("policy.order[%d]", i), "%w", err))
		}
	}
	return config.Join(errs...)
}

// firstJudging is the place of the first line that does not only let in: a rule, or the first check of that kind.
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

// named returns the lines that a word of the order means. A rule that weighs the score stays at the end, where that is whole.
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

// placeable says why what a word means has no place that could be chosen.
func (m *inputs) placeable(word string, group []helogate.Line) error {
	names := check.Names()
	first := slices.Index(names, firstJudging)
	for _, l := range group {
		switch {
		case l.Check.Phase == helogate.OnGreylist:
			return fmt.Errorf("%s is heard when it has come to a greylisting, wherever it stands: leave it out", word)
		case l.Check.Phase == helogate.OnDefer:
			return fmt.Errorf("%s is heard when it has come to a deferral, wherever it stands: leave it out", word)
		case slices.Contains(names[:first], l.Check.Name):
			return fmt.Errorf("%s lets in, and who may let in is heard before all else: leave it out", word)
		}
	}
	return nil
}

// tooDear says that all of one group is dearer than all of another behind it, and would not be heard before it.
func tooDear(first string, a []helogate.Line, then string, b []helogate.Line) error {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	byCost := func(x, y helogate.Line) int { return int(x.Check.Cost) - int(y.Check.Cost) }
	least, most := slices.MinFunc(a, byCost).Check.Cost, slices.MaxFunc(b, byCost).Check.Cost
	if least <= most {
		return nil
	}
	return fmt.Errorf("%s cannot come after %s: what is dearer (%s) is asked only while nothing cheaper (%s) decides; turn them round", then, first, least, most)
}
