package hostname

import (
	"net/netip"
	"strings"
)

// isPrivateName reports whether a canonical name is below a top level that leaks from office and home networks.
// Public DNS has none of these, and two hosts with the same private name may be unrelated.
//
// The list has .local and the top levels of RFC 6762 appendix G (intranet, internal, private, corp, home, lan),
// home.arpa of RFC 8375, localhost and invalid of RFC 6761, and mail, which ICANN excluded for good together with
// corp and home because of name collisions. It also has the defaults of operating systems, routers and cloud images,
// and names that administrators choose, as far as ICANN's collision studies saw them often. It lacks .test and
// .example, which documentation and test beds use, and everything that is delegated. A single label is never private.
func isPrivateName(name string) bool {
	last := strings.LastIndexByte(name, '.')
	if last <= 0 {
		return false
	}
	switch name[last+1:] {
	case "local", "localhost", "invalid", // RFC 6762, RFC 6761
		"intranet", "internal", "private", "corp", "home", "lan", // RFC 6762 appendix G; internal also by ICANN in 2024
		"mail",                                                         // ICANN, 2018: never to be delegated, as corp and home
		"localdomain", "localdomain6", "localnet", "workgroup", "priv", // defaults of operating systems
		"openstacklocal", "novalocal", // defaults of cloud images
		"domain", "router", "gateway", "belkin", "dlink", "homenet", // defaults of home routers
		"loc", "dom", "prv", "pvt", "intern", "interno", "lokal": // chosen by administrators
		return true
	case "arpa":
		return Under(name, "home.arpa")
	}
	return false
}

// Ranges that netip does not cover: addresses of shared carrier space (RFC 6598) and of "this network" (RFC 1122
// section 3.2.1.3).
var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
)

// IsPrivate reports whether an address has a meaning only within its own network, so that public DNS has nothing
// about it and mail from elsewhere cannot come from it: RFC 1918, unique local (RFC 4193), loopback, link-local,
// shared carrier space (RFC 6598), and the unspecified address with the rest of 0.0.0.0/8. The ranges for
// documentation are not private. Neither is the zero Addr.
func IsPrivate(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() ||
		sharedSpace.Contains(a) || thisNetwork.Contains(a)
}
