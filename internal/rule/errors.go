package rule

import (
	"cmp"
	"slices"
	"strings"
)

// An Error is one mistake in an expression.
type Error struct {
	Offset, Length int // the place, in octets of the expression
	Msg            string
}

// Error returns the message.
func (e *Error) Error() string { return e.Msg }

// Errors are all mistakes that were found, in the order of the expression.
type Errors []*Error

// Error returns the messages, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Msg
	}
	return strings.Join(lines, "\n")
}

// sorted orders the errors, and keeps only the first one about a place: later ones follow from it.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.CompactFunc(e, func(a, b *Error) bool { return a.Offset == b.Offset })
}

// overlaps reports whether an error is about a part of the given place.
func (e Errors) overlaps(offset, length int) bool {
	return slices.ContainsFunc(e, func(was *Error) bool {
		return was.Offset < offset+max(1, length) && offset < was.Offset+max(1, was.Length)
	})
}
