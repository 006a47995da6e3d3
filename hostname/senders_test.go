package hostname

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// senderShapes are the names of hosts of big senders, as their documentation, their SPF records and the headers of
// mail in public list archives show them, with open numbers: A, B, C, D are the octets of the address, # is a digit,
// % a hexadecimal digit, ? a letter.
var senderShapes = strings.Fields(`
	mail-o??-f##.google.com mail-??#-f###.google.com mail-??#-x%%%.google.com mail-??#-x1%%%.google.com mail-sor-f##.google.com
	mail-am#eur0#on2###.outbound.protection.outlook.com mail-dm#nam1#on2###.outbound.protection.outlook.com
	mail-eopbgr0####.outbound.protection.outlook.com mail-eastus2azon110#####.outbound.protection.outlook.com
	nam1#-bn#-obe.outbound.protection.outlook.com mw#pr05cu00#.outbound.protection.outlook.com
	mail-oln040092######.outbound.protection.outlook.com bay00#-omc#s##.hotmail.com snt00#-omc#s##.hotmail.com
	mail-AxBxCxD.outbound.protection.outlook.com
	aC-D.smtp-out.amazonses.com bC-D.smtp-out.eu-central-1.amazonses.com eC-D.smtp-out.ap-northeast-1.amazonses.com
	aC-D.smtp-out.us-west-2.amazonses.com mm-notify-out-C-D.amazon.com
	oA-B-C-D.outbound-mail.sendgrid.net ????????.outbound-mail.sendgrid.net s.????????.outbound-mail.sendgrid.net
	o#.ptr####.customer.example o#.ptr#####.customer.example o##.email.customer.example o#########x##.outbound-mail.sendgrid.net
	o#.sgmail.customer.example outbound-#.mail.customer.example
	mC-D.mailgun.net kC-D.mailgun.net soC-D.mailgun.net pfC-D.mailgun.net rs###.mailgun.us mC-D.eu.mailgun.net a#.mail.mailgun.net
	mail##.atl###.rsgsv.net mail###.suw##.rsgsv.net mail##.sea##.mcsv.net mailC-D.atl###.mandrillapp.com mail###-##.suw##.mandrillapp.com
	mta-B-C-D.sparkpostmail.com mta-A-B-C-D.sparkpostmail.com mta-###b.mta.e.sparkpost.com mta####.nss.sparkpostmail.com
	mta###a-ord.mtasv.net mta##.pstmrk.it sc-ord-mta##.mtasv.net mta-pool-a#.mtasv.net
	sonic###-##.consmr.mail.gq1.yahoo.com sonic3##-#.consmr.mail.ir2.yahoo.com nm##-vm#.bullet.mail.ne1.yahoo.com n##.bullet.mail.gq1.yahoo.com
	omp####.mail.ne1.yahoo.com mta####.biz.mail.bf1.yahoo.com
	pv50p00im-ztdg1002####.me.com qs51p00im-qukt0107####.me.com st43p00im-ztdg1006####.me.com mr85p00im-hyfv0602####.me.com
	p-east3-cluster#-host#-snip4-##.eps.apple.com p-west1-cluster##-host##-snip4-#.eps.apple.com qs-200#k-snip4-##.eps.apple.com
	rn-mailsvcp-relay-lapp0#.rno.apple.com ma1-aaemail-dr-lapp0#.apple.com outbound.pv.icloud.com
	sender4-op-o##.zoho.com sender-of-o##.zoho.eu sender4-pp-o##.zoho.in sender#-g#-###.zohomail360.com
	mx0a-00######.pphosted.com mx0b-001%%%01.pphosted.com mx07-00#####1.pphosted.com dispatch#-us1.ppe-hosted.com mx0a-00##%f01.gpphosted.com
	us-smtp-delivery-###.mimecast.com eu-smtp-delivery-1##.mimecast.com us-smtp-1.mimecast.com de-smtp-delivery-##.mimecast.com
	mail#.bemta##.messagelabs.com server-##.bemta-#.messagelabs.com server-#.tower-###.messagelabs.com mail###.messagelabs.com
	ccm##.constantcontact.com ccm###.constantcontact.com ccm##.roving.com
	smtp##-ia2-sp#.mta.salesforce.com smtp-0%%%%%%%%%%%%%%%%.core1.sfdc-####??.mta.salesforce.com smtp0#-ph2-sp#.mta.salesforce.com
	mta##.e.customer.example mta###.s##.exacttarget.com mta-A-B-C-D.s#.exacttarget.com mta##.em1.exct.net
	bid####.bid.hubspotemail.net a#.bf0#.hubspotemail.net A-B-C-D.hubspotemail.net AxBxCxD.sp##.hubspotemail.net
	A-B-C-D.mail-mail.facebook.com A-B-C-D.mail-campmail.facebook.com A-B-C-D.outmail.facebook.com mailout-in-A-B-C-D.outmail.facebook.com
	maile-f?.linkedin.com mail?-??.linkedin.com mailc-cg-##.linkedin.com spring-chicken-??.twitter.com spruce-goose-??.twitter.com
	out-##.smtp.github.com out-2#.smtp.github.com o##.sgmail.github.com
	esa#.hc####-##.iphmx.com esa#.customer.iphmx.com outbound-ip##a.ess.barracuda.com outbound-ip###b.ess.uk.barracuda.com
	smtp-outD.mailcore.example out#-smtp.messagingengine.com wout#-smtp.messagingengine.com fhigh-a#-smtp.messagingengine.com
	mout.gmx.net mout-xforward.gmx.net mout.kundenserver.de mout-u-###.1and1.com mo4-p0#-ob.smtp.rzone.de mailout##.t-online.de
	#.mo###.mail-out.ovh.net ##.mo5##.mail-out.ovh.net mo##.mail-out.ovh.net smtp-##.smtpout.orange.fr smtp#-g21.free.fr
	resqmta-a#p-07####.sys.comcast.net resqmta-ch2-##v.sys.comcast.net impout00#.msg.chrl.nc.charter.net
	cvsmtppost##.nm.naver.com forward5##b.mail.yandex.net forward1##a.mail.yandex.net f###.i.mail.ru send##.i.mail.ru
	outA-B-C-D.mail.qq.com smtpbg1##.qq.com mail-m###.mail.126.com m15-1##.126.com m1#.mail.163.com mail-m####.qiye.163.com
	outC-D.freemail.mail.aliyun.com outC-D.mail.aliyun.com out30-1##.freemail.mail.aliyun.com
	??.d.mailin.fr ??.d.sender-sib.com hb##.d.sender-sib.com o##.p#.mailjet.com o1##.p2#.mailjet.com mo##.createsend.com
	a#i#.smtp2go.com a#i####.smtp2go.com e#i##.smtpcorp.com mxa##.email-od.com n###.mxout.mta3.net
	outbyoip##.pod##.use1.zdsys.com smtp##.relay.iad3b.emailsrvr.com p3plsmtpa0#-##.prod.phx3.secureserver.net p3plwbeout##-0#.prod.phx3.secureserver.net
	sxb1plsmtpa01-##.prod.sxb1.secureserver.net outbound-ss-###.bluehost.com cmgw##.mail.unifiedlayer.com gproxy#-pub.mail.unifiedlayer.com
	????????.elm.relay.mailchannels.net ????????.tulip.relay.mailchannels.net dd#####.kasserver.com
	mxslcpool##.ebay.com mx#.slc.paypal.com mta-C-D.siemens.flowmailer.net mta-##-#.privateemail.com a1###.mx.srv.dfn.de
	em-sj-##.mktomail.com A-B-C-D.mktomail.com mail####.mkt####.com mx-##.sailthru.com mail##.e.customer.example
	mga0#.intel.com lhrpeml50000#.china.huawei.com frasgout.his.huawei.com szxga0#-in.huawei.com mailout#.samsung.com
	lindbergh.monkeyblade.net tor.source.kernel.org sea.source.kernel.org vps0.lunn.example server##.hobby.example
	fornix.brain.example list####.lists.example bounce##.news.example bulk-A-B-C-D.sender.example relay-B-C-D.esp.example`)

// sender fills in a shape.
func sender(shape string, random *rand.Rand) (name string, addr netip.Addr) {
	octets := [4]byte{byte(1 + random.IntN(222)), byte(random.IntN(256)), byte(random.IntN(256)), byte(1 + random.IntN(254))}
	var b strings.Builder
	for _, c := range shape {
		switch {
		case 'A' <= c && c <= 'D':
			b.WriteString(strconv.Itoa(int(octets[c-'A'])))
		case c == '#':
			b.WriteByte("0123456789"[random.IntN(10)])
		case c == '%':
			b.WriteByte("0123456789abcdef"[random.IntN(16)])
		case c == '?':
			b.WriteByte(byte('a' + random.IntN(26)))
		default:
			b.WriteRune(c)
		}
	}
	return b.String(), netip.AddrFrom4(octets)
}

// The pools of big senders are full of octets and numbers. None of their hosts may count as a customer's.
func TestBigSenders(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 11))
	names, generated := 0, 0
	for _, shape := range senderShapes {
		for range 20 {
			name, addr := sender(shape, random)
			for _, a := range []netip.Addr{{}, addr} {
				names++
				if class, why := Classify(name, a); class != Custom {
					generated++
					t.Logf("%s (%s) is %s: %s", name, a, class, why)
				}
			}
		}
	}
	t.Logf("%d shapes, %d names, %d generated", len(senderShapes), names, generated)
	if 1000*generated > 3*names {
		t.Errorf("%d of %d are generated: more than 0.3 %%", generated, names)
	}
}
