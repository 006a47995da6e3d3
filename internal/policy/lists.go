package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

// listed is the lists of a family in a configuration.
func listed(c *config.Config, family string) []config.List {
	switch family {
	case check.DNSBL:
		return c.DNSBL
	case check.RHSBL:
		return c.RHSBL
	}
	return c.DNSWL
}

// Lists returns the DNS lists of a configuration, as the checks want them. What is wrong with one is an error at its place.
func Lists(c *config.Config) (out []check.List, errs []error) {
	for _, family := range check.ListFamilies {
		for i, l := range listed(c, family) {
			list := check.List{Family: family, Name: l.Name, Zone: l.Zone, Ask: l.Ask, Watched: true}
			wrong := func(setting string, err error) {
				errs = append(errs, c.Errorf(fmt.Sprintf("%s[%d].%s", family, i, setting), "%w", err))
			}
			var err error
			if list.Codes, err = check.ParseCodes(l.Codes); err != nil {
				wrong("codes"+badCode(l.Codes), err)
			} else if err := list.Check(); err != nil {
				wrong(badSetting(err), err)
			}
			if err := listAction(family, l.Then); err != nil {
				wrong("then", err)
			}
			out = append(out, list)
		}
	}
	return out, errs
}

// badCode is the place of the first code that is none: "[2]"; "" if it is all of them.
func badCode(codes []string) string {
	for j, code := range codes {
		if _, err := check.ParseCodes([]string{code}); err != nil {
			return fmt.Sprintf("[%d]", j)
		}
	}
	return ""
}

// badSetting is the setting that an error of a list is about, which is its first word.
func badSetting(err error) string {
	word, _, _ := strings.Cut(err.Error(), " ")
	return strings.TrimSuffix(word, ":")
}

// listAction says that an action is not one for who is on a list of a family.
func listAction(family string, a helogate.Action) error {
	switch {
	case family != check.DNSWL && (a.Do == helogate.Accept || a.Do == helogate.Vouch):
		return fmt.Errorf("%s would let in who is listed as bad: an allow-list is a [[dnswl]]", a)
	case family == check.DNSWL && (a.Do.Refuses() || a.Do == helogate.Suspect || a.Do == helogate.Greylist):
		return fmt.Errorf("%s would turn away who is listed as good: say vouch 3, or accept", a)
	}
	return nil
}

// telling is the outcome of a list that means that somebody is on it.
func telling(family string) helogate.Outcome {
	if family == check.DNSWL {
		return helogate.Pass
	}
	return helogate.Fail
}

// ListOf returns which list of the configuration a line is of: its family, and its place among those. It is false for a line
// of another check, and for that of a family without lists.
func ListOf(c *config.Config, line *helogate.Check) (family string, place int, is bool) {
	if !slices.Contains(check.ListFamilies, line.Family) {
		return "", 0, false
	}
	for i, l := range listed(c, line.Family) {
		if line.Name == line.Family+":"+cmp.Or(l.Name, l.Zone) {
			return line.Family, i, true
		}
	}
	return "", 0, false
}

// then returns what the administrator said of one list, nil if he said nothing.
func (m *material) then(line *helogate.Check) map[helogate.Outcome]helogate.Action {
	family, i, is := ListOf(m.config, line)
	if !is {
		return nil
	}
	switch then := listed(m.config, family)[i].Then; then.Do {
	case helogate.Unset:
		return nil
	case helogate.Ignore: // as in [policy.checks]: it is not asked at all, whatever the family is for
		return map[helogate.Outcome]helogate.Action{helogate.Fail: then}
	default:
		return map[helogate.Outcome]helogate.Action{telling(family): then}
	}
}

// Tested reports whether a list of the configuration is to be held to its test entries.
func Tested(c *config.Config, list check.List) bool {
	for _, l := range listed(c, list.Family) {
		if l.Zone == list.Zone && l.Name == list.Name && l.Test != nil {
			return *l.Test
		}
	}
	return true
}
