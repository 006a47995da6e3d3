package check

import "testing"

func TestMXFCrDNS(t *testing.T) {
	zone(t, MXFCrDNS, `
		good.example     MX 10 mx1.good.example
		good.example     MX 20 mx2.good.example
		mx1.good.example A 198.51.100.1
		mx2.good.example A 198.51.100.2
		198.51.100.2     PTR host2.good.example
		host2.good.example A 198.51.100.2
		v6.example       MX 10 mx.v6.example
		mx.v6.example    AAAA 2001:db8::1
		2001:db8::1      PTR mx.v6.example
		bad.example      MX 10 mail.bad.example
		mail.bad.example A 198.51.100.3
		forged.example   MX 10 mx.forged.example
		mx.forged.example A 198.51.100.4
		198.51.100.4     PTR mx.good.example
		slow.example     MX 10 mx.slow.example
		mx.slow.example  A 198.51.100.5
		198.51.100.5     PTR tempfail`,
		"192.0.2.1 x a@good.example", "pass: mx2.good.example resolves to 198.51.100.2, whose PTR is host2.good.example",
		"192.0.2.1 x a@v6.example", "pass: mx.v6.example resolves to 2001:db8::1, whose PTR is mx.v6.example",
		"192.0.2.1 x a@bad.example", "fail: no mail host of the sender's domain bad.example has a PTR name that resolves back to it: mail.bad.example",
		"192.0.2.1 x a@forged.example", "fail: no mail host of the sender's domain forged.example has a PTR name that resolves back to it: mx.forged.example",
		"192.0.2.1 x a@slow.example", "temperror: PTR of 198.51.100.5: the zone says so",
		"192.0.2.1 x a@gone.example", "none: gone.example has no mail host",
		"192.0.2.1 x", "none: the sender has no domain")
}
