package check

import "testing"

func TestHeloFCrDNS(t *testing.T) {
	zone(t, HeloFCrDNS, `
		mx.example.org   A 198.51.100.1
		mx.example.org   A 198.51.100.2
		198.51.100.1     PTR tempfail
		198.51.100.2     PTR mx.example.org
		bad.example.org  A 198.51.100.3
		198.51.100.3     PTR other.example.org
		slow.example.org A 198.51.100.1`,
		"192.0.2.1 mx.example.org", "pass: mx.example.org resolves to 198.51.100.2, whose PTR is mx.example.org",
		"192.0.2.1 bad.example.org", "fail: HELO bad.example.org resolves to 198.51.100.3, whose PTR is not bad.example.org",
		"192.0.2.1 slow.example.org", "temperror: PTR of 198.51.100.1: the zone says so",
		"192.0.2.1 none.example.org", "none: none.example.org has no address of the client's family",
		"10.0.0.1 mx.example.org", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		"192.0.2.1 pc.lan", "none: HELO pc.lan is a private name")
}
