package check

import "testing"

func TestImpersonation(t *testing.T) {
	zone(t, Impersonation([]string{"bank.example", "login.shop.example"}), `
		google.com            A 203.0.113.80
		192.0.2.1             PTR mail-oa1-f41.google.com
		mail-oa1-f41.google.com A 192.0.2.1
		192.0.2.2             PTR mail-oa1-f42.google.com
		192.0.2.3             PTR slow.example.org
		slow.example.org      A tempfail
		192.0.2.4             PTR 192-0-2-4.dsl.comcast.net
		192-0-2-4.dsl.comcast.net A 192.0.2.4
		mx.bank.example       A 192.0.2.5`,
		"192.0.2.1 mail-oa1-f41.google.com", "pass: mail-oa1-f41.google.com resolves to 192.0.2.1",
		"192.0.2.1 google.com", "pass: PTR of 192.0.2.1 is mail-oa1-f41.google.com",
		"192.0.2.2 google.com", "fail: HELO claims google.com, but 192.0.2.2 does not belong to google.com", // its PTR is forged
		"192.0.2.9 GOOGLE.com", "fail: HELO claims GOOGLE.com, but 192.0.2.9 does not belong to google.com",
		"192.0.2.3 google.com", "temperror: A of slow.example.org: the zone says so",
		"192.0.2.4 mta.comcast.net", "fail: HELO claims mta.comcast.net, but 192.0.2.4 does not belong to comcast.net", // generic PTRs lend nothing
		"192.0.2.5 mx.bank.example", "pass: mx.bank.example resolves to 192.0.2.5",
		"192.0.2.6 mx.bank.example", "fail: HELO claims mx.bank.example, but 192.0.2.6 does not belong to bank.example",
		"192.0.2.6 x.login.shop.example", "fail: HELO claims x.login.shop.example, but 192.0.2.6 does not belong to shop.example",
		"192.0.2.6 www.shop.example", "none: HELO is no name of a well-known sender",
		"192.0.2.9 notgoogle.com", "none: HELO is no name of a well-known sender",
		"10.0.0.1 google.com", "none: 10.0.0.1 is a private address: DNS says nothing of it",
		"192.0.2.9 [192.0.2.9]", "none: HELO [192.0.2.9] is an address")
}
