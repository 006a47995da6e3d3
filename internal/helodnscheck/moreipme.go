package helodnscheck

import (
	"errors"
	"net/netip"
	"strings"
)

// MoreIPMe reads control/moreipme of qmail: an address a line, or an address and a netmask; # begins a comment. It
// calls each with every line that has an entry, by its number from 1; err says of one that is neither why not.
func MoreIPMe(text string, each func(line int, entry string, p netip.Prefix, err error)) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		entry, _, _ := strings.Cut(line, "#")
		if entry = strings.TrimSpace(entry); entry != "" {
			p, err := parseIPMe(entry)
			each(n, entry, p, err)
		}
	}
}

// parseIPMe reads "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0" or, as older patches had it, with a colon.
func parseIPMe(s string) (netip.Prefix, error) {
	host, mask, masked := strings.Cut(s, "/")
	if !masked && strings.Count(s, ":") == 1 {
		host, mask, masked = strings.Cut(s, ":")
	}
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil || a.Zone() != "":
		return netip.Prefix{}, errors.New("it is not an IP address")
	case a.IsUnspecified():
		return netip.Prefix{}, errors.New("it is not the address of a host")
	}
	a = a.Unmap()
	p := netip.PrefixFrom(a, a.BitLen())
	if masked {
		if p, err = a.Prefix(BitsOf(a, mask)); err != nil {
			return netip.Prefix{}, errors.New("its netmask is invalid")
		}
	}
	return p, nil
}

// BitsOf reads the netmask of an address, as a number of bits or dotted; -1 if it is none.
func BitsOf(a netip.Addr, mask string) int {
	if m, err := netip.ParseAddr(mask); err == nil {
		return maskBits(m, a)
	}
	n := 0
	for _, r := range mask {
		if r < '0' || r > '9' || n > a.BitLen() {
			return -1
		}
		n = 10*n + int(r-'0')
	}
	if mask == "" {
		return -1
	}
	return n
}

// maskBits counts the ones of a netmask; -1 where a zero stands before a one.
func maskBits(m, a netip.Addr) int {
	if m.BitLen() != a.BitLen() {
		return -1
	}
	bits, ended := 0, false
	for _, b := range m.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return -1
			}
			if one {
				bits++
			}
			ended = ended || !one
		}
	}
	return bits
}
