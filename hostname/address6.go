package hostname

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
)

// The signals of IPv6: the client's own address, and anything that looks like an address.

// ownIPv6 finds the address: its 32 nibbles, forwards or backwards, with any separators; its last 16 nibbles, if
// enough of them are not zero to exclude a coincidence; or its groups, with zeros left out.
func (r *reading) ownIPv6(addr netip.Addr) finding {
	bytes16 := addr.As16()
	var nibbles [32]byte
	hex.Encode(nibbles[:], bytes16[:])
	var buf [maxName]byte
	bare := strip(buf[:0], r.host)
	switch {
	case bytes.Contains(bare, nibbles[:]):
		return finding{signal: ownNibbles}
	case 16-bytes.Count(nibbles[16:], []byte{'0'}) >= 8 && bytes.Contains(bare, nibbles[16:]):
		return finding{signal: ownInterface}
	case hasGroups(r.host, bytes16):
		return finding{signal: ownGroups}
	}
	slices.Reverse(nibbles[:])
	if bytes.Contains(bare, nibbles[:]) {
		return finding{signal: ownNibblesBack}
	}
	return finding{}
}

// anyIPv6 finds what looks like an address: sixteen consecutive labels of one nibble each, eight groups of up to four
// nibbles, or 32 nibbles without a separator.
func (r *reading) anyIPv6() finding {
	nibbles, groups, digits := 0, 0, 0
	for at := 0; at < len(r.host); {
		text, next := part(r.host, at)
		at = next
		if text == "" || len(text) > 4 || !isHex(text) {
			if letters, numerals, ok := countHex(text); ok && len(text) == 32 && letters > 0 && numerals > 1 {
				return finding{signal: wholeNibbles}
			}
			nibbles, groups, digits = 0, 0, 0
			continue
		}
		groups++
		nibbles++
		if len(text) > 1 {
			nibbles = 0
		}
		if '0' <= text[0] && text[0] <= '9' {
			digits++
		}
		switch {
		case nibbles == 16:
			return finding{signal: sixteenNibbles}
		case groups >= 8 && nibbles < groups && digits >= 2:
			return finding{signal: eightGroups}
		}
	}
	return finding{}
}

// strip appends the letters and digits of s.
func strip(b []byte, s string) []byte {
	for i := range len(s) {
		if c := classes[s[i]]; c == lower || c == digit {
			b = append(b, s[i])
		}
	}
	return b
}

// hasGroups reports whether the groups of an address that are not zero occur in host in their order, with only zeros
// between: 2001-db8-0-0-0-0-0-1, 2001-db8--1, 2001.0db8.1. At least three groups are needed.
func hasGroups(host string, addr [16]byte) bool {
	var want [8]uint16
	n := 0
	for i := 0; i < len(addr); i += 2 {
		if group := uint16(addr[i])<<8 | uint16(addr[i+1]); group != 0 {
			want[n] = group
			n++
		}
	}
	if n < 3 {
		return false
	}
	found := 0
	for at := 0; at < len(host); {
		text, next := part(host, at)
		at = next
		switch group, ok := groupOf(text); {
		case ok && group == want[found]:
			found++
			if found == n {
				return true
			}
		case ok && group == 0: // zeros between, or nothing between two separators
		case ok && group == want[0]:
			found = 1
		default:
			found = 0
		}
	}
	return false
}

// groupOf parses one to four nibbles. The empty text, as between the hyphens of 2001-db8--1, is zero.
func groupOf(s string) (group uint16, ok bool) {
	if len(s) > 4 || !isHex(s) {
		return 0, false
	}
	for i := range len(s) {
		nibble := s[i] - '0'
		if nibble > 9 {
			nibble = s[i] - 'a' + 10
		}
		group = group<<4 | uint16(nibble)
	}
	return group, true
}
