package imports

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"pgregory.net/rapid"
)

// filterOf is the rules of the cases, in the form of the seed.
var filterOf = map[string]string{
	"the seed's": `
		; our own names
		Reject if santronics.com in %CDN% and %CIP% != 208.247.131.9
		Reject if winserver.com in %CDN% and %CIP% != 208.247.131.9
		Reject if isdg.net in %CDN% and %CIP% != 208.247.131.9
		Reject if catinthebox.net in %CDN% and %CIP% != 208.247.131.9`,
	"accept first": `
		Accept if %CIP% = 198.51.100.7
		Reject if "example.org" in %CDN%`,
	"reject first": `
		Reject if "example.org" in %CDN%
		Accept if %CIP% = 198.51.100.7
		Reject if bot in %CDN%`,
	"many rejects first": strings.Repeat("Reject if bot in %CDN% and trap in %CDN%\n", 100) + `
		Reject if trap in %CDN% and %CIP% != 198.51.100.7
		Accept if friend in %CDN%
		Accept if %CIP% = 198.51.100.7
		Reject if example in %CDN%`,
	"accept dots": "Accept if . in %CDN%",
	"none":        "",
}

var wcsapZone = helogate.MustZone("")

// The second and third are the rules of the first alone: the first that holds decides.
var wcsapCases = []parity{
	{config: "the seed's", client: "155.239.161.196", helo: "santronics.com", original: refuses, ours: refuses},
	{config: "the seed's", client: "208.247.131.9", helo: "santronics.com", original: lets, ours: lets},
	{config: "the seed's", client: "208.247.131.90", helo: "santronics.com", original: refuses, ours: refuses},
	{config: "the seed's", helo: "mail.santronics.com", original: refuses, ours: refuses},
	{config: "the seed's", helo: "santronics.com.evil.example", original: refuses, ours: refuses},
	{config: "the seed's", helo: "notsantronics.com", original: refuses, ours: refuses}, // a part is a part
	{config: "the seed's", helo: "Mail.WinServer.com", original: refuses, ours: refuses},
	{config: "the seed's", helo: "isdg.net", original: refuses, ours: refuses},
	{config: "the seed's", helo: "mx.example.org", original: lets, ours: lets},
	{config: "the seed's", helo: "", original: lets, ours: lets},
	{config: "accept first", helo: "mx.example.org", original: lets, ours: lets},
	{config: "accept first", client: "198.51.100.8", helo: "mx.example.org", original: refuses, ours: refuses},
	{config: "reject first", helo: "mx.example.org", original: refuses, ours: refuses},
	{config: "reject first", helo: "bot.example.net", original: lets, ours: lets},
	{config: "reject first", client: "198.51.100.8", helo: "bot.example.net", original: refuses, ours: refuses},
	{config: "many rejects first", helo: "bot.trap.example", original: refuses, ours: refuses},
	{config: "many rejects first", helo: "mx.example.org", original: lets, ours: lets},
	{config: "many rejects first", client: "198.51.100.8", helo: "mx.example.org", original: refuses, ours: refuses},
	{config: "many rejects first", client: "198.51.100.8", helo: "friend.example.org", original: lets, ours: lets},
	{config: "many rejects first", client: "198.51.100.8", helo: "friend.trap.example", original: refuses, ours: refuses},
	{config: "none", helo: "192.0.2.9", original: refuses, ours: refuses},
	{config: "none", helo: "[192.0.2.1]", original: refuses, ours: refuses}, // the address that it connected to
	{config: "none", helo: "mx.example.org", original: lets, ours: lets},
	{config: "none", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "none", helo: "[203.0.113.9]", original: lets, ours: lets},
	{config: "none", helo: "198.51.100.7", original: refuses, ours: refuses},
	{config: "none", helo: "localhost", original: lets, ours: refuses,
		why: "the local host's own name"},
	// Wildcat! refuses these at HELO, before the filter is asked: no Accept permits them.
	{config: "accept first", helo: "192.0.2.9", original: refuses, ours: refuses},
	{config: "accept first", helo: "[192.0.2.1]", original: refuses, ours: refuses},
	{config: "accept first", helo: "localhost", original: lets, ours: lets},
	{config: "accept first", helo: "[203.0.113.9]", original: lets, ours: lets},
	{config: "accept dots", helo: "192.0.2.99", original: refuses, ours: refuses},
	{config: "accept dots", helo: "[192.0.2.1]", original: refuses, ours: refuses},
	{config: "accept dots", helo: "mx.example.org", original: lets, ours: lets},
	{config: "accept dots", helo: "", original: lets, ours: lets},
}

func TestWCSAPParity(t *testing.T) {
	for _, c := range wcsapCases {
		c.check(t, build(t, WCSAP(filterOf[c.config]).TOML), wcsapZone)
	}
}

// TestWCSAPChain: the order of WCSAP's steps is proposed, and can be taken.
func TestWCSAPChain(t *testing.T) {
	for told, filter := range filterOf {
		text := exampled(WCSAP(filter).TOML)
		if got := strings.Join(parse(t, text).Policy.Order, " "); got != "rules dnsbl spf dmp caller-id callout" {
			t.Errorf("%s: the order is %q", told, got)
		}
		build(t, text)
	}
	wantIn(t, WCSAP(""), nil, []string{"RBL, SPF, DMP, CEP, CBV: the other steps of WCSAP are not filter rules, and their settings are not imported. RBL is a [[dnsbl]]"})
}

func TestParseWCSAP(t *testing.T) {
	for line, want := range map[string]string{
		`Reject if santronics.com in %CDN% and %CIP% != 208.247.131.9`: `reject: helo.text.lowerAscii().contains("santronics.com") && client != ip("208.247.131.9")`,
		`ACCEPT IF %cip%=="192.0.2.1"`:                                 `accept: client == ip("192.0.2.1")`,
		`accept if 192.0.2.1 = %CIP% ; the office`:                     `accept: client == ip("192.0.2.1")`,
		`accept if %CIP%=::FFFF:192.0.2.1`:                             `accept: client == ip("192.0.2.1")`,
		`accept if %CIP% = 2001:DB8::0:1`:                              `accept: client == ip("2001:db8::1")`,
		`Reject if "192.0.2." in %CIP%`:                                `reject: string(client).contains("192.0.2.")`,
		`Reject if %CIP% in %CDN%`:                                     `reject: helo.text.lowerAscii().contains(string(client))`,
		`Reject if %CDN% in "mx1 mx2"`:                                 `reject: "mx1 mx2".contains(helo.text.lowerAscii())`,
		`Reject if %CDN% = Friend`:                                     `reject: helo.text.lowerAscii() == "friend"`,
		`Reject if %CDN%<>'a "b"'`:                                     `reject: helo.text.lowerAscii() != "a \"b\""`,
		`Reject if %CDN% = ""`:                                         `reject: helo.text.lowerAscii() == ""`,
		`Reject if a in %CDN% or b in %CDN% and c in %CDN%`:            `reject: (helo.text.lowerAscii().contains("a") || helo.text.lowerAscii().contains("b") && helo.text.lowerAscii().contains("c"))`,
		`Reject if (a in %CDN% or b in %CDN%) and c in %CDN%`:          `reject: (helo.text.lowerAscii().contains("a") || helo.text.lowerAscii().contains("b")) && helo.text.lowerAscii().contains("c")`,
		`Reject if not a in %CDN% # x`:                                 `reject: !(helo.text.lowerAscii().contains("a"))`,
		`Reject if a not in %CDN% // x`:                                `reject: !helo.text.lowerAscii().contains("a")`,
		`Reject if a\b in %CDN%;x`:                                     `reject: helo.text.lowerAscii().contains("a\\b")`,

		``:                                  `a rule must begin with Reject or Accept`,
		`Deny if a in %CDN%`:                `a rule must begin with Reject or Accept`,
		`"Reject" if a in %CDN%`:            `a rule must begin with Reject or Accept`,
		`Reject a in %CDN%`:                 `after Reject, expected if, not a`,
		`Reject if`:                         `the condition is incomplete`,
		`Reject if a in`:                    `the condition is incomplete`,
		`Reject if a =`:                     `the condition is incomplete`,
		`Reject if a`:                       `expected in, = or !=, not the end of the line`,
		`Reject if a like %CDN%`:            `expected in, = or !=, not like`,
		`Reject if a not = %CDN%`:           `after Not, expected in, not =`,
		`Reject if a in %CDN% b`:            `unexpected b after the condition`,
		`Reject if a in %CDN% and`:          `the condition is incomplete`,
		`Reject if (a in %CDN%`:             `expected a closing bracket, not the end of the line`,
		`Reject if a in %CDN%)`:             `unexpected ) after the condition`,
		`Reject if a in b`:                  `it compares two texts, and no property of the client`,
		`Reject if a = b`:                   `it compares two texts, and no property of the client`,
		`Reject if "" in %CDN%`:             `the empty text is part of every text`,
		`Reject if %SPAM% = 1`:              `%SPAM% is not a known macro: the HELO name is %CDN% and the address %CIP%`,
		`Reject if %CIP% = 192.0.2`:         `192.0.2 is not an IP address, so %CIP% never equals it: to search for a part, write "192.0.2" in %CIP%`,
		`Reject if and in %CDN%`:            `expected a text or a macro, not and`,
		`Reject if = in %CDN%`:              `expected a text or a macro, not =`,
		`Reject if "a in %CDN%`:             `a quote is not closed`,
		"Reject if \x1b in %CDN%":           `it has the byte \x1b, but a HELO name or an address has only ASCII`,
		"Reject if gr\u00fc\u00df in %CDN%": `it has the byte \xc3, but a HELO name or an address has only ASCII`,
		`Reject if ` + strings.Repeat("(", 30) + `a in %CDN%`:    `too many nested brackets`,
		`Reject if ` + strings.Repeat("not ", 30) + `a in %CDN%`: `too many nested brackets`,
		`Reject if ` + strings.Repeat("a", 1001) + ` in %CDN%`:   `the line is longer than 1000 bytes`,
	} {
		r, err := parseWCSAP(line)
		got := "reject: " + r.when
		if r.accept {
			got = "accept: " + r.when
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// What is not understood stays at its place, and is noted; comments stay; an Accept stands behind the Rejects above it.
func TestWCSAPKeepsAll(t *testing.T) {
	r := WCSAP("; ours\nReject if a.example in %CDN%\r\nReject if %SPAM% = 1\n\n\tAccept if %CIP% = 192.0.2.1\n// theirs\nAccept if %CDN% = it's\nGreet \x1b[2J\n")
	wantIn(t, r, []string{
		"# ours\n", "# Reject if a.example in %CDN%\n[[rule]]\nname = \"wcsap line 2\"\nwhen = 'helo.text.lowerAscii().contains(\"a.example\")'\nthen = \"reject\"\n",
		"# Reject if %SPAM% = 1\n# ^ line 3 is not carried over: %SPAM% is not a known macro",
		`when = '(client == ip("192.0.2.1")` + notAtHelo + `) && !(helo.text.lowerAscii().contains("a.example"))'`, "# theirs\n", `# Greet \x1b[2J`,
		"# ^ line 7 is not carried over: a quote is not closed",
	}, []string{"line 3: Reject if %SPAM% = 1: %SPAM% is not a known macro", "line 5: Accept if %CIP% = 192.0.2.1: a dry run", "line 7: Accept if %CDN% = it's: a quote is not closed", `line 8: Greet \x1b[2J: it has the byte`, "RBL, SPF", "IP relay tables"})
	if c := parse(t, r.TOML); len(c.Rule) != 2 || c.Rule[0].Then.Action != helogate.Reject || c.Rule[1].Then.String() != "would accept" || c.Rule[1].Name != "wcsap line 5" {
		t.Errorf("the rules are %+v", c.Rule)
	}
	parse(t, exampled(r.TOML))
}

// A Reject that cannot mean the client of an Accept needs no word in it, and one that no rule can hold is noted.
func TestWCSAPLimits(t *testing.T) {
	r := WCSAP("Reject if a in %CDN% and %CIP% != 192.0.2.1\nReject if %CIP% = 192.0.2.2\nAccept if %CIP% = 192.0.2.1\n" +
		"Reject if x in %CDN%" + strings.Repeat(" or x in %CDN%", 40) + "\nAccept if y in %CDN%" + strings.Repeat(" or y in %CDN%", 40))
	wantIn(t, r, []string{`when = 'client == ip("192.0.2.1")` + notAtHelo + `'`, "# ^ line 4 is not carried over: this may cost"},
		[]string{"line 4: Reject if x in %CDN% or", "line 5: Accept if y in %CDN% or"})
	if c := parse(t, r.TOML); len(c.Rule) != 3 {
		t.Errorf("%d rules", len(c.Rule))
	}
	build(t, r.TOML)
}

// Below a line that may be a Reject and is not carried over, every Accept is a dry run: it says what it would do, and
// the Rejects below it stand.
func TestWCSAPBelowTheUnread(t *testing.T) {
	for _, c := range []struct{ filter, want, note string }{
		{"Reject if %BOGUS% = 1\nAccept if . in %CDN%", "would accept", "line 2: Accept if . in %CDN%: a dry run, which accepts no client: line 1 above it"},
		{"Accept if . in %CDN%\nReject if %BOGUS% = 1", "accept", ""},
		{"; x\n\nReject if %BOGUS% = 1\nReject if %HUH% = 1\nAccept if . in %CDN%", "would accept", "line 5: Accept if . in %CDN%: a dry run, which accepts no client: line 3 above it"},
		{"Deny if a in %CDN%\nAccept if . in %CDN%", "would accept", "line 1 above it"}, // a Reject by another name, for all we know
		{"\"Reject\" if a in %CDN%\nAccept if . in %CDN%", "would accept", "line 1 above it"},
		{"Reject if x in %CDN%" + strings.Repeat(" or x in %CDN%", 40) + "\nAccept if . in %CDN%", "would accept", "line 1 above it"},
		{"aCCept if %BOGUS% = 1\nAccept if . in %CDN%", "accept", ""},
		{"Accept if it's in %CDN%\nAccept if . in %CDN%", "accept", ""},
	} {
		r := WCSAP(c.filter + "\nReject if bot in %CDN%")
		got := ""
		for _, rule := range parse(t, r.TOML).Rule {
			if rule.Then.Action == helogate.Accept {
				got += rule.Then.String()
			}
		}
		if got != c.want {
			t.Errorf("%.40q: %q, want %q", c.filter, got, c.want)
		}
		var notes []string
		for _, n := range r.Notes {
			notes = append(notes, n.String())
		}
		if on := strings.Join(notes, "\n"); !strings.Contains(on, c.note) || strings.Contains(on, "a dry run") != (c.note != "") {
			t.Errorf("%.40q: the notes are %s", c.filter, on)
		}
		if said := strings.Contains(unwrapped(r.TOML), "is a dry run: line "); said != (c.note != "") {
			t.Errorf("%.40q: the comment is there: %v\n%s", c.filter, said, r.TOML)
		}
		want := map[string]string{"accept": lets, "would accept": refuses}[c.want]
		if got, v := judge(build(t, r.TOML), wcsapZone, client, "bot.example.org"); got != want {
			t.Errorf("%.40q: %s by %s, want %s", c.filter, got, v.By, want)
		}
	}
}

// An Accept in a dry run that does not fit is no reason for the Rejects below it to leave its clients out: it is
// unknown whether it accepts them.
func TestWCSAPTrialTooLong(t *testing.T) {
	r := WCSAP("Reject if %BOGUS% = 1\n" + strings.Repeat("Reject if bot in %CDN% and trap in %CDN%\n", 100) +
		"Accept if %CIP% = 198.51.100.7\nReject if example in %CDN%")
	wantIn(t, r, nil, []string{"line 102: Accept if %CIP% = 198.51.100.7: with the conditions above it"})
	if got, v := judge(build(t, r.TOML), wcsapZone, client, "mx.example.org"); got != refuses {
		t.Errorf("%s by %s", got, v.By)
	}
}

// Whatever the filter accepts, an address without brackets and our own in brackets are refused, as at Wildcat!'s HELO.
func TestWCSAPHeloFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		condition := rapid.SampledFrom([]string{". in %CDN%", "1 in %CDN%", "%CIP% = " + client, "not x in %CDN%", "x in %CDN% or . in %CDN%", "(x in %CDN% or %CIP% != 192.0.2.7)"})
		rules := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"Accept", "Accept", "Reject"}).Draw(t, "word") + " if " + condition.Draw(t, "condition")
		}), 0, 12).Draw(t, "rules")
		helo := rapid.SampledFrom([]string{"192.0.2.99", "192.0.2.1", "[192.0.2.1]", "2001:db8::1", "[127.0.0.1]"}).Draw(t, "helo")
		if got, v := judge(build(t, WCSAP(strings.Join(rules, "\n")).TOML), wcsapZone, client, helo); got != refuses {
			t.Fatalf("%q: %s by %s:\n%s", helo, got, v.By, strings.Join(rules, "\n"))
		}
	})
}

// The imported policy decides as the filter does, whose first rule that holds decides.
func TestWCSAPOrder(t *testing.T) {
	parts := rapid.SampledFrom([]string{"a", "b", "c", "ab", "bc"})
	clients := rapid.SampledFrom([]string{"198.51.100.1", "198.51.100.2", "198.51.100.3"})
	rapid.Check(t, func(t *rapid.T) {
		var filter strings.Builder
		helo, from, want := parts.Draw(t, "helo")+"c.example", clients.Draw(t, "client"), ""
		for range rapid.IntRange(0, 12).Draw(t, "rules") {
			word := rapid.SampledFrom([]string{"Reject", "Accept"}).Draw(t, "word")
			part, address := parts.Draw(t, "part"), clients.Draw(t, "address")
			form := rapid.IntRange(0, 3).Draw(t, "form")
			line := []string{part + " in %CDN%", "%CIP% = " + address, part + " in %CDN% and %CIP% != " + address, part + " in %CDN% or %CIP% = " + address}[form]
			holds := []bool{strings.Contains(helo, part), from == address, strings.Contains(helo, part) && from != address, strings.Contains(helo, part) || from == address}[form]
			filter.WriteString(word + " if " + line + "\n")
			if holds && want == "" {
				want = word
			}
		}
		got, v := judge(build(t, WCSAP(filter.String()).TOML), wcsapZone, from, helo)
		if (got == refuses) != (want == "Reject") {
			t.Fatalf("%s says %q: %s, by %s; the filter says %q:\n%s", from, helo, got, v.By, want, filter.String())
		}
	})
}

// Whatever the file holds, what is printed loads, and each line that is no comment is a rule or a note.
func TestWCSAPAnything(t *testing.T) {
	word := rapid.SampledFrom([]string{"Reject", "Accept", "if", "in", "and", "or", "not", "=", "!=", "(", ")", "%CDN%", "%CIP%", "%X%",
		"example.org", "192.0.2.1", `"a b"`, "'", `"`, `\`, ";", "#", "//", "\x1b", "\xff", "\u202e", "\t"})
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			words := rapid.SliceOfN(word, 0, 12).Draw(t, "words")
			if rapid.Bool().Draw(t, "rule") {
				word := rapid.SampledFrom([]string{"Reject", "Accept"}).Draw(t, "word")
				words = append([]string{word, "if", "x", "in", "%CDN%"}, words...)
			}
			lines = append(lines, strings.Join(words, " "))
		}
		r := WCSAP(strings.Join(lines, "\n"))
		build(t, r.TOML)
		c := parse(t, r.TOML)
		want := 0
		for _, line := range lines {
			if _, is := wcsapComment(strings.TrimSpace(line)); !is {
				want++
			}
		}
		for _, rule := range c.Rule {
			if rule.Then.String() == "would accept" {
				want++ // a rule and a note
			}
		}
		if got := len(c.Rule) + len(r.Notes) - 2; got != want {
			t.Fatalf("%d of %d lines are accounted for:\n%s", got, want, r.TOML)
		}
	})
}

func FuzzImports(f *testing.F) {
	f.Add("Reject if santronics.com in %CDN% and %CIP% != 208.247.131.9\nAccept if \"a\" in %CIP%\n; x\nnonsense")
	f.Add("helo policy strict reject naughty timeout 5\n^bad(?=x)\n!\\.\n")
	f.Add(mainCF)
	f.Add(moreipmeText)
	f.Fuzz(func(t *testing.T, text string) {
		build(t, WCSAP(text).TOML)
		if r, err := (Qpsmtpd{Plugins: text, BadHelo: text, BadHeloPath: "/x"}).Import(); err == nil {
			parse(t, r.TOML)
		}
		if r, err := (Postfix{Set: text}).Import(); err == nil {
			build(t, r.TOML)
		}
		r, err := Helodnscheck{Flags: "V", Moreipme: text, HasMore: true}.Import()
		if err != nil {
			t.Fatal(err)
		}
		build(t, r.TOML)
	})
}
