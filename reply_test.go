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

// A policy that defers by choice keeps the check's code; one that cannot evaluate a rule that accepts speaks of DNS.
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

// The administrator's texts replace the built-in ones, with their placeholders replaced, and never without the
// verdict's ID.
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

// A rejection at RCPT names the postmaster to ask, where the policy accepts mail to postmaster and the administrator
// has no words of its own for it.
func TestWhereToAsk(t *testing.T) {
	const ask = " Questions: postmaster@"
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + ".example"
	for _, c := range []struct {
		preset    string
		stage     Stage
		recipient string
		change    func(*Policy)
		want      string
	}{
		{"balanced", Rcpt, "bob@firm.test", nil, ask + "firm.test"},
		{"balanced", Rcpt, "bob@Firm.TEST.", nil, ask + "firm.test"},
		{"balanced", Rcpt, "bob@mail.corp.local", nil, ask + "mail.corp.local"},
		{"hardline", Rcpt, "bob@firm.test", nil, ask + "firm.test"},
		{"balanced", Helo, "", nil, ""},
		{"balanced", Rcpt, "bob", nil, ""},
		{"balanced", Rcpt, "bob@[192.0.2.25]", nil, ""},
		{"balanced", Rcpt, "bob@firm.test\r\nX", nil, ""},
		{"balanced", Rcpt, "bob@" + long, nil, ""},
		{"balanced", Rcpt, "bob@firm.test", func(p *Policy) { p.Footer = "Call +1 555 0100." }, " Call +1 555 0100."},
		{"balanced", Rcpt, "bob@firm.test", func(p *Policy) { p.URL = "https://example.net/x" }, " https://example.net/x" + ask + "firm.test"},
		{"balanced", Rcpt, "bob@firm.test", func(p *Policy) { p.URL = "https://example.net/" + strings.Repeat("x", 250) }, "..."},
		{"balanced", Rcpt, "bob@firm.test", func(p *Policy) { p.Texts = map[string]string{"bare-address": "No."} }, ""},
	} {
		p := preset(t, c.preset)
		if c.change != nil {
			c.change(p)
		}
		f := client("198.51.100.1 192.0.2.7 a@b.example")
		f.Stage, f.Recipient = c.stage, c.recipient
		v := p.Judge(t.Context(), f, MustZone(""))
		if _, got, _ := strings.Cut(v.Reply.Text, "["+v.ID+"]"); got != c.want && !(c.want == "..." && strings.HasSuffix(got, c.want) && !strings.Contains(got, ask)) {
			t.Errorf("%s at %s to %q: %q, want %q", c.preset, c.stage, c.recipient, got, c.want)
		}
		if len(v.Reply.String()) > 510 {
			t.Errorf("%d bytes", len(v.Reply.String()))
		}
	}
	without := policy(t, Thresholds{}, Line{Check: check.BareAddress, On: on("fail=reject")}, Line{Check: check.Postmaster, On: on("pass=would accept")})
	if v := without.Judge(t.Context(), client("198.51.100.1 192.0.2.7 a@b.example bob@firm.test"), MustZone("")); strings.Contains(v.Reply.Text, ask) {
		t.Errorf("no mail to postmaster is accepted, and %s", v.Reply)
	}
	deferred := preset(t, "rfc").Judge(t.Context(), client("198.51.100.3 mx.example.org a@b.example bob@firm.test"), MustZone("198.51.100.3 PTR tempfail"))
	if deferred.Action != Defer || strings.Contains(deferred.Reply.Text, ask) {
		t.Errorf("%s: %s", deferred.Action, deferred.Reply)
	}
}

// A rejection by score begins with what weighs most, and names the remedies of the two checks that weigh most, each
// once.
func TestReplyByScore(t *testing.T) {
	weighs := func(name, fix, effect string) Line {
		c := says(name, Local)
		c.Fix = fix
		return Line{Check: c, On: on("fail=" + effect)}
	}
	p := policy(t, Thresholds{RejectAt: 5},
		weighs("fail-a", "do A", "score 1"), weighs("fail-b", "do B", "score 2"), weighs("fail-c", "do B", "score 3"),
		weighs("fail-d", "", "score 4"), weighs("fail-e", "do E", "score 2"), weighs("fail-f", "do F", "would score 9"))
	v := p.Judge(t.Context(), client("198.51.100.1 x"), MustZone(""))
	want := "550 5.7.1 Rejected, your server does not look like a mail server: fail-d says fail; fail-c says fail; fail-b says fail; " +
		"fail-e says fail; fail-a says fail. Fix: do B; do E [" + v.ID + "]"
	if got := v.Reply.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// What a reply cannot hold is cut from what is wrong: the remedy and the ID stay.
func TestReplyIsCut(t *testing.T) {
	c := says("long", Local)
	c.Run = func(c *Case) Finding { return c.Fail("%s", strings.Repeat("why ", 200)) }
	for _, fix := range []string{"do this", strings.Repeat("do this ", 100)} {
		c.Fix = fix
		p := policy(t, Thresholds{}, Line{Check: c, On: on("fail=reject")})
		p.Footer = strings.Repeat("footer ", 100)
		v := p.Judge(t.Context(), client("198.51.100.1 x"), MustZone(""))
		if got := v.Reply.Text; len(got) > 490 || !strings.Contains(got, "...; do this") || !strings.Contains(got, "["+v.ID+"]") {
			t.Errorf("%d bytes: %s", len(got), got)
		}
	}
}

// A failure that is not one of DNS is not called one.
func TestReplyOfAnotherFailure(t *testing.T) {
	c := says("broken", Local)
	c.Run = func(*Case) Finding { panic("broken") }
	v := policy(t, Thresholds{}, Line{Check: c, On: on("fail=reject")}).Judge(t.Context(), client("198.51.100.1 x"), MustZone(""))
	if want := "Temporary failure, please try again later [" + v.ID + "]"; v.Reply.Text != want {
		t.Errorf("%s, want %s", v.Reply.Text, want)
	}
}

// A reply by score lists whole findings. One that does not fit is left out, and a lighter one that fits is listed. Only
// the first is cut, if it alone is too long.
func TestReplyByScoreCutsNoFinding(t *testing.T) {
	finds := func(name string, size int, effect string) Line {
		c := says(name, Local)
		c.Fix = "do " + name
		c.Run = func(c *Case) Finding { return c.Fail("%s", name+strings.Repeat("x", size)+"!") }
		return Line{Check: c, On: on("fail=" + effect)}
	}
	const head = "Rejected, your server does not look like a mail server: "
	a, b := "a"+strings.Repeat("x", 200)+"!", "b"+strings.Repeat("x", 100)+"!"
	for _, c := range []struct {
		first, second int
		text          string
		prefix, end   string
	}{
		{200, 100, "", head + a + "; " + b + "; cxxx!", ". Fix: do a; do b [ID]"},
		{200, 300, "", head + a + "; cxxx!", ". Fix: do a; do b [ID]"},
		{600, 100, "", head + a[:100], "x.... Fix: do a; do b [ID]"},
		{200, 300, "No: {why}. Why? {id}", "No: " + a + "; cxxx!", ". Why? ID"},
		{600, 100, "No: {why}. Why? {id}", "No: " + a[:100], "x...; cxxx!. Why? ID"},
	} {
		p := policy(t, Thresholds{RejectAt: 5}, finds("a", c.first, "score 4"), finds("b", c.second, "score 3"), finds("c", 3, "score 2"))
		if c.text != "" {
			p.Texts = map[string]string{ByScore: c.text}
		}
		v := p.Judge(t.Context(), client("198.51.100.1 x"), MustZone(""))
		got := strings.ReplaceAll(v.Reply.Text, v.ID, "ID")
		whole := c.first > 490 || got == c.prefix+c.end
		if len(v.Reply.Text) > 490 || !whole || !strings.HasPrefix(got, c.prefix) || !strings.HasSuffix(got, c.end) {
			t.Errorf("%d, %d, %q:\n got %s\nwant %s ... %s", c.first, c.second, c.text, got, c.prefix, c.end)
		}
	}
}

// A reply has the verdict's ID, however long is what the client sent and wherever {id} stands in the text and the
// footer.
func TestReplyKeepsID(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ text, footer string }{
		{"{sender} {recipient} {helo} {sender} {recipient} {id}", ""},
		{"{id} {sender} {recipient} {helo} {sender} {recipient}", ""},
		{"No", "{sender} {recipient} {helo} {id}"},
		{"", "{sender} {recipient} {helo} {id}"},
		{"{sender} {recipient} {helo} {id}", "{sender} {recipient} {helo} {id}"},
	} {
		p := policy(t, Thresholds{}, Line{Check: says("fail-a", Local), On: on("fail=reject")})
		p.Footer = c.footer
		if c.text != "" {
			p.Texts = map[string]string{"fail-a": c.text}
		}
		f := client("198.51.100.1 x")
		f.Helo, f.Sender, f.Recipient = long, long+"@b.example", long+"@example.net"
		v := p.Judge(t.Context(), f, MustZone(""))
		if got := v.Reply.Text; len(got) > 490 || !strings.Contains(got, v.ID) {
			t.Errorf("%q, %q: %d bytes without %s: %s", c.text, c.footer, len(got), v.ID, got)
		}
	}
}

// The long names of the demo's first client leave room for one finding, both remedies, the ID and where to ask.
func TestReplyByScoreWithLongNames(t *testing.T) {
	const want = "Rejected, your server does not look like a mail server: PTR of 103.245.153.249 is 103-245-153-249.host.neural.net.au, " +
		"which looks auto-generated (generic): contains its address 103.245.153.249 as 103-245-153-249. " +
		"Fix: ask your provider for a PTR record with your server's host name that resolves back to this address, or relay through its mail server; " +
		"make the PTR name and its address record match [ID] Questions: postmaster@santronics.com"
	f := client("103.245.153.249 mail.digitaljunction.com.au sender@victoriakasunic.com list@santronics.com")
	v := preset(t, "balanced").Judge(t.Context(), f, MustZone(`
		103.245.153.249            PTR 103-245-153-249.host.neural.net.au
		mail.digitaljunction.com.au A  198.51.100.7
		victoriakasunic.com        MX  10 mx.victoriakasunic.com
		mx.victoriakasunic.com     A   198.51.100.8`))
	if got := strings.ReplaceAll(v.Reply.Text, v.ID, "ID"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
