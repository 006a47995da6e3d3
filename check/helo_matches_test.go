package check

import "testing"

func TestHeloMatches(t *testing.T) {
	zone(t, HeloMatches, `
		mx.example.org A 192.0.2.1
		mx.example.org A 198.51.100.1
		mx.example.org AAAA 2001:db8:0:1::1
		v4.example.org A 192.0.2.1
		slow.example.org A tempfail
		ppp-192-0-2-99.dyn.example.com A 192.0.2.99
		pool.example.org A 198.51.100.1
		pool.example.org A 198.51.100.2
		pool.example.org A 198.51.100.3
		pool.example.org A 198.51.100.4
		pool.example.org A 198.51.100.5`,
		"192.0.2.1 mx.example.org", "pass: mx.example.org resolves to 192.0.2.1",
		"2001:db8:0:1::1 mx.example.org", "pass: mx.example.org resolves to 2001:db8:0:1::1",
		"192.0.2.7 mx.example.org", "neutral: mx.example.org resolves to 192.0.2.1, 198.51.100.1, in the client's network",
		"2001:db8:0:1::2 mx.example.org", "neutral: mx.example.org resolves to 2001:db8:0:1::1, in the client's network",
		"2001:db8:0:2::1 mx.example.org", "fail: HELO mx.example.org resolves to 2001:db8:0:1::1, not to 2001:db8:0:2::1",
		"2001:db8::1 v4.example.org", "none: v4.example.org has no address of the client's family",
		"192.0.2.1 pool.example.org", "fail: HELO pool.example.org resolves to 198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.4 and 1 more, not to 192.0.2.1",
		"192.0.2.99 ppp-192-0-2-99.dyn.example.com", "neutral: ppp-192-0-2-99.dyn.example.com resolves to 192.0.2.99, but looks auto-generated: ~",
		"192.0.2.1 slow.example.org", "temperror: A of slow.example.org: the zone says so",
		"10.0.0.1 mx.example.org", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		"192.0.2.1 [192.0.2.1]", "none: HELO [192.0.2.1] is an address")
}
