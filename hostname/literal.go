package hostname

import (
	"fmt"
	"net/netip"
	"strings"
)

// parseLiteral parses an argument that starts with a bracket: RFC 5321 section 4.1.3.
func parseLiteral(s string, let leniency) Helo {
	if s[len(s)-1] != ']' {
		if strings.IndexByte(s, ']') > 0 {
			return malformed("", "text after the closing bracket")
		}
		return malformed("", "no closing bracket")
	}
	content := s[1 : len(s)-1]
	if content == "" {
		return malformed("", "nothing between the brackets")
	}
	addr, let, why := literalContent(s, content, let)
	if why != "" {
		return malformed("", why)
	}
	return Helo{Form: Literal, Addr: addr, Note: let.String()}
}

// literalContent parses the text between the brackets of s. A General-address-literal has no address.
func literalContent(s, content string, let leniency) (addr netip.Addr, _ leniency, why string) {
	if hasIPv6Tag(content) {
		rest := content[len(ipv6Tag):]
		if addr, ok := parseIPv6(rest); ok {
			return addr, let, ""
		}
		if strings.IndexByte(rest, '%') >= 0 {
			return addr, let, "a zone in an IPv6 address"
		}
		return addr, let, "no IPv6 address after IPv6:"
	}
	if strings.Trim(content, "0123456789.") == "" {
		addr, why = parseIPv4(content)
		return addr, let, why
	}
	// By the grammar, [2001:db8::1] is a General-address-literal with the tag 2001. It obviously means an address, and
	// checks compare it with the client's.
	if addr, ok := parseIPv6(content); ok {
		return addr, let | untagged, ""
	}
	for i := range len(content) {
		if c := content[i]; c <= ' ' || c >= 0x7f || '[' <= c && c <= ']' {
			return addr, let, whyOctet(s, i+1)
		}
	}
	tag, rest, found := strings.Cut(content, ":")
	if !found || rest == "" || !isTag(tag) {
		return addr, let, "no address in the brackets"
	}
	// The only tag in IANA's registry of address literal tags is IPv6.
	return addr, let | unknownTag, ""
}

// isTag reports whether s is a Standardized-tag: Ldh-str, that is *( ALPHA / DIGIT / "-" ) Let-dig.
func isTag(s string) bool {
	for i := range len(s) {
		switch classes[s[i]] {
		case lower, upperCase, digit, hyphen:
		default:
			return false
		}
	}
	return s != "" && s[len(s)-1] != '-'
}

const ipv6Tag = "IPv6:"

// hasIPv6Tag reports whether s starts with the tag. It is a literal string of ABNF, so case does not matter.
func hasIPv6Tag(s string) bool {
	return len(s) >= len(ipv6Tag) && strings.EqualFold(s[:len(ipv6Tag)], ipv6Tag)
}

// parseIPv6 parses an IPv6 address without a zone. An IPv4-mapped address becomes IPv4.
func parseIPv6(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// bareIPv6 parses an IPv6 address without brackets, with or without its tag. It drops a zone: fe80::1%eth0 is still
// only an address.
func bareIPv6(s string) (netip.Addr, bool) {
	if hasIPv6Tag(s) {
		s = s[len(ipv6Tag):]
	}
	s, zone, _ := strings.Cut(s, "%")
	if nameLike(zone) == "" && zone != "" {
		return netip.Addr{}, false
	}
	return parseIPv6(s)
}

// parseIPv4 parses four decimal numbers of one to three digits, with leading zeros: Snum of RFC 5321 section 4.1.3.
// (netip refuses leading zeros because some programs read them as octal. SMTP says decimal.) why says what is wrong.
func parseIPv4(s string) (addr netip.Addr, why string) {
	var octets [4]byte
	rest, more := s, true
	for n := 0; more; n++ {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		if n == len(octets) {
			return addr, fmt.Sprintf("an IPv4 address with %d parts (4 are right)", 1+strings.Count(s, "."))
		}
		if part == "" {
			return addr, "an IPv4 address with an empty part"
		}
		if len(part) > 3 {
			return addr, fmt.Sprintf("an IPv4 address with a number of %d digits (3 at most)", len(part))
		}
		value := 0
		for i := range len(part) {
			if part[i]-'0' > 9 {
				return addr, "no IPv4 address"
			}
			value = 10*value + int(part[i]-'0')
		}
		if value > 255 {
			return addr, fmt.Sprintf("an IPv4 address with %d in it (255 at most)", value)
		}
		octets[n] = byte(value)
		if !more && n < len(octets)-1 {
			return addr, fmt.Sprintf("an IPv4 address with %d parts (4 are right)", n+1)
		}
	}
	return netip.AddrFrom4(octets), ""
}
