package check

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/testcheck"
	"pgregory.net/rapid"
)

func aList(t testing.TB, family string, ask ...Asked) List {
	t.Helper()
	name := map[string]string{DNSBL: "bl", RHSBL: "rhs", DNSWL: "wl"}[family]
	l := List{Family: family, Watched: true, Name: name, Zone: name + ".example", Codes: codes(t, "127.0.0.2-127.0.0.11", "127.0.1.2"), Ask: ask}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	return l
}

const six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2" // 2001:db8::1

func TestDNSBL(t *testing.T) {
	const dns = `
		1.2.0.192.bl.example A 127.0.0.4
		2.2.0.192.bl.example A 127.0.0.2
		2.2.0.192.bl.example A 127.0.0.10
		2.2.0.192.bl.example A 127.0.9.9
		3.2.0.192.bl.example A 127.0.9.9
		4.2.0.192.bl.example A 127.255.255.254
		5.2.0.192.bl.example A 127.0.0.2
		5.2.0.192.bl.example A 203.0.113.7
		6.2.0.192.bl.example A tempfail
		7.2.0.192.bl.example TXT no address
		1.0.0.10.bl.example A 127.0.0.2
		` + six + `.bl.example A 127.0.0.2`
	zone(t, ListChecks(DNSBL, []List{aList(t, DNSBL)})[0], dns,
		"192.0.2.1", "fail: 192.0.2.1 is listed by bl (127.0.0.4)",
		"192.0.2.2", "fail: 192.0.2.2 is listed by bl (127.0.0.2, 127.0.0.10)",
		"192.0.2.3", "none: 192.0.2.3 is listed by bl with codes that do not count: 127.0.9.9",
		"192.0.2.4", "permerror: bl, asked about 192.0.2.4, answers 127.255.255.254: query refused: the list does not answer public resolvers; use a local resolver, or a key of the list",
		"192.0.2.5", "permerror: bl, asked about 192.0.2.5, answers 203.0.113.7: no answer of a DNS list: its domain was abandoned, or a resolver answers for names that do not exist",
		"192.0.2.6", "temperror: LISTING of 6.2.0.192.bl.example: the zone says so",
		"192.0.2.7", "none: 192.0.2.7 is not listed by bl",
		"192.0.2.8", "none: 192.0.2.8 is not listed by bl",
		"10.0.0.1", "none: 10.0.0.1 is a private address: no list has it",
		"2001:db8::1", "fail: 2001:db8::1 is listed by bl (127.0.0.2)",
		"2001:db8::2", "none: 2001:db8::2 is not listed by bl")
}

func TestDNSBLOfNames(t *testing.T) {
	const dns = `
		192.0.2.1 PTR a.good.example
		192.0.2.1 PTR b.bad.example
		192.0.2.2 PTR 2.0.0.127
		192.0.2.3 PTR tempfail
		3.2.0.192.bl.example A 127.0.0.2
		bad.example.bl.example     A 127.0.0.3
		mx.worse.example.bl.example A 127.0.0.4
		refused.example.bl.example A 127.255.255.255
		broken.example.bl.example  A tempfail
		x.bl.example               A 127.0.0.2
		2.0.0.127.bl.example       A 127.0.0.2`
	zone(t, aList(t, DNSBL, "client", "helo", "ptr", "sender").check(), dns,
		"192.0.2.1 mx.good.example a@good.example", "fail: bad.example is listed by bl (127.0.0.3)", // by an unconfirmed PTR, too
		"192.0.2.2 mx.good.example a@good.example", "none: 192.0.2.2, mx.good.example, good.example is not listed by bl",
		"192.0.2.4 MX.Worse.Example. a@good.example", "fail: mx.worse.example is listed by bl (127.0.0.4)",
		"192.0.2.4 [192.0.2.4] a@bad.example", "fail: bad.example is listed by bl (127.0.0.3)",
		"192.0.2.4 x a@2.0.0.127", "none: 192.0.2.4 is not listed by bl",
		"192.0.2.4 2.0.0.127", "none: 192.0.2.4 is not listed by bl",
		"192.0.2.4 refused.example a@bad.example", "fail: bad.example is listed by bl (127.0.0.3)",
		"192.0.2.4 broken.example a@bad.example", "fail: bad.example is listed by bl (127.0.0.3)",
		"192.0.2.4 refused.example a@broken.example", "temperror: LISTING of broken.example.bl.example: the zone says so",
		"192.0.2.3 mx.good.example", "fail: 192.0.2.3 is listed by bl (127.0.0.2)",
		"10.0.0.1 mx.bad.example", "fail: bad.example is listed by bl (127.0.0.3)",
		"10.0.0.1 x", "none: 10.0.0.1 is a private address: no list has it")
}

func TestRHSBL(t *testing.T) {
	zone(t, ListChecks(RHSBL, []List{aList(t, RHSBL)})[0], `
		bad.example.rhs.example    A 127.0.1.2
		a.b.example.rhs.example    A 127.0.1.2
		down.example.rhs.example   A tempfail
		1.2.0.192.rhs.example      A 127.0.1.2`,
		"192.0.2.1 x a@bad.example", "fail: bad.example is listed by rhs (127.0.1.2)",
		"192.0.2.1 x a@mx.bad.example", "fail: bad.example is listed by rhs (127.0.1.2)",
		"192.0.2.1 x a@a.b.example", "fail: a.b.example is listed by rhs (127.0.1.2)",
		"192.0.2.1 x a@b.example", "none: b.example is not listed by rhs",
		"192.0.2.1 x a@down.example", "temperror: LISTING of down.example.rhs.example: the zone says so",
		"192.0.2.1 x", "none: there is nothing to ask rhs about",
		"192.0.2.1 x a@[192.0.2.1]", "none: there is nothing to ask rhs about",
		"192.0.2.1 x a@pc", "none: there is nothing to ask rhs about")
}

// Anybody can write a PTR, and an allow-list believes none that does not lead back.
func TestDNSWL(t *testing.T) {
	zone(t, aList(t, DNSWL, "client", "ptr").check(), `
		192.0.2.2 PTR mx.good.example
		mx.good.example A 192.0.2.2
		192.0.2.3 PTR mx.good.example
		192.0.2.4 PTR slow.good.example
		slow.good.example A tempfail
		1.2.0.192.wl.example    A 127.0.0.3
		good.example.wl.example A 127.0.0.2
		5.2.0.192.wl.example    A 127.0.0.255
		6.2.0.192.wl.example    A tempfail
		192.0.2.7 PTR tempfail
		7.2.0.192.wl.example    A 127.0.0.2`,
		"192.0.2.7", "pass: 192.0.2.7 is listed by wl (127.0.0.2)",
		"192.0.2.1", "pass: 192.0.2.1 is listed by wl (127.0.0.3)",
		"192.0.2.2", "pass: good.example is listed by wl (127.0.0.2)",
		"192.0.2.3", "none: 192.0.2.3 is not listed by wl",
		"192.0.2.4", "temperror: A of slow.good.example: the zone says so",
		"192.0.2.5", "permerror: wl, asked about 192.0.2.5, answers 127.0.0.255: query refused: too many queries; ask the list's operator for a subscription",
		"192.0.2.6", "temperror: LISTING of 6.2.0.192.wl.example: the zone says so")
}

// What a list that is set aside would say is not asked, and it is none where that is not known.
// Where nobody watches the lists, nobody is asked about that.
func TestNotWatched(t *testing.T) {
	c := List{Family: DNSBL, Zone: "bl.example", Codes: codes(t, "127.0.0.2")}.check()
	zone(t, c, "1.2.0.192.bl.example A 127.0.0.2\nbl.example SUSPENDED tempfail", "192.0.2.1", "fail: 192.0.2.1 is listed by bl.example (127.0.0.2)")
}

func TestSetAside(t *testing.T) {
	for text, want := range map[string]string{
		"": "fail: 192.0.2.1 is listed by bl (127.0.0.2)",
		"bl.example SUSPENDED it lists the world": "none: bl is suspended: it lists the world",
		"bl.example SUSPENDED tempfail":           "temperror: SUSPENDED of bl.example: the zone says so",
	} {
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: aList(t, DNSBL).check()})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone(text+"\n1.2.0.192.bl.example A 127.0.0.2"))
		if got := v.Findings[0].String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if len(v.Asked) != 1 && text != "" {
			t.Errorf("%s: asked %v", text, v.Asked)
		}
	}
}

// What a list says in TXT is asked only for a reply that the client gets, and without it the listing stands.
func TestTextOfListing(t *testing.T) {
	const listed = "1.2.0.192.bl.example A 127.0.0.2\n"
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ name, action, zone, want string }{
		{"rejected", "reject", "1.2.0.192.bl.example TXT see https://bl.example/?192.0.2.1", "192.0.2.1 is listed by bl (127.0.0.2): see https://bl.example/?192.0.2.1"},
		{"no text", "reject", "", "192.0.2.1 is listed by bl (127.0.0.2)"},
		{"text fails", "reject", "1.2.0.192.bl.example TXT tempfail", "192.0.2.1 is listed by bl (127.0.0.2)"},
		{"two texts", "reject", "1.2.0.192.bl.example TXT a\n1.2.0.192.bl.example TXT b", "192.0.2.1 is listed by bl (127.0.0.2): a"},
		{"hostile text", "defer", `1.2.0.192.bl.example TXT \"a\"` + "\x1b[31m\u202e", `192.0.2.1 is listed by bl (127.0.0.2): "a"\x1b[31m\xe2\x80\xae`},
		{"long text", "reject", "1.2.0.192.bl.example TXT " + long, "192.0.2.1 is listed by bl (127.0.0.2): " + long[:160] + "..."},
		{"suspected", "score 3", "1.2.0.192.bl.example TXT see", "192.0.2.1 is listed by bl (127.0.0.2)"},
		{"on trial", "would reject", "1.2.0.192.bl.example TXT see", "192.0.2.1 is listed by bl (127.0.0.2)"},
	} {
		a, err := helogate.ParseEffect(c.action)
		if err != nil {
			t.Fatal(err)
		}
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: aList(t, DNSBL).check(), On: map[helogate.Outcome]helogate.Effect{helogate.Fail: a}})
		if err != nil {
			t.Fatal(err)
		}
		v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone(listed+c.zone))
		if got := v.Findings[0]; got.Why != c.want || got.Outcome != helogate.Fail {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if asks := slices.ContainsFunc(v.Asked, func(qa helogate.QA) bool { return qa.Kind == helogate.TXT }); asks != a.Action.Refuses() || a.DryRun && asks {
			if !a.DryRun || asks {
				t.Errorf("%s: asked %v", c.name, v.Asked)
			}
		}
	}
}

// A list that does not answer stops no mail, whatever the line does with a listing.
func TestDeadListChangesNothing(t *testing.T) {
	dead := helogate.MustZone("1.2.0.192.bl.example A tempfail\n1.2.0.192.wl.example A tempfail")
	for _, action := range []string{"reject", "drop", "defer", "score 9", "greylist"} {
		a, err := helogate.ParseEffect(action)
		if err != nil {
			t.Fatal(err)
		}
		p, err := helogate.NewPolicy(helogate.Thresholds{GreylistAt: 1, RejectAt: 1},
			helogate.Line{Check: aList(t, DNSBL).check(), On: map[helogate.Outcome]helogate.Effect{helogate.Fail: a}},
			helogate.Line{Check: aList(t, DNSWL).check(), On: map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.AddScore, Score: -3}}})
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Judge(t.Context(), facts("192.0.2.1"), dead); v.Action != helogate.Continue || v.MaxScore != 0 {
			t.Errorf("%s: %s by %s, possible %d", action, v.Action, v.By, v.MaxScore)
		}
	}
}

// All questions of all lists are on their way at once; the second wait is for what needs another answer first.
func TestListsAreAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "192.0.2.1 PTR after=1s mx.good.example\n"
		for _, l := range []string{"bl", "rhs", "wl"} {
			for _, n := range []string{"1.2.0.192", "mx.good.example", "good.example", "helo.example", "sender.example"} {
				text += fmt.Sprintf("%s.%s.example A after=1s\n", n, l)
			}
		}
		var lines []helogate.Line
		for _, l := range []List{aList(t, DNSBL, "client", "helo", "sender"), aList(t, RHSBL, "helo", "ptr", "sender"), aList(t, DNSWL)} {
			lines = append(lines, helogate.Line{Check: l.check()})
		}
		p, err := helogate.NewPolicy(helogate.Thresholds{}, lines...)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		v := p.Judge(t.Context(), facts("192.0.2.1 helo.example a@sender.example"), helogate.MustZone(text))
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %s for %v", took, v.Asked)
		}
	})
}

func TestFewPTRNamesAreAsked(t *testing.T) {
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: aList(t, RHSBL, "ptr").check()})
	if err != nil {
		t.Fatal(err)
	}
	v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone(manyPTR("192.0.2.1", 200)))
	if n := len(v.Asked); n != 1+1+maxListPTR+1 { // set aside? PTR; the names, and their one organisational domain
		t.Errorf("%d questions: %v", n, v.Asked)
	}
}

func TestListIsHeardFrom(t *testing.T) {
	for _, c := range []struct {
		family string
		ask    []Asked
		want   helogate.Stage
	}{
		{DNSBL, nil, helogate.Connect},
		{RHSBL, nil, helogate.Mail},
		{DNSWL, nil, helogate.Connect},
		{DNSBL, []Asked{AskHelo}, helogate.Helo},
		{DNSBL, []Asked{AskSender, AskHelo}, helogate.Helo},
		{RHSBL, []Asked{AskSender, AskPTR}, helogate.Connect},
	} {
		if got := aList(t, c.family, c.ask...).check().Needs; got != c.want {
			t.Errorf("%s about %s is heard from %s", c.family, c.ask, got)
		}
	}
	addresses, names := aList(t, RHSBL).Asks()
	if addresses || !names {
		t.Error("an rhsbl is not asked about names alone")
	}
	if addresses, names = aList(t, DNSBL, "client", "helo").Asks(); !addresses || !names {
		t.Error("what is asked of a list is lost")
	}
}

func TestListChecks(t *testing.T) {
	lists := []List{aList(t, DNSBL), {Family: DNSBL, Zone: "Other.Example.", Codes: codes(t, "127.0.0.2")}, aList(t, DNSWL)}
	var names []string
	for _, family := range ListFamilies {
		for _, c := range ListChecks(family, lists) {
			names = append(names, c.Name)
			if c.Cost != helogate.Lookup || !c.FailOpen || c.Doc == "" || (c.Fix == "") != (family == DNSWL) || c.Family != family {
				t.Errorf("%s is not whole: %+v", c.Name, c)
			}
		}
	}
	if got, want := strings.Join(names, " "), "dnsbl:bl dnsbl:other.example rhsbl dnswl:wl"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	zone(t, ListChecks(RHSBL, lists)[0], "", "192.0.2.1 x a@b.example", "none: no rhsbl is configured")
}

func TestWrongLists(t *testing.T) {
	good := List{Family: DNSBL, Watched: true, Zone: "bl.example", Codes: codes(t, "127.0.0.2")}
	for want, spoil := range map[string]func(*List){
		`"rbl" is no family of lists: dnsbl, rhsbl, dnswl`:                                                   func(l *List) { l.Family = "rbl" },
		`zone "" is no domain: write one like bl.example`:                                                    func(l *List) { l.Zone = "" },
		`zone "example" is no domain: write one like bl.example`:                                             func(l *List) { l.Zone = "example" },
		`zone "bl..example" is no domain: write one like bl.example`:                                         func(l *List) { l.Zone = "bl..example" },
		`zone "192.0.2.1" is no domain: write one like bl.example`:                                           func(l *List) { l.Zone = "192.0.2.1" },
		`zone: 191 octets are more than the 189 that an address leaves room for`:                             func(l *List) { l.Zone = strings.Repeat("a.", 92) + "example" },
		`name "b l": a name is of letters, digits, '.', '_' and '-'`:                                         func(l *List) { l.Name = "b l" },
		`no codes: name the answers that are listings, such as 127.0.0.2; the web page of the list has them`: func(l *List) { l.Codes = Codes{} },
		`ask: nothing is called "from": client, helo, ptr or sender`:                                         func(l *List) { l.Ask = []Asked{"client", "from"} },
		`ask: client is there twice`:                                                                         func(l *List) { l.Ask = []Asked{"client", "client"} },
		`ask: a client can send any helo, so an allowlist cannot be asked about it: use client, or ptr, which is forward-confirmed`: func(l *List) {
			l.Family, l.Ask = DNSWL, []Asked{"helo"}
		},
		`ask: a client can send any sender, so an allowlist cannot be asked about it: use client, or ptr, which is forward-confirmed`: func(l *List) {
			l.Family, l.Ask = DNSWL, []Asked{"client", "sender"}
		},
	} {
		l := good
		spoil(&l)
		if err := l.Check(); err == nil || err.Error() != want {
			t.Errorf(" got %v\nwant %s", err, want)
		}
	}
	for _, zone := range []string{"bl.example", "BL.Example.", "_key.bl.example", "a.internal"} {
		if good.Zone = zone; good.Check() != nil {
			t.Errorf("%s: %v", zone, good.Check())
		}
	}
}

// IPv4 by its octets, IPv6 by its nibbles: the example of RFC 5782 section 2.4.
func TestReversed(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.99":                "99.2.0.192",
		"255.255.255.255":           "255.255.255.255",
		"0.0.0.1":                   "1.0.0.0",
		"2001:db8:1:2:3:4:567:89ab": "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2",
		"::ffff:7f00:2":             "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0",
	} {
		if got := parsed.Reversed(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is asked as %s", addr, got)
		}
	}
}

// Promise 4 where lists answer anything: no failure of one becomes a listing, or an error of it.
func TestFailureOfAListNeverBecomesAnotherOutcome(t *testing.T) {
	names := []string{"1.2.0.192", "bad.example", "mx.bad.example", "good.example", six}
	answers := []string{"127.0.0.2", "127.0.0.1", "127.255.255.254", "127.0.9.9", "203.0.113.7", "127.0.0.255", "tempfail"}
	rapid.Check(t, func(t *rapid.T) {
		text := "192.0.2.1 PTR mx.bad.example\nmx.bad.example A 192.0.2.1\n"
		for _, zone := range []string{"bl", "rhs", "wl"} {
			for _, n := range names {
				for _, a := range rapid.SliceOfN(rapid.SampledFrom(answers), 0, 2).Draw(t, n+"."+zone) {
					text += fmt.Sprintf("%s.%s.example A %s\n", n, zone, a)
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "aside") == 0 {
				text += zone + ".example SUSPENDED it lists the world\n"
			}
		}
		z := helogate.MustZone(text)
		f := facts(rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "10.0.0.1"}).Draw(t, "client") + " mx.bad.example a@good.example")
		bad := testcheck.DrawBroken(t, z)
		for _, c := range listsOfAllKinds {
			was, is := c.Judge(f, z), c.Judge(f, bad)
			if is.Outcome != was.Outcome && is.Outcome != helogate.TempError {
				t.Fatalf("%s: %s; with failures %s\n%s", c.Name, was, is, text)
			}
		}
	})
}

var listsOfAllKinds = func() (out []helogate.Check) {
	wanted, err := ParseCodes([]string{"127.0.0.0/16"})
	if err != nil {
		panic(err)
	}
	for family, ask := range map[string][]Asked{DNSBL: {"client", "helo", "ptr", "sender"}, RHSBL: {"helo", "sender"}, DNSWL: {"client", "ptr"}} {
		zone := map[string]string{DNSBL: "bl.example", RHSBL: "rhs.example", DNSWL: "wl.example"}[family]
		out = append(out, List{Family: family, Watched: true, Zone: zone, Codes: wanted, Ask: ask}.check())
	}
	return out
}()

// A stranger's bytes are asked of a list only as a name that they are, and end in its zone.
func FuzzListQuestions(f *testing.F) {
	f.Add("mx.example.org", "a@example.org", "192.0.2.1")
	f.Add("a..b\x00", "a@2.0.0.127", "2001:db8::1")
	f.Add("*.example.org", "@", "10.0.0.1")
	l := List{Family: DNSBL, Watched: true, Zone: "bl.example", Ask: []Asked{"client", "helo", "sender"}}
	f.Fuzz(func(t *testing.T, helo, sender, client string) {
		a, err := netip.ParseAddr(client)
		if err != nil {
			return
		}
		facts := helogate.Facts{Stage: helogate.Rcpt, Client: a, Helo: helo, Sender: sender}
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: l.check()})
		if err != nil {
			t.Fatal(err)
		}
		for _, qa := range p.Judge(context.Background(), facts, helogate.MustZone("")).Asked {
			name, below := strings.CutSuffix(qa.Name, ".bl.example")
			if qa.Kind == helogate.Suspended {
				continue
			}
			if !below || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Contains(name, "..") {
				t.Errorf("asked %q", qa.Name)
			}
		}
	})
}

func BenchmarkListNotListed(b *testing.B) {
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: List{Family: DNSBL, Watched: true, Zone: "bl.example"}.check()})
	if err != nil {
		b.Fatal(err)
	}
	p.OmitReasons = true
	z, f := helogate.MustZone(""), facts("192.0.2.1 mx.example.org a@example.org")
	b.ReportAllocs()
	for b.Loop() {
		p.Judge(context.Background(), f, z)
	}
}
