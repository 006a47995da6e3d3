package check

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testcheck"
	"pgregory.net/rapid"
)

// doubtful is for each check that asks DNS a client and a world in which a failure of DNS matters: some answer is there
// without which the check cannot find what it finds.
var doubtful = map[string]struct{ client, zone string }{
	"forwarder":     {"192.0.2.1 mx.example.org", "192.0.2.1 PTR a.lists.example\na.lists.example A 192.0.2.1"},
	"exempt":        {"192.0.2.1 mx.example.org", "192.0.2.1 PTR mx.friend.example\nmx.friend.example A 192.0.2.1"},
	"own-name":      {"192.0.2.1 mail.example.net", "mail.example.net A 198.51.100.25"},
	"rdns":          {"192.0.2.1 x", ""},
	"fcrdns":        {"192.0.2.1 x", "192.0.2.1 PTR gone.example.org"},
	"generic-name":  {"192.0.2.99 x", "192.0.2.99 PTR ppp-192-0-2-99.dyn.example.com"},
	"hosting-name":  {"192.0.2.2 x", "192.0.2.2 PTR ec2-192-0-2-2.compute-1.hoster.example"},
	"helo-resolves": {"192.0.2.1 gone.example.org", ""},
	"helo-matches":  {"192.0.2.1 mx.example.org", "mx.example.org A 198.51.100.1"},
	"helo-fcrdns":   {"192.0.2.1 mx.example.org", "mx.example.org A 198.51.100.1\n198.51.100.1 PTR other.example.org"},
	"helo-related":  {"192.0.2.1 mx.example.org", "mx.example.org A 198.51.100.1"},
	"impersonation": {"192.0.2.1 google.com", "192.0.2.1 PTR mx.example.org\nmx.example.org A 192.0.2.1"},
	"client-mx":     {"192.0.2.4 out.good.example", "good.example MX 10 mx.good.example\nmx.good.example A 192.0.2.4"},
	"sender-domain": {"192.0.2.1 x a@gone.example", ""},
	"sender-mx":     {"192.0.2.1 x a@bad.example", "bad.example MX 10 mx.bad.example\nmx.bad.example A 10.0.0.1"},
	"mx-fcrdns":     {"192.0.2.1 x a@bad.example", "bad.example MX 10 mx.bad.example\nmx.bad.example A 198.51.100.3"},

	"dnsbl:bl.example":   {"192.0.2.1 x", "1.2.0.192.bl.example A 127.0.0.2"},
	"rhsbl:dbl.example":  {"192.0.2.1 x a@bad.example", "bad.example.dbl.example A 127.0.0.2"},
	"dnswl:wl.example":   {"192.0.2.1 x", "1.2.0.192.wl.example A 127.0.0.2"},
	"spf-helo":           {"192.0.2.1 mx.example.org", "mx.example.org TXT v=spf1 a:out.example.org -all\nout.example.org A 198.51.100.1"},
	"spf-from":           {"192.0.2.1 x a@example.org", "example.org TXT v=spf1 a:out.example.org -all\nout.example.org A 198.51.100.1"},
	"dmp":                {"192.0.2.1 mx.example.org a@example.org", "1.2.0.192.in-addr._smtp-client.example.org TXT dmp=allow"},
	"caller-id":          {"192.0.2.1 x a@example.org", "_ep.example.org TXT <ep xmlns='http://ms.net/1'><out><m><a>198.51.100.1</a></m></out></ep>"},
	"csa":                {"192.0.2.1 mx.example.org", "_client._smtp.mx.example.org SRV 1 2 0 mx.example.org\nmx.example.org A 198.51.100.1"},
	"callout":            {"192.0.2.1 x a@example.org", "a@example.org CALLOUT refuses 550 5.1.1 no such user"},
	"callout-postmaster": {"192.0.2.1 x a@example.org", "postmaster@example.org CALLOUT refuses 550 5.1.1 no such user"},
}

var settings = Settings{
	Own: ours, Impersonated: []string{"bank.example"},
	Forwarders: []Forwarder{{Exemption: Exemption{Names: names(".lists.example")}}}, Trusted: true,
	Exempt: []Exemption{{Names: names(".friend.example")}, {Helos: names(".odd.example")}},
	Lists: []List{
		{Family: DNSBL, Watched: true, Zone: "bl.example", Codes: anyCode}, {Family: RHSBL, Watched: true, Zone: "dbl.example", Codes: anyCode},
		{Family: DNSWL, Watched: true, Zone: "wl.example", Codes: anyCode},
	},
	Greylist: Greylisting{On: true, Delay: time.Minute, Sender: WholeAddress, Recipient: WholeAddress},
	Patience: time.Hour, Hammering: true, Callout: []NamePattern{EveryName},
}

var anyCode = func() Codes {
	codes, err := ParseCodes([]string{"127.0.0.2-127.0.0.255"})
	if err != nil {
		panic(err)
	}
	return codes
}()

func TestMain(m *testing.M) { testcheck.Main(m) }

// Promise 4, and that the property below is about something: each check that asks DNS has a world in which a tempfail
// makes its finding a temperror.
func TestEveryCheckFearsSomeFailure(t *testing.T) {
	for _, c := range All(settings) {
		if c.Cost == helogate.Local || c.Phase != helogate.Main { // these have tests of their own
			continue
		}
		d, ok := doubtful[c.Name]
		if !ok {
			t.Errorf("%s has no world of its own in this test", c.Name)
			continue
		}
		f, z := facts(d.client), helogate.MustZone(d.zone)
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: c})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(t.Context(), f, z)
		was := v.Findings[0]
		if was.Outcome == helogate.TempError || was.Outcome == helogate.None && c.Name != "client-mx" {
			t.Errorf("%s finds %s in its world", c.Name, was)
		}
		n := 0
		for _, qa := range v.Asked {
			got := c.Judge(f, testcheck.Broken{Asker: z, Fails: func(q helogate.Question) bool { return q == qa.Question }})
			if got.Outcome == helogate.TempError {
				n++
			} else if got.Outcome != was.Outcome {
				t.Errorf("%s: %s, but without %v %s", c.Name, was, qa.Question, got)
			}
		}
		if n == 0 {
			t.Errorf("%s: %s, whatever fails of %v", c.Name, was, v.Asked)
		}
	}
}

// The generated world: few names and addresses, so that they meet.
var (
	someNames = []string{"mx.example.org", "example.org", "mail.example.net", "example.net", "google.com", "mail-oa1-f41.google.com",
		"ppp-192-0-2-1.dyn.example.com", "mx.friend.example", "mx.bank.example", "x.odd.example", "gone.example"}
	someSPF      = []string{"v=spf1 a mx -all", "v=spf1 include:example.org ~all", "v=spf1 ptr -all", "v=spf1 ip4:192.0.2.0/24 ?all", "v=spf1 exists:%{i}.example.net -all", "v=spf1 redirect=mail.example.net"}
	someListings = []string{"1.2.0.192.bl.example", "2.2.0.192.bl.example", "1.2.0.192.wl.example", "example.org.dbl.example", "gone.example.dbl.example"}
	someStates   = []string{"GREYLIST first 2026-05-04T03:02:01Z", "GREYLIST passed 2026-05-04T03:00:00Z", "DEFERRED first 2026-05-04T01:00:00Z", "DEFERRED first 2026-05-04T03:02:00Z", "DEFERRED resolver-down so it is"}
	someAliases  = []string{"alias.example.org", "alias.friend.example", "alias.google.com"}
	someAddrs    = []string{"192.0.2.1", "192.0.2.2", "198.51.100.25", "10.0.0.1", "2001:db8::1"}
	someHelos    = append(append([]string{"", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]", "192.0.2.1", "a..b", "pc", "pc.corp.local", "a\x00b"}, someNames...), someAliases...)
)

func drawZone(t *rapid.T) *helogate.Zone {
	var b strings.Builder
	for range rapid.IntRange(0, 25).Draw(t, "records") {
		name, addr := rapid.SampledFrom(someNames).Draw(t, "name"), netip.MustParseAddr(rapid.SampledFrom(someAddrs).Draw(t, "address"))
		other := rapid.SampledFrom(append(someAliases, someNames...)).Draw(t, "other")
		kind := "A"
		if addr.Is6() {
			kind = "AAAA"
		}
		switch rapid.IntRange(0, 11).Draw(t, "kind") {
		case 0, 1:
			fmt.Fprintf(&b, "%s %s %s\n", name, kind, addr)
		case 2, 3:
			fmt.Fprintf(&b, "%s PTR %s\n", addr, other)
		case 4:
			fmt.Fprintf(&b, "%s MX 10 %s\n", name, other)
		case 5:
			fmt.Fprintf(&b, "%s MX 0 .\n", name)
		case 7:
			fmt.Fprintf(&b, "%s TXT %s\n", name, rapid.SampledFrom(someSPF).Draw(t, "spf"))
		case 8:
			fmt.Fprintf(&b, "%s A 127.0.0.%d\n", rapid.SampledFrom(someListings).Draw(t, "listing"), rapid.IntRange(1, 3).Draw(t, "code"))
		case 9:
			fmt.Fprintf(&b, "%s %s\n", rapid.SampledFrom([]string{"*", "* "}).Draw(t, "state"), rapid.SampledFrom(someStates).Draw(t, "remembered"))
		case 10:
			fmt.Fprintf(&b, "%s SUSPENDED lists the world\n", rapid.SampledFrom([]string{"bl.example", "dbl.example", "wl.example"}).Draw(t, "list"))
		case 11:
			fmt.Fprintf(&b, "%s HAMMERING 30 rejections\n", addr)
		case 6:
			fmt.Fprintf(&b, "%s CNAME %s\n", rapid.SampledFrom(someAliases).Draw(t, "alias"), other)
		}
	}
	z, err := helogate.NewZone(b.String())
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return z
}

func drawFacts(t *rapid.T) helogate.Facts {
	f := facts(rapid.SampledFrom(someAddrs).Draw(t, "client"))
	f.Stage = helogate.Stage(rapid.IntRange(0, 3).Draw(t, "stage"))
	f.Helo = rapid.SampledFrom(someHelos).Draw(t, "helo")
	f.Sender = rapid.SampledFrom([]string{"", "a@example.org", "a@gone.example", "a@example.net", "nobody"}).Draw(t, "sender")
	f.Recipient = rapid.SampledFrom([]string{"jane@example.net", "jane@example.org", "postmaster@example.net"}).Draw(t, "recipient")
	if rapid.Bool().Draw(t, "again") {
		f.Earlier = []string{"EHLO " + rapid.SampledFrom(someHelos).Draw(t, "earlier")}
	}
	return f
}

// Promise 4: replace any answers by a tempfail, and each outcome stays or becomes temperror.
func TestFailureNeverBecomesAnotherOutcome(t *testing.T) {
	all := All(settings)
	rapid.Check(t, func(t *rapid.T) {
		z, f := drawZone(t), drawFacts(t)
		bad := testcheck.DrawBroken(t, z)
		for _, c := range all {
			was, is := c.Judge(f, z), c.Judge(f, bad)
			if is.Outcome != was.Outcome && is.Outcome != helogate.TempError {
				t.Fatalf("%s: %s; with failures %s", c.Name, was, is)
			}
		}
	})
}

// Promise 4 for whole policies: no failure of DNS makes a rejection of what is none, nor lets in with an accept.
func TestFailureNeverRejects(t *testing.T) {
	policies := map[string]*helogate.Policy{}
	for _, name := range Presets {
		p, err := NewPolicy(name, settings)
		if err != nil {
			t.Fatal(err)
		}
		policies[name] = p
	}
	rapid.Check(t, func(t *rapid.T) {
		z, f := drawZone(t), drawFacts(t)
		bad := testcheck.DrawBroken(t, z)
		name := rapid.SampledFrom(Presets).Draw(t, "preset")
		was, is := policies[name].Judge(context.Background(), f, z), policies[name].Judge(context.Background(), f, bad)
		rejects := func(v helogate.Verdict) bool { return v.Action == helogate.Reject || v.Action == helogate.Drop }
		if rejects(is) && !rejects(was) {
			t.Fatalf("%s: %s by %s; with failures %s by %s", name, was.Action, was.By, is.Action, is.By)
		}
		if is.Action == helogate.Accept && was.Action != helogate.Accept {
			t.Fatalf("%s: %s by %s; with failures %s by %s", name, was.Action, was.By, is.Action, is.By)
		}
		early := rejects(was) || was.Action == helogate.Accept // and then not all was heard
		if was.Score < is.Score && !early || is.Score > is.MaxScore {
			t.Fatalf("%s: score %d to %d; with failures %d to %d", name, was.Score, was.MaxScore, is.Score, is.MaxScore)
		}
	})
}

// What is on trial costs no more lookups than enforcing it would, apart from what the verdict in force was kept from
// skipping: what is asked is asked with those lines in force, or without them.
func TestTrialAsksNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines, at, err := Lines(rapid.SampledFrom(Presets).Draw(t, "preset"), settings)
		if err != nil {
			t.Fatal(err)
		}
		var mixed, without []helogate.Line
		for _, l := range lines {
			follows := false // a note does nothing that could be on trial
			for _, a := range l.On {
				follows = follows || a.Action != helogate.Note && a.Action != helogate.Ignore
			}
			if !follows || !rapid.Bool().Draw(t, l.Check.Name+" on trial") {
				mixed, without = append(mixed, l), append(without, l)
				continue
			}
			on := map[helogate.Outcome]helogate.Effect{}
			for o, a := range l.On {
				a.DryRun = true
				on[o] = a
			}
			mixed = append(mixed, helogate.Line{Check: l.Check, On: on})
			// Ignored and not left out: what others ask of it is asked all the same.
			without = append(without, helogate.Line{Check: l.Check, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Ignore}}})
		}
		z, f := drawZone(t), drawFacts(t)
		asks := func(lines []helogate.Line) (helogate.Verdict, map[helogate.Question]bool) {
			p, err := helogate.NewPolicy(at, lines...)
			if err != nil {
				t.Fatal(err)
			}
			v, asked := p.Judge(context.Background(), f, z), map[helogate.Question]bool{}
			for _, qa := range v.Asked {
				asked[qa.Question] = true
			}
			return v, asked
		}
		v, asked := asks(mixed)
		enforced, inForce := asks(lines)
		less, skipped := asks(without)
		for q := range asked {
			if !inForce[q] && !skipped[q] {
				t.Fatalf("%v is asked for what is on trial alone", q)
			}
		}
		if v.Decision != less.Decision || v.DryRun != enforced.Decision {
			t.Fatalf("%v, would %v; without the trial %v, in force %v", v.Decision, v.DryRun, less.Decision, enforced.Decision)
		}
	})
}

// Whatever a client sends and DNS answers, what is said of it is one line of printable ASCII.
func TestFindingsAndRepliesArePrintable(t *testing.T) {
	p, err := NewPolicy("hardline", settings)
	if err != nil {
		t.Fatal(err)
	}
	p.RunAll = true
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t)
		f.Helo = string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"))
		f.Sender = "a@" + string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "sender"))
		f.Earlier = []string{"EHLO " + string(rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "earlier"))}
		v := p.Judge(context.Background(), f, drawZone(t))
		texts := []string{v.Reply.Text}
		for _, found := range v.Findings {
			texts = append(texts, found.Why)
		}
		for _, s := range texts {
			if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) || len(s) > 500 {
				t.Fatalf("%d bytes: %q", len(s), s)
			}
		}
	})
}

func TestOrderAndTable(t *testing.T) {
	names := Names()
	if len(names) != len(presetTable) {
		t.Fatalf("%d checks, %d lines in the table", len(names), len(presetTable))
	}
	for i, row := range presetTable {
		if names[i] != row.check {
			t.Errorf("check %d is %s, in the table %s", i, names[i], row.check)
		}
	}
	for _, c := range All(Settings{}) {
		if c.Doc == "" || c.Run == nil || slices.Contains([]string{"5", "4"}, c.Code) {
			t.Errorf("%s is not whole", c.Name)
		}
	}
	if _, err := NewPolicy("tough", Settings{}); err == nil || err.Error() != `"tough" is no preset: lenient, rfc, strict, balanced, hardline` {
		t.Error(err)
	}
	// RFC 5321 section 4.1.4: nobody is refused only because HELO does not match the address.
	for _, preset := range Presets {
		lines, _, err := Lines(preset, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			for _, a := range l.On {
				if l.Check.Name == "helo-matches" && a.Action.Refuses() {
					t.Errorf("%s refuses by helo-matches", preset)
				}
			}
		}
	}
}
