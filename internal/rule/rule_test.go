package rule

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

const zoneText = `
192.0.2.1        PTR mx.example.org
mx.example.org   A   192.0.2.1
mx.example.org   MX  10 mx.example.org
192.0.2.2        PTR host.example.com
host.example.com A   192.0.2.99
192.0.2.3        PTR tempfail
192.0.2.4        PTR mx.example.com
192.0.2.4        PTR ok.example.com
mx.example.com   A   tempfail
ok.example.com   A   192.0.2.4
192.0.2.6        A   192.0.2.6 # has a name, and no PTR
2001:db8::1      PTR six.example.org
six.example.org  AAAA 2001:db8::1
`

// facts are those of a client at RCPT that connected to 192.0.2.25, port 25: "client helo sender recipient", of which
// all but the first may be left out or be -.
func facts(s string) helogate.Facts {
	f := append(strings.Fields(s), "-", "-", "-")
	for i := range f {
		f[i] = strings.TrimPrefix(f[i], "-")
	}
	return helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Verb: "EHLO",
		Client: netip.MustParseAddr(f[0]), Server: netip.MustParseAddrPort("192.0.2.25:25"), Helo: f[1], Sender: f[2], Recipient: f[3],
	}
}

// judge runs a rule, "r", after the lines of the preset balanced, all of them, and returns its finding and the verdict.
func judge(t testing.TB, r *Rule, f helogate.Facts, ask helogate.Asker) (helogate.Finding, helogate.Verdict) {
	t.Helper()
	lines, _, err := check.Lines("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, append(lines, helogate.Line{Check: r.Check, On: r.On})...)
	if err != nil {
		t.Fatal(err)
	}
	p.RunAll = true
	p.Report = func(f helogate.Fault) { t.Errorf("%s panicked: %v", f.Check, f.Cause) }
	v := p.Judge(context.Background(), f, ask)
	for _, found := range v.Findings {
		if found.Check == "r" {
			return found, v
		}
	}
	return helogate.Finding{Why: "not run"}, v
}

var outcomeTests = [...]struct{ when, then, facts, want string }{
	// Facts.
	{`helo.text.contains("santronics.com") && client != ip("208.247.131.9")`, "reject", "192.0.2.1 mail.santronics.com", "fail: r"},
	{`helo.text.contains("santronics.com") && client != ip("208.247.131.9")`, "reject", "208.247.131.9 mail.santronics.com", "none: no match"},
	{`helo.text.contains("santronics.com") && client != ip("208.247.131.9")`, "reject", "192.0.2.1 mx.example.org", "none: no match"},
	{`helo.text == "MX.Example.ORG" && helo.name == "mx.example.org"`, "score -1", "192.0.2.1 MX.Example.ORG", "pass: r"},
	{`helo.text.lowerAscii().startsWith("mx.")`, "accept", "192.0.2.1 MX.Example.ORG", "pass: r"},
	{`helo.matches("^mx[.]")`, "note", "192.0.2.1 MX.Example.ORG", "neutral: r"},
	{`helo.text.matches("^mx[.]")`, "note", "192.0.2.1 MX.Example.ORG", "none: no match"},
	{`helo.under("example.org")`, "score 2", "192.0.2.1 MX.Example.ORG", "fail: r"},
	{`helo.under("Example.ORG")`, "score 2", "192.0.2.1 example.org", "fail: r"},
	{`helo.under("example.org")`, "score 2", "192.0.2.1 notexample.org", "none: no match"},
	{`helo.under(own.names)`, "defer", "192.0.2.1 mail.example.net", "fail: r"},
	{`helo.under(["example.com", "example.net"])`, "drop", "192.0.2.1 mail.example.net", "fail: r"},
	{`helo.kind == "bare-address"`, "greylist", "192.0.2.1 192.0.2.1", "fail: r"},
	{`helo.kind in ["empty", "literal"]`, "reject", "192.0.2.1 [192.0.2.1]", "fail: r"},
	{`helo.kind == "empty" && helo.name == "" && helo.org == ""`, "reject", "192.0.2.1 -", "fail: r"},
	{`helo.org == "example.org" && helo.verb == "EHLO"`, "reject", "192.0.2.1 a.b.example.org", "fail: r"},
	{`sender == "" && sender.domain == ""`, "reject", "192.0.2.1 mx", "fail: r"},
	{`sender.domain == "example.org" && recipient.domain == "example.net"`, "reject", "192.0.2.1 mx A@Example.ORG b@EXAMPLE.net", "fail: r"},
	{`recipient.startsWith("list-")`, "accept", "192.0.2.1 mx a@example.org list-a@example.net", "pass: r"},
	{`auth != ""`, "accept", "192.0.2.1", "none: no match"},
	{`stage == "rcpt"`, "note", "192.0.2.1", "neutral: r"},
	{`server.port == 25 && server.address == ip("192.0.2.25")`, "note", "192.0.2.1", "neutral: r"},
	{`server.port == 587 ? helo.kind == "fqdn" : client.family() == 6`, "note", "2001:db8::1", "neutral: r"},
	{`string(client) == "192.0.2.1"`, "note", "192.0.2.1", "neutral: r"},
	{`true`, "note", "192.0.2.1", "neutral: r"},

	// Where an address is.
	{`client in cidr("192.0.2.0/24") && cidr("192.0.2.0/24").containsIP(client)`, "note", "192.0.2.1", "neutral: r"},
	{`client in [cidr("198.51.100.0/24"), cidr("192.0.2.0/30")]`, "note", "192.0.2.1", "neutral: r"},
	{`client in [cidr("198.51.100.0/24"), cidr("192.0.2.0/30")]`, "note", "192.0.2.4", "none: no match"},
	{`client in [ip("192.0.2.1"), ip("192.0.2.2")]`, "note", "192.0.2.2", "neutral: r"},
	{`client in own.networks && own.client`, "note", "198.51.100.65", "neutral: r"},
	{`client in own.networks`, "note", "198.51.100.7", "none: no match"},
	{`client in own.addresses && own.client`, "note", "198.51.100.7", "neutral: r"},
	{`own.client`, "note", "127.0.0.1", "neutral: r"},
	{`own.client`, "note", "192.0.2.25", "neutral: r"},
	{`own.client`, "note", "192.0.2.26", "none: no match"},
	{`client in list("relays")`, "accept", "203.0.113.9", "pass: r"},
	{`client in list("relays")`, "accept", "2001:db8:1::9", "pass: r"},
	{`client in list("relays")`, "accept", "192.0.2.1", "none: no match"},
	{`!(client in list("relays"))`, "note", "192.0.2.1", "neutral: r"},
	{`helo.name in list("relays")`, "accept", "192.0.2.1 MX.example.com", "pass: r"},
	{`helo.name in list("relays")`, "accept", "192.0.2.1 a.b.dyn.example.com", "pass: r"},
	{`helo.name in list("relays")`, "accept", "192.0.2.1 [192.0.2.1]", "none: no match"},
	{`sender in list("relays")`, "accept", "192.0.2.1 mx User@Example.COM", "pass: r"},
	{`sender in list("relays")`, "accept", "192.0.2.1 mx other@mx.example.com", "pass: r"},
	{`sender in list("relays")`, "accept", "192.0.2.1 mx other@example.com", "none: no match"},
	{`sender.domain in list("relays")`, "accept", "192.0.2.1 mx a@x.dyn.example.com", "pass: r"},
	{`sender in list("relays")`, "accept", "192.0.2.1 mx -", "none: no match"},

	// DNS.
	{`"mx.example.org" in ptr.names`, "score -1", "192.0.2.1 mx", "pass: r"},
	{`ptr.names.exists(n, n.under("example.org"))`, "score -1", "192.0.2.1 mx", "pass: r"},
	{`ptr.confirmed.exists(n, n == helo.name)`, "score -1", "192.0.2.1 mx.example.org", "pass: r"},
	{`ptr.confirmed.size() == 0 && ptr.names.size() == 1`, "reject", "192.0.2.2 mx", "fail: r"},
	{`ptr.status == "nxdomain" && ptr.names == []`, "reject", "192.0.2.5 mx", "fail: r"},
	{`ptr.status == "nodata"`, "reject", "192.0.2.6 mx", "fail: r"},
	{`ptr.confirmed == ["six.example.org"]`, "score -1", "2001:db8::1 mx", "pass: r"},

	// A DNS failure is a state of its own. Nothing follows from what is not known.
	{`ptr.names.size() == 0`, "reject", "192.0.2.3 mx", "temperror: PTR of 192.0.2.3: the zone says so"},
	{`ptr.names.size() > 0`, "accept", "192.0.2.3 mx", "temperror: PTR of 192.0.2.3: the zone says so"},
	{`ptr.status == "nxdomain"`, "score 1", "192.0.2.3 mx", "temperror: PTR of 192.0.2.3: the zone says so"},
	{`helo.text == "my" && ptr.names.size() == 0`, "reject", "192.0.2.3 mx", "none: no match"},
	{`helo.text == "mx" || ptr.names.size() == 0`, "reject", "192.0.2.3 mx", "fail: r"},
	{`ptr.confirmed.size() == 0`, "reject", "192.0.2.4 mx", "temperror: A of mx.example.com: the zone says so"},
	{`ptr.names.size() == 2`, "note", "192.0.2.4 mx", "neutral: r"},
	{`ptr.status == "tempfail"`, "reject", "192.0.2.3 mx", "temperror: PTR of 192.0.2.3: the zone says so"},
	{`ptr.status == "tempfail"`, "greylist", "192.0.2.3 mx", "fail: r"},
	{`ptr.status == "tempfail"`, "accept", "192.0.2.3 mx", "pass: r"},
	{`ptr.status == "tempfail"`, "note", "192.0.2.1 mx", "none: no match"},
	{`ptr.status != "tempfail" && ptr.names.size() == 0`, "reject", "192.0.2.3 mx", "none: no match"},
	{`ptr.status != "tempfail" && ptr.names.size() == 0`, "reject", "192.0.2.5 mx", "fail: r"},
	{`checks["fcrdns"] == "fail"`, "reject", "192.0.2.2 mx", "fail: r"},
	{`checks.fcrdns == "pass"`, "score -1", "192.0.2.1 mx.example.org", "pass: r"},
	{`checks["fcrdns"] == "fail"`, "reject", "192.0.2.3 mx", "temperror: the outcome of fcrdns is not known: a lookup failed"},
	{`checks["fcrdns"] in ["fail", "temperror"]`, "score 3", "192.0.2.3 mx", "temperror: the outcome of fcrdns is not known: a lookup failed"},
	{`checks["fcrdns"] == "temperror"`, "greylist", "192.0.2.3 mx", "fail: r"},

	// The score, of which a part may be pending.
	{`score >= 1`, "greylist", "192.0.2.5 mx.example.org", "fail: r"},
	{`score == 0`, "note", "192.0.2.1 mx.example.org", "neutral: r"},

	// An expression without a value matches nothing.
	{`ptr.names[3] == "x"`, "reject", "192.0.2.1 mx", "permerror: index out of bounds: 3"},
	{`100 / (server.port - 25) == 1`, "reject", "192.0.2.1 mx", "permerror: division by zero"},
	{`9223372036854775807 + server.port > 0`, "accept", "192.0.2.1 mx", "permerror: integer overflow"},
	{`int(helo.text) > 5`, "reject", "192.0.2.1 mx", "permerror: type conversion error from 'string' to 'int'"},
	{`ip(helo.text) == client`, "accept", "192.0.2.1 \x1b[31m", `permerror: IP Address "\\x1b[31m" parse error during conversion from string: ParseAddr("\\x1b[31m"): unable to parse IP`},
	{`100 / (server.port - 25) == 1 || client == ip("192.0.2.1")`, "reject", "192.0.2.1 mx", "fail: r"},
}

func TestOutcomes(t *testing.T) {
	z := helogate.MustZone(zoneText)
	for _, tt := range outcomeTests {
		r := mustCompile(t, tt.when, tt.then)
		if got, _ := judge(t, r, facts(tt.facts), z); got.String() != tt.want {
			t.Errorf("%s, %s, on %s:\n got %s\nwant %s", tt.when, tt.then, tt.facts, got, tt.want)
		}
	}
}

// A fact that the listener does not know compares as false, and is not an error.
func TestUnknownServer(t *testing.T) {
	f := facts("192.0.2.1 mx")
	f.Server = netip.AddrPort{}
	for when, want := range map[string]helogate.Outcome{
		`server.address == ip("192.0.2.25")`:                                    helogate.None,
		`server.address != ip("192.0.2.25")`:                                    helogate.Neutral,
		`server.port == 25`:                                                     helogate.None,
		`server.port == 0`:                                                      helogate.Neutral,
		`server.address in cidr("0.0.0.0/0")`:                                   helogate.None,
		`server.address in list("relays") || server.address in own.addresses`:   helogate.None,
		`server.address in own.networks || server.address in [cidr("::/0")]`:    helogate.None,
		`server.address.family() == 6 || server.address.family() == 4`:          helogate.None,
		`server.address.isLoopback() || own.client`:                             helogate.None,
		`string(server.address) == "192.0.2.25" || server.address.isLoopback()`: helogate.None,
	} {
		if got, _ := judge(t, mustCompile(t, when, "note"), f, helogate.MustZone("")); got.Outcome != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

// Text of a client that is not UTF-8, or long, or both.
func TestText(t *testing.T) {
	for _, tt := range []struct{ helo, when string }{
		{"a\xff\xfeb\xc0", `helo.text == "a\uFFFDb\uFFFD"`},
		{strings.Repeat("é", maxText), `helo.text.size() == 32768`},
		{"é" + strings.Repeat("a", maxText) + "z", `!helo.text.endsWith("z")`},
		{"a" + strings.Repeat("é", maxText), `helo.text.endsWith("\uFFFD")`},
		{strings.Repeat("a.", 300) + "example.org", `helo.kind == "malformed" && helo.name == "" && sender.domain == ""`},
	} {
		r := mustCompile(t, tt.when, "note")
		f := facts("192.0.2.1")
		f.Helo, f.Sender = tt.helo, "a@"+tt.helo
		if got, _ := judge(t, r, f, helogate.MustZone("")); got.Outcome != helogate.Neutral {
			t.Errorf("%s on %.20q: %s", tt.when, tt.helo, got)
		}
	}
}

func TestNeedsAndCost(t *testing.T) {
	for _, tt := range []struct {
		when, needs, cost, reads string
		score                    bool
	}{
		{`client == ip("192.0.2.1")`, "connect", "local", "", false},
		{`stage == "mail" && auth == ""`, "connect", "local", "", false},
		{`helo.name == "x"`, "helo", "local", "", false},
		{`sender == ""`, "mail", "local", "", false},
		{`recipient.domain == helo.name`, "rcpt", "local", "", false},
		{`ptr.status == "ok"`, "connect", "lookup", "", false},
		{`ptr.names.exists(n, n == helo.name)`, "helo", "lookup", "", false},
		{`score > 2`, "connect", "lookup", "", true},
		{`checks["fcrdns"] == "fail"`, "connect", "lookup", "fcrdns", false},
		{`checks["sender-mx"] == "fail" || checks["bare-address"] == "fail"`, "mail", "lookup", "bare-address sender-mx", false},
		{`checks["bare-address"] == "fail"`, "helo", "local", "bare-address", false},
	} {
		r := mustCompile(t, tt.when, "note")
		got := r.Check
		if got.Needs.String() != tt.needs || got.Cost.String() != tt.cost || strings.Join(r.Reads, " ") != tt.reads ||
			got.UsesScore != tt.score || got.Name != "r" || got.Doc != tt.when {
			t.Errorf("%s: from %s, %s, reads %v, score %v, %q %q", tt.when, got.Needs, got.Cost, r.Reads, got.UsesScore, got.Name, got.Doc)
		}
		if r.Cost == 0 || r.Cost > MaxCost {
			t.Errorf("%s costs %d", tt.when, r.Cost)
		}
	}
}

func TestNote(t *testing.T) {
	c := compiler(t)
	r, err := c.Compile("r", "true", "go away, 100% sure\r\n", helogate.Effect{Action: helogate.Reject})
	if err != nil {
		t.Fatal(err)
	}
	got, v := judge(t, r, facts("192.0.2.1 mx.example.org"), helogate.MustZone(zoneText))
	if want := `fail: go away, 100% sure\x0d\x0a`; got.String() != want || v.Action != helogate.Reject || v.By != "r" {
		t.Errorf("%s, %s by %s; want %s", got, v.Action, v.By, want)
	}
}

// A score of which a part is pending: a rule has its value where that is the same for every possible score, and is a
// temperror otherwise.
func TestSuspicionInterval(t *testing.T) {
	constant := func(name string, o helogate.Outcome, then string) helogate.Line {
		do, err := helogate.ParseEffect(then)
		if err != nil {
			t.Fatal(err)
		}
		return helogate.Line{On: map[helogate.Outcome]helogate.Effect{helogate.Fail: do}, Check: helogate.Check{
			Name: name, Cost: helogate.Lookup, Run: func(*helogate.Case) helogate.Finding { return helogate.Finding{Outcome: o} },
		}}
	}
	for when, want := range map[string]helogate.Outcome{
		`score >= 2`:                             helogate.Fail,
		`score >= 3`:                             helogate.TempError,
		`score >= 6`:                             helogate.TempError,
		`score >= 7`:                             helogate.None,
		`score == 4`:                             helogate.TempError, // neither end of the range, but within it
		`score != 4`:                             helogate.TempError,
		`4 < score && score < 6`:                 helogate.TempError,
		`score < 2 || score > 6`:                 helogate.None,
		`client == ip("192.0.2.1") || score > 3`: helogate.Fail,
		`score > 3 || ptr.status == "tempfail"`:  helogate.TempError,
	} {
		r := mustCompile(t, when, "reject")
		p, err := helogate.NewPolicy(helogate.Thresholds{},
			constant("sure", helogate.Fail, "score 2"), constant("unsure", helogate.TempError, "score 4"),
			helogate.Line{Check: r.Check, On: r.On})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(context.Background(), facts("192.0.2.1"), helogate.MustZone(zoneText))
		if got := v.Findings[len(v.Findings)-1]; got.Check != "r" || got.Outcome != want {
			t.Errorf("%s: %s %s, want %s", when, got.Check, got, want)
		}
	}
}
