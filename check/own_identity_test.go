package check

import (
	"testing"
)

func TestOwnIdentity(t *testing.T) {
	zone(t, OwnIdentity(ours), "",
		"192.0.2.1 localhost", "fail: HELO localhost is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 LOCALHOST.", "fail: HELO LOCALHOST. is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 localhost.localdomain", "fail: HELO localhost.localdomain is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 localhost6", "fail: HELO localhost6 is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 localhost6.localdomain6", "fail: HELO localhost6.localdomain6 is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 mail.localhost", "fail: HELO mail.localhost is this host's name for itself, not 192.0.2.1's",
		"192.0.2.1 localhost.example.org", "pass: not our name",
		"192.0.2.1 192.0.2.25", "fail: HELO 192.0.2.25 is this host's address, not 192.0.2.1",
		"192.0.2.1 [192.0.2.25]", "fail: HELO [192.0.2.25] is this host's address, not 192.0.2.1",
		"192.0.2.1 [198.51.100.25]", "fail: HELO [198.51.100.25] is this host's address, not 192.0.2.1",
		"192.0.2.1 [IPv6:2001:DB8:0::25]", "fail: HELO [IPv6:2001:DB8:0::25] is this host's address, not 192.0.2.1",
		"192.0.2.1 [127.0.0.1]", "fail: HELO [127.0.0.1] is this host's address, not 192.0.2.1",
		"192.0.2.1 [192.0.2.1]", "pass: not our name",
		"203.0.113.7 localhost", "none: 203.0.113.7 is one of ours",
		"127.0.0.1 localhost", "none: 127.0.0.1 is one of ours",
		"192.0.2.25 [192.0.2.25]", "none: 192.0.2.25 is one of ours")
}
