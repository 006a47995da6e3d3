package rule

import (
	"cmp"
	"slices"
	"strings"
)

// An Error is one thing that is wrong with an expression.
type Error struct {
	Offset, Length int // where, in octets of the expression
	Msg            string
}

// Error returns what is wrong.
func (e *Error) Error() string { return e.Msg }

// Errors are all that could be found, in the order of the expression.
type Errors []*Error

// Error returns them a line each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Msg
	}
	return strings.Join(lines, "\n")
}

// sorted puts them in order, and leaves out what was said of the same place before: the first to speak knew best.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.CompactFunc(e, func(a, b *Error) bool { return a.Offset == b.Offset })
}

// covers reports whether something is said of a place already.
func (e Errors) covers(offset, length int) bool {
	return slices.ContainsFunc(e, func(was *Error) bool {
		return was.Offset < offset+max(1, length) && offset < was.Offset+max(1, was.Length)
	})
}
