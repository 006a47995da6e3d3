package spf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/presentation"
)

// maxExpansion is how many octets are made of a macro-string. No name and no reply is nearly as long; but a record of
// 64 KiB could repeat a long value ten thousand times.
const maxExpansion = 1 << 16

// expand puts values in the place of the macros of what stands in the record of a domain, and cuts what gets longer
// than maxExpansion. The error is one of DNS, of the macro p.
func (w *walk) expand(s, domain string, where place) (string, error) {
	var values [26]string // by letter; each is worked out once
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

// value is what a letter stands for in the record of a domain (RFC 7208 section 7.2).
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
	return "unknown", nil // r, the name of this host: nobody else's affair, and section 7.3 allows this
}

// dotted is the client's address with a dot after each octet, or after each nibble of IPv6.
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

// clientName is a confirmed name of the client: the domain, else one below it, else any (RFC 7208 section 7.3). If DNS
// fails for one of them, that might be the better one.
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

// appendTo appends a value, transformed: split into parts, those that are wanted joined again by dots (RFC 7208 section
// 7.1).
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

// wanted is what holds the parts that are kept: of a value in reverse, those on the right are its first ones.
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

// appendPart appends what is neither turned round nor cut any more. Of what it escapes, all but the unreserved
// characters of RFC 3986 section 2.3 are.
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
