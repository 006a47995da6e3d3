package check

import (
	"net/netip"
	"testing"
)

var ours = Own{
	Names:     []string{"example.net"},
	Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.25"), netip.MustParseAddr("2001:db8::25")},
	Networks:  []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
}

func TestOwnClient(t *testing.T) {
	zone(t, OwnNetwork(ours), "",
		"203.0.113.9", "pass: 203.0.113.9 is local",
		"127.0.0.1", "pass: 127.0.0.1 is local",
		"::1", "pass: ::1 is local",
		"198.51.100.25", "pass: 198.51.100.25 is local",
		"2001:db8::25", "pass: 2001:db8::25 is local",
		"192.0.2.25", "pass: 192.0.2.25 is local", // the address that it connected to
		"192.0.2.26", "none: not local")
	zone(t, OwnNetwork(Own{}), "", "203.0.113.9", "none: not local")
}
