package check

import "testing"

func TestOwnName(t *testing.T) {
	const dns = `
		mail.example.net  A 198.51.100.25
		new.example.net   A 192.0.2.50
		our-other.example A 192.0.2.25
		v6.other.example  AAAA 2001:db8::25
		spoof.example.org A 192.0.2.60
		slow.example.net  A tempfail
		down.example.org  A tempfail
		192.0.2.51 PTR roam.example.net
		roam.example.net A 192.0.2.51
		192.0.2.52 PTR forged.example.net
		forged.example.net A 192.0.2.99
		192.0.2.53 PTR tempfail`
	zone(t, OwnName(ours), dns,
		"192.0.2.1 mail.example.net", "fail: HELO mail.example.net is a local name, but 192.0.2.1 does not belong to example.net",
		"192.0.2.1 EXAMPLE.NET.", "fail: HELO EXAMPLE.NET. is a local name, but 192.0.2.1 does not belong to example.net",
		"192.0.2.50 new.example.net", "pass: new.example.net resolves to 192.0.2.50",
		"192.0.2.51 mail.example.net", "pass: PTR of 192.0.2.51 is roam.example.net, also in example.net",
		"192.0.2.52 mail.example.net", "fail: HELO mail.example.net is a local name, but 192.0.2.52 does not belong to example.net",
		"192.0.2.53 mail.example.net", "temperror: PTR of 192.0.2.53: the zone says so",
		"192.0.2.1 slow.example.net", "temperror: A of slow.example.net: the zone says so",
		"192.0.2.1 our-other.example", "fail: HELO our-other.example resolves to the local address 192.0.2.25, not to 192.0.2.1",
		"192.0.2.1 v6.other.example", "fail: HELO v6.other.example resolves to the local address 2001:db8::25, not to 192.0.2.1",
		"192.0.2.1 down.example.org", "temperror: A of down.example.org: the zone says so",
		"192.0.2.1 notexample.net", "none: HELO is no local name",
		"203.0.113.5 mail.example.net", "none: 203.0.113.5 is local",
		"10.1.2.3 mail.example.net", "none: 10.1.2.3 is a private address: DNS says nothing of it",
		"192.0.2.1 [192.0.2.1]", "none: HELO [192.0.2.1] is an address")
	// With nothing configured: the recipient's domain, and the address that the client connected to.
	zone(t, OwnName(Own{}), dns,
		"192.0.2.1 spoof.example.org a@b.example jane@Example.ORG", "fail: HELO spoof.example.org is in the recipient's domain, but 192.0.2.1 does not belong to example.org",
		"192.0.2.60 spoof.example.org a@b.example jane@example.org", "pass: spoof.example.org resolves to 192.0.2.60",
		"192.0.2.1 spoof.example.org a@b.example jane@other.example", "none: HELO is no local name",
		"192.0.2.1 our-other.example", "fail: HELO our-other.example resolves to the local address 192.0.2.25, not to 192.0.2.1")
	zone(t, OwnName(Own{Names: []string{"corp.local"}}), dns,
		"192.0.2.1 pc.corp.local", "fail: HELO pc.corp.local is a local name, but 192.0.2.1 does not belong to corp.local",
		"192.0.2.1 pc.other.local", "none: HELO pc.other.local is a private name")
}
