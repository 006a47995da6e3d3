package hostname

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// The names are made up for this test. Each line is a name, its address, and the expected class and reason.
func TestClassify(t *testing.T) {
	for _, c := range []struct{ name, addr, want string }{
		// Custom names.
		{"mail.example.com", "192.0.2.1", "custom"},
		{"mail12.example.com", "192.0.2.12", "custom"},
		{"mx1.example.org", "", "custom"},
		{"post.example.de", "", "custom"},
		{"vger.example.org", "", "custom"},
		{"example.com", "", "custom"},
		{"192-0-2-1.com", "192.0.2.1", "custom"},
		{"dsl1.example.com", "", "custom"},
		{"vps2.example.com", "", "custom"},
		{"vps-abcde1.example.com", "", "custom"},
		{"town00045acfa2be.example.com", "", "custom"},
		{"abcdefabcde1.example.com", "", "custom"},
		{"x1234.example.com", "1.2.3.4", "custom"},
		{"vm100.example.com", "", "custom"},
		{"ns1.example.net", "", "custom"},
		{"node7.cluster.example.com", "", "custom"},
		{"client12.isp.example", "", "custom"},
		{"server12.example.com", "", "custom"},
		{"gate.dsl.isp.example", "", "custom"},
		{"mail1.adsl.isp.example", "", "custom"},
		{"mail.vps12345.hoster.example", "", "custom"},
		{"adsl.example.org", "", "custom"},
		{"adsl.home.example.org", "", "custom"},
		{"home.example.org", "", "custom"},
		{"office.example.org", "", "custom"},
		{"static.example.org", "", "custom"},
		{"localhost", "", "custom"},
		{"com", "", "custom"},
		{"192-0-2-99.", "", "generic: contains four octets as 192-0-2-99"},

		// Traps: years, versions, models, counts, and octets that are not the address.
		{"server2019.example.com", "", "custom"},
		{"cloud-2024.example.com", "", "custom"},
		{"web2026.example.com", "203.0.113.26", "custom"},
		{"cafe2023.example.com", "", "custom"},
		{"db20260131.example.com", "", "custom"},
		{"db20261331.example.com", "", "generic: is little more than the number 20261331"},
		{"server1234.hoster.example", "", "custom"},
		{"node-10-4-2.example.com", "", "custom"},
		{"deadbeef.example.com", "", "custom"},
		{"facade01.example.com", "", "custom"},
		{"r740.example.com", "", "custom"},
		{"dl380g10.example.com", "", "custom"},
		{"hp-8200-elite.example.com", "", "custom"},
		{"api-1-2-3.example.com", "", "custom"},
		{"build-1-2-3-4.example.com", "", "custom"},
		{"release-10.4.2.example.com", "", "custom"},
		{"v2-1-0.dev.example.com", "", "custom"},
		{"mail01.dc12.example", "", "custom"},
		{"www12.rack34.dc5.example.com", "", "custom"},
		{"app-vm1.srv.example.org", "", "custom"},
		{"apps12.zone3.example.com", "", "custom"},
		{"web5.net10.example.com", "", "custom"},
		{"despam-fra-0.example.com", "", "custom"},
		{"esa1.customer.c3s2.example.com", "", "custom"},
		{"office365.users365.example.com", "", "custom"},
		{"web-2-1.example.com", "192.0.2.1", "custom"},
		{"web12-34.example.com", "192.0.2.1", "custom"},
		{"rack12-34-5.dc1.example.com", "", "custom"},
		{"mx0a-00123401.example.com", "", "custom: mx indicates a mail server, although the name is little more than the number 00123401"},
		{"dd12345.hoster.example", "", "custom"},
		{"pv50p00im-ztdg10021801.example.com", "", "custom"},
		{"k100-145.bas1.city.isp.example", "", "custom"},
		{"k51-100-7.city.isp.example", "", "custom"},
		{"x-100-7.pool.isp.example", "", "custom"},
		{"6ae66d92.22.filter.example", "", "custom"},
		{"hfyqtgmxim0iim3l.example.net", "", "custom"},
		{"4-2-2021.example.com", "", "custom"},
		{"c7.example.com", "", "custom"},
		{"landslag12.example.com", "", "custom"},
		{"dynamics365.example.com", "", "custom"},
		{"cablecar7.example.com", "", "custom"},
		{"poolside99.example.com", "", "custom"},
		{"outpost3.example.com", "", "custom"},

		// Big senders number their pools.
		{"mail-oa1-f41.sender.example", "203.0.113.41", "custom"},
		{"a9-86.smtp-out.sender.example", "203.0.9.86", "custom"},
		{"m47-88.mailer.example", "69.72.47.88", "custom"},
		{"o1.ptr1234.sender.example", "", "custom"},
		{"o192-0-2-99.outbound.sender.example", "192.0.2.99", "custom: outbound indicates a mail server, although the name contains its address 192.0.2.99 as 192-0-2-99"},
		{"mail-oln192000002099.outbound.sender.example", "192.0.2.99", "custom: mail indicates a mail server, although the name contains its address 192.0.2.99 as 192000002099"},
		{"mta-51-100-7.sender.example", "198.51.100.7", "custom: mta indicates a mail server, although the name contains three octets of 198.51.100.7 as 51-100-7"},
		{"192-0-2-99.sendmore.example", "192.0.2.99", "custom: sendmore.example indicates a mail server, although the name contains its address 192.0.2.99 as 192-0-2-99"},
		{"192-0-2-99.mailing.example", "", "custom: mailing.example indicates a mail server, although the name contains four octets as 192-0-2-99"},
		{"out198-51-100-7.sender.example", "198.51.100.7", "custom: out indicates a mail server, although the name contains its address 198.51.100.7 as 198-51-100-7"},
		{"relay-100-7.pool.isp.example", "198.51.100.7", "custom: relay indicates a mail server, although the name contains the last two octets of 198.51.100.7 as 100-7"},
		{"mx20260131.example.com", "", "custom"},
		{"mx20260199.example.com", "", "custom: mx indicates a mail server, although the name is little more than the number 20260199"},
		{"mail20260131.example.com", "", "custom"},
		{"news-192-0-2-99.sender.example", "192.0.2.99", "custom: news indicates a mail server, although the name contains its address 192.0.2.99 as 192-0-2-99"},
		{"vmta12345678.sender.example", "", "custom"},
		{"smtp-192-0-2-99.static.isp.example", "192.0.2.99", "custom: smtp indicates a mail server, although the name contains its address 192.0.2.99 as 192-0-2-99"},
		{"mxpool1234.sender.example", "", "custom"},

		// The address of the client, in every spelling.
		{"c-192-0-2-99.town.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192-0-2-99"},
		{"ppp-192-0-2-99.dyn.example.com", "192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word ppp"},
		{"mail-192-0-2-99.dsl.isp.example", "192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word dsl"},
		{"99.2.0.192.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 99.2.0.192"},
		{"k099-002.000-192.city.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 099-002.000-192"},
		{"192x0x2x99.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192x0x2x99"},
		{"192_0_2_99.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192_0_2_99"},
		{"192000002099.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192000002099"},
		{"099002000192.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 099002000192"},
		{"x1920299y.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 1920299"},
		{"x9920192y.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 9920192"},
		{"n-3221226083.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 3221226083"},
		{"pc0000263.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as c0000263"},
		{"x630200c0.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 630200c0"},
		{"c0-00-02-63.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as c0-00-02-63"},
		{"63.2.0.c0.isp.example", "192.0.2.99", "generic: contains its address 192.0.2.99 as 63.2.0.c0"},
		{"99.sub-192-0.area2.isp.example", "192.0.2.99", "generic: contains each octet of its address 192.0.2.99"},
		{"192-0-2-99", "192.0.2.99", "generic: contains its address 192.0.2.99 as 192-0-2-99"},
		{"PPP-192-0-2-99.ISP.example", "::ffff:192.0.2.99", "access: contains its address 192.0.2.99 as 192-0-2-99, and the word ppp"},

		// Parts of the address.
		{"k51-100-7.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 51-100-7"},
		{"k7-100-51.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 7-100-51"},
		{"k198-51-100.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 198-51-100"},
		{"k051100007.city.isp.example", "198.51.100.7", "generic: contains three octets of 198.51.100.7 as 051100007"},
		{"x-100-7.pool.isp.example", "198.51.100.7", "access: contains the last two octets of 198.51.100.7 as 100-7, and the word pool"},
		{"x-7-100.pool.isp.example", "198.51.100.7", "access: contains the last two octets of 198.51.100.7 as 7-100, and the word pool"},
		{"cs100007.city.isp.example", "198.51.100.7", "generic: is little more than the number 100007"},
		{"town100007.cust.isp.example", "198.51.100.7", "access: contains the last two octets of 198.51.100.7 as 100007, and the word cust"},
		{"host-100-7.isp.example", "198.51.100.7", "generic: contains the last two octets of 198.51.100.7 as 100-7"},

		// Any address.
		{"198-51-100-7.isp.example", "192.0.2.99", "generic: contains four octets as 198-51-100-7"},
		{"198-51-100-7.isp.example", "", "generic: contains four octets as 198-51-100-7"},
		{"h192_0_2_99.isp.example", "", "generic: contains four octets as 192_0_2_99"},
		{"7.100.51.198.isp.example", "", "generic: contains four octets as 7.100.51.198"},
		{"198x51x100x7.isp.example", "", "generic: contains four octets as 198x51x100x7"},
		{"198051100007.isp.example", "", "generic: contains four octets as 198051100007"},
		{"spb198051100007.isp.example", "", "generic: contains four octets as 198051100007"},
		{"192-0-2-99.lan", "", "generic: contains four octets as 192-0-2-99"},
		{"ip-10-0-0-5.lan", "", "generic: contains four octets as 10-0-0-5"},
		{"99.sub-198-51-100.isp.example", "", "generic: contains four octets, three of them side by side, as 99.sub-198-51-100"},
		{"host7.198-51-100.isp.example", "", "generic: contains four octets as 7.198-51-100"},
		{"198-51-100.host7.isp.example", "", "generic: contains four octets, three of them side by side, as 198-51-100.host7"},
		{"198-51.pool100-7.isp.example", "", "access: contains what may be four octets as 198-51.pool100-7, and the word pool"},
		{"198-51.city100-7.isp.example", "", "custom"},
		{"31.109.city.isp.example", "", "generic: starts with two bare numbers, 31.109"},
		{"dhcp-51-100-7.isp.example", "", "access: contains what may be three octets as 51-100-7, and the word dhcp"},
		{"k51-100-7.static.isp.example", "", "generic: contains what may be three octets as 51-100-7"},
		{"c6336407.isp.example", "", "generic: is little more than the number 6336407"},
		{"0xc6336407.dyn.isp.example", "", "access: has the number 6336407 beside the word dyn"},
		{"pc6336407.dip.isp.example", "", "access: has the number 6336407 beside the word dip"},
		{"c6336407.cust.isp.example", "", "access: has the number 6336407 and the word cust"},
		{"5c63a407.isp.example", "", "generic: consists only of what may be an address, 5c63a407"},
		{"zap5c63a407.isp.example", "", "generic: consists only of what may be an address, zap5c63a407"},
		{"webabcd2345.isp.example", "", "custom"},
		{"i5c63a407.isp.example", "", "generic: consists only of what may be an address, i5c63a407"},
		{"5c63a407.a.isp.example", "", "custom"},

		// Words of access networks, and a number.
		{"ppp1234.isp.example", "", "access: has the number 1234 beside the word ppp"},
		{"12.34.dsl.isp.example", "", "access: starts with two bare numbers, 12.34, and the word dsl"},
		{"1.2.dsl.isp.example", "", "access: has the number 1.2 beside the word dsl"},
		{"townadsl-77.isp.example", "", "access: has the number 77 beside the word townadsl"},
		{"dialuppool12.isp.example", "", "access: has the number 12 beside the word dialuppool"},
		{"dynamicip-12.isp.example", "", "access: has the number 12 beside the word dynamicip"},
		{"cablepool12.isp.example", "", "access: has the number 12 beside the word cablepool"},
		{"1cust138.tnt3.city.isp.example", "", "access: has the number 138 beside the word cust"},
		{"cust-12-34.isp.example", "", "access: has the number 12-34 beside the word cust"},
		{"kunde1234.isp.example", "", "access: has the number 1234 beside the word kunde"},
		{"m53-mp1.c2.city.dial.isp.example", "", "access: has the number 53 and the word dial"},
		{"212stb50.isp.example", "", "access: has the number 212 beside the word stb"},
		{"cm114.gamma208.isp.example", "", "access: has the number 114 beside the word cm"},
		{"a1234.customers.isp.example", "", "access: has the number 1234 and the word customers"},
		{"client-town-12-34.isp.example", "", "access: has the number 12-34 and the word client"},
		{"client-town-12.isp.example", "", "custom"},
		{"town-client-a-12-34.isp.example", "", "custom"},
		{"pool12.isp.example", "", "custom"},
		{"pool1234.isp.example", "", "access: has the number 1234 beside the word pool"},
		{"a16.sub85.net78.isp.example", "", "generic: numbers parts of a network as sub85.net78"},
		{"h62.zone153.isp.example", "", "generic: numbers parts of a network as zone153"},
		{"adsl-pool.isp.example", "", "access: consists only of provider words, and the word adsl"},
		{"dynamic-ip.isp.example", "", "access: consists only of provider words, and the word dynamic"},
		{"lte77.isp.example", "", "access: has the number 77 beside the word lte"},

		// The same in other languages.
		{"dynamisch-12.isp.example", "", "access: has the number 12 beside the word dynamisch"},
		{"einwahl12.isp.example", "", "access: has the number 12 beside the word einwahl"},
		{"teilnehmer1234.isp.example", "", "access: has the number 1234 beside the word teilnehmer"},
		{"wohnheim-12-7.uni.example", "", "access: has the number 12-7 beside the word wohnheim"},
		{"abonne-1234.isp.example", "", "access: has the number 1234 beside the word abonne"},
		{"dynamique12.isp.example", "", "access: has the number 12 beside the word dynamique"},
		{"utente123.isp.example", "", "access: has the number 123 beside the word utente"},
		{"dinamico-77.isp.example", "", "access: has the number 77 beside the word dinamico"},
		{"abonado123.isp.example", "", "access: has the number 123 beside the word abonado"},
		{"bandaancha77.isp.example", "", "access: has the number 77 beside the word bandaancha"},
		{"assinante-123.isp.example", "", "access: has the number 123 beside the word assinante"},
		{"discada77.isp.example", "", "access: has the number 77 beside the word discada"},
		{"klant-123.isp.example", "", "access: has the number 123 beside the word klant"},
		{"breedband77.isp.example", "", "access: has the number 77 beside the word breedband"},
		{"klient123.isp.example", "", "access: has the number 123 beside the word klient"},
		{"dynamiczny77.isp.example", "", "access: has the number 77 beside the word dynamiczny"},
		{"zakaznik123.isp.example", "", "access: has the number 123 beside the word zakaznik"},
		{"abonent123.isp.example", "", "access: has the number 123 beside the word abonent"},
		{"shpd77.isp.example", "", "access: has the number 77 beside the word shpd"},
		{"musteri123.isp.example", "", "access: has the number 123 beside the word musteri"},
		{"kablo77.isp.example", "", "access: has the number 77 beside the word kablo"},
		{"abonat123.isp.example", "", "access: has the number 123 beside the word abonat"},
		{"dinamic77.isp.example", "", "access: has the number 77 beside the word dinamic"},
		{"elofizeto123.isp.example", "", "access: has the number 123 beside the word elofizeto"},
		{"szelessav77.isp.example", "", "access: has the number 77 beside the word szelessav"},
		{"bredband77.isp.example", "", "access: has the number 77 beside the word bredband"},
		{"laajakaista77.isp.example", "", "access: has the number 77 beside the word laajakaista"},
		{"asiakas123.isp.example", "", "access: has the number 123 beside the word asiakas"},
		{"kund123.isp.example", "", "access: has the number 123 beside the word kund"},
		{"korisnik123.isp.example", "", "access: has the number 123 beside the word korisnik"},
		{"hikari1234.isp.example", "", "access: has the number 1234 beside the word hikari"},
		{"kuandai77.isp.example", "", "access: has the number 77 beside the word kuandai"},
		{"yonghu123.isp.example", "", "access: has the number 123 beside the word yonghu"},
		{"pelanggan123.isp.example", "", "access: has the number 123 beside the word pelanggan"},
		{"fibra1234.isp.example", "", "access: has the number 1234 beside the word fibra"},
		{"movil1234.isp.example", "", "access: has the number 1234 beside the word movil"},

		// Rented servers.
		{"ec2-192-0-2-1.region.compute.cloudy.example", "192.0.2.1", "hosting: contains its address 192.0.2.1 as 192-0-2-1, and the word compute"},
		{"ec2-192-0-2-1.region.clouds.example", "", "hosting: contains four octets as 192-0-2-1, and the word ec2"},
		{"ip-10-1-2-3.region.compute.internal", "", "hosting: contains four octets as 10-1-2-3, and the word compute"},
		{"99.2.0.192.bc.usercontent.example", "", "hosting: contains four octets as 99.2.0.192"},
		{"vmi123456.rent.example", "", "hosting: has the number 123456 beside the word vmi"},
		{"vps-1a2b3c4d.rent.example", "", "hosting: has the id 1a2b3c4d beside the word vps"},
		{"vps-bdf5dfbf.rent.example", "", "hosting: has the id bdf5dfbf beside the word vps"},
		{"vps12345.rent.example", "", "hosting: has the number 12345 beside the word vps"},
		{"kvm-12345.rent.example", "", "hosting: has the number 12345 beside the word kvm"},
		{"hwsrv-123456.rent.example", "", "hosting: has the number 123456 beside the word hwsrv"},
		{"server123456.rent.example", "", "hosting: has the number 123456 beside the word server"},
		{"ns1234567.rent.example", "", "hosting: has the number 1234567 beside the word ns"},
		{"static.1.2.0.192.clients.rent.example", "192.0.2.1", "hosting: contains its address 192.0.2.1 as 1.2.0.192, and the word static"},
		{"static.1.2.0.192.clients.rent.example", "", "hosting: contains four octets as 1.2.0.192, and the word static"},
		{"li1234-56.members.rent.example", "", "hosting: has the number 1234-56 and the word members"},
		{"abc123.members.rent.example", "", "hosting: has the number 123 and the word members"},
		{"v2201234567890.rent.example", "", "generic: is little more than the number 2201234567890"},
		{"192-0-2-1.vpshost.example", "", "hosting: contains four octets as 192-0-2-1"},
		{"i-0123456789abcdef0.rent.example", "", "generic: is little more than the id 0123456789abcdef0"},
		{"ubuntu-s-1vcpu-1gb-01", "", "hosting: contains the size of a machine, 1vcpu, and the word vcpu"},
		{"win-7olq3k5hq2t", "", "custom"},
		{"dedicated1234.rent.example", "", "hosting: has the number 1234 beside the word dedicated"},

		// Auto-generated, for an unknown kind of host.
		{"192-0-2-1.towncable.example", "", "access: contains four octets as 192-0-2-1"},
		{"static-192-0-2-1.isp.example", "", "generic: contains four octets as 192-0-2-1"},
		{"business-192-0-2-1.isp.example", "", "access: contains four octets as 192-0-2-1, and the word business"},
		{"abc123456.isp.example", "", "generic: is little more than the number 123456"},
		{"abcd123456.isp.example", "", "custom"},
		{"x1234567.isp.example", "", "generic: is little more than the number 1234567"},
		{"ab123456.isp.example", "", "generic: is little more than the number 123456"},
		{"3f2a9c1b7d40.example.com", "", "generic: is little more than the id 3f2a9c1b7d40"},
		{"h00045acfa2be.isp.example", "", "generic: is little more than the id 00045acfa2be"},
		{"cpe0004e2372711-cm000a73666706.isp.example", "", "access: is little more than the id 0004e2372711, and the word cpe"},
		{"s010600045acfa2be.isp.example", "", "generic: is little more than the id 010600045acfa2be"},
		{"net1234.isp.example", "", "generic: has the number 1234 beside the word net"},
		{"unassigned.isp.example", "", "generic: says that the address has no name"},
		{"no-rdns.isp.example", "", "generic: says that the address has no name"},
		{"no-reply.isp.example", "", "custom"},
		{"unassigned-99.isp.example", "", "generic: says that the address has no name"},
		{"unknown.example.org", "", "custom"},

		// IPv6.
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example", "2001:db8::1", "generic: contains its address 2001:db8::1 as its nibbles in reverse"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example", "", "generic: contains sixteen nibbles of an IPv6 address"},
		{"20010db8000000000000000000000001.isp.example", "2001:db8::1", "generic: contains its address 2001:db8::1 as its nibbles"},
		{"20010db8000000000000000000000001.isp.example", "", "generic: contains an IPv6 address as 32 nibbles"},
		{"2001-db8-0-0-0-0-0-1.cust.isp.example", "2001:db8::1", "access: contains its address 2001:db8::1 as its groups, and the word cust"},
		{"2001-db8-0-0-0-0-0-1.cust.isp.example", "", "access: contains the eight groups of an IPv6 address, and the word cust"},
		{"2001-db8--1.cust.isp.example", "2001:db8::1", "access: contains its address 2001:db8::1 as its groups, and the word cust"},
		{"x-a1b2c3d4e5f60718.isp.example", "2001:db8::a1b2:c3d4:e5f6:718", "generic: contains its address 2001:db8::a1b2:c3d4:e5f6:718 as the nibbles of its interface"},
		{"mx-1.example.com", "2001:db8::1", "custom"},
		{"mail-2001-db8-0-0-0-0-0-1.example.com", "2001:db8::1", "custom: mail indicates a mail server, although the name contains its address 2001:db8::1 as its groups"},

		// Names that are too long, or have more runs than are read.
		{strings.Repeat("1.", 200) + "com", "", "custom"},
		{strings.Repeat("x-1-", 30) + "192-0-2-99.isp.example", "", "custom"},
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
		if got := classOf(c.name, addr); got != class {
			t.Errorf("%s is %s, but ClassAndOrg says %s", c.name, class, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	for word, want := range map[string]wordKind{
		"dsl": accessWord, "townadsl": accessWord, "kabelpool": accessWord, "dynamicip": accessWord, "customer": customerWord,
		"dclient": customerWord, "homeuser": accessWord, "poolusers": customerWord, "hostip": providerWord, "vmi": machineWord,
		"lvps": machineWord, "server": serverWord, "hwsrv": serverWord, "static": providerWord, "zone": pieceWord,
		"unassigned": unassignedWord, "smtpout": mailWord, "vmta": mailWord, "mxpool": mailWord, "mailhost": mailWord,
		"hostpost": mailWord, "landslag": plain, "applicable": plain, "dynamics": plain, "cablecar": plain, "e": plain, "": plain,
		strings.Repeat("dsl", 20): plain,
	} {
		if got := kindOf(word); got != want {
			t.Errorf("kindOf(%q) = %d, want %d", word, got, want)
		}
	}
}

// Every word of the table can occur in a name, occurs once in the table, and has the kind of its row.
func TestWordTable(t *testing.T) {
	seen := map[string]string{}
	for _, row := range wordTable {
		if row.kind == plain || row.meaning == "" {
			t.Errorf("%q has no kind or no meaning", row.words)
		}
		for word := range strings.FieldsSeq(row.words) {
			if before, ok := seen[word]; ok {
				t.Errorf("%s is in two rows: %s; %s", word, before, row.meaning)
			}
			seen[word] = row.meaning
			if len(word) < 2 || len(word) > maxWord || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%s is no word that kindOf can find", word)
			}
			if kind := kindOf(word); kind != row.kind {
				t.Errorf("%s is %d, want %d", word, kind, row.kind)
			}
		}
	}
}

// The weights have the properties that signals.go states.
func TestWeights(t *testing.T) {
	for s, signal := range signals {
		if s > 0 && (signal.weight <= 0 || signal.text == "") {
			t.Errorf("signal %d has no weight or no text", s)
		}
		if signal.weight+wordWeights[customerWord]-mailWeight >= enough {
			t.Errorf("signal %d outweighs a mail server's word without a word of access", s)
		}
	}
	for _, s := range []signal{ownOctets, ownThree, fourOctets, sixteenNibbles} {
		if signals[s].weight+wordWeights[accessWord]-mailWeight < enough {
			t.Errorf("signal %d with a word of access does not outweigh a mail server's word", s)
		}
	}
	for kind, weight := range wordWeights {
		if weight > 0 && signals[ownPair].weight+weight < enough {
			t.Errorf("half an address is not enough with a word of kind %d", kind)
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
	// custom ()
	// access (contains its address 192.0.2.99 as 192-0-2-99, and the word ppp)
	// hosting (has the number 123456 beside the word vmi)
}

// A mix of names as a server sees them, with and without reasons.
func BenchmarkClassify(b *testing.B) {
	addr := netip.MustParseAddr("192.0.2.99")
	mix := []string{
		"mail.example.com", "mx1.example.org", "vger.example.org", "mail-oa1-f41.google.com",
		"mail-am6eur05on2112.outbound.protection.outlook.com", "a9-86.smtp-out.sender.example", "ppp-192-0-2-99.dyn.example.com",
		"ec2-192-0-2-1.region.compute.cloudy.example", "vmi123456.rent.example", "k51-100-7.city.isp.example",
		"abonent1234.city.isp.example", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example",
	}
	names := map[string][]string{"mix": mix, "longest": {strings.Repeat("1-", 120) + "x.example.com"}}
	for _, name := range mix {
		names[fmt.Sprintf("%.30s", name)] = []string{name}
	}
	for _, what := range slices.Sorted(maps.Keys(names)) {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				Classify(names[what][i%len(names[what])], addr)
			}
		})
	}
	b.Run("ClassAndOrg/mix", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ClassAndOrg(mix[i%len(mix)], addr)
		}
	})
}

func classOf(name string, addr netip.Addr) Class {
	class, _ := ClassAndOrg(name, addr)
	return class
}

func registeredOf(name string) string {
	_, registered := domains(name)
	return registered
}
