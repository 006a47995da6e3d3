package hostname

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// The names here are made for this test, or have the documented shape of a big sender's pool.
func TestClassify(t *testing.T) {
	for _, c := range []struct{ name, addr, want string }{
		// Given by a person.
		{"mail.example.com", "192.0.2.1", "named"},
		{"mail12.example.com", "192.0.2.12", "named"},
		{"mx1.example.org", "", "named"},
		{"post.example.de", "", "named"},
		{"vger.kernel.org", "", "named"},
		{"ukiah.firemountain.net", "", "named"},
		{"example.com", "", "named"},
		{"192-0-2-1.com", "192.0.2.1", "named"}, // it was registered
		{"dsl1.example.com", "", "named"},
		{"vps2.example.com", "", "named"},
		{"server12.example.com", "", "named"},
		{"gate.dsl.isp.example", "", "named"},
		{"mail1.adsl.isp.example", "", "named"},
		{"mail.vps12345.hoster.example", "", "named"},
		{"deadbeef.example.com", "", "named"},
		{"cafe2023.example.com", "", "named"},
		{"web-2-1.example.com", "192.0.2.1", "named"}, // two octets alone are chance
		{"", "", "named"},
		{"localhost", "", "named"},
		{"com", "", "named"},
		{strings.Repeat("1.", 200) + "com", "", "named"},

		// Pools of big senders.
		{"mail-oa1-f41.google.com", "209.85.160.41", "named"},
		{"mail-lf1-f41.google.com", "", "named"},
		{"a9-86.smtp-out.amazonses.com", "54.240.9.86", "named"},
		{"m47-88.mailgun.net", "69.72.47.88", "named"},
		{"m47-88.mailgun.net", "", "named"},
		{"o1.ptr1234.sendgrid.net", "", "named"},
		{"o192-0-2-99.outbound-mail.sendgrid.net", "192.0.2.99", "named: outbound names a mail server, though the name contains its address 192.0.2.99 as 192-0-2-99"},
		{"mail-am6eur05on2112.outbound.protection.outlook.com", "40.107.22.112", "named"},
		{"mta-70-12-34.sparkpostmail.com", "198.70.12.34", "named: mta names a mail server, though the name contains three octets of 198.70.12.34 as 70-12-34"},
		{"192-0-2-99.sendmore.example", "192.0.2.99", "named: sendmore.example names a mail server, though the name contains its address 192.0.2.99 as 192-0-2-99"},

		// The address in full.
		{"103-245-153-249.host.neural.net.au", "103.245.153.249", "generic: contains its address 103.245.153.249 as 103-245-153-249"},
		{"103-245-153-249.host.neural.net.au", "", "generic: contains four octets as 103-245-153-249"},
		{"ppp-192-0-2-99.dyn.example.com", "192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word ppp"},
		{"c-76-121-96-159.hsd1.wa.example.net", "76.121.96.159", "generic: contains its address 76.121.96.159 as 76-121-96-159"},
		{"mail-192-0-2-99.dsl.isp.example", "192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word dsl"},
		{"99.2.0.192.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 99.2.0.192"},
		{"line099-002.000-192.city.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 099-002.000-192"},
		{"h192_0_2_99.isp.example", "", "generic: contains four octets as 192_0_2_99"},
		{"198-51-100-7.isp.example", "192.0.2.99", "generic: contains four octets as 198-51-100-7"},
		{"192000002099.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192000002099"},
		{"192000002099.isp.example", "", "generic: contains four octets as 192000002099"},
		{"x1920299y.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 1920299"},
		{"x9920192y.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 9920192"},
		{"n-3221226083.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 3221226083"},
		{"pc0000263.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as c0000263"},
		{"x630200c0.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 630200c0"},
		{"99.sub-192-0.area2.isp.example", "192.0.2.99", "generic: contains each octet of its address 192.0.2.99"},
		{"192-0-2-99", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192-0-2-99"},
		{"192-0-2-99.lan", "", "generic: contains four octets as 192-0-2-99"},
		{"ppp-192-0-2-99.isp.example", "::ffff:192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word ppp"},

		// Parts of it.
		{"k51-100-7.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 51-100-7"},
		{"k100-51-198.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 100-51-198"},
		{"k51-100-7.city.isp.example", "", "named"},
		{"x-100-7.pool.isp.example", "198.51.100.7", "access: contains the last two octets of 198.51.100.7 as 100-7, and the word pool"},
		{"x-100-7.pool.isp.example", "", "named"},
		{"0xc0000263.dyn.isp.example", "", "access: has the number 0000263 and the word dyn"},
		{"ab12cd34.cust.isp.example", "", "access: contains what may be an address as ab12cd34, and the word cust"},

		// Words with numbers.
		{"ppp1234.isp.example", "", "access: has the number 1234 and the word ppp"},
		{"12.34.dsl.isp.example", "", "access: has the number 12 and the word dsl"},
		{"1.2.dsl.isp.example", "", "access: has the number 1.2 beside the word dsl"},
		{"townadsl-77.isp.example", "", "access: has the number 77 and the word townadsl"},
		{"cust-12-34.isp.example", "", "access: has the number 12-34 beside the word cust"},
		{"kunde1234.isp.example", "", "access: has the number 1234 beside the word kunde"},
		{"office365.users365.example.com", "", "named"},
		{"server2019.example.com", "", "named"},
		{"cloud-2024.example.com", "", "named"},
		{"vm100.example.com", "", "named"},
		{"client12.isp.example", "", "named"},
		{"net1234.isp.example", "", "generic: has the number 1234 beside the word net"},

		// Rented servers.
		{"ec2-192-0-2-1.compute-1.amazonaws.com", "192.0.2.1", "hosting: contains its address 192.0.2.1 as 192-0-2-1, and the word compute"},
		{"ec2-192-0-2-1.compute-1.amazonaws.com", "", "hosting: contains four octets as 192-0-2-1, and the word compute"},
		{"ec2-192-0-2-1.region.cloudy.example", "", "hosting: contains four octets as 192-0-2-1, and the word ec2"},
		{"vmi123456.contaboserver.example", "", "hosting: has the number 123456 beside the word vmi"},
		{"vps-1a2b3c4d.hoster.example", "", "hosting: has the id 1a2b3c4d beside the word vps"},
		{"static.1.2.0.192.clients.hoster.example", "192.0.2.1", "hosting: contains its address 192.0.2.1 as 1.2.0.192, and the word static"},
		{"static.1.2.0.192.clients.hoster.example", "", "hosting: contains four octets as 1.2.0.192, and the word static"},
		{"server123456.hoster.example", "", "hosting: has the number 123456 beside the word server"},
		{"static-192-0-2-1.isp.example", "", "generic: contains four octets as 192-0-2-1"},

		// Little but a number.
		{"x1234567.isp.example", "", "generic: is little but the number 1234567"},
		{"v2201234567890.hoster.example", "", "generic: is little but the number 2201234567890"},
		{"3f2a9c1b7d40.example.com", "", "generic: is little but the id 3f2a9c1b7d40"},
		{"mail20260131.example.com", "", "named"},

		// IPv6.
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example", "2001:db8::1", "generic: contains its address 2001:db8::1 as its nibbles in reverse"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example", "", "generic: contains sixteen nibbles of an IPv6 address"},
		{"20010db8000000000000000000000001.isp.example", "2001:db8::1", "generic: contains its address 2001:db8::1 as its nibbles"},
		{"20010db8000000000000000000000001.isp.example", "", "generic: contains an IPv6 address as 32 nibbles"},
		{"2001-db8-0-0-0-0-0-1.cust.isp.example", "2001:db8::1", "access: contains its address 2001:db8::1 as its groups, and the word cust"},
		{"2001-db8-0-0-0-0-0-1.cust.isp.example", "", "access: contains the eight groups of an IPv6 address, and the word cust"},
		{"2001-db8--1.cust.isp.example", "2001:db8::1", "access: contains its address 2001:db8::1 as its groups, and the word cust"},
		{"x-a1b2c3d4e5f60718.isp.example", "2001:db8::a1b2:c3d4:e5f6:718", "generic: contains its address 2001:db8::a1b2:c3d4:e5f6:718 as the nibbles of its interface"},
		{"mx-1.example.com", "2001:db8::1", "named"},

		// What speaks for it.
		{"mx20260131.example.com", "", "named: mx names a mail server, though the name is little but the number 20260131"},
		{"relay-100-7.pool.isp.example", "198.51.100.7", "named: relay names a mail server, though the name contains the last two octets of 198.51.100.7 as 100-7"},
	} {
		var addr netip.Addr
		if c.addr != "" {
			addr = netip.MustParseAddr(c.addr)
		}
		class, why := Classify(c.name, addr)
		got := string(class)
		if why != "" {
			got += ": " + why
		}
		if got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.name, c.addr, got, c.want)
		}
	}
}

// No word may be of two kinds, and none may hide behind a rule about parts of words.
func TestKindOf(t *testing.T) {
	for word, want := range map[string]wordKind{
		"dsl": accessWord, "townadsl": accessWord, "customer": customerWord, "vmi": machineWord, "server": serverWord,
		"static": stampWord, "smtpout": mailWord, "vmta": mailWord, "landslag": plain, "applicable": plain, "": plain,
	} {
		if got := kindOf(word); got != want {
			t.Errorf("kindOf(%q) = %d, want %d", word, got, want)
		}
	}
}

func ExampleClassify() {
	client := netip.MustParseAddr("192.0.2.99")
	for _, name := range []string{"mx1.example.org", "ppp-192-0-2-99.isp.example", "vmi123456.hoster.example"} {
		class, why := Classify(name, client)
		fmt.Printf("%s (%s)\n", class, why)
	}
	// Output:
	// named ()
	// access (contains its address 192.0.2.99 as 192-0-2-99, and the word ppp)
	// hosting (has the number 123456 beside the word vmi)
}

func BenchmarkClassify(b *testing.B) {
	addr := netip.MustParseAddr("192.0.2.99")
	for _, name := range []string{
		"mail.example.com", "mx1.example.org", "mail-oa1-f41.google.com", "mail-am6eur05on2112.outbound.protection.outlook.com",
		"ppp-192-0-2-99.dyn.example.com", "ec2-192-0-2-1.compute-1.amazonaws.com", strings.Repeat("1-", 120) + "x.example.com",
	} {
		b.Run(fmt.Sprintf("%.30s", name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Classify(name, addr)
			}
		})
	}
}
