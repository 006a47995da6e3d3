package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate/internal/presentation"
)

// macros is a macro-string, read (RFC 7208 section 7).
type macros []piece

// A piece is literal text, or a macro.
type piece struct {
	literal    string
	letter     byte // lower case; 0 for literal text
	escape     bool // the letter was a capital: the value is URL-escaped
	rightmost  int  // how many parts of the value are kept; 0: all
	reverse    bool
	delimiters string // "" is "."
}

// Where a macro-string stands.
type place bool

const (
	inDomain      place = false
	inExplanation place = true // more letters, and spaces
)

// parseMacros reads a macro-string.
func parseMacros(s string, where place) (macros, error) {
	out := macros{}
	for s != "" {
		end := strings.IndexByte(s, '%')
		if end < 0 {
			end = len(s)
		}
		for i := range end {
			if c := s[i]; c < '!' && (c != ' ' || where == inDomain) || c > '~' {
				return nil, fmt.Errorf("octet %#02x may not stand there", c)
			}
		}
		if end > 0 {
			out = append(out, piece{literal: s[:end]})
		}
		if s = s[end:]; s == "" {
			break
		}
		p, n, err := parseMacro(s, where)
		if err != nil {
			return nil, err
		}
		out, s = append(out, p), s[n:]
	}
	return out, nil
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
		return p, 0, fmt.Errorf("there is no macro %%{%s} here", clip(body))
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
			return fmt.Errorf("%s may not stand in a macro", clip(s))
		}
	}
	p.delimiters = s
	return nil
}

// parseDomainSpec reads a domain-spec: what ends in a macro, or in a dot and a top-level label.
func parseDomainSpec(s string) (macros, error) {
	if s == "" {
		return nil, errors.New("the domain is missing")
	}
	m, err := parseMacros(s, inDomain)
	if err != nil {
		return nil, err
	}
	last := &m[len(m)-1]
	if last.letter != 0 || strings.ContainsAny(last.literal, "% ") { // "%%" and the like are macros, too
		return m, nil
	}
	tail := strings.TrimSuffix(last.literal, ".")
	dot := strings.LastIndexByte(tail, '.')
	if dot >= 0 && isTopLabel(tail[dot+1:]) {
		return m, nil
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return nil, errors.New("an address stands where a domain has to: it needs ip4 or ip6")
	}
	return nil, errors.New("the domain does not end in a top-level domain")
}

// isTopLabel is toplabel of RFC 7208 section 7.1: letters, digits and hyphens, none of these at an end, and not digits alone.
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

// expand puts values in the place of macros. The error is one of DNS, of the macro p.
func (r *run) expand(m macros, domain string) (string, error) {
	if len(m) == 1 && m[0].letter == 0 {
		return m[0].literal, nil
	}
	var b strings.Builder
	for i := range m {
		p := &m[i]
		if p.letter == 0 {
			b.WriteString(p.literal)
			continue
		}
		v, err := r.value(p.letter, domain)
		if err != nil {
			return "", err
		}
		b.WriteString(p.transform(v))
	}
	return b.String(), nil
}

// value is what a letter stands for (RFC 7208 section 7.2).
func (r *run) value(letter byte, domain string) (string, error) {
	switch letter {
	case 's':
		return r.id.Local + "@" + r.id.Domain, nil
	case 'l':
		return r.id.Local, nil
	case 'o':
		return r.id.Domain, nil
	case 'd':
		return domain, nil
	case 'i':
		return dotted(r.id.Client), nil
	case 'p':
		return r.clientName(domain)
	case 'v':
		if r.id.Client.Is4() {
			return "in-addr", nil
		}
		return "ip6", nil
	case 'h':
		return r.id.Helo, nil
	case 'c':
		return r.client, nil
	case 't':
		return strconv.FormatInt(r.id.Time.Unix(), 10), nil
	}
	return "unknown", nil // r, who we are: nobody else's affair, and section 7.3 allows this
}

// dotted is an address with a dot after each octet, or after each nibble of IPv6.
func dotted(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	const hex = "0123456789ABCDEF"
	octets := a.As16()
	b := make([]byte, 0, 4*len(octets))
	for _, o := range octets {
		b = append(b, hex[o>>4], '.', hex[o&15], '.')
	}
	return string(b[:len(b)-1])
}

// clientName is a confirmed name of the client: the domain, else one below it, else any (RFC 7208 section 7.3).
func (r *run) clientName(domain string) (string, error) {
	names, err := r.names()
	if err != nil && err != errNotFound {
		return "", err
	}
	names, failed := r.confirmed(names)
	if failed != "" { // it might be the better one
		return "", r.failure(r.family(), failed)
	}
	if len(names) == 0 {
		return "unknown", nil
	}
	best := names[0]
	if at, ok := newName(domain); ok {
		for _, n := range names {
			if n == at.question || under(n, at.question) && !under(best, at.question) {
				best = n
			}
		}
	}
	return presentation.Unescape(best), nil
}

// transform splits a value, keeps what is wanted of it, and joins it again (RFC 7208 section 7.1).
func (p *piece) transform(v string) string {
	if p.rightmost > 0 || p.reverse || p.delimiters != "" {
		delimiters := p.delimiters
		if delimiters == "" {
			delimiters = "."
		}
		parts := split(v, delimiters)
		if p.reverse {
			slices.Reverse(parts)
		}
		if p.rightmost > 0 && p.rightmost < len(parts) {
			parts = parts[len(parts)-p.rightmost:]
		}
		v = strings.Join(parts, ".")
	}
	if p.escape {
		v = urlEscape(v)
	}
	return v
}

func split(v, delimiters string) (parts []string) {
	for {
		i := strings.IndexAny(v, delimiters)
		if i < 0 {
			return append(parts, v)
		}
		parts, v = append(parts, v[:i]), v[i+1:]
	}
}

// urlEscape escapes all but the unreserved characters of RFC 3986 section 2.3.
func urlEscape(v string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(v))
	for i := range len(v) {
		if c := v[i]; isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
