// Package printable makes a stranger's text fit for people and for lines: for a log, an SMTP reply, a header, a terminal.
package printable

const (
	ellipsis = "..."
	hexDigit = "0123456789abcdef"
)

// Text makes a stranger's text fit for a reply, a header, a log and a terminal: the octets 0x20 to 0x7e stay as
// they are, except that a backslash is doubled, and every other octet becomes \xHH. So no escape sequence, line break or
// bidirectional override survives, and what was sent can still be told.
//
// The result is at most max octets long; what had to be cut ends in "...", never within an escape. It allocates nothing
// if s is clean and short, and reads no more of s than it returns.
func Text(s string, max int) string {
	if len(s) <= max && isClean(s) {
		return s
	}
	if max <= 0 {
		return ""
	}
	out := make([]byte, 0, min(max, 4*len(s)))
	whole := 0 // as much as can stay if "..." must follow
	for i := range len(s) {
		width := escapedLen(s[i])
		if len(out)+width > max {
			return string(out[:whole]) + ellipsis[:min(max, len(ellipsis))]
		}
		out = appendEscaped(out, s[i])
		if len(out)+len(ellipsis) <= max {
			whole = len(out)
		}
	}
	return string(out)
}

func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

func escapedLen(c byte) int {
	switch {
	case c == '\\':
		return 2
	case c < ' ' || c > '~':
		return 4
	}
	return 1
}

func appendEscaped(b []byte, c byte) []byte {
	switch escapedLen(c) {
	case 1:
		return append(b, c)
	case 2:
		return append(b, c, c)
	}
	return append(b, '\\', 'x', hexDigit[c>>4], hexDigit[c&0xf])
}
