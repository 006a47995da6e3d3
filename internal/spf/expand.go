package spf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
)

// maxExpansion is the maximum number of octets that a macro-string expands to. No name and no reply is nearly as
// long; but a record of 64 KiB could repeat a long value ten thousand times.
const maxExpansion = 1 << 16

// expand replaces the macros of a string in the record of a domain, and cuts the result after maxExpansion octets.
// The error is an error of DNS from the macro p.
func (w *walk) expand(s, domain string, where place) (string, error) {
	var values [26]string // by letter; each is computed once
	b := make([]byte, 0, 512)
	for s != "" && len(b) < maxExpansion {
		p, n, err := parsePiece(s, where)
		if err != nil {
			return "", err
		}
		v := p.literal
		if p.letter != 0 {
			known := &values[p.letter-'a']
			if *known == "" {
				if *known, err = w.value(p.letter, domain); err != nil {
					return "", err
				}
			}
			v = *known
		}
		b, s = p.appendTo(b, v), s[n:]
	}
	return string(b[:min(len(b), maxExpansion)]), nil
}

// value returns the value of a macro letter in the record of a domain (RFC 7208 section 7.2).
func (w *walk) value(letter byte, domain string) (string, error) {
	switch letter {
	case 's':
		return w.id.Local + "@" + w.id.Domain, nil
	case 'l':
		return w.id.Local, nil
	case 'o':
		return w.id.Domain, nil
	case 'd':
		return domain, nil
	case 'i':
		return w.dotted(), nil
	case 'p':
		return w.clientName(domain)
	case 'v':
		if w.id.Client.Is4() {
			return "in-addr", nil
		}
		return "ip6", nil
	case 'h':
		return w.id.Helo, nil
	case 'c':
		return w.ask.ClientText(), nil
	case 't':
		return strconv.FormatInt(w.id.Time.Unix(), 10), nil
	}
	return "unknown", nil // r, the name of this host: not disclosed, which section 7.3 allows
}

// dotted returns the client's address with a dot between octets, or between nibbles for IPv6.
func (w *walk) dotted() string {
	if w.id.Client.Is4() {
		return w.ask.ClientText()
	}
	const hex = "0123456789ABCDEF"
	octets := w.id.Client.As16()
	b := make([]byte, 0, 4*len(octets))
	for _, o := range octets {
		b = append(b, hex[o>>4], '.', hex[o&15], '.')
	}
	return string(b[:len(b)-1])
}

// clientName returns a forward-confirmed name of the client: the domain, else a name below it, else any (RFC 7208
// section 7.3). If the lookup for one of them fails, it might be the better one.
func (w *walk) clientName(domain string) (string, error) {
	names, err := w.clientNames()
	if err != nil {
		return "", err
	}
	at, isName := newName(domain)
	best, failed := "", ""
	for _, n := range names {
		switch a := w.ask.Ask(w.family(), n); {
		case a.Status == helogate.TempFail:
			failed = n
		case !slices.Contains(a.Values, w.ask.ClientText()):
		case best == "", isName && n == at.question, isName && under(n, at.question) && !under(best, at.question):
			best = n
		}
	}
	switch {
	case failed != "":
		return "", w.failure(w.family(), failed)
	case best == "":
		return "unknown", nil
	}
	return presentation.Unescape(best), nil
}

// appendTo appends a value after its transformation: it is split into parts, and the wanted parts are joined by dots
// (RFC 7208 section 7.1).
func (p *piece) appendTo(b []byte, v string) []byte {
	if p.letter == 0 {
		return append(b, v...)
	}
	v = p.wanted(v)
	if !p.reverse {
		return p.appendPart(b, v)
	}
	for {
		i := strings.LastIndexAny(v, p.delimiters)
		b = p.appendPart(b, v[i+1:])
		if i < 0 {
			return b
		}
		b, v = append(b, '.'), v[:i]
	}
}

// wanted returns the section of a value with the parts to keep. Where the value is reversed, the rightmost parts are
// its first ones.
func (p *piece) wanted(v string) string {
	if p.rightmost == 0 {
		return v
	}
	parts := 0
	for i := range len(v) {
		at := i
		if !p.reverse {
			at = len(v) - 1 - i
		}
		if strings.IndexByte(p.delimiters, v[at]) < 0 {
			continue
		}
		if parts++; parts < p.rightmost {
			continue
		}
		if p.reverse {
			return v[:at]
		}
		return v[at+1:]
	}
	return v
}

// appendPart appends a part that is already cut. With escape set, it escapes all but the unreserved characters of RFC
// 3986 section 2.3.
func (p *piece) appendPart(b []byte, v string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(v) {
		switch c := v[i]; {
		case strings.IndexByte(p.delimiters, c) >= 0:
			b = append(b, '.')
		case !p.escape, isAlpha(c), isDigit(c), strings.IndexByte("-._~", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
