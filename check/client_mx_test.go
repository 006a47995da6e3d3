package check

import "testing"

func TestClientMX(t *testing.T) {
	zone(t, ClientMX, `
		example.org      MX 10 mx.example.org
		example.org      MX 20 slow.example.org
		mx.example.org   A 192.0.2.1
		mx.example.org   AAAA 2001:db8::1
		slow.example.org A tempfail
		alias.example    MX 10 mail.alias.example
		alias.example    MX 20 slow.example.org
		mail.alias.example CNAME real.alias.example
		real.alias.example A 192.0.2.2
		inner.example    MX 10 mx.inner.example
		mx.inner.example A 192.0.2.3
		mx.inner.example A 10.0.0.3
		good.example     MX 10 mx.good.example
		mx.good.example  A 192.0.2.4
		null.example     MX 0 .`,
		"192.0.2.4 out.good.example", "pass: 192.0.2.4 is mx.good.example, an MX host of good.example",
		"192.0.2.2 out.alias.example", "fail: 192.0.2.2 is an MX host of alias.example as mail.alias.example, which is an alias of real.alias.example",
		"192.0.2.3 out.inner.example", "fail: 192.0.2.3 is an MX host of inner.example as mx.inner.example, which has the private address 10.0.0.3",
		"192.0.2.9 out.good.example", "none: 192.0.2.9 is no MX host of good.example",
		"192.0.2.1 out.example.org", "temperror: A of slow.example.org: the zone says so",
		"192.0.2.9 out.null.example", "none: 192.0.2.9 is no MX host of null.example",
		"192.0.2.9 co.uk", "none: the HELO name is in no registered domain",
		"10.0.0.1 out.good.example", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		"192.0.2.9 pc.lan", "none: HELO pc.lan is a private name")
}
