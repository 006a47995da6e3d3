package check

import (
	"fmt"
	"testing"

	"github.com/helogate/helogate"
)

// The clients that the design walks through, by name, judged by balanced at RCPT. Each is the reason for a number in
// the table of presets.
func TestClientsThatTheNumbersAreMadeFor(t *testing.T) {
	p, err := NewPolicy("balanced", Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, client, zone, want string }{
		{
			"the 2016 list spammer: PTR without A, generic, HELO elsewhere",
			"198.51.100.249 mail.junction.example jane@kasunic.example list@example.net",
			`198.51.100.249 PTR 198-51-100-249.host.neural.example
			mail.junction.example A 203.0.113.7
			kasunic.example MX 10 mail.kasunic.example
			mail.kasunic.example A 203.0.113.8`,
			"reject score 6",
		},
		{
			"Microsoft 365: HELO name with other addresses, FCrDNS fine, same organisation",
			"203.0.113.81 eur05-am6-obe.outbound.protection.outlook.com jane@customer.example bob@example.net",
			`203.0.113.81 PTR mail-am6eur05on2081.outbound.protection.outlook.com
			mail-am6eur05on2081.outbound.protection.outlook.com A 203.0.113.81
			eur05-am6-obe.outbound.protection.outlook.com A 198.51.100.1
			eur05-am6-obe.outbound.protection.outlook.com A 198.51.100.2
			outlook.com MX 5 outlook-com.olc.protection.outlook.com
			outlook-com.olc.protection.outlook.com A 198.51.100.3
			customer.example MX 0 customer-example.mail.protection.outlook.com
			customer-example.mail.protection.outlook.com A 198.51.100.4`,
			"continue  0",
		},
		{
			"a rented server with default PTR and its own HELO name",
			"203.0.113.5 mail.shop.example jane@shop.example bob@example.net",
			`203.0.113.5 PTR vmi123456.hoster.example
			vmi123456.hoster.example A 203.0.113.5
			mail.shop.example A 203.0.113.5
			shop.example MX 10 mail.shop.example`,
			"continue  0",
		},
		{
			"a self-hoster on DSL with FCrDNS and his own HELO",
			"203.0.113.6 mail.jane.example jane@jane.example bob@example.net",
			`203.0.113.6 PTR 203-0-113-6.dsl.provider.example
			203-0-113-6.dsl.provider.example A 203.0.113.6
			mail.jane.example A 203.0.113.6
			jane.example MX 10 mail.jane.example`,
			"greylist score 2",
		},
		{
			"a DSL bot that says its PTR",
			"203.0.113.7 203-0-113-7.dsl.provider.example jane@shop.example bob@example.net",
			`203.0.113.7 PTR 203-0-113-7.dsl.provider.example
			203-0-113-7.dsl.provider.example A 203.0.113.7
			shop.example MX 10 mail.shop.example
			mail.shop.example A 203.0.113.5`,
			"reject score 5",
		},
		{
			"a bank's exchange01.corp.local",
			"203.0.113.8 exchange01.corp.local jane@bank.example bob@example.net",
			`203.0.113.8 PTR mail.bank.example
			mail.bank.example A 203.0.113.8
			bank.example MX 10 mail.bank.example`,
			"greylist score 2",
		},
		{
			"a good host without IPv6 PTR",
			"2001:db8::9 mx.good.example jane@good.example bob@example.net",
			`mx.good.example AAAA 2001:db8::9
			mx.good.example A 203.0.113.9
			good.example MX 10 mx.good.example`,
			"continue  1",
		},
	} {
		v := p.Judge(t.Context(), facts(c.client), helogate.MustZone(c.zone))
		if got := fmt.Sprintf("%s %s %d", v.Action, v.By, v.Score); got != c.want || v.MaxScore != v.Score {
			t.Errorf("%s: %s (possible %d), want %s", c.name, got, v.MaxScore, c.want)
			for _, f := range v.Findings {
				t.Logf("   %-15s %-10s %s", f.Check, f.Effect, f)
			}
		}
	}
}
