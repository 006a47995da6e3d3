package imports

import (
	"net/netip"
	"strings"
)

// maxBits is the size of a network in moreipme that is written out, in bits: a /24 is a host with very many addresses, and
// a larger one would fill the file.
const maxBits = 8

// moreipme reads control/moreipme of qmail: an address a line, or an address and a netmask, and notes what is neither.
// own.addresses takes addresses alone, so a small network is written out.
func moreipme(d *doc, text string) (addresses []string) {
	n, seen := 0, map[netip.Addr]bool{}
	for line := range strings.Lines(text) {
		n++
		entry, _, _ := strings.Cut(line, "#")
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		p, why := parseIPMe(entry)
		if why != "" {
			d.note(n, entry, "moreipme: %s", why)
			continue
		}
		for a := p.Addr(); p.Contains(a); a = a.Next() {
			if !seen[a] {
				addresses = append(addresses, a.String())
			}
			seen[a] = true
		}
	}
	return addresses
}

// parseIPMe reads "192.0.2.1", "192.0.2.0/24", "192.0.2.0/255.255.255.0" or, as older patches had it, with a colon.
func parseIPMe(s string) (p netip.Prefix, why string) {
	host, mask, masked := strings.Cut(s, "/")
	if !masked && strings.Count(s, ":") == 1 {
		host, mask, masked = strings.Cut(s, ":")
	}
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil || a.Zone() != "":
		return p, "it is no address"
	case a.IsUnspecified():
		return p, "it is nobody's address"
	}
	a = a.Unmap()
	p = netip.PrefixFrom(a, a.BitLen())
	if masked {
		if p, err = a.Prefix(bitsOf(a, mask)); err != nil {
			return p, "its netmask is none"
		}
	}
	if a.BitLen()-p.Bits() > maxBits {
		return p, "the network has more than 256 addresses: write those that your hosts have into own.addresses, or the network into own.networks, whose clients are never judged"
	}
	return p, ""
}

// bitsOf reads a netmask, as a number of bits or dotted; -1 if it is none.
func bitsOf(a netip.Addr, mask string) int {
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
