package main

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/helogate/helogate/hostname"
)

// split parts a name at the domain that was registered: one label below a suffix of ICANN's section of the
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
