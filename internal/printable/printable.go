// Package printable makes the attacker's text fit for a log, an SMTP reply, a header, a terminal or a page.
package printable

import "strings"

const hex = "0123456789abcdef"

// Text returns s with every byte that is not printable ASCII as \xHH and a backslash doubled, so that it cannot end a
// line, move a cursor or hide text, and can be read back. What comes out is cut after limit bytes, and "..." says so.
// A text that is clean and short is returned as it is, without allocation.
func Text(s string, limit int) string {
	if len(s) <= limit && clean(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		n := 1
		switch {
		case c == '\\':
			n = 2
		case c < ' ' || c > '~':
			n = 4
		}
		if b.Len()+n > limit {
			b.WriteString("...")
			break
		}
		switch n {
		case 2:
			b.WriteString(`\\`)
		case 4:
			b.Write([]byte{'\\', 'x', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}
