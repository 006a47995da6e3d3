package hostname

import (
	"net/netip"
	"testing"
)

func TestIsPrivate(t *testing.T) {
	for _, c := range []struct {
		addr string
		want bool
	}{
		{"10.0.0.1", true}, {"172.16.0.1", true}, {"172.31.255.255", true}, {"192.168.1.1", true},
		{"127.0.0.1", true}, {"127.1.2.3", true}, {"169.254.1.1", true}, {"100.64.0.1", true}, {"100.127.255.255", true},
		{"0.0.0.0", true}, {"0.1.2.3", true}, {"::", true}, {"::1", true}, {"fe80::1", true}, {"fe80::1%eth0", true},
		{"fd00::1", true}, {"fc00::1", true}, {"::ffff:10.0.0.1", true}, {"::ffff:100.64.0.1", true},
		{"172.32.0.1", false}, {"172.15.0.1", false}, {"100.63.255.255", false}, {"100.128.0.1", false}, {"192.169.0.1", false},
		{"192.0.2.1", false}, {"198.51.100.1", false}, {"203.0.113.1", false}, {"2001:db8::1", false}, {"3fff::1", false},
		{"2606:4700::1", false}, {"8.8.8.8", false},
	} {
		if got := IsPrivate(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("IsPrivate(%s) = %v", c.addr, got)
		}
	}
	if IsPrivate(netip.Addr{}) {
		t.Error("the zero Addr is private")
	}
}
