package main

// How a policy is printed for people: what it is of, and then its lines in the order in which they are heard, tier by
// tier, each with the stage that it needs and with what its outcomes do.

import (
	"fmt"
	"io"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func printPolicy(out io.Writer, c *config.Config, p *policy.Policy) error {
	var b strings.Builder
	fmt.Fprintf(&b, "preset %s, mode %s, of %s\n", p.Preset, p.Mode, strings.Join(places(c, p.Layers), " and "))
	fmt.Fprintf(&b, "suspicion: greylist %s, reject %s; clients are told no from %s on\n\n",
		from(p.GreylistAt), from(p.RejectAt), strings.ToUpper(c.Policy.RejectAtStage.String()))
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"cost", "line", "from", "does", "says"})
	lines, names := p.Lines(), check.Names()
	for cost := helogate.Local; cost <= helogate.Probe; cost++ {
		for _, l := range lines {
			if l.Check.Cost == cost {
				t.AppendRow(table.Row{cost.String(), lineName(l, names), strings.ToUpper(l.Check.Needs.String()), strings.Join(does(l), "; "), says(c, p, l.Check.Name)})
			}
		}
	}
	b.WriteString(t.Render() + "\n")
	for _, l := range lines {
		if isRule(l, names) {
			fmt.Fprintf(&b, "\n%s\n  when %s\n", lineName(l, names), strings.Join(strings.Fields(l.Check.Doc), " "))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// says names who says what a line does: the preset, a rule, or the layer that speaks last of it.
func says(c *config.Config, p *policy.Policy, name string) string {
	for _, r := range c.Rule {
		if r.Name == name {
			return "[[rule]]"
		}
	}
	for i := len(p.Layers) - 1; i >= 0; i-- {
		place := p.Layers[i] + ".checks." + name
		if from := c.Origin(place); from != "default" {
			return from
		}
	}
	return "preset"
}

func isRule(l helogate.Line, checks []string) bool {
	for _, name := range checks {
		if name == l.Check.Name {
			return false
		}
	}
	return true
}

func lineName(l helogate.Line, checks []string) string {
	if isRule(l, checks) {
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
			out = append(out, string(o)+" = "+a.String())
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
