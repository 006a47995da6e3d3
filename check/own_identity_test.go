package check

import (
	"testing"
)

func TestOwnIdentity(t *testing.T) {
	zone(t, OwnIdentity(ours), "",
		"192.0.2.1 localhost", "fail: HELO localhost is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 LOCALHOST.", "fail: HELO LOCALHOST. is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 localhost.localdomain", "fail: HELO localhost.localdomain is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 localhost6", "fail: HELO localhost6 is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 localhost6.localdomain6", "fail: HELO localhost6.localdomain6 is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 mail.localhost", "fail: HELO mail.localhost is a name of this server itself, but the client is 192.0.2.1",
		"192.0.2.1 localhost.example.org", "pass: HELO is no local identity",
		"192.0.2.1 192.0.2.25", "fail: HELO 192.0.2.25 is an address of this server, but the client is 192.0.2.1",
		"192.0.2.1 [192.0.2.25]", "fail: HELO [192.0.2.25] is an address of this server, but the client is 192.0.2.1",
		"192.0.2.1 [198.51.100.25]", "fail: HELO [198.51.100.25] is an address of this server, but the client is 192.0.2.1",
		"192.0.2.1 [IPv6:2001:DB8:0::25]", "fail: HELO [IPv6:2001:DB8:0::25] is an address of this server, but the client is 192.0.2.1",
		"192.0.2.1 [127.0.0.1]", "fail: HELO [127.0.0.1] is an address of this server, but the client is 192.0.2.1",
		"192.0.2.1 [192.0.2.1]", "pass: HELO is no local identity",
		"203.0.113.7 localhost", "none: 203.0.113.7 is local",
		"127.0.0.1 localhost", "none: 127.0.0.1 is local",
		"192.0.2.25 [192.0.2.25]", "none: 192.0.2.25 is local")
}
