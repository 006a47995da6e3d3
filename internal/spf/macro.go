package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A piece of a macro-string is literal text or a macro (RFC 7208 section 7).
type piece struct {
	literal    string
	letter     byte // lower case; 0 for literal text
	escape     bool // the letter was a capital: the value is URL-escaped
	rightmost  int  // how many parts of the value are kept; 0: all
	reverse    bool
	delimiters string // between parts
}

// place says where a macro-string occurs.
type place bool

const (
	inDomain      place = false
	inExplanation place = true // more letters, and spaces
)

// parsePiece parses the piece at the beginning of s, and returns its length. s must not be empty.
func parsePiece(s string, where place) (p piece, n int, err error) {
	if s[0] == '%' {
		return parseMacro(s, where)
	}
	for n < len(s) && s[n] != '%' {
		if c := s[n]; c < '!' && (c != ' ' || where == inDomain) || c > '~' {
			return p, 0, fmt.Errorf("octet %#02x is not allowed there", c)
		}
		n++
	}
	return piece{literal: s[:n]}, n, nil
}

// checkMacros checks a macro-string. parsePiece accepts every piece of a string that it accepts.
func checkMacros(s string, where place) error {
	for s != "" {
		_, n, err := parsePiece(s, where)
		if err != nil {
			return err
		}
		s = s[n:]
	}
	return nil
}

// hasLocal reports whether a domain-spec contains the local part of the sender.
func hasLocal(spec string) bool {
	for spec != "" {
		p, n, _ := parsePiece(spec, inDomain)
		if p.letter == 'l' || p.letter == 's' {
			return true
		}
		spec = spec[n:]
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// escapes has the meanings of "%%", "%_" and "%-".
var escapes = map[byte]string{'%': "%", '_': " ", '-': "%20"}

// parseMacro parses the macro-expand at the beginning of s, and returns its length.
func parseMacro(s string, where place) (p piece, n int, err error) {
	if len(s) > 1 && s[1] != '{' {
		if lit, ok := escapes[s[1]]; ok {
			return piece{literal: lit}, 2, nil
		}
	}
	end := strings.IndexByte(s, '}')
	if len(s) < 4 || s[1] != '{' || end < 3 {
		return p, 0, errors.New(`"%" must be followed by "{", a letter and "}", or by one of "%", "_" and "-"`)
	}
	body, letters := s[2:end], "slodiphv"
	if where == inExplanation {
		letters = "slodiphvcrt"
	}
	p.letter = body[0] | 0x20
	p.escape = body[0] != p.letter
	if !isAlpha(body[0]) || strings.IndexByte(letters, p.letter) < 0 {
		return p, 0, fmt.Errorf("there is no macro %%{%s} here", quoted(body))
	}
	return p, end + 1, p.parseTransformers(body[1:])
}

func (p *piece) parseTransformers(s string) error {
	digits := 0
	for digits < len(s) && isDigit(s[digits]) {
		digits++
	}
	if digits > 0 {
		// A number that is too large for an int is more than the parts of any value.
		n, err := strconv.Atoi(s[:digits])
		if n == 0 {
			return errors.New("a macro must keep at least one part")
		}
		if p.rightmost = n; err != nil {
			p.rightmost = maxName
		}
		s = s[digits:]
	}
	if s != "" && s[0]|0x20 == 'r' {
		p.reverse, s = true, s[1:]
	}
	for i := range len(s) {
		if strings.IndexByte(".-+,/_=", s[i]) < 0 {
			return fmt.Errorf("%s is not allowed in a macro", quoted(s))
		}
	}
	if p.delimiters = s; s == "" {
		p.delimiters = "."
	}
	return nil
}

// checkDomainSpec checks a domain-spec: a macro-string that ends in a macro, or in a dot and a top-level label.
func checkDomainSpec(s string) error {
	if s == "" {
		return errors.New("the domain is missing")
	}
	last := s
	for rest := s; rest != ""; {
		_, n, err := parsePiece(rest, inDomain)
		if err != nil {
			return err
		}
		last, rest = rest[:n], rest[n:]
	}
	if last[0] == '%' {
		return nil
	}
	tail := strings.TrimSuffix(last, ".")
	dot := strings.LastIndexByte(tail, '.')
	if dot >= 0 && isTopLabel(tail[dot+1:]) {
		return nil
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return errors.New("an address where a domain must be: use ip4 or ip6")
	}
	return errors.New("the domain does not end in a top-level domain")
}

// isTopLabel reports whether s is a toplabel of RFC 7208 section 7.1: letters, digits and hyphens, with no hyphen at
// an end, and not only digits.
func isTopLabel(s string) bool {
	other := false
	for i := range len(s) {
		c := s[i]
		switch {
		case isDigit(c):
		case isAlpha(c), c == '-' && i > 0 && i < len(s)-1:
			other = true
		default:
			return false
		}
	}
	return other
}
