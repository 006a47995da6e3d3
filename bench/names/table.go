package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/helogate/helogate/internal/printable"
)

// sharesTable has a line for each list.
func sharesTable(sets []*set) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"names", "counted", "goal", "helogate", "+ address", "", "addresses"})
	for i := range lines {
		l := &lines[i]
		s := l.setOf(sets)
		if len(s.entries) == 0 {
			t.AppendRow(table.Row{l.title(22), "not there"})
			continue
		}
		f := l.measure(s.entries)
		t.AppendRow(table.Row{l.title(22), l.counted(s), l.goal, f.without, f.withAddress(), l.goal.verdict(f), f.addresses()})
	}
	return t
}

// title is the list, or a part of the list above.
func (l *line) title(most int) string {
	if l.part != "" {
		return "- " + l.part
	}
	return shorten(strings.TrimSuffix(l.list, ".tsv"), most)
}

func (l *line) counted(s *set) string {
	switch {
	case l.asHosting:
		return "hosting"
	case s.generated:
		return "generated"
	}
	return "false alarms"
}

// String is "≥ 98 %", without the address and with it.
func (g goal) String() string {
	sign := "≤"
	if g.atLeast {
		sign = "≥"
	}
	if g == (goal{}) {
		return ""
	}
	return fmt.Sprintf("%s %v %%", sign, g.percent)
}

func (s share) String() string {
	if s.of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", s.percent())
}

func (f figures) withAddress() string {
	if f.known == 0 {
		return "–"
	}
	return f.with.String()
}

func (g goal) verdict(f figures) string {
	switch {
	case g == goal{}:
		return ""
	case g.met(f):
		return "met"
	}
	return "missed"
}

// addresses says of how many names the address is known.
func (f figures) addresses() string {
	return fmt.Sprintf("%d/%d", f.known, f.names)
}

// legend is what the columns mean.
func legend(markdown bool) string {
	lines := []string{
		"generated: any class but custom. false alarms: the same, of names that a person chose. hosting: that class alone.",
		"+ address: of all the names again, with the addresses that are known. addresses: of how many names the list has them.",
	}
	mark := ""
	if markdown {
		mark = "- "
	}
	return "\n" + mark + strings.Join(lines, "\n"+mark) + "\n\n"
}

// domainsTable has the domains with most errors of helogate, ten a list.
func domainsTable(sets []*set) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"names", "domain", "errors", "for example", "is said to be"})
	for i := range lines {
		l := &lines[i]
		s := l.setOf(sets)
		heading := l.title(17)
		for _, d := range l.worst(s) {
			why := string(d.example.class)
			if d.example.why != "" {
				why += ": " + d.example.why
			}
			t.AppendRow(table.Row{heading, shorten(d.domain, 20), fmt.Sprintf("%d of %d", d.errors, d.names),
				shorten(d.example.name, 28), beginning(why, 27)})
			heading = ""
		}
	}
	return t
}

// shorten cuts the middle out of a name from a list, so that what is printed stays in its column.
func shorten(s string, most int) string {
	s = printable.Text(s, 1000)
	if len(s) <= most {
		return s
	}
	return s[:most-most/2-1] + "…" + s[len(s)-most/2:]
}

// beginning cuts off the end.
func beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most-1] + "…"
}

// printErrors prints each error in a list: name, address, class, reason, separated by tabs.
func printErrors(w io.Writer, sets []*set, list string) error {
	seen := false
	for i := range lines {
		l := &lines[i]
		if l.list != list {
			continue
		}
		s := l.setOf(sets)
		if len(s.entries) == 0 {
			return fmt.Errorf("%s is not there, or holds no names", list)
		}
		seen = true
		if l.in != nil && !l.asHosting {
			continue // the line with all of the list has them
		}
		for _, f := range l.failures(s) {
			addr := ""
			if f.addr.IsValid() {
				addr = f.addr.String()
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable.Text(f.name, 1000), addr, f.class, f.why)
		}
	}
	if !seen {
		return fmt.Errorf("there is no list %q", list)
	}
	return nil
}

// plain renders a table for a terminal.
func plain(t table.Writer) string {
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	return t.Render() + "\n"
}

// asMarkdown renders a table for a page.
func asMarkdown(t table.Writer) string { return t.RenderMarkdown() + "\n" }
