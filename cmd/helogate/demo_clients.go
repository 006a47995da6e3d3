package main

// demoZone is the DNS of the demonstration.
const demoZone = `
	# the own host, mail.winserver.com
	208.247.131.9                    PTR  mail.winserver.com
	mail.winserver.com               A    208.247.131.9
	winserver.com                    MX   10 mail.winserver.com
	santronics.com                   A    208.247.131.9
	santronics.com                   MX   10 mail.winserver.com

	# a spammer: an auto-generated PTR name that does not resolve, HELO name and sender of other hosts
	103.245.153.249                  PTR  103-245-153-249.host.neural.net.au
	mail.digitaljunction.com.au      A    203.0.113.44
	digitaljunction.com.au           MX   10 mail.digitaljunction.com.au
	victoriakasunic.com              MX   10 mail.victoriakasunic.com
	mail.victoriakasunic.com         A    203.0.113.45

	# desktops
	211.58.35.214                    PTR  211-58-35-214.adsl.example.kr
	198.51.100.77                    PTR  cpe-198-51-100-77.cable.example.com
	cpe-198-51-100-77.cable.example.com A 198.51.100.77
	155.239.161.196                  PTR  dial-196.example.co.za
	worldonline.co.za                MX   10 mx.worldonline.co.za
	mx.worldonline.co.za             A    203.0.113.50

	# a real mail server
	203.0.113.20                     PTR  ukiah.firemountain.net
	ukiah.firemountain.net           A    203.0.113.20
	firemountain.net                 MX   10 taos.firemountain.net
	taos.firemountain.net            A    203.0.113.21
	gsp.org                          MX   10 taos.firemountain.net

	# an outbound pool of a large sender: its HELO name has other addresses
	203.0.113.81                     PTR  mail-am6eur05on2081.outbound.protection.outlook.com
	mail-am6eur05on2081.outbound.protection.outlook.com A 203.0.113.81
	eur05-am6-obe.outbound.protection.outlook.com A 203.0.113.90
	outlook.com                      MX   5 outlook-com.olc.protection.outlook.com
	outlook-com.olc.protection.outlook.com A 203.0.113.91
	customer.example                 MX   0 customer-example.mail.protection.outlook.com
	customer-example.mail.protection.outlook.com A 203.0.113.92

	# an IPv6 host whose HELO name is its address literal
	2001:470:1f00:1272::1            PTR  reva.sixgirls.org
	reva.sixgirls.org                AAAA 2001:470:1f00:1272::1
	sixgirls.org                     MX   10 reva.sixgirls.org

	# a mail server at home, well configured
	203.0.113.60                     PTR  203-0-113-60.dsl.example.de
	203-0-113-60.dsl.example.de      A    203.0.113.60
	mail.family.example              A    203.0.113.60
	family.example                   MX   10 mail.family.example

	# a credit union without PTR record
	union.example                    MX   10 mail.union.example
	mail.union.example               A    198.51.100.130

	# a host whose DNS fails
	203.0.113.70                     PTR  tempfail
	mail.flaky.example               A    tempfail
	flaky.example                    MX   tempfail`

// demoConfig is the configuration of the demonstration.
const demoConfig = `
mode = "enforce"
state.store = "memory"
control.socket = "none"
control.watch = false
[own]
names     = ["winserver.com", "santronics.com"]
addresses = ["208.247.131.9"]
[[exempt]]
address = "198.51.100.128/28"
comment = "credit union without PTR record"
`

// demoClients are the clients of the demonstration, and the action and deciding check of each.
var demoClients = []struct {
	title, address, protocol, helo, from, to string
	want                                     string
}{
	{"Spam to a mailing list, from a host with an auto-generated PTR name that does not resolve back",
		"103.245.153.249", "ESMTP", "mail.digitaljunction.com.au", "sender@victoriakasunic.com", "list@santronics.com", "reject score"},
	{"A hijacked desktop uses the address of your server as its HELO name",
		"211.58.35.214", "SMTP", "208.247.131.9", "a@worldonline.co.za", "sales@santronics.com", "reject own-identity"},
	{"The same desktop uses the address of another host, in brackets",
		"211.58.35.214", "SMTP", "[203.0.113.9]", "a@worldonline.co.za", "sales@santronics.com", "reject forged-literal"},
	{"The HELO name is a random string",
		"109.237.103.41", "ESMTP", "yq3H9cDKgS", "a@worldonline.co.za", "sales@santronics.com", "reject fqdn"},
	{"Another host uses your own domain as its HELO name",
		"155.239.161.196", "ESMTP", "santronics.com", "sender@worldonline.co.za", "sales@santronics.com", "reject own-name"},
	{"A Windows desktop on a cable line uses the name that its provider generated",
		"198.51.100.77", "ESMTP", "cpe-198-51-100-77.cable.example.com", "a@worldonline.co.za", "sales@santronics.com", "reject score"},
	{"A forged HELO name of a well-known sender",
		"198.51.100.77", "ESMTP", "mail.google.com", "a@worldonline.co.za", "sales@santronics.com", "reject impersonation"},
	{"A real mail server",
		"203.0.113.20", "ESMTP", "ukiah.firemountain.net", "sender@gsp.org", "sales@santronics.com", "continue"},
	{"The outbound pool of a large sender: the HELO name has other addresses but belongs to the same organisation",
		"203.0.113.81", "ESMTP", "eur05-am6-obe.outbound.protection.outlook.com", "jane@customer.example", "sales@santronics.com", "continue"},
	{"An IPv6 host uses its own address as an address literal, which is allowed",
		"2001:470:1f00:1272::1", "ESMTP", "[IPv6:2001:470:1F00:1272::1]", "sender@sixgirls.org", "sales@santronics.com", "continue"},
	{"A well-configured mail server at home, with an auto-generated PTR name: greylisted, because bots seldom retry",
		"203.0.113.60", "ESMTP", "mail.family.example", "jane@family.example", "sales@santronics.com", "greylist score"},
	{"A credit union without PTR record that the administrator has exempted",
		"198.51.100.130", "ESMTP", "exchange.union.local", "loans@union.example", "sales@santronics.com", "accept exempt"},
	{"A host whose DNS fails today: deferred, not rejected",
		"203.0.113.70", "ESMTP", "mail.flaky.example", "jane@flaky.example", "sales@santronics.com", "defer sender-domain"},
	{"The desktop writes to postmaster, which accepts mail from every client",
		"211.58.35.214", "SMTP", "208.247.131.9", "a@worldonline.co.za", "Postmaster@santronics.com", "accept postmaster"},
}
