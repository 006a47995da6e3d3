// Package imports makes a helogate configuration of another tool's: the qmail-spp plugin helodnscheck, the qpsmtpd plugin
// helo, the filter rules of WCSAP, and Postfix's main.cf. Each function takes the text of the other's configuration and
// returns a commented TOML file that `helogate config check` takes. What it cannot carry over it says, with the line and
// the reason, in the file and in [Result.Notes]: nothing is lost in silence.
//
// An imported policy does what the original did where that was right, and nothing more. Where the original was wrong it
// does not: docs/import.md lists the differences, and the tests judge by them.
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
	Notes []Note // what was not carried over as it was, in the order of the original
}

// A Note says what was not carried over, or not as it was.
type Note struct {
	Line int    // in the original, from 1; 0 where it is of no line
	What string // the words of the original
	Why  string // why, and what to do
}

// String returns "line 3: %SPAM% = 1: %SPAM% is no macro that is known".
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

// A doc is a file in the making.
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

// example writes a setting that is not made, for who wants to: the # before it is all that is in the way.
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

// note keeps what was not carried over, for the end of the file and for who asked.
func (d *doc) note(line int, what, why string, args ...any) {
	d.notes = append(d.notes, Note{line, printable.Text(what, maxLine), fmt.Sprintf(why, args...)})
}

// result ends the file with what was not carried over.
func (d *doc) result() *Result {
	slices.SortStableFunc(d.notes, func(a, b Note) int { return cmp.Compare(uint(a.Line-1), uint(b.Line-1)) }) // 0 is last
	if len(d.notes) > 0 {
		d.gap()
		d.say("Not carried over, or not as it was:")
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

// quote returns text as TOML has it: between the quotes that leave backslashes alone, where there is need and it can be.
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

// letsIn reports whether a line of a preset is one that lets in, which importing leaves alone.
func letsIn(l helogate.Line) bool { return l.On[helogate.Pass].Action == helogate.Accept }

// others lists the checks that a preset would do something by, beside those that are named: an imported policy does what
// the original did and nothing more. What waits for a deferral or a greylisting is left alone: it turns nobody away.
func others(preset string, named []string) []string {
	lines, _, err := check.Lines(preset, check.Settings{Greylist: check.Greylisting{On: true}, Patience: time.Hour})
	if err != nil {
		panic(err) // the preset is a word of this package
	}
	var out []string
	for _, l := range lines {
		if !letsIn(l) && l.Check.Phase == helogate.Main && l.On[helogate.Fail].Action != helogate.Ignore && !slices.Contains(named, l.Check.Name) {
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
		d.say("What the original does not look at:")
		for _, name := range rest {
			d.set(name, quote("ignore"), "")
		}
	}
}

// action words an action on fail, and that a failure of DNS lets in, as the original does.
func action(do string, dns bool) string {
	if dns {
		return fmt.Sprintf("{ fail = %s, temperror = %s }", quote(do), quote("note"))
	}
	return quote(do)
}
