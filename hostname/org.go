package hostname

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Canonical returns a name in lower case (ASCII only) and without one final dot. It does not allocate if the name is
// in lower case.
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

// lowerASCII leaves octets beyond ASCII as they are. strings.ToLower would convert U+212A to an ASCII k.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// Under reports whether a canonical name is equal to domain or below it. No name is under the empty domain.
func Under(name, domain string) bool {
	n := len(name) - len(domain)
	return domain != "" && n >= 0 && name[n:] == domain && (n == 0 || name[n-1] == '.')
}

// Org returns the organisational domain of a canonical name: its public suffix and one label more. Two names with the
// same organisational domain belong to the same organisation, as far as names can show.
//
// Suffixes are those of publicsuffix.org, both sections. Under a suffix of the private section, a hoster's customer
// zone such as github.io or a region of amazonaws.com, each customer has a label, and a neighbour must not count as
// the same organisation. The default names of such servers can be suffixes themselves, by a rule with a wildcard, and
// then have no organisational domain. For a name below an unlisted top level, it is the last two labels, by the
// list's rule "*".
//
// Org returns "" for a name without an organisation: a single label, a public suffix itself, a name below a private
// top level (see [Private]), and a name that ends in a number. Compare with care: two empty results are not a match.
//
// It allocates once, inside x/net/publicsuffix.
func Org(name string) string {
	if !hasOrg(name) {
		return ""
	}
	suffix, _ := publicsuffix.PublicSuffix(name)
	return orgAbove(name, suffix)
}

// domains returns the organisational domain of a canonical name, and its registered domain, which is the public
// suffix of ICANN's section and one label: the domain that was registered with a registry. Auto-generated names are
// often below a suffix of the private section. Either is "" where there is none.
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

// hasOrg reports whether a name can be below a public suffix.
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
	return false // an address, or not a name at all
}

// orgAbove returns suffix and the label of name before it, or "" if there is none.
func orgAbove(name, suffix string) string {
	end := len(name) - len(suffix) - 1
	if end <= 0 {
		return ""
	}
	start := strings.LastIndexByte(name[:end], '.') + 1
	if start == end {
		return "" // an empty label belongs to no organisation
	}
	return name[start:]
}
