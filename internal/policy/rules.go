package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/list"
	"github.com/helogate/helogate/internal/rule"
)

// listsOf reads the lists of a configuration. A file with a line that makes no sense is refused whole: half an exemption
// list would turn mail away, and nobody would know why.
func listsOf(c *config.Config) (map[string]*list.List, []error) {
	lists, errs := map[string]*list.List{}, []error{}
	for _, name := range slices.Sorted(maps.Keys(c.Lists)) {
		l, _, err := list.Load(c.Lists[name])
		if err != nil {
			oneLine := strings.NewReplacer(":\n ", ":", "\n ", ";") // for a log
			errs = append(errs, c.Errorf("lists."+name, "%s", oneLine.Replace(err.Error())))
			l = &list.List{} // so that no rule complains of it as well
		}
		lists[name] = l
	}
	return lists, errs
}

// compile makes the rules of the configuration.
func (m *inputs) compile(lists map[string]*list.List) []error {
	own, checks := m.settings.Own, check.All(m.settings)
	compiler, err := rule.New(rule.Env{
		Checks: checks, Lists: lists,
		Own: rule.Own{Names: own.Names, Addresses: own.Addresses, Networks: own.Networks},
	})
	if err != nil {
		return []error{err}
	}
	var errs []error
	for i, r := range m.config.Rule {
		if slices.ContainsFunc(checks, func(c helogate.Check) bool { return c.Name == r.Name }) { // the file knows no lists
			errs = append(errs, m.config.Errorf(fmt.Sprintf("rule[%d].name", i), "%s is what a list is called: give the rule another name", r.Name))
		}
		made, err := compiler.Compile(r.Name, r.When, r.Note, r.Then)
		if err != nil {
			errs = append(errs, m.placed(i, err)...)
			continue
		}
		m.rules = append(m.rules, made)
	}
	return errs
}

// read returns the checks whose outcomes rules read, sorted; of a family its name.
func (m *inputs) read() (names []string) {
	for _, r := range m.rules {
		names = append(names, r.Reads...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// placed puts what is wrong with a rule at its place in the file.
func (m *inputs) placed(i int, err error) (out []error) {
	path := fmt.Sprintf("rule[%d].when", i)
	if list, ok := errors.AsType[rule.Errors](err); ok {
		for _, e := range list {
			out = append(out, m.config.ErrorIn(path, e.Offset, e.Length, "%s", e.Msg))
		}
		return out
	}
	return []error{m.config.Errorf(path, "%w", err)}
}

// firstJudging is the name of the first check that does not only let in.
const firstJudging = "hammering"

// withRules puts the rules among the lines of a policy: behind what lets in and before all else, for what the
// administrator says himself is what his clients should read of; those that weigh the score at the end, where it is
// whole.
func (m *inputs) withRules(lines []helogate.Line) []helogate.Line {
	var early, late []helogate.Line
	for _, r := range m.rules {
		l := helogate.Line{Check: r.Check, On: r.On}
		if r.Check.UsesScore {
			late = append(late, l)
		} else {
			early = append(early, l)
		}
	}
	at := slices.IndexFunc(lines, func(l helogate.Line) bool { return l.Check.Name == firstJudging })
	return slices.Concat(lines[:at], early, lines[at:], late)
}
