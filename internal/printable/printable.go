// Package printable makes text that a client sent safe to print: in a log, in an SMTP reply, in a header, on a
// terminal.
package printable

const (
	ellipsis = "..."
	hexDigit = "0123456789abcdef"
)

// Text escapes the text of a client. The octets 0x20 to 0x7e stay as they are, except that a backslash is doubled;
// every other octet becomes \xHH. No escape sequence, line break or bidirectional override survives, and the original
// octets can be read from the result.
//
// The result is at most max octets long. Where text is cut, the result ends in "...", and no escape is split. Text does
// not allocate where s is clean and short, and reads no more of s than it returns.
func Text(s string, max int) string {
	if len(s) <= max && isClean(s) {
		return s
	}
	if max <= 0 {
		return ""
	}
	out := make([]byte, 0, min(max, 4*len(s)))
	whole := 0 // how much stays if "..." must follow
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

// Quote returns Text in double quotes, with at most max octets between them. A double quote within s is not escaped.
func Quote(s string, max int) string { return `"` + Text(s, max) + `"` }

// Cut shortens text that is printable already to at most max octets. Where text is cut, the result ends in "...".
func Cut(s string, max int) string {
	switch {
	case len(s) <= max:
		return s
	case max <= 0:
		return ""
	case max <= len(ellipsis):
		return ellipsis[:max]
	}
	return s[:max-len(ellipsis)] + ellipsis
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
