package main

import (
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/helogate/helogate/hostname"
)

var (
	numbersInRow = regexp.MustCompile(`[0-9]+(?:[-._][0-9]+)+`)
	twelveDigits = regexp.MustCompile(`(?:^|[^0-9])([0-9]{12})(?:[^0-9]|$)`)
)

// addressIn reads an IPv4 address out of a name that spells one and nothing that could be another: one row of four
// octets, or one number of twelve digits that is four octets padded with zeros, before the registered domain. It may be
// spelled backwards; none of the rules that are measured minds the order.
func addressIn(name string) (netip.Addr, bool) {
	host, _ := split(name)
	var found []netip.Addr
	for _, at := range numbersInRow.FindAllStringIndex(host, -1) {
		octets := strings.FieldsFunc(host[at[0]:at[1]], func(r rune) bool { return r == '-' || r == '.' || r == '_' })
		if len(octets) == 5 && at[0] > 0 && isLetter(host[at[0]-1]) {
			octets = octets[1:] // the digit of a word: ec2-192-0-2-1
		}
		if len(octets) < 4 {
			continue
		}
		addr, err := netip.ParseAddr(plainOctets(octets))
		if err != nil { // five numbers: which four are the address?
			return netip.Addr{}, false
		}
		found = append(found, addr)
	}
	for _, m := range twelveDigits.FindAllStringSubmatch(host, -1) {
		d := m[1]
		if addr, err := netip.ParseAddr(plainOctets([]string{d[:3], d[3:6], d[6:9], d[9:]})); err == nil {
			found = append(found, addr)
		}
	}
	if len(found) != 1 {
		return netip.Addr{}, false
	}
	return found[0], true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// plainOctets joins octets by dots, without the zeros that pad them.
func plainOctets(octets []string) string {
	plain := make([]string, len(octets))
	for i, o := range octets {
		if plain[i] = strings.TrimLeft(o, "0"); plain[i] == "" {
			plain[i] = "0"
		}
	}
	return strings.Join(plain, ".")
}

// split parts a name at the domain that somebody had to register: one label below a suffix of ICANN's section of the
// public suffix list. The host is what stands before it, "" if nothing does; the domain is the name if there is none.
func split(name string) (host, domain string) {
	name = hostname.Canonical(name)
	suffix, icann := publicsuffix.PublicSuffix(name)
	for !icann {
		_, above, found := strings.Cut(suffix, ".")
		if !found {
			break
		}
		suffix, icann = publicsuffix.PublicSuffix(above)
	}
	end := len(name) - len(suffix) - 1
	if end <= 0 {
		return "", name
	}
	start := strings.LastIndexByte(name[:end], '.') + 1
	return name[:max(start-1, 0)], name[start:]
}
