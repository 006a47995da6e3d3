package spf

import (
	"fmt"
	"strings"
)

const (
	maxLabel = 63  // octets, RFC 1035 section 2.3.4
	maxName  = 253 // octets without the final dot, RFC 7208 section 7.3
)

// A name is a domain name that DNS can be asked about.
type name struct {
	raw      string // its octets, without a final dot
	question string // in the form of a Question: lower case, special octets escaped as in RFC 1035 section 5.1
}

// newName returns a name from octets. ok is false if DNS cannot hold the name: it, or one of its labels, is empty or
// too long.
func newName(raw string) (n name, ok bool) {
	raw = strings.TrimSuffix(raw, ".")
	if len(raw) > maxName {
		return name{}, false
	}
	clean, label := true, 0
	for i := range len(raw) {
		c := raw[i]
		if c == '.' {
			if label == 0 {
				return name{}, false
			}
			label = 0
			continue
		}
		if label++; label > maxLabel {
			return name{}, false
		}
		clean = clean && ('a' <= c && c <= 'z' || isDigit(c) || c == '-' || c == '_')
	}
	if label == 0 {
		return name{}, false
	}
	if clean {
		return name{raw, raw}, true
	}
	return name{raw, escape(raw)}, true
}

func (n name) isMultiLabel() bool { return strings.IndexByte(n.raw, '.') >= 0 }

// isSpecial reports whether a resolver prints an octet of a label with a backslash.
func isSpecial(c byte) bool { return strings.IndexByte(` '@;()"\`, c) >= 0 }

func escape(raw string) string {
	b := make([]byte, 0, len(raw)+16)
	for i := range len(raw) {
		c := raw[i]
		switch {
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\%03d`, c)
		case isSpecial(c):
			b = append(b, '\\', c)
		case 'A' <= c && c <= 'Z':
			b = append(b, c|0x20)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// under reports whether a name is a domain or below it, both in the form of questions. An escaped dot does not end a
// label.
func under(n, domain string) bool {
	if n == domain {
		return true
	}
	rest, ok := strings.CutSuffix(n, domain)
	if !ok || !strings.HasSuffix(rest, ".") {
		return false
	}
	rest = rest[:len(rest)-1]
	return (len(rest)-len(strings.TrimRight(rest, `\`)))%2 == 0
}

// target returns the name that a domain-spec in the record of a name expands to. It is the zero name if DNS cannot
// hold it (RFC 7208 section 4.8). The error is errNoMatch, or an error of DNS from the macro p.
func (w *walk) target(spec string, at name) (name, error) {
	raw := spec
	if strings.IndexByte(spec, '%') >= 0 {
		if !isASCII(w.id.Local) && hasLocal(spec) {
			return name{}, errNoMatch // RFC 8616 section 4
		}
		var err error
		if raw, err = w.expand(spec, at.raw, inDomain); err != nil {
			return name{}, err
		}
		if len(raw) == maxExpansion {
			return name{}, nil
		}
	}
	n, _ := newName(shorten(raw))
	return n, nil
}

// shorten drops labels on the left until the name is short enough (RFC 7208 section 7.3).
func shorten(raw string) string {
	for raw = strings.TrimSuffix(raw, "."); len(raw) > maxName; {
		_, rest, dotted := strings.Cut(raw, ".")
		if !dotted {
			return ""
		}
		raw = rest
	}
	return raw
}
