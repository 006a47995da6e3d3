package check

import "testing"

func TestHeloResolves(t *testing.T) {
	zone(t, HeloResolves, `
		v4.example.org   A 192.0.2.1
		v6.example.org   AAAA 2001:db8::1
		mx.example.org   MX 10 v4.example.org
		txt.example.org  TXT hello
		slow.example.org A tempfail
		slow.example.org AAAA 2001:db8::2
		dead.example.org A tempfail
		alias.example.org CNAME v4.example.org
		bad.example.org  CNAME nowhere.example.org
		loop.example.org CNAME loop.example.org`,
		"192.0.2.1 v4.example.org", "pass: v4.example.org exists",
		"192.0.2.1 V6.Example.Org.", "pass: v6.example.org exists",
		"192.0.2.1 mx.example.org", "pass: mx.example.org exists",
		"192.0.2.1 slow.example.org", "pass: slow.example.org exists", // one answer proves it
		"192.0.2.1 dead.example.org", "temperror: A of dead.example.org: the zone says so",
		"192.0.2.1 loop.example.org", "temperror: A of loop.example.org: cname loop at loop.example.org",
		"192.0.2.1 alias.example.org", "pass: alias.example.org exists",
		"192.0.2.1 bad.example.org", "fail: HELO name bad.example.org does not exist (alias of nowhere.example.org)",
		"192.0.2.1 txt.example.org", "fail: HELO name txt.example.org has no A, AAAA or MX record",
		"192.0.2.1 yq3H9cDKgS", "fail: HELO name yq3h9cdkgs does not exist",
		"10.0.0.1 v4.example.org", "pass: v4.example.org exists", // says nothing of the client's address
		"192.0.2.1 pc.corp.local", "none: HELO pc.corp.local is a private name",
		"192.0.2.1 192.0.2.1", "none: HELO 192.0.2.1 is an address",
		"192.0.2.1 a..b", "none: HELO has no name to judge")
}
