package hostname

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Canonical is a name in lower case (ASCII alone) and without one final dot. It allocates nothing for a name that is so
// already or lacks but its dot.
func Canonical(name string) string {
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	for i := range len(name) {
		if classes[name[i]] == upperCase {
			return lowerASCII(name)
		}
	}
	return name
}

// lowerASCII leaves octets beyond ASCII as they are; strings.ToLower would make an ASCII k of U+212A.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// Under reports whether a canonical name is domain or below it. Nothing is under the empty domain.
func Under(name, domain string) bool {
	n := len(name) - len(domain)
	return domain != "" && n >= 0 && name[n:] == domain && (n == 0 || name[n-1] == '.')
}

// Org is the organisational domain of a canonical name: its public suffix and one label more. Two names of the same
// organisational domain are in the same hands, as far as names can tell.
//
// Suffixes are those of publicsuffix.org, both sections. Under a suffix of the private section, a hoster's customer zone
// such as github.io or a region of amazonaws.com, everybody has a label of his own, and a neighbour there must not pass
// for the same organisation. The default names of such servers can be suffixes themselves, by a rule with a wildcard, and
// then have none. A name below an unlisted top level has its last two labels, by the list's rule "*".
//
// Org is "" where there is no organisation to speak of: a single label, a public suffix itself, a private top level
// (as that of [Private]) and anything that ends in a number. So compare with care: two empty ones do not match.
//
// It costs one allocation, inside x/net/publicsuffix.
func Org(name string) string {
	if !hasOrg(name) {
		return ""
	}
	suffix, _ := publicsuffix.PublicSuffix(name)
	return orgAbove(name, suffix)
}

// domains returns the organisational domain of a canonical name, and the registered one: the domain that somebody had to
// register, which is the public suffix of ICANN's section and one label. What a provider stamps on an address is often
// below a suffix of the private section. Either is "" where there is none.
func domains(name string) (org, registered string) {
	if !hasOrg(name) {
		return "", ""
	}
	suffix, icann := publicsuffix.PublicSuffix(name)
	org = orgAbove(name, suffix)
	for !icann {
		_, above, found := strings.Cut(suffix, ".")
		if !found {
			break
		}
		suffix, icann = publicsuffix.PublicSuffix(above)
	}
	return org, orgAbove(name, suffix)
}

// hasOrg leaves out what is below no public suffix.
func hasOrg(name string) bool {
	last := strings.LastIndexByte(name, '.')
	if last <= 0 || last == len(name)-1 {
		return false
	}
	for i := last + 1; i < len(name); i++ {
		if classes[name[i]] != digit {
			return !isPrivateName(name)
		}
	}
	return false // an address, or nothing that can be a name
}

// orgAbove is suffix and the label of name before it, or "" if there is none.
func orgAbove(name, suffix string) string {
	end := len(name) - len(suffix) - 1
	if end <= 0 {
		return ""
	}
	start := strings.LastIndexByte(name[:end], '.') + 1
	if start == end {
		return "" // an empty label is nobody's
	}
	return name[start:]
}
