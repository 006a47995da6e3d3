package main

// demoZone is the DNS that the demonstration lives in. Names and addresses are those that the stories were told with,
// where they were told with any.
const demoZone = `
	# our own host, mail.winserver.com
	208.247.131.9                    PTR  mail.winserver.com
	mail.winserver.com               A    208.247.131.9
	winserver.com                    MX   10 mail.winserver.com
	santronics.com                   A    208.247.131.9
	santronics.com                   MX   10 mail.winserver.com

	# the spammer of 2016: a generic PTR that leads nowhere, a greeting and a sender from elsewhere
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

	# a pool of a large sender: its greeting has other addresses
	203.0.113.81                     PTR  mail-am6eur05on2081.outbound.protection.outlook.com
	mail-am6eur05on2081.outbound.protection.outlook.com A 203.0.113.81
	eur05-am6-obe.outbound.protection.outlook.com A 203.0.113.90
	outlook.com                      MX   5 outlook-com.olc.protection.outlook.com
	outlook-com.olc.protection.outlook.com A 203.0.113.91
	customer.example                 MX   0 customer-example.mail.protection.outlook.com
	customer-example.mail.protection.outlook.com A 203.0.113.92

	# an IPv6 host that greets with its address, as it may
	2001:470:1f00:1272::1            PTR  reva.sixgirls.org
	reva.sixgirls.org                AAAA 2001:470:1f00:1272::1
	sixgirls.org                     MX   10 reva.sixgirls.org

	# at home, and well kept
	203.0.113.60                     PTR  203-0-113-60.dsl.example.de
	203-0-113-60.dsl.example.de      A    203.0.113.60
	mail.family.example              A    203.0.113.60
	family.example                   MX   10 mail.family.example

	# a credit union, DNS broken for a decade
	union.example                    MX   10 mail.union.example
	mail.union.example               A    198.51.100.130

	# DNS out of order
	203.0.113.70                     PTR  tempfail
	mail.flaky.example               A    tempfail
	flaky.example                    MX   tempfail`

// demoConfig is what the demonstration's administrator has set up.
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
comment = "credit union, DNS broken for a decade"
`

// demoClients are the clients that the stories tell of, and what must become of them.
var demoClients = []struct {
	story, address, verb, helo, from, to string
	want                                 string // action and deciding line
}{
	{"The spammer of 2016, who got through to a kernel list: a generic name that leads nowhere, and nothing that fits",
		"103.245.153.249", "EHLO", "mail.digitaljunction.com.au", "sender@victoriakasunic.com", "list@santronics.com", "reject score"},
	{"A hijacked desktop that says it is us, by address",
		"211.58.35.214", "HELO", "208.247.131.9", "a@worldonline.co.za", "sales@santronics.com", "reject own-identity"},
	{"The same with somebody else's address, in brackets",
		"211.58.35.214", "HELO", "[203.0.113.9]", "a@worldonline.co.za", "sales@santronics.com", "reject forged-literal"},
	{"A random string",
		"109.237.103.41", "EHLO", "yq3H9cDKgS", "a@worldonline.co.za", "sales@santronics.com", "reject fqdn"},
	{"A stranger who spoofs our own domain",
		"155.239.161.196", "EHLO", "santronics.com", "sender@worldonline.co.za", "sales@santronics.com", "reject own-name"},
	{"A Windows desktop on a cable line, which says what its provider calls it",
		"198.51.100.77", "EHLO", "cpe-198-51-100-77.cable.example.com", "a@worldonline.co.za", "sales@santronics.com", "reject score"},
	{"A forger who claims a name that is watched",
		"198.51.100.77", "EHLO", "mail.google.com", "a@worldonline.co.za", "sales@santronics.com", "reject impersonation"},
	{"A real mail server",
		"203.0.113.20", "EHLO", "ukiah.firemountain.net", "sender@gsp.org", "sales@santronics.com", "continue "},
	{"A large sender's pool: the greeting's addresses are others, but its organisation is the same",
		"203.0.113.81", "EHLO", "eur05-am6-obe.outbound.protection.outlook.com", "jane@customer.example", "sales@santronics.com", "continue "},
	{"An IPv6 host that greets with its own address, as it may",
		"2001:470:1f00:1272::1", "EHLO", "[IPv6:2001:470:1F00:1272::1]", "sender@sixgirls.org", "sales@santronics.com", "continue "},
	{"A server at home, well kept, on a line with a generic name: it has to prove that it comes again, as a bot seldom does",
		"203.0.113.60", "EHLO", "mail.family.example", "jane@family.example", "sales@santronics.com", "greylist score"},
	{"The credit union whose DNS has been broken for a decade, and whom the administrator has exempted",
		"198.51.100.130", "EHLO", "exchange.union.local", "loans@union.example", "sales@santronics.com", "accept exempt"},
	{"Somebody whose DNS is out of order today: he is told to come again, not to go away",
		"203.0.113.70", "EHLO", "mail.flaky.example", "jane@flaky.example", "sales@santronics.com", "defer sender-domain"},
	{"The desktop again, but it writes to postmaster, whom everybody may reach",
		"211.58.35.214", "HELO", "208.247.131.9", "a@worldonline.co.za", "Postmaster@santronics.com", "accept postmaster"},
}
