// Package presentation decodes the presentation form of DNS (RFC 1035 section 5.1), which names and the values of TXT
// records have in a helogate.Answer.
package presentation

import "strings"

// Unescape decodes \DDD and \X. A backslash at the end stays.
func Unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			c = s[i]
			if v, ok := octet(s[i:]); ok {
				c = v
				i += 2
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// octet parses three digits.
func octet(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int(c-'0')
	}
	return byte(v), v <= 255
}
