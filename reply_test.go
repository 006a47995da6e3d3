package helogate_test

import (
	"strings"
	"testing"

	. "github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// The code follows the stage at which it is given: a line a case.
func TestReplyCodes(t *testing.T) {
	const zone = `
		198.51.100.1   PTR mx.example.org
		mx.example.org A 198.51.100.1
		example.org    MX 10 mx.example.org
		198.51.100.2   PTR gone.example.org
		198.51.100.3   PTR tempfail
		null.example   MX 0 .
		down.example   MX tempfail
		down.example   A tempfail`
	for _, c := range []struct {
		preset string
		stage  Stage
		client string
		want   string
	}{
		{"rfc", Connect, "198.51.100.9", "554 5.7.25 198.51.100.9 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address"},
		{"rfc", Rcpt, "198.51.100.9 mx.example.org", "550 5.7.25 198.51.100.9 has no PTR record"},
		{"rfc", Helo, "198.51.100.1 a..b", "501 5.5.2 HELO a..b is malformed: an empty label"},
		{"rfc", Mail, "198.51.100.1 a..b", "550 5.5.2 HELO a..b is malformed"},
		{"rfc", Helo, "198.51.100.1 192.0.2.7", "501 5.5.2 HELO 192.0.2.7 is an IP address, not a host name"},
		{"rfc", Helo, "198.51.100.1 desktop", "504 5.5.2 HELO desktop is not a fully qualified host name"},
		{"rfc", Rcpt, "198.51.100.1 desktop", "550 5.5.2 HELO desktop is not a fully qualified host name"},
		{"rfc", Helo, "198.51.100.1 [192.0.2.7]", "550 5.7.1 HELO [192.0.2.7] is not your server's address 198.51.100.1"},
		{"rfc", Mail, "198.51.100.1", "503 5.5.1 198.51.100.1 sent no HELO or EHLO name"},
		{"rfc", Rcpt, "198.51.100.3 mx.example.org", "450 4.7.25 Temporary DNS failure, please try again later: no answer for PTR of 198.51.100.3 ["},
		{"balanced", Rcpt, "198.51.100.1 mx.example.org a@down.example", "451 4.4.3 Temporary DNS failure, please try again later: no answer for MX of down.example ["},
		{"balanced", Rcpt, "198.51.100.1 mx.example.org a@gone.example", "550 5.1.8 the sender's domain gone.example does not exist; use a sender address in a domain of your own that accepts mail"},
		{"balanced", Rcpt, "198.51.100.1 mx.example.org a@null.example", "550 5.7.27 the sender's domain null.example accepts no mail (null MX)"},
		{"hardline", Rcpt, "198.51.100.2 mx.example.org", "550 5.7.25 PTR of 198.51.100.2 is gone.example.org, but that name does not exist; make the PTR name and its address record match"},
		{"balanced", Rcpt, "198.51.100.9 nowhere.example", "550 5.7.1 Rejected, your server does not look like a mail server: 198.51.100.9 has no PTR record; " +
			"HELO name nowhere.example does not exist; HELO nowhere.example has no relation to 198.51.100.9 by PTR name, network or MX. " +
			"Fix: ask your provider for a PTR record with your server's host name that resolves back to this address; " +
			"set the HELO name to your server's public host name, as in its PTR record ["},
	} {
		f := client(c.client)
		f.Stage = c.stage
		v := preset(t, c.preset).Judge(t.Context(), f, MustZone(zone))
		if got := v.Reply.String(); !strings.HasPrefix(got, c.want) || !strings.HasSuffix(got, "["+v.ID+"]") {
			t.Errorf("%s at %s, %s:\n got %s\nwant %s", c.preset, c.stage, c.client, got, c.want)
		}
	}
}

func TestReplyIsShortAndNamesThePage(t *testing.T) {
	p := preset(t, "rfc")
	p.URL = "https://example.net/why/{id}"
	f := client("198.51.100.1")
	f.Helo = strings.Repeat("\x00", 10<<10)
	v := p.Judge(t.Context(), f, MustZone(""))
	if got := v.Reply.String(); len(got) > 510 || !strings.HasSuffix(got, "https://example.net/why/"+v.ID) || strings.Contains(got, "\x00") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// A reply names what DNS did not answer, three at the most, and never who did not answer.
func TestReplyNamesAFewQuestions(t *testing.T) {
	v := preset(t, "rfc").Judge(t.Context(), client("198.51.100.3 slow.example a@down.example"), MustZone(`
		198.51.100.3 PTR tempfail
		slow.example A tempfail
		slow.example AAAA tempfail
		slow.example MX tempfail
		down.example MX tempfail`))
	want := "451 4.4.3 Temporary DNS failure, please try again later: no answer for " +
		"PTR of 198.51.100.3, A of slow.example, AAAA of slow.example and 2 more [" + v.ID + "]"
	if got := v.Reply.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A policy that defers by choice keeps the check's code; one that cannot hear who may let in speaks of DNS.
func TestReplyOfDeferrals(t *testing.T) {
	byChoice := policy(t, Thresholds{}, Line{Check: check.FCrDNS, On: on("fail=defer")}, Line{Check: check.FQDN, On: on("fail=defer")})
	zone := MustZone("198.51.100.1 PTR gone.example\n198.51.100.2 PTR tempfail")
	if got := byChoice.Judge(t.Context(), client("198.51.100.1 mx.example.org"), zone).Reply; got.Code != 450 || got.Enhanced != "4.7.25" {
		t.Error(got)
	}
	strict := preset(t, "strict")
	if got := strict.Judge(t.Context(), client("198.51.100.9 mx.example.org a@spf.example"), MustZone("198.51.100.9 PTR mx.example.org\n"+
		"mx.example.org A 198.51.100.9\nspf.example MX 10 mx.example.org\nspf.example TXT tempfail")).Reply; got.Code != 451 || got.Enhanced != "4.7.24" {
		t.Error(got)
	}
	if got := byChoice.Judge(t.Context(), client("198.51.100.5 desktop"), zone).Reply; got.Code != 451 || got.Enhanced != "4.5.2" {
		t.Error(got)
	}
	if got := preset(t, "rfc").Judge(t.Context(), client("198.51.100.2 desktop"), zone).Reply; got.Code != 451 || got.Enhanced != "4.4.3" ||
		!strings.Contains(got.Text, "desktop is not a fully qualified host name; no answer for PTR of 198.51.100.2") {
		t.Error(got)
	}
}

// The administrator's words stand in place of ours, with what placeholders stand for, and never without the verdict's name.
func TestReplyTexts(t *testing.T) {
	p := preset(t, "balanced")
	p.URL, p.Footer = "https://example.net/{id}", "Call +1 555 0100 about {client}."
	p.Texts = map[string]string{
		"bare-address": "No. {why}! {fix}? ({check}, {client}, {helo}, {sender}, {recipient}) {unknown} {",
		"score":        "We do not know you: {why}",
		"defer":        "Later, {client}",
		"fqdn":         "Quote {id}",
	}
	const tail = " https://example.net/ID Call +1 555 0100 about 198.51.100.9."
	zone := MustZone("198.51.100.10 PTR tempfail\n198.51.100.9 PTR mx.example.org\nmx.example.org A 198.51.100.9")
	for _, c := range []struct{ client, want string }{
		{"198.51.100.9 192.0.2.7 a{id}@b.example bob@example.net", "550 5.5.2 No. HELO 192.0.2.7 is an IP address, not a host name! " +
			"set the HELO name to your server's public host name, as in its PTR record? (bare-address, 198.51.100.9, 192.0.2.7, a{id}@b.example, bob@example.net) " +
			"{unknown} { [ID]" + tail},
		{"198.51.100.11 nowhere.example", "550 5.7.1 We do not know you: 198.51.100.11 has no PTR record; "},
		{"198.51.100.10 desktop.corp.local a@null.example", "451 4.4.3 Later, 198.51.100.10 [ID] https://example.net/ID Call +1 555 0100 about 198.51.100.10."},
		{"198.51.100.9 desktop", "550 5.5.2 Quote ID" + tail},
		{"198.51.100.9 mx.example.org a@gone.example", "550 5.1.8 the sender's domain gone.example does not exist; use a sender address in a domain of your own that accepts mail [ID]" + tail},
	} {
		v := p.Judge(t.Context(), client(c.client), zone)
		if got := strings.ReplaceAll(v.Reply.String(), v.ID, "ID"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.client, got, c.want)
		}
	}
	p.Footer = strings.Repeat("very long ", 100)
	if v := p.Judge(t.Context(), client("198.51.100.9 192.0.2.7"), zone); len(v.Reply.String()) > 510 {
		t.Errorf("%d bytes", len(v.Reply.String()))
	}
}
