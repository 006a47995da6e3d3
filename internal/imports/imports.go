// Package imports makes a helogate configuration from that of another tool: the qmail-spp plugin helodnscheck, the
// qpsmtpd plugin helo, the filter rules of WCSAP, or Postfix's main.cf. Each function takes the text of the
// configuration and returns a commented TOML file that is valid for helogate. What it cannot carry over is listed, with
// the line and the reason, in the file and in [Result.Notes].
//
// An imported policy does what the original did, except where the original was wrong. docs/import.md lists the
// differences, and the tests check them.
package imports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/printable"
)

// A Result is an imported configuration.
type Result struct {
	TOML  string // the file, comments included
	Notes []Note // what was not carried over or was changed, in the order of the original
}

// A Note is a part of the original that was not carried over, or was changed.
type Note struct {
	Line int    // in the original, from 1; 0 if it has no line
	What string // the words of the original
	Why  string // why, and what to do
}

// String returns "line 3: %SPAM% = 1: %SPAM% is not a known macro".
func (n Note) String() string {
	s := n.What + ": " + n.Why
	if n.Line > 0 {
		s = fmt.Sprintf("line %d: %s", n.Line, s)
	}
	return s
}

const (
	width   = 110 // of comments
	maxLine = 400 // bytes of the original's text in a note; it may be anything
)

// A doc is a file under construction.
type doc struct {
	b     strings.Builder
	notes []Note
}

// say writes a paragraph of comment.
func (d *doc) say(format string, args ...any) { d.b.WriteString(comment(fmt.Sprintf(format, args...))) }

// gap writes an empty line.
func (d *doc) gap() { d.b.WriteByte('\n') }

// table begins a table: "[own]", "[[rule]]".
func (d *doc) table(header string) { fmt.Fprintf(&d.b, "\n%s\n", header) }

// example writes a setting that is commented out: to apply it, remove the #.
func (d *doc) example(key, value, why string) {
	d.b.WriteByte('#')
	d.set(key, value, why)
}

// set writes a setting, and why to the right of it.
func (d *doc) set(key, value, why string) {
	line := key + " = " + value
	if why != "" {
		line = fmt.Sprintf("%-40s # %s", line, clean(why))
	}
	d.b.WriteString(line + "\n")
}

// list writes a setting that is a list, each value on a line of its own where they are many.
func (d *doc) list(key string, values []string, why string) {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	one := "[" + strings.Join(quoted, ", ") + "]"
	if len(one) < width {
		d.set(key, one, why)
		return
	}
	if why != "" {
		d.say("%s", why)
	}
	fmt.Fprintf(&d.b, "%s = [\n", key)
	for _, v := range quoted {
		fmt.Fprintf(&d.b, "    %s,\n", v)
	}
	d.b.WriteString("]\n")
}

// note adds a note, for the end of the file and for the caller.
func (d *doc) note(line int, what, why string, args ...any) {
	d.notes = append(d.notes, Note{line, printable.Text(what, maxLine), fmt.Sprintf(why, args...)})
}

// result ends the file with the notes.
func (d *doc) result() *Result {
	slices.SortStableFunc(d.notes, func(a, b Note) int { return cmp.Compare(uint(a.Line-1), uint(b.Line-1)) }) // 0 is last
	if len(d.notes) > 0 {
		d.gap()
		d.say("Not carried over, or changed:")
		for _, n := range d.notes {
			d.b.WriteString(item(n.String()))
		}
	}
	return &Result{TOML: d.b.String(), Notes: d.notes}
}

// comment wraps text into lines of comment.
func comment(text string) string { return wrap("# ", "# ", clean(text)) }

func item(text string) string { return wrap("# - ", "#   ", clean(text)) }

func wrap(first, rest, text string) string {
	var b strings.Builder
	line := first
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) >= width && line != first && line != rest {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = rest
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}

// verbatim is a line of the original as a comment, as it was: nothing of it is lost in wrapping.
func verbatim(line string) string { return "# " + clean(strings.TrimSpace(line)) + "\n" }

// clean makes text fit for a comment and for the terminal that shows it.
func clean(s string) string {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return printable.Text(s, 4*len(s))
		}
	}
	return s
}

// quote returns text as TOML has it: between the quotes that leave backslashes alone, where there is need and it can
// be.
func quote(s string) string {
	if strings.ContainsAny(s, `\"`) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || r < ' ' || r > '~' }) {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r > '~':
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// accepts reports whether a line of a preset accepts clients. An import does not change those.
func accepts(l helogate.Line) bool { return l.On[helogate.Pass].Action == helogate.Accept }

// others lists the checks with an effect in a preset that are not in named: an imported policy does no more than the
// original. Checks that only follow a deferral or greylisting are left out, since they refuse no client.
func others(preset string, named []string) []string {
	lines, _, err := check.Lines(preset, check.Settings{Greylist: check.Greylisting{On: true}, Patience: time.Hour})
	if err != nil {
		panic(err) // the preset is a word of this package
	}
	var out []string
	for _, l := range lines {
		if !accepts(l) && l.Check.Phase == helogate.Main && l.On[helogate.Fail].Action != helogate.Ignore && !slices.Contains(named, l.Check.Name) {
			out = append(out, l.Check.Name)
		}
	}
	return out
}

// A setting is a line of [policy.checks].
type setting struct{ check, action, why string }

// checks writes [policy.checks]: what is set, and that all else of the preset is ignored.
func (d *doc) checks(preset string, set []setting) {
	d.table("[policy.checks]")
	var named []string
	for _, s := range set {
		d.set(s.check, s.action, s.why)
		named = append(named, s.check)
	}
	if rest := others(preset, named); len(rest) > 0 {
		d.say("Checks that the original does not have:")
		for _, name := range rest {
			d.set(name, quote("ignore"), "")
		}
	}
}

// action is the effect of fail; with dns, a DNS failure is only noted, as in the original.
func action(do string, dns bool) string {
	if dns {
		return fmt.Sprintf("{ fail = %s, temperror = %s }", quote(do), quote("note"))
	}
	return quote(do)
}
