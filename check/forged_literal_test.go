package check

import (
	"testing"
)

func TestForgedLiteral(t *testing.T) {
	zone(t, ForgedLiteral, "",
		"192.0.2.7 [192.0.2.9]", "fail: HELO [192.0.2.9] is not the client's address 192.0.2.7",
		"192.0.2.7 [192.0.2.7]", "pass: HELO [192.0.2.7] is the client's address",
		"192.0.2.7 [IPv6:::ffff:192.0.2.7]", "pass: HELO [IPv6:::ffff:192.0.2.7] is the client's address",
		"::ffff:192.0.2.7 [192.0.2.7]", "pass: HELO [192.0.2.7] is the client's address",
		"2001:db8::1 [ipv6:2001:DB8:0:0::1]", "pass: HELO [ipv6:2001:DB8:0:0::1] is the client's address",
		"2001:db8::2 [IPv6:2001:db8::1]", "fail: HELO [IPv6:2001:db8::1] is not the client's address 2001:db8::2",
		"192.0.2.7 [x:y]", "fail: HELO [x:y] is not the client's address 192.0.2.7",
		"192.0.2.7 192.0.2.9", "none: no address literal")
}
