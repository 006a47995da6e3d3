package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// The shapes of the names that big senders' pools have today, as their documentation and the Received lines in public
// list archives show them, with digits of our choice. Many number their hosts by address, so an octet in the name says
// nothing against them.
//
//	#  a digit     @  a letter     %  a hexadecimal digit
//	{1} … {4}      an octet of the address; {004} the last, with zeros before it
//	{x}            the last three nibbles of an IPv6 address
var senderShapes = []string{
	"mail-@@#-f{4}.google.com", "mail-@@#-x{x}.google.com", // Google
	"mail-@@#nam##on2{004}.outbound.protection.outlook.com", "mail-@@#eur##lp2{004}.outbound.protection.outlook.com",
	"mail-@@#nam##on20{x}.outbound.protection.outlook.com", "mail-northeuropeazon110##{004}.outbound.protection.outlook.com",
	"mail-westus#azon110##{004}.outbound.protection.outlook.com", "nam##-@@#-obe.outbound.protection.outlook.com",
	"@@#pr##cu00#.outbound.protection.outlook.com", // Microsoft 365, the last two in HELO
	"a{3}-{4}.smtp-out.amazonses.com", "a{3}-{4}.smtp-out.eu-west-1.amazonses.com", "e{3}-{4}.smtp-out.us-west-2.amazonses.com",
	"@@@@@@@@.outbound-mail.sendgrid.net", "s.@@@@@@@@.outbound-mail.sendgrid.net", "o#.ptr####.example.com", // SendGrid
	"m{3}-{4}.mailgun.net", "so{3}-{4}.mailgun.net", // Mailgun
	"mta-{3}-{4}.sparkpostmail.com", "mta-{2}-{3}-{4}.example.com.sparkpostmail.com", // SparkPost
	"mail{3}-{4}.suw##.mandrillapp.com", "mail{4}.atl##.mandrillapp.com", "mail{4}.suw1##.rsgsv.net", // Mailchimp
	"o{4}.p##.mailjet.com", "mta{4}@-ord.mtasv.net", "@@.d.sender-sib.com", // Mailjet, Postmark, Brevo
	"mta-{3}-{4}.example.flowmailer.net", "%%%%%%%.bf##@.hubspotemail.net", "@@{4}.mta.exacttarget.com",
	"mail-{3}{4}.protonmail.ch", "f@@@-b#-smtp.messagingengine.com", "out#-smtp.messagingengine.com", // Proton, Fastmail
	"sonic3##-##.consmr.mail.ne#.yahoo.com", "sender4-@@-o{4}.zoho.com", "sender4-@@-f{4}.zoho.com",
	"pv50p00im-@@@@100####1.me.com", "ci-200#@-snip4-#.eps.apple.com", "p-east#-cluster#-host#-snip#-#.eps.apple.com",
	"smtp##-ia#-sp#.mta.salesforce.com", "smtp-0%%%%%%%%%%%%%%%%.core#.sfdc-@@@@@@.mta.salesforce.com", // Apple, Salesforce
	"mail###.linkedin.com", "mail@-@@.linkedin.com",
	"out-##.smtp.github.com", "forward1##@.mail.yandex.net", "m##.mail.163.com", "mail-m###.mail.163.com",
	"mx0a-00%%%%%%.pphosted.com", "us-smtp-delivery-###.mimecast.com", "esa#.hc####-##.iphmx.com", // filters
	"mout.kundenserver.de", "mout.gmx.net", "#.mo###.mail-out.ovh.net", "out{3}-{4}.freemail.mail.aliyun.com",
	"mta-##-#.privateemail.com",                                                // providers' relays
	"{1}-{2}-{3}-{4}.mail-mail.facebook.com", "out{1}-{2}-{3}-{4}.mail.qq.com", // the whole address, and a mail server still
}

const namesAShape = 20

// senders makes names of the shapes, the same in each run. Their addresses are of 198.18.0.0/15 (RFC 2544), which is
// for measurements and is not assigned, and of 2001:db8::/32.
func senders() (entries []entry) {
	random := rand.New(rand.NewPCG(5321, 1912))
	for _, shape := range senderShapes {
		for range namesAShape {
			if strings.Contains(shape, "{x}") {
				nibbles := 0x100 + random.UintN(0xf00)
				addr := netip.MustParseAddr(fmt.Sprintf("2001:db8:400::%x", nibbles))
				entries = append(entries, entry{name: fill(shape, strings.NewReplacer("{x}", fmt.Sprintf("%x", nibbles)), random), addr: addr})
				continue
			}
			o := [4]byte{198, byte(18 + random.UintN(2)), byte(random.UintN(256)), byte(1 + random.UintN(254))}
			octets := strings.NewReplacer("{1}", fmt.Sprint(o[0]), "{2}", fmt.Sprint(o[1]), "{3}", fmt.Sprint(o[2]), "{4}", fmt.Sprint(o[3]),
				"{004}", fmt.Sprintf("%03d", o[3]))
			entries = append(entries, entry{name: fill(shape, octets, random), addr: netip.AddrFrom4(o)})
		}
	}
	return entries
}

// fill puts the address and invented characters into a shape.
func fill(shape string, address *strings.Replacer, random *rand.Rand) string {
	var b strings.Builder
	for _, c := range address.Replace(shape) {
		switch c {
		case '#':
			b.WriteByte("123456789"[random.UintN(9)])
		case '@':
			b.WriteByte("abcdefghijklmnopqrstuvwxyz"[random.UintN(26)])
		case '%':
			b.WriteByte("0123456789abcdef"[random.UintN(16)])
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
