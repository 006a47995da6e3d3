package check

import (
	"testing"
)

func TestBareAddress(t *testing.T) {
	zone(t, BareAddress, "",
		"192.0.2.1 208.247.131.9", "fail: HELO 208.247.131.9 is an IP address, not a host name",
		"192.0.2.1 2001:db8::1", "fail: HELO 2001:db8::1 is an IP address, not a host name",
		"192.0.2.1 IPv6:2001:db8::1", "fail: HELO IPv6:2001:db8::1 is an IP address, not a host name",
		"192.0.2.1 254.254.254.254", "fail: HELO 254.254.254.254 is an IP address, not a host name",
		"192.0.2.1 1.2.3", "fail: HELO 1.2.3 is a number, not a host name",
		"192.0.2.1 [254.254.254.254]", "pass: no bare address",
		"192.0.2.1 mx1.example.org", "pass: no bare address")
}
