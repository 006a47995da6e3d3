package check

import "testing"

func TestRDNS(t *testing.T) {
	zone(t, RDNS, `
		192.0.2.1 PTR mx.example.org
		192.0.2.2 PTR a.example.org
		192.0.2.2 PTR b.example.org
		192.0.2.3 PTR tempfail
		2001:db8::1 PTR mx.example.org`+manyPTR("192.0.2.4", 150),
		"192.0.2.1", "pass: PTR of 192.0.2.1 is mx.example.org",
		"192.0.2.2", "pass: PTR names of 192.0.2.2 are a.example.org, b.example.org",
		"192.0.2.3", "temperror: PTR of 192.0.2.3: the zone says so",
		"192.0.2.4", "pass: PTR names of 192.0.2.4 are host0.example.org, host1.example.org, host10.example.org, host100.example.org..., and 140 more not followed",
		"2001:db8::1", "pass: PTR of 2001:db8::1 is mx.example.org",
		"2001:db8::2", "fail: 2001:db8::2 has no PTR record",
		"192.0.2.5", "fail: 192.0.2.5 has no PTR record",
		"10.0.0.1", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		"100.64.0.1", "none: 100.64.0.1 is a private address: DNS says nothing of it")
}
