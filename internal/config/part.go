package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// partError is an error about a part of a text, with the place of the part in the text as it was read.
type partError struct {
	offset, length int
	err            error
}

func (e *partError) Error() string { return e.err.Error() }

// part returns the place in the source of the length bytes from offset on of a text, or of the whole text if it cannot
// be determined.
func (n *node) part(offset, length int) span {
	at, ok := stretches(n.val.raw(), n.text)
	if !ok || offset < 0 || offset > len(n.text) {
		return n.val
	}
	end := min(len(n.text), offset+max(0, min(length, len(n.text))))
	for offset > 0 && offset < len(n.text) && !utf8.RuneStart(n.text[offset]) {
		offset--
	}
	for end > offset && end < len(n.text) && !utf8.RuneStart(n.text[end]) {
		end++
	}
	s := span{n.val.src, n.val.from + at[offset].from, n.val.from + at[offset].from}
	if end > offset {
		s.to = n.val.from + at[end-1].to
	}
	return s
}

// stretch is a piece of the file.
type stretch struct{ from, to int }

// stretches returns which stretch of raw, a string of TOML (TOML 1.0.0, section "String") or text without quotes,
// stands for each byte of the text that was read of it, and at last what stands behind them all. It is false if it
// reads another text.
func stretches(raw, text string) ([]stretch, bool) {
	at := make([]stretch, 0, len(text)+1)
	q := quotes(raw)
	if raw == text {
		q = ""
	}
	i, end := len(q), len(raw)-len(q)
	if len(q) == 3 { // a newline after the opening quotes is not of the text
		i += len(raw[i:]) - len(strings.TrimPrefix(strings.TrimPrefix(raw[i:], "\r"), "\n"))
	}
	var b strings.Builder
	for i < end {
		word, n := raw[i:i+1], 1
		if strings.HasPrefix(q, `"`) && word == `\` {
			word, n = escape(raw[i:end])
		}
		for range len(word) {
			at = append(at, stretch{i, i + n})
		}
		b.WriteString(word)
		i += n
	}
	return append(at, stretch{i, i}), b.String() == text
}

// quotes returns the quotes that a string of TOML is in, "" if it is in none.
func quotes(raw string) string {
	for _, q := range []string{`"""`, "'''", `"`, "'"} {
		if strings.HasPrefix(raw, q) && strings.HasSuffix(raw, q) && len(raw) >= 2*len(q) {
			return q
		}
	}
	return ""
}

var escapes = map[byte]string{'b': "\b", 't': "\t", 'n': "\n", 'f': "\f", 'r': "\r", 'e': "\x1b", '"': `"`, '\\': `\`}

// escape returns what a backslash and what follows mean, and how long they are. At the end of a line it means nothing,
// and the space up to the next letter goes with it.
func escape(s string) (string, int) {
	if len(s) < 2 {
		return s, len(s)
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if digits > 0 && len(s) >= 2+digits {
		n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
		if err != nil {
			return "", 2
		}
		return string(rune(n)), 2 + digits
	}
	if strings.IndexByte(" \t\r\n", s[1]) >= 0 {
		return "", len(s) - len(strings.TrimLeft(s[1:], " \t\r\n"))
	}
	return escapes[s[1]], 2
}
