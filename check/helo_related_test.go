package check

import "testing"

func TestHeloRelated(t *testing.T) {
	zone(t, HeloRelated, `
		mx.example.org     A 192.0.2.1
		198.51.100.7       PTR out7.example.org
		out7.example.org   A 198.51.100.7
		198.51.100.8       PTR ppp-198-51-100-8.dyn.example.org
		ppp-198-51-100-8.dyn.example.org A 198.51.100.8
		198.51.100.9       PTR forged.example.org
		198.51.100.10      PTR mail.elsewhere.example
		mail.elsewhere.example A 198.51.100.10
		198.51.100.11      PTR named.example.com
		named.example.com  A 198.51.100.11
		198.51.100.12      PTR tempfail
		example.org        MX 10 in.example.org
		example.org        MX 20 in2.example.org
		in.example.org     A 203.0.113.1
		in2.example.org    A 203.0.113.2
		victim.co.uk       MX 10 mx.victim.co.uk
		203.0.113.9        PTR mail.evil.co.uk
		mail.evil.co.uk    A 203.0.113.9`,
		"192.0.2.1 mx.example.org", "pass: mx.example.org resolves to 192.0.2.1",
		"192.0.2.200 mx.example.org", "pass: mx.example.org resolves to 192.0.2.1, in the client's network",
		"198.51.100.7 mx.example.org", "pass: PTR of 198.51.100.7 is out7.example.org, of the same organisation",
		"198.51.100.8 mx.example.org", "fail: HELO mx.example.org has no relation to 198.51.100.8 by PTR name, network or MX",
		"198.51.100.9 mx.example.org", "fail: HELO mx.example.org has no relation to 198.51.100.9 by PTR name, network or MX",
		"198.51.100.10 mx.example.org", "fail: HELO mx.example.org has no relation to 198.51.100.10 by PTR name, network or MX",
		"198.51.100.11 named.example.com", "pass: named.example.com resolves to 198.51.100.11",
		"198.51.100.12 mx.example.org", "temperror: PTR of 198.51.100.12: the zone says so",
		"203.0.113.2 mx.example.org", "pass: 203.0.113.2 is in2.example.org, an MX host of example.org",
		"203.0.113.9 mail.victim.co.uk", "fail: HELO mail.victim.co.uk has no relation to 203.0.113.9 by PTR name, network or MX",
		"192.168.1.1 mx.example.org", "none: 192.168.1.1 is a private address: DNS says nothing of it",
		"192.0.2.1 other.local", "none: HELO other.local is a private name")
}
