package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/helogate/helogate/internal/printable"
)

// An Error is one mistake in the configuration. Its text is printable ASCII, whatever the file holds.
type Error struct {
	File    string // the file, or the variable of the environment
	Line    int    // from 1; 0 if the place is no line of a file
	Column  int    // from 1, in characters
	Key     string // the setting: "policy.checks.fcrdns", "exempt[1].until"; "" if there is none
	Err     error  // what is wrong
	Excerpt string // the line, and a mark under the place; "" if there is none

	order int // place among the errors of a configuration
}

// Error returns the place and what is wrong on the first line, which is enough for a log, and the excerpt below it:
//
//	helogate.toml:12:1: policy: unknown key "prest"; did you mean "preset"?
//	  12 | prest = "balanced"
//	     | ^~~~~
func (e *Error) Error() string {
	s := ascii(e.File)
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		s += ": " + ascii(cut(e.Key, 200))
	}
	s += ": " + ascii(cut(e.Err.Error(), 1000))
	if e.Excerpt != "" {
		s += "\n" + e.Excerpt
	}
	return s
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Errors are all mistakes, in the order of the file; those of the environment come last.
type Errors []*Error

// Error returns the errors one below the other.
func (l Errors) Error() string {
	text := make([]string, len(l))
	for i, e := range l {
		text[i] = e.Error()
	}
	return strings.Join(text, "\n")
}

// Unwrap returns the errors.
func (l Errors) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Join returns one error for many, Errors and those of errors.Join among them: those with a place in the file come
// first, in its order. It returns nil if all are nil.
func Join(errs ...error) error {
	var placed Errors
	var others []error
	var add func(error)
	add = func(err error) {
		var e *Error
		if list, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range list.Unwrap() {
				add(err)
			}
		} else if errors.As(err, &e) && err == error(e) {
			placed = append(placed, e)
		} else if err != nil {
			others = append(others, err)
		}
	}
	for _, err := range errs {
		add(err)
	}
	slices.SortStableFunc(placed, func(a, b *Error) int { return cmp.Compare(a.order, b.order) })
	switch {
	case len(others) == 0 && len(placed) == 0:
		return nil
	case len(others) == 0:
		return placed
	}
	if len(placed) > 0 {
		others = append([]error{placed}, others...)
	}
	return errors.Join(others...)
}

// source is a text that settings come from: the file, or a variable of the environment.
type source struct {
	name  string
	data  []byte // the file, or NAME=value, which is TOML too if the value is
	env   bool
	order int   // of its first byte, among all sources
	lines []int // where they begin
}

func newSource(name string, data []byte) *source {
	src := &source{name: name, data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			src.lines = append(src.lines, i+1)
		}
	}
	return src
}

// span is a piece of a source.
type span struct {
	src      *source
	from, to int
}

// raw is the text of the span.
func (s span) raw() string { return string(s.src.data[s.from:s.to]) }

func (s span) order() int { return s.src.order + s.from }

// line returns the number of the line that the span begins in.
func (s span) line() int {
	i, found := slices.BinarySearch(s.src.lines, s.from)
	if found {
		i++
	}
	return i
}

// where returns where the span begins, for a message about another place.
func (s span) where() string {
	if s.src.env {
		return s.src.name
	}
	return "line " + strconv.Itoa(s.line())
}

// problem is an Error without its text yet: a bad file may have a great many.
type problem struct {
	at  span
	key string
	err error
}

// problems collects them.
type problems []problem

func (p *problems) add(at span, key, format string, args ...any) {
	*p = append(*p, problem{at, key, fmt.Errorf(format, args...)})
}

// most is how many errors are worth reading at once.
const most = 50

// err returns the first problems in the order of the sources, and how many more there are.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b problem) int { return cmp.Compare(a.at.order(), b.at.order()) })
	var list Errors
	for _, x := range p[:min(len(p), most)] {
		list = append(list, x.at.error(x.key, x.err))
	}
	if n := len(p) - most; n > 0 {
		last := p[len(p)-1].at
		list = append(list, &Error{File: last.src.name, Err: fmt.Errorf("%d more errors: correct these first", n), order: last.order() + 1})
	}
	return list
}

// error makes an Error at the span.
func (s span) error(key string, err error) *Error {
	e := &Error{File: s.src.name, Key: key, Err: err, order: s.order()}
	data := s.src.data
	start := bytes.LastIndexByte(data[:s.from], '\n') + 1
	end := len(data)
	if i := bytes.IndexByte(data[s.from:], '\n'); i >= 0 {
		end = s.from + i
	}
	if end > start && end > s.from && data[end-1] == '\r' {
		end--
	}
	text, mark := excerpt(data[start:end], s.from-start, min(s.to, end)-start)
	if s.src.env {
		e.Excerpt = "  " + text + "\n  " + mark
		return e
	}
	e.Line, e.Column = s.line(), utf8.RuneCount(data[start:s.from])+1
	gutter := strconv.Itoa(e.Line)
	e.Excerpt = fmt.Sprintf("  %s | %s\n  %*s | %s", gutter, text, len(gutter), "", mark)
	return e
}

// excerpt returns the part of a line around from, and the mark to be put below: a caret, and a wave up to to.
func excerpt(line []byte, from, to int) (text, mark string) {
	const before, after = 60, 60 // bytes shown of a line that is too long
	start, end := 0, len(line)
	if len(line) > before+after {
		start, end = max(0, from-before), min(len(line), from+after)
		for start > 0 && start < from && !utf8.RuneStart(line[start]) {
			start++
		}
		for end < len(line) && end > from && !utf8.RuneStart(line[end]) {
			end--
		}
	}
	var b strings.Builder
	if start > 0 {
		b.WriteString("...")
	}
	b.WriteString(ascii(string(line[start:from])))
	left := b.Len()
	b.WriteString(ascii(string(line[from:end])))
	wave := len(ascii(string(line[from:max(from, min(to, end))])))
	if end < len(line) {
		b.WriteString("...")
	}
	return strings.TrimRight(b.String(), " "), strings.Repeat(" ", left) + "^" + strings.Repeat("~", max(0, wave-1))
}

// ascii makes s safe for a terminal and for one line of a log: it escapes what is not printable ASCII as \xHH. A
// backslash stays as it is, since in a configuration it often is the mistake.
func ascii(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\t':
			b.WriteByte(' ')
		case c == '\\':
			b.WriteByte(c)
		default:
			b.WriteString(printable.Text(s[i:i+1], 4))
		}
	}
	return b.String()
}

// cut shortens a text that is too long to be read, and splits no letter.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "..."
}

// quoted returns a value as messages quote it.
func quoted(s string) string { return strconv.QuoteToASCII(cut(s, 80)) }
