package hostname

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The texts of Helo.Why. The postmaster of a refused server reads them: each says what is wrong, and where.

func whyTooLong(n int) string {
	return strconv.Itoa(n) + " octets (" + strconv.Itoa(maxName) + " at most)"
}

// whyLabel says what is wrong with a label whose characters are all allowed, or returns "": RFC 5321 section 4.1.2,
// RFC 1035 section 2.3.4.
func whyLabel(label string) string {
	switch n := len(label); {
	case n == 0:
		return "an empty label"
	case n > maxLabel:
		return fmt.Sprintf("a label of %d octets (%d at most)", n, maxLabel)
	case label[0] == '-':
		return "the label " + label + " starts with a hyphen"
	case label[n-1] == '-':
		return "the label " + label + " ends with a hyphen"
	}
	return ""
}

// whyOctet describes the octet at s[i], which is not allowed there.
func whyOctet(s string, i int) string {
	switch c := s[i]; {
	case c == ' ':
		return fmt.Sprintf("a space at %d", i+1)
	case c == '\t':
		return fmt.Sprintf("a tab at %d", i+1)
	case c == '\'':
		return fmt.Sprintf("an apostrophe at %d", i+1)
	case ' ' < c && c < 0x7f:
		return fmt.Sprintf("the character '%c' at %d", c, i+1)
	case c >= utf8.RuneSelf:
		if r, n := utf8.DecodeRuneInString(s[i:]); n > 1 {
			return fmt.Sprintf("UTF-8 (%U) at %d: HELO is ASCII, write it as an A-label (xn--...)", r, i+1)
		}
	}
	return fmt.Sprintf("byte 0x%02x at %d", s[i], i+1)
}
