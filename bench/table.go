package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A row is one figure.
type row struct {
	what, figure string
	goal         string // "" if there is none
	met          bool   // if there is one
	skipped      bool   // not measured; figure says why
	notes        []string
}

func (r *row) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// verdict is the last column.
func (r *row) verdict() string {
	switch {
	case r.goal == "" || r.skipped:
		return ""
	case r.met:
		return "met"
	}
	return "missed"
}

func tableOf(rows []row) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"what", "figure", "goal", ""})
	for i := range rows {
		t.AppendRow(table.Row{rows[i].what, rows[i].figure, rows[i].goal, rows[i].verdict()})
	}
	return t
}

// plain renders rows for a terminal, their notes below.
func plain(rows []row) string {
	t := tableOf(rows)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	return t.Render() + "\n" + notes(rows, "")
}

// asMarkdown renders rows for a README, their notes below.
func asMarkdown(rows []row) string {
	return tableOf(rows).RenderMarkdown() + "\n" + notes(rows, "- ")
}

func notes(rows []row, mark string) string {
	var b strings.Builder
	for i := range rows {
		for _, n := range rows[i].notes {
			fmt.Fprintf(&b, "\n%s%s: %s", mark, rows[i].what, n)
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}
