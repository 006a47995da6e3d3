package main

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// haraka is the test "dynamic" of Haraka's plugin helo.checks, written anew from its description (README of
// haraka-plugin-helo.checks: "checks to see if all or part the connecting IP address appears within the HELO argument")
// and from what its tests expect: in the host part, the name without its organisational domain, the third and fourth
// octets appear, or the first and second, as text without any separator; or all four as hexadecimal. Names without a dot
// and address literals are skipped, and only IPv4 is looked for.
func haraka(name string, addr netip.Addr) bool {
	if !strings.Contains(name, ".") || strings.HasPrefix(name, "[") || !addr.Is4() {
		return false
	}
	host, _ := split(name)
	octets := addr.As4()
	return hasTexts(host, decimals(octets[2:])) || hasTexts(host, decimals(octets[:2])) || hasTexts(host, hexadecimals(octets[:]))
}

func decimals(octets []byte) []string {
	out := make([]string, 2)
	for i, o := range octets {
		out[i] = strconv.Itoa(int(o))
	}
	if len(out[1]) > len(out[0]) { // the longer first, or the shorter might be found within it
		out[0], out[1] = out[1], out[0]
	}
	return out
}

func hexadecimals(octets []byte) (out []string) {
	for _, o := range octets {
		out = append(out, hex.EncodeToString([]byte{o}))
	}
	return out
}

// hasTexts reports whether each text appears in s, none in the place of another.
func hasTexts(s string, texts []string) bool {
	for _, t := range texts {
		at := strings.LastIndex(s, t)
		if at < 0 {
			return false
		}
		s = s[:at] + s[at+len(t):]
	}
	return true
}
