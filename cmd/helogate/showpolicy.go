package main

// How a policy is printed for people: what it is of, and then its lines in the order in which they are heard, tier by
// tier, each with the stage that it needs and with what its outcomes do. Last come those that wait for what the others
// come to.

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func printPolicy(out io.Writer, c *config.Config, p *policy.Policy) error {
	var b strings.Builder
	fmt.Fprintf(&b, "preset %s, mode %s, of %s\n", p.Preset, p.Mode, strings.Join(places(c, p.Layers), " and "))
	fmt.Fprintf(&b, "score: greylist %s, reject %s; clients are told no from %s on\n\n",
		from(p.GreylistAt), from(p.RejectAt), strings.ToUpper(c.Policy.RejectAtStage.String()))
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"cost", "line", "from", "does", "says"})
	lines := heard(p.Lines())
	for _, l := range lines {
		t.AppendRow(table.Row{when(l), lineName(c, l), strings.ToUpper(l.Check.Needs.String()), strings.Join(does(l), "; "), says(c, p, &l.Check)})
	}
	b.WriteString(t.Render() + "\n")
	for _, l := range lines {
		if isRule(c, l.Check.Name) {
			fmt.Fprintf(&b, "\n%s\n  when %s\n", lineName(c, l), strings.Join(strings.Fields(l.Check.Doc), " "))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// heard puts lines into the order in which they are heard: tier by tier, and last what waits for what the others come to.
func heard(lines []helogate.Line) []helogate.Line {
	lines = slices.Clone(lines)
	turns := map[helogate.Phase]int{helogate.OnDefer: 1, helogate.OnGreylist: 2}
	slices.SortStableFunc(lines, func(a, b helogate.Line) int {
		return cmp.Or(cmp.Compare(turns[a.Check.Phase], turns[b.Check.Phase]), cmp.Compare(a.Check.Cost, b.Check.Cost))
	})
	return lines
}

// when words what a line costs, or what it waits for.
func when(l helogate.Line) string {
	switch {
	case l.Check.Phase == helogate.OnDefer:
		return "when deferred"
	case l.Check.Phase == helogate.OnGreylist && l.On[helogate.Fail].Action == helogate.Greylist:
		return "when let in"
	case l.Check.Phase == helogate.OnGreylist:
		return "when greylisted"
	}
	return l.Check.Cost.String()
}

// says names who says what a line does: the preset, a rule, or the layer that speaks last of it. One list's own action
// stands above what is said of its family in general.
func says(c *config.Config, p *policy.Policy, line *helogate.Check) string {
	if isRule(c, line.Name) {
		return "[[rule]]"
	}
	list, isList := policy.ListOf(c, line)
	for above := len(p.Layers) - 1; above >= 0; above-- {
		if above == 0 && isList {
			if from := c.Origin(fmt.Sprintf("%s[%d].then", list.Family, list.Place)); from != "default" {
				return fmt.Sprintf("[[%s]] at %s", list.Family, from)
			}
		}
		place := p.Layers[above] + ".checks." + cmp.Or(line.Family, line.Name)
		if from := c.Origin(place); from != "default" {
			return from
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

// does words what the outcomes of a line lead to; fail goes without saying.
func does(l helogate.Line) (out []string) {
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

func from(points int) string {
	if points == 0 {
		return "never"
	}
	return fmt.Sprintf("from %d on", points)
}

// places words where the layers of a policy are in the file.
func places(c *config.Config, layers []string) (out []string) {
	for _, place := range layers {
		name := place
		if i := strings.IndexByte(place, '['); i >= 0 {
			name = "[[" + place[:i] + "]]"
			if from := c.Origin(place); from != "default" {
				name += " at " + from
			}
		} else {
			name = "[" + place + "]"
		}
		out = append(out, name)
	}
	return out
}
