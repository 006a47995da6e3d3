package main

// How a policy is printed for people: where it comes from, then its checks and rules in the order of evaluation, each
// with its cost, the stage that it needs, the effects of its outcomes and the source of these. Last come the checks
// that are evaluated only when the others lead to a deferral or a greylisting.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// policyText returns a policy of a configuration as a page.
func (s screen) policyText(c *config.Config, p *policy.Policy) string {
	var b strings.Builder
	b.WriteString(s.hang("", fmt.Sprintf("preset %s, mode %s, from %s", p.Preset, p.Mode, strings.Join(places(c, p.Layers), " and "))))
	b.WriteString(s.hang("", fmt.Sprintf("greylist_at %s, reject_at %s; the reply to a rejected client is sent at %s or later",
		threshold(p.GreylistAt), threshold(p.RejectAt), strings.ToUpper(c.Policy.RejectAtStage.String()))))
	lines := inOrder(p.Lines())
	b.WriteString("\n" + s.policyTable(c, p, lines) + "\n")
	for _, l := range lines {
		if isRule(c, l.Check.Name) {
			fmt.Fprintf(&b, "\n%s\n", lineName(c, l))
			b.WriteString(s.hang("  when ", strings.Join(strings.Fields(l.Check.Doc), " ")))
		}
	}
	return b.String()
}

func (s screen) policyTable(c *config.Config, p *policy.Policy, lines []helogate.Line) string {
	t := table.NewWriter()
	style := table.StyleLight
	if s.ascii {
		style = table.StyleDefault
	}
	t.SetStyle(style)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"cost", "check", "needs", "effect", "source"})
	for _, l := range lines {
		t.AppendRow(table.Row{when(l), lineName(c, l), strings.ToUpper(l.Check.Needs.String()), strings.Join(effects(l), "; "), source(c, p, &l.Check)})
	}
	return t.Render()
}

// inOrder sorts lines by the order of evaluation: by phase, and then by cost.
func inOrder(lines []helogate.Line) []helogate.Line {
	lines = slices.Clone(lines)
	phases := map[helogate.Phase]int{helogate.OnDefer: 1, helogate.OnGreylist: 2}
	slices.SortStableFunc(lines, func(a, b helogate.Line) int {
		return cmp.Or(cmp.Compare(phases[a.Check.Phase], phases[b.Check.Phase]), cmp.Compare(a.Check.Cost, b.Check.Cost))
	})
	return lines
}

// when words the cost of a line, or the decision that it waits for.
func when(l helogate.Line) string {
	switch {
	case l.Check.Phase == helogate.OnDefer:
		return "when deferred"
	case l.Check.Phase == helogate.OnGreylist && l.On[helogate.Fail].Action == helogate.Greylist:
		return "when not refused"
	case l.Check.Phase == helogate.OnGreylist:
		return "when greylisted"
	}
	return l.Check.Cost.String()
}

// source says what sets the effects of a line: the preset, a rule, or a line of the configuration. Of several layers,
// the last one that names the check counts. The action of one list overrides that of its family in [policy].
func source(c *config.Config, p *policy.Policy, line *helogate.Check) string {
	if isRule(c, line.Name) {
		return "[[rule]]"
	}
	list, isList := policy.ListOf(c, line)
	for above := len(p.Layers) - 1; above >= 0; above-- {
		if above == 0 && isList {
			if at := c.Origin(fmt.Sprintf("%s[%d].then", list.Family, list.Place)); at != "default" {
				return fmt.Sprintf("[[%s]] at %s", list.Family, at)
			}
		}
		place := p.Layers[above] + ".checks." + cmp.Or(line.Family, line.Name)
		if at := c.Origin(place); at != "default" {
			return at
		}
	}
	return "preset"
}

func isRule(c *config.Config, name string) bool {
	return slices.ContainsFunc(c.Rule, func(r config.Rule) bool { return r.Name == name })
}

func lineName(c *config.Config, l helogate.Line) string {
	if isRule(c, l.Check.Name) {
		return fmt.Sprintf("rule %q", l.Check.Name)
	}
	return l.Check.Name
}

// effects words the effects of a line: that of fail first, those of other outcomes with the outcome.
func effects(l helogate.Line) (out []string) {
	for _, o := range helogate.Outcomes {
		a, ok := l.On[o]
		switch {
		case !ok:
		case o == helogate.Fail:
			out = append([]string{a.String()}, out...)
		default:
			out = append(out, o.String()+" = "+a.String())
		}
	}
	return out
}

// places words where the layers of a policy are in the file.
func places(c *config.Config, layers []string) (out []string) {
	for _, place := range layers {
		name := place
		if i := strings.IndexByte(place, '['); i >= 0 {
			name = "[[" + place[:i] + "]]"
			if at := c.Origin(place); at != "default" {
				name += " at " + at
			}
		} else {
			name = "[" + place + "]"
		}
		out = append(out, name)
	}
	return out
}
