package rule

import "strings"

// A token is a piece of an expression. Tokens serve to locate errors and to recognise common mistakes.
type token struct {
	start, end int
	text       string
	open       bool // a text without its closing quote
}

const operators2 = "== != <= >= && ||"

func tokenize(s string) (out []token) {
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
			continue
		case strings.HasPrefix(s[i:], "//"):
			if end := strings.IndexByte(s[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(s)
			}
			continue
		case isWord(c):
			number := '0' <= c && c <= '9'
			for i < len(s) && (isWord(s[i]) || number && s[i] == '.') {
				i++
			}
			if i < len(s) && (s[i] == '"' || s[i] == '\'') && isPrefix(s[start:i]) {
				raw := strings.ContainsAny(s[start:i], "rR")
				end, open := textEnd(s, i, raw)
				i = end
				out = append(out, token{start, i, s[start:i], open})
				continue
			}
		case c == '"' || c == '\'':
			end, open := textEnd(s, i, false)
			i = end
			out = append(out, token{start, i, s[start:i], open})
			continue
		case i+1 < len(s) && strings.Contains(operators2, s[i:i+2]) && s[i+1] != ' ':
			i += 2
		default:
			i++
		}
		out = append(out, token{start: start, end: i, text: s[start:i]})
	}
	return out
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// isPrefix reports whether a word before a quote marks a raw text, octets, or both.
func isPrefix(word string) bool {
	return len(word) <= 2 && strings.Trim(word, "rRbB") == ""
}

// textEnd returns the end of a text that begins with the quote at i.
func textEnd(s string, i int, raw bool) (end int, open bool) {
	quote := s[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	for i += len(quote); i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote), false
		case s[i] == '\\' && !raw && i+1 < len(s):
			i++
		case s[i] == '\n' && len(quote) == 1:
			return i, true
		}
	}
	return len(s), true
}
