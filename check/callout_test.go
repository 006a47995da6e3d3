package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

const calloutWorld = `
	jane@example.org   CALLOUT accepts
	joe@example.org    CALLOUT refuses 550 5.1.1 <joe@example.org>: User unknown
	any@all.example    CALLOUT accepts all
	jane@null.example  CALLOUT refuses null 550 5.7.1 <>: Sender address rejected
	jane@slow.example  CALLOUT tempfail
	jane@odd.example   CALLOUT perhaps
	jane@xn--caf-dma.example CALLOUT accepts
	postmaster@example.org   CALLOUT accepts
	postmaster@all.example   CALLOUT accepts all
	postmaster@rude.example  CALLOUT refuses 550 no postmaster here
	postmaster@null.example  CALLOUT refuses null 550 go away
	postmaster@slow.example  CALLOUT tempfail`

func TestCallout(t *testing.T) {
	zone(t, Callout(names("*")), calloutWorld,
		"192.0.2.1 x jane@example.org", "pass: example.org accepts mail for jane@example.org",
		"192.0.2.1 x jane@EXAMPLE.ORG.", "pass: example.org accepts mail for jane@example.org",
		`192.0.2.1 x "jane"@example.org`, "pass: example.org accepts mail for jane@example.org",
		"192.0.2.1 x @relay.example:jane@example.org", "pass: example.org accepts mail for jane@example.org",
		"192.0.2.1 x jane@caf\u00e9.example", "pass: xn--caf-dma.example accepts mail for jane@xn--caf-dma.example",
		"192.0.2.1 x joe@example.org", "fail: example.org does not accept mail for joe@example.org: 550 5.1.1 <joe@example.org>: User unknown",
		"192.0.2.1 x any@all.example", "neutral: all.example accepts mail for every address, so nothing is known of any@all.example",
		"192.0.2.1 x jane@null.example", "neutral: null.example cannot be asked: it does not accept the null sender: 550 5.7.1 <>: Sender address rejected",
		"192.0.2.1 x jane@slow.example", "temperror: CALLOUT of jane@slow.example: the zone says so",
		"192.0.2.1 x jane@odd.example", "none: the answer about jane@odd.example is not known",
		"192.0.2.1 x new@example.org", "none: no callout has been made for new@example.org",
		"192.0.2.1 x -", "none: no callout for the null sender",
		"192.0.2.1 x PostMaster@rude.example", "none: no callout for postmaster",
		`192.0.2.1 x "abuse"@rude.example`, "none: no callout for abuse",
		"192.0.2.1 x jane", "none: the sender has no domain",
		"192.0.2.1 x jane@[192.0.2.1]", "none: the sender has no domain",
		"192.0.2.1 x jane@localhost", "none: the sender jane@localhost cannot be written in an SMTP command",
		"192.0.2.1 x ja_SP_ne@example.org", "none: the sender ja ne@example.org cannot be written in an SMTP command",
		"192.0.2.1 x ja>ne@example.org", "none: the sender ja>ne@example.org cannot be written in an SMTP command",
		"192.0.2.1 x j\u00e4ne@example.org", `none: the sender j\xc3\xa4ne@example.org cannot be written in an SMTP command`,
		"192.0.2.1 x jane\x00@example.org", `none: the sender jane\x00@example.org cannot be written in an SMTP command`)
}

func TestCalloutPostmaster(t *testing.T) {
	zone(t, CalloutPostmaster(names("*")), calloutWorld,
		"192.0.2.1 x jane@example.org", "pass: example.org accepts mail for postmaster@example.org",
		"192.0.2.1 x j\u00e4ne@example.org", "pass: example.org accepts mail for postmaster@example.org",
		"192.0.2.1 x jane@all.example", "pass: all.example accepts mail for postmaster@all.example",
		"192.0.2.1 x jane@rude.example", "fail: rude.example does not accept mail for postmaster@rude.example: 550 no postmaster here",
		"192.0.2.1 x jane@null.example", "neutral: null.example cannot be asked: it does not accept the null sender: 550 go away",
		"192.0.2.1 x jane@slow.example", "temperror: CALLOUT of postmaster@slow.example: the zone says so",
		"192.0.2.1 x postmaster@rude.example", "none: no callout for postmaster",
		"192.0.2.1 x jane@a_SP_b.example", "none: a b.example is not a domain name",
		"192.0.2.1 x -", "none: no callout for the null sender")
}

// Only those are asked whom the administrator names, and nobody by default.
func TestCalloutDomains(t *testing.T) {
	const asked = "fail: DOMAIN does not accept mail for joe@DOMAIN: 550 no"
	for _, c := range []struct{ domains, domain, want string }{
		{"", "example.org", "none: callouts are off: no domains are configured"},
		{"example.org", "example.org", asked},
		{"example.org", "mail.example.org", "none: no callouts are configured for senders of DOMAIN"},
		{".example.org", "mail.example.org", asked},
		{".example.org", "example.org", "none: no callouts are configured for senders of DOMAIN"},
		{"example.com example.org", "example.org", asked},
		{"example.com", "badexample.com", "none: no callouts are configured for senders of DOMAIN"},
	} {
		domains := names(strings.Fields(c.domains)...)
		zone(t, Callout(domains), "joe@"+c.domain+" CALLOUT refuses 550 no",
			"192.0.2.1 x joe@"+c.domain, strings.ReplaceAll(c.want, "DOMAIN", c.domain))
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, "joe", "postmaster"), "DOMAIN", c.domain)
		zone(t, CalloutPostmaster(domains), "postmaster@"+c.domain+" CALLOUT refuses 550 no", "192.0.2.1 x joe@"+c.domain, want)
	}
}

// Where nothing may be asked, nothing is: a question is a connection to somebody's server.
func TestCalloutAsksNobody(t *testing.T) {
	for _, c := range []struct{ domains, sender string }{
		{"", "jane@example.org"}, {"*", "-"}, {"*", "postmaster@example.org"}, {"*", "abuse@example.org"}, {"example.com", "jane@example.org"},
	} {
		for _, check := range []helogate.Check{Callout(names(strings.Fields(c.domains)...)), CalloutPostmaster(names(strings.Fields(c.domains)...))} {
			p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: check})
			if err != nil {
				t.Fatal(err)
			}
			if v := p.Judge(t.Context(), facts("192.0.2.1 x "+c.sender), helogate.MustZone("")); len(v.Asked) > 0 {
				t.Errorf("%s, senders of %q, from %s: asked %v", check.Name, c.domains, c.sender, v.Asked)
			}
		}
	}
}

// Where a host cannot be asked, nothing follows, though the line rejects.
func TestCalloutStopsNoMail(t *testing.T) {
	reject := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}
	for sender, want := range map[string]helogate.Action{
		"jane@slow.example": helogate.Continue, "jane@null.example": helogate.Continue, "joe@example.org": helogate.Reject,
	} {
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: Callout(names("*")), On: reject})
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Judge(t.Context(), facts("192.0.2.1 x "+sender), helogate.MustZone(calloutWorld)); v.Action != want {
			t.Errorf("from %s: %s, not %s", sender, v.Action, want)
		}
	}
}
