package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A piece of a macro-string is literal text, or a macro (RFC 7208 section 7).
type piece struct {
	literal    string
	letter     byte // lower case; 0 for literal text
	escape     bool // the letter was a capital: the value is URL-escaped
	rightmost  int  // how many parts of the value are kept; 0: all
	reverse    bool
	delimiters string // between parts
}

// Where a macro-string stands.
type place bool

const (
	inDomain      place = false
	inExplanation place = true // more letters, and spaces
)

// parsePiece reads the piece that s begins with, and says how long it is. There is one: s is not empty.
func parsePiece(s string, where place) (p piece, n int, err error) {
	if s[0] == '%' {
		return parseMacro(s, where)
	}
	for n < len(s) && s[n] != '%' {
		if c := s[n]; c < '!' && (c != ' ' || where == inDomain) || c > '~' {
			return p, 0, fmt.Errorf("octet %#02x may not stand there", c)
		}
		n++
	}
	return piece{literal: s[:n]}, n, nil
}

// checkMacros reads a macro-string through: what it lets pass, parsePiece reads without an error.
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

// hasLocal reports whether a domain-spec has the local part of the sender in it.
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

// escapes are what "%%", "%_" and "%-" stand for.
var escapes = map[byte]string{'%': "%", '_': " ", '-': "%20"}

// parseMacro reads the macro-expand that s begins with, and says how long it is.
func parseMacro(s string, where place) (p piece, n int, err error) {
	if len(s) > 1 && s[1] != '{' {
		if lit, ok := escapes[s[1]]; ok {
			return piece{literal: lit}, 2, nil
		}
	}
	end := strings.IndexByte(s, '}')
	if len(s) < 4 || s[1] != '{' || end < 3 {
		return p, 0, errors.New(`after "%" stands "{", a letter and "}", or one of "%", "_" and "-"`)
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
		// More digits than a number holds are more parts than a value has.
		n, err := strconv.Atoi(s[:digits])
		if n == 0 {
			return errors.New("a macro keeps one part at least")
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
			return fmt.Errorf("%s may not stand in a macro", quoted(s))
		}
	}
	if p.delimiters = s; s == "" {
		p.delimiters = "."
	}
	return nil
}

// checkDomainSpec reads a domain-spec through: a macro-string that ends in a macro, or in a dot and a top-level label.
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
		return errors.New("an address stands where a domain has to: it needs ip4 or ip6")
	}
	return errors.New("the domain does not end in a top-level domain")
}

// isTopLabel is toplabel of RFC 7208 section 7.1: letters, digits and hyphens, none of these at an end, and not digits
// alone.
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
