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

// listsOf reads the list files of a configuration. A file with an invalid line is an error as a whole: half an
// allowlist would refuse mail for no visible reason.
func listsOf(c *config.Config) (map[string]*list.List, []error) {
	lists, errs := map[string]*list.List{}, []error{}
	for _, name := range slices.Sorted(maps.Keys(c.Lists)) {
		l, _, err := list.Load(c.Lists[name])
		if err != nil {
			oneLine := strings.NewReplacer(":\n ", ":", "\n ", ";") // for a log
			errs = append(errs, c.Errorf("lists."+name, "%s", oneLine.Replace(err.Error())))
			l = &list.List{} // so that no rule reports it as well
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
		if slices.ContainsFunc(checks, func(c helogate.Check) bool { return c.Name == r.Name }) { // package config does not know the names of lists
			errs = append(errs, m.config.Errorf(fmt.Sprintf("rule[%d].name", i), "%s is the name of a list: give the rule another name", r.Name))
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

// read returns the checks whose outcomes rules read, sorted; for a list, its family.
func (m *inputs) read() (names []string) {
	for _, r := range m.rules {
		names = append(names, r.Reads...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// placed returns the errors of a rule with their places in the file.
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

// firstJudging is the name of the first check that does not only accept.
const firstJudging = "hammering"

// withRules inserts the rules into the lines of a policy: behind the lines that accept and before all others, so that
// clients read the administrator's own reason; rules that use the score at the end, where the score is complete.
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
