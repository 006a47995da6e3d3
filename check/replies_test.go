package check

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

// A refusal is a client that one check refuses, and the reply that it gets: the golden texts, and the examples of
// docs/replies.md and docs/senders.md. The client follows the remedy literally, and is then as mended says.
type refusal struct {
	check  string
	client string // as testcheck.Facts reads it; the recipient is bob@firm.test
	zone   string // its DNS
	reply  string // without the code, the ID and where to ask
	mended string // the client after the remedy, "" for the same
	dns    string // its DNS after the remedy
}

// A mail server that has everything in order: helper records for those below.
const (
	goodZone = `
		192.0.2.1        PTR mx.good.example
		mx.good.example  A   192.0.2.1
		mx.good.example  TXT v=spf1 a -all
		good.example     MX  10 mx.good.example
		good.example     TXT v=spf1 mx -all
`
	goodClient = "192.0.2.1 mx.good.example jane@good.example bob@firm.test"
)

// goodHelo is goodZone without what concerns the PTR record.
const noPTRZone = `
		mx.good.example  A   192.0.2.1
		mx.good.example  TXT v=spf1 a -all
		good.example     MX  10 mx.good.example
		good.example     TXT v=spf1 mx -all
`

const (
	setHelo = "; set the HELO name to your server's public host name, as in its PTR record"
	setPTR  = "; ask your provider for a PTR record with your server's host name that resolves back to this address"
)

func says(helo string) string { return "192.0.2.1 " + helo + " jane@good.example bob@firm.test" }

var refusals = []refusal{
	{"hammering", goodClient, goodZone + "192.0.2.1 HAMMERING 12 rejections in 10 minutes",
		"192.0.2.1 had 12 rejections in 10 minutes; fix what the earlier rejections name, and wait before you retry", "", goodZone},
	{"helo-missing", says("-"), goodZone, "192.0.2.1 sent no HELO or EHLO name; send EHLO with your server's public host name first", goodClient, goodZone},
	{"own-identity", says("localhost"), goodZone, "HELO localhost is not a valid name for your server 192.0.2.1" + setHelo, goodClient, goodZone},
	{"own-identity", says("[192.0.2.25]"), goodZone, "HELO [192.0.2.25] is an address of the receiving server, not of your server 192.0.2.1" + setHelo, goodClient, goodZone},
	{"bare-address", says("192.0.2.1"), goodZone, "HELO 192.0.2.1 is an IP address, not a host name" + setHelo, goodClient, goodZone},
	{"bare-address", says("12345"), goodZone, "HELO 12345 is a number, not a host name" + setHelo, goodClient, goodZone},
	{"forged-literal", says("[192.0.2.7]"), goodZone, "HELO [192.0.2.7] is not your server's address 192.0.2.1" + setHelo, goodClient, goodZone},
	{"helo-syntax", says("mx..good.example"), goodZone, "HELO mx..good.example is malformed: an empty label" + setHelo, goodClient, goodZone},
	{"fqdn", says("desktop"), goodZone, "HELO desktop is not a fully qualified host name" + setHelo, goodClient, goodZone},
	{"private-name", says("mail.corp.local"), goodZone, "HELO mail.corp.local is a private name, which is not in public DNS" + setHelo, goodClient, goodZone},
	{"literal", says("[192.0.2.1]"), goodZone, "HELO [192.0.2.1] is an address, not a host name" + setHelo, goodClient, goodZone},
	{"bad-helo", says("evil.example.org"), goodZone, "HELO evil.example.org is not accepted here" + setHelo, goodClient, goodZone},
	{"helo-changed", "EHLO_other.good.example " + goodClient, goodZone,
		"HELO mx.good.example after EHLO other.good.example in the same connection; use one HELO name throughout a connection, and no HELO after EHLO", goodClient, goodZone},
	{"generic-helo", says("host-192-0-2-1.dyn.isp.example"), goodZone,
		"HELO host-192-0-2-1.dyn.isp.example looks auto-generated (access): ~; set the HELO name to a host name in your domain, with matching address and PTR records", goodClient, goodZone},
	{"own-name", says("mail.firm.test"), goodZone, "HELO mail.firm.test is in the recipient's domain, but your server 192.0.2.1 does not belong to it" + setHelo, goodClient, goodZone},
	{"own-name", says("www.other.example"), goodZone + "www.other.example A 192.0.2.25",
		"HELO www.other.example resolves to 192.0.2.25, an address of the receiving server, not to your server 192.0.2.1" + setHelo, goodClient, goodZone},
	{"rdns", goodClient, noPTRZone, "192.0.2.1 has no PTR record" + setPTR, "", goodZone},
	{"fcrdns", says("mx.good.example"), strings.ReplaceAll(goodZone, "A   192.0.2.1", "A   198.51.100.99"),
		"PTR of 192.0.2.1 is mx.good.example, but that name resolves to 198.51.100.99; make the PTR name and its address record match", "", goodZone},
	{"generic-name", goodClient, noPTRZone + "192.0.2.1 PTR host-192-0-2-1.dyn.isp.example\nhost-192-0-2-1.dyn.isp.example A 192.0.2.1",
		"PTR of 192.0.2.1 is host-192-0-2-1.dyn.isp.example, which looks auto-generated (access): ~" + setPTR + ", or relay through its mail server", "", goodZone},
	{"hosting-name", goodClient, noPTRZone + "192.0.2.1 PTR ec2-192-0-2-1.compute-1.hoster.example\nec2-192-0-2-1.compute-1.hoster.example A 192.0.2.1",
		"PTR of 192.0.2.1 is ec2-192-0-2-1.compute-1.hoster.example, the default name of a rented server: ~" + setPTR, "", goodZone},
	{"helo-resolves", says("gone.good.example"), goodZone, "HELO name gone.good.example does not exist" + setHelo, goodClient, goodZone},
	{"helo-matches", says("www.good.example"), goodZone + "www.good.example A 198.51.100.80",
		"HELO www.good.example resolves to 198.51.100.80, not to 192.0.2.1" + setHelo, goodClient, goodZone},
	{"helo-fcrdns", says("www.good.example"), goodZone + "www.good.example A 192.0.2.1",
		"HELO www.good.example resolves to 192.0.2.1, whose PTR is not www.good.example" + setHelo, goodClient, goodZone},
	{"helo-related", says("mx.other.example"), goodZone + "mx.other.example A 198.51.100.25\n198.51.100.25 PTR mx.other.example",
		"HELO mx.other.example has no relation to 192.0.2.1 by PTR name, network or MX" + setHelo, goodClient, goodZone},
	{"impersonation", says("mail.google.com"), goodZone + "mail.google.com A 198.51.100.25\n198.51.100.25 PTR mail.google.com",
		"HELO claims mail.google.com, but 192.0.2.1 does not belong to google.com" + setHelo, goodClient, goodZone},
	{"client-mx", goodClient, strings.ReplaceAll(goodZone, "10 mx.good", "10 mx2.good") + "mx2.good.example A 192.0.2.1\nmx2.good.example A 10.0.0.1",
		"192.0.2.1 is an MX host of good.example as mx2.good.example, which has the private address 10.0.0.1; " +
			"point the MX record of the HELO name's domain to a host name that is no alias and has only public addresses", "", goodZone},
	{"sender-domain", "192.0.2.1 mx.good.example jane@gone.example bob@firm.test", goodZone,
		"the sender's domain gone.example does not exist; use a sender address in a domain of your own that accepts mail", goodClient, goodZone},
	{"sender-domain", "192.0.2.1 mx.good.example jane@null.example bob@firm.test", goodZone + "null.example MX 0 .",
		"the sender's domain null.example accepts no mail (null MX); use a sender address in a domain of your own that accepts mail", goodClient, goodZone},
	{"sender-mx", "192.0.2.1 mx.good.example jane@bad.example bob@firm.test", goodZone + "bad.example MX 10 mx.bad.example\nmx.bad.example A 10.0.0.1",
		"no mail host of the sender's domain bad.example can accept mail: mx.bad.example has only the private addresses 10.0.0.1; " +
			"point the MX record of the sender's domain to a host name that is no alias and has a public address", "", goodZone + "bad.example MX 10 mx.good.example"},
	{"mx-fcrdns", "192.0.2.1 mx.good.example jane@bad.example bob@firm.test", goodZone + "bad.example MX 10 mx.bad.example\nmx.bad.example A 198.51.100.7",
		"no mail host of the sender's domain bad.example has a PTR name that resolves back to it: mx.bad.example; " +
			"give a mail host of the sender's domain a PTR record that resolves back to its address", "",
		goodZone + "bad.example MX 10 mx.bad.example\nmx.bad.example A 198.51.100.7\n198.51.100.7 PTR mx.bad.example"},
	{"dnsbl", goodClient, goodZone + "1.2.0.192.bl.example A 127.0.0.2\n1.2.0.192.bl.example TXT https://bl.example/?192.0.2.1",
		"192.0.2.1 is listed by bl.example (127.0.0.2): https://bl.example/?192.0.2.1; request removal at that list", "", goodZone},
	{"rhsbl", goodClient, goodZone + "good.example.dbl.example A 127.0.0.2", "good.example is listed by dbl.example (127.0.0.2); request removal at that list", "", goodZone},
	{"spf-helo", goodClient, strings.ReplaceAll(goodZone, "v=spf1 a -all", "v=spf1 -all"),
		"SPF of HELO name mx.good.example does not permit 192.0.2.1 (-all of mx.good.example); add this address to the SPF record of the HELO name", "",
		strings.ReplaceAll(goodZone, "v=spf1 a -all", "v=spf1 ip4:192.0.2.1 -all")},
	{"spf-from", goodClient, strings.ReplaceAll(goodZone, "v=spf1 mx -all", "v=spf1 -all"),
		"SPF of good.example does not permit 192.0.2.1 (-all of good.example); send through the domain's own mail servers, or add this address to its SPF record", "",
		strings.ReplaceAll(goodZone, "v=spf1 mx -all", "v=spf1 ip4:192.0.2.1 -all")},
	{"callout", goodClient, goodZone + "jane@good.example CALLOUT refuses 550 5.1.1 no such user",
		"good.example does not accept mail for jane@good.example: 550 5.1.1 no such user; use a sender address that exists",
		"192.0.2.1 mx.good.example joe@good.example bob@firm.test", goodZone + "joe@good.example CALLOUT accepts"},
	{"callout-postmaster", goodClient, goodZone + "postmaster@good.example CALLOUT refuses 550 5.1.1 no such user",
		"good.example does not accept mail for postmaster@good.example: 550 5.1.1 no such user; accept mail for postmaster at the sender's domain", "",
		goodZone + "postmaster@good.example CALLOUT accepts"},
}

// refusalSettings have all that the refusals need: firm.test is local by its recipient alone.
func refusalSettings() Settings {
	bad, err := ParseBadHelo("evil.example.org")
	if err != nil {
		panic(err)
	}
	return Settings{
		BadHelo: BadHeloList{bad}, Hammering: true, Callout: []NamePattern{EveryName},
		Lists: []List{{Family: DNSBL, Zone: "bl.example", Codes: anyCode}, {Family: RHSBL, Zone: "dbl.example", Codes: anyCode}},
	}
}

// refusalFacts reads the client, and what it sent before as EHLO_NAME in front.
func refusalFacts(client string) helogate.Facts {
	earlier, rest, ok := strings.Cut(client, " ")
	if !ok || !strings.HasPrefix(earlier, "EHLO_") {
		return facts(client)
	}
	f := facts(rest)
	f.Earlier = []string{strings.Replace(earlier, "_", " ", 1)}
	return f
}

// refuses returns the policy of the check alone, with the postmaster check beside it.
func refuses(t testing.TB, name string, s Settings) *helogate.Policy {
	t.Helper()
	lines := []helogate.Line{{Check: Postmaster, On: map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}}}
	for _, c := range All(s) {
		if c.Name == name || c.Family == name {
			lines = append(lines, helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}})
		}
	}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The reply of every check that refuses, a case a check at least.
func TestReplies(t *testing.T) {
	s, seen := refusalSettings(), map[string]bool{}
	for _, r := range refusals {
		seen[r.check] = true
		v := refuses(t, r.check, s).Judge(t.Context(), refusalFacts(r.client), helogate.MustZone(r.zone))
		got, want := v.Reply.Text, r.reply+" ["+v.ID+"] Questions: postmaster@firm.test"
		if begin, end, any := strings.Cut(want, "~"); got != want && !(any && strings.HasPrefix(got, begin) && strings.HasSuffix(got, end)) {
			t.Errorf("%s:\n got %s\nwant %s", r.check, got, want)
		}
	}
	for _, c := range All(Settings{}) {
		if c.Fix != "" && !seen[c.Name] && !isLegacy(c.Name) {
			t.Errorf("%s has no reply in this table", c.Name)
		}
	}
}

// isLegacy reports whether a check is one of package legacy, whose tests have its replies.
func isLegacy(name string) bool { return name == "dmp" || name == "caller-id" || name == "csa" }

// A client that follows the remedy of a reply literally is accepted by the hardest preset: no remedy leads into the
// next rejection.
func TestRemedies(t *testing.T) {
	s := refusalSettings()
	lines, at, err := Lines("hardline", s)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range lines { // those that no preset turns on, and literal, too
		switch l.Check.Name {
		case "hammering", "callout", "callout-postmaster", "literal", "helo-changed":
			lines[i].On = map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}
		}
	}
	p, err := helogate.NewPolicy(at, lines...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refusals {
		if v := p.Judge(t.Context(), refusalFacts(r.client), helogate.MustZone(r.zone)); v.Action != helogate.Drop && v.Action != helogate.Reject {
			if r.check != "helo-matches" { // refuses in no preset
				t.Errorf("%s, before: %s by %s", r.check, v.Action, v.By)
			}
		}
		client := r.mended
		if client == "" {
			client = r.client
		}
		if v := p.Judge(t.Context(), refusalFacts(client), helogate.MustZone(r.dns)); v.Action != helogate.Continue {
			t.Errorf("%s: a client that has followed %q: %s", r.check, r.reply[strings.Index(r.reply, ";")+2:], v.Reply)
		}
	}
}

// Words of the wrong voice: the log speaks of the client and of this server in the third person, and a reply uses no
// word of the local administrator.
var (
	firstOrSecond = regexp.MustCompile(`(?i)\b(your|yours|you|our|ours|us|we)\b`)
	adminWords    = regexp.MustCompile(`(?i)\b(ours?|us|we|local|this server|allowlist\w*|blocklist\w*|exempt\w*|suspended|dry run|bad_helo)\b`)
)

// No text of a finding for the administrator says "your" or "our".
func TestFindingsAreInTheThirdPerson(t *testing.T) {
	texts := map[string]bool{"Pass": true, "Neutral": true, "SoftFail": true, "Fail": true, "PermError": true, "None": true}
	n := 0
	for _, pattern := range []string{"*.go", "legacy/*.go", "../internal/parsed/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			n += eachText(t, file, texts, func(text string) {
				if word := firstOrSecond.FindString(text); word != "" {
					t.Errorf("%s: %q in %q", file, word, text)
				}
			})
		}
	}
	if n < 100 {
		t.Errorf("only %d texts were found", n)
	}
}

// eachText calls f with the format of each call of a method, and returns how many there are.
func eachText(t *testing.T, file string, methods map[string]bool, f func(text string)) (n int) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !methods[method.Sel.Name] {
			return true
		}
		for _, arg := range call.Args {
			ast.Inspect(arg, func(node ast.Node) bool {
				if text, ok := node.(*ast.BasicLit); ok && text.Kind == token.STRING {
					s, err := strconv.Unquote(text.Value)
					if err != nil {
						t.Fatal(err)
					}
					n++
					f(s)
				}
				return true
			})
		}
		return true
	})
	return n
}

// No reply uses a word that only the local administrator knows, and no finding that is logged for one uses "your" or
// "our".
func TestTwoVoices(t *testing.T) {
	s := refusalSettings()
	for _, r := range refusals {
		p := refuses(t, r.check, s)
		v := p.Judge(t.Context(), refusalFacts(r.client), helogate.MustZone(r.zone))
		if word := adminWords.FindString(strings.ReplaceAll(v.Reply.Text, "localhost", "")); word != "" && !strings.Contains(r.client, word) {
			t.Errorf("%s: %q in the reply %s", r.check, word, v.Reply)
		}
		for _, f := range v.Findings {
			if word := firstOrSecond.FindString(f.Why); word != "" {
				t.Errorf("%s: %q in the finding %s", r.check, word, f)
			}
			if f.Reply != "" {
				t.Errorf("%s: the verdict has the reply's text %q, which no record has", r.check, f.Reply)
			}
		}
	}
}

// A record has the reply, and judging its facts on its evidence gives the same again.
func TestReplayGivesTheReply(t *testing.T) {
	s := refusalSettings()
	for _, r := range refusals {
		p := refuses(t, r.check, s)
		f := refusalFacts(r.client)
		v := p.Judge(t.Context(), f, helogate.MustZone(r.zone))
		record := helogate.Record{Facts: f, Verdict: v}
		var back helogate.Record
		if err := back.UnmarshalJSON(record.AppendJSON(nil)); err != nil {
			t.Fatal(err)
		}
		again := p.Judge(context.Background(), back.Facts, back.Asked)
		if fmt.Sprint(again.Reply, again.Findings) != fmt.Sprint(v.Reply, v.Findings) || fmt.Sprint(back.Findings) != fmt.Sprint(v.Findings) {
			t.Errorf("%s:\n %v\n %v", r.check, v, again)
		}
	}
}
