package imports

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

// moreipmeText is the control/moreipme of the cases: 203.0.113.2 is a part of its second line.
const moreipmeText = "192.0.2.25\n203.0.113.25\n192.0.2.128/255.255.255.252\n"

var helodnscheckZone = helogate.MustZone(`
	mx.example.org        A    198.51.100.7
	198.51.100.7          PTR  mx.example.org
	near.example.org      A    198.51.100.200
	else.example.org      A    203.0.113.9
	under_score.example.org A  198.51.100.7
	v6.example.org        AAAA 2001:db8::7
	mailed.example.org    MX   10 mx.example.org
	text.example.org      TXT  hello
	slow.example.org      A    tempfail
	ours.example.net      A    192.0.2.25
	masked.example.net    A    192.0.2.130
	part.example.org      A    203.0.113.2
	mail.recipient.example A   203.0.113.80
	mail.example.xn--p1ai A    198.51.100.7
	mail.example.international A 198.51.100.7
	own.example.net       A    192.0.2.25
`)

const (
	lets    = "accepts"
	refuses = "refuses"
	defers  = "defers"
)

// What the program does is from PARITY and its source; the rows with GL, GNLR, NL, GLP, GLR were observed by running
// it.
var helodnscheckCases = []parity{
	// The first generation, as the seed sets it up.
	{config: "PLRIV", helo: "mx.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "yq3H9cDKgS", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "mail.corp.local", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "localhost", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "ours.example.net", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "a..example.org", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "under_score.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "else.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "slow.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "v6.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "mailed.example.org", original: lets, ours: lets},
	{config: "PLRIV", helo: "203.0.113.50", original: lets, ours: lets},
	{config: "PLRIV", helo: "192.0.2.25", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "[203.0.113.50]", original: refuses, ours: refuses},
	{config: "PLRIV", helo: "[198.51.100.7]", original: refuses, ours: lets,
		why: "a literal of its own address is right (RFC 5321 section 4.1.3)"},
	{config: "PLRIV", helo: "text.example.org", original: lets, ours: refuses,
		why: "the name has no address and no MX; the program sees a temporary failure"},
	{config: "PLRIV", helo: "part.example.org", original: refuses, ours: lets,
		why: "203.0.113.2 is not 203.0.113.25: the program compares parts of a line"},
	{config: "PLRIV", helo: "masked.example.net", original: lets, ours: refuses,
		why: "a netmask line of moreipme; the program ignores it"},
	{config: "PLRIV", helo: "LOCALHOST", original: lets, ours: refuses,
		why: "names are case-insensitive (RFC 4343)"},
	{config: "PLRIV", helo: "mail.recipient.example", original: lets, ours: refuses,
		why: "an own name, which DNS does not relate to the client"},
	{config: "PLRIV", client: "192.0.2.25", helo: "own.example.net", original: refuses, ours: lets,
		why: "it is the local host"},
	{config: "PLRIV", client: "192.0.2.77", helo: "yq3H9cDKgS", original: lets, ours: lets}, // RELAYCLIENT
	// Other letters of the first.
	{config: "L", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "L", helo: "ours.example.net", original: lets, ours: lets},
	{config: "L", client: "192.0.2.77", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "LR", client: "192.0.2.77", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "PL", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "PL", helo: "", original: refuses, ours: refuses},
	{config: "PLV", helo: "localhost", original: refuses, ours: refuses},
	{config: "PLV", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "PLV", helo: "[192.0.2.25]", original: lets, ours: refuses,
		why: "it claims an own address"},
	{config: "PBL", helo: "else.example.org", original: lets, ours: lets},
	{config: "BL", helo: "mx.example.org", original: lets, ours: lets},
	{config: "BL", helo: "else.example.org", original: refuses, ours: refuses},
	{config: "BL", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "BL", helo: "203.0.113.50", original: refuses, ours: refuses},
	{config: "BL", helo: "198.51.100.7", original: lets, ours: refuses,
		why: "an address without brackets is no name (RFC 5321 section 4.1.3)"},
	{config: "BL", helo: "near.example.org", original: refuses, ours: lets,
		why: "a neighbour in the client's /24 (RFC 5321 section 4.1.4)"},
	{config: "BL", client: "2001:db8::7", helo: "v6.example.org", original: lets, ours: lets},
	{config: "BL", client: "2001:db8::7", helo: "mx.example.org", original: refuses, ours: lets,
		why: "the program knows only IPv4"},
	{config: "B", helo: "else.example.org", original: lets, ours: refuses,
		why: "the program ignores B without D, L, H or V, against its manual"},
	// The later releases, observed.
	{config: "GNLR", helo: "[IPv6:2001:db8::1]", client: "2001:db8::1", original: refuses, ours: lets,
		why: "a literal of its own address is right (RFC 5321 section 4.1.3)"},
	{config: "GNLR", helo: "localhost", original: refuses, ours: refuses},
	{config: "GNLR", helo: "under_score.example.org", original: refuses, ours: lets,
		why: "valid hosts have underscores; it is noted"},
	{config: "GNLR", helo: "mail.example.xn--p1ai", original: refuses, ours: lets,
		why: "a top level in another script (RFC 5890)"},
	{config: "GNLR", helo: "mail.example.international", original: refuses, ours: lets,
		why: "top levels have up to 63 letters, not 12"},
	{config: "GNLR", helo: "mail.example.org.", original: lets, ours: lets},
	{config: "GNLR", helo: "sagredo..eu", original: refuses, ours: refuses},
	{config: "GNLR", helo: "192.0.2.25", original: refuses, ours: refuses},
	{config: "GNLR", helo: "nowhere.example.org", original: lets, ours: lets},
	{config: "GNLR", client: "192.0.2.77", helo: "bad", original: lets, ours: lets},
	{config: "NL", helo: "localhost", original: refuses, ours: refuses},
	{config: "NL", helo: "ours.example.net", original: refuses, ours: refuses},
	{config: "NL", helo: "bad", original: lets, ours: lets},
	{config: "GL", client: "192.0.2.77", helo: "bad", original: refuses, ours: refuses},
	{config: "GLR", client: "192.0.2.77", helo: "bad", original: lets, ours: lets},
	{config: "GLP", helo: "bad", original: lets, ours: lets},
	{config: "GLP", helo: "", original: lets, ours: lets}, // it aborts, and qmail answers 451; see the page
	{config: "GL", helo: "", original: refuses, ours: refuses},
	{config: "AL", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "AL", helo: "bad", original: refuses, ours: refuses},
	{config: "AL", helo: "mail.corp.local", original: refuses, ours: refuses},
	{config: "AL", helo: "ours.example.net", original: lets, ours: lets},
	{config: "GBL", helo: "else.example.org", original: refuses, ours: refuses},
	{config: "GBL", helo: "ours.example.net", original: refuses, ours: refuses},
	{config: "GBL", helo: "nowhere.example.org", original: refuses, ours: refuses},
	{config: "GBL", client: "192.0.2.30", helo: "ours.example.net", original: refuses, ours: refuses}, // near, but ours
	{config: "AL", helo: "a..example.org", original: refuses, ours: refuses},
	{config: "GBL", helo: "slow.example.org", original: lets, ours: lets},
	{config: "GBLP", helo: "else.example.org", original: lets, ours: lets},
}

func TestHelodnscheckParity(t *testing.T) {
	for _, c := range helodnscheckCases {
		r, err := Helodnscheck{Flags: c.config, Moreipme: moreipmeText, HasMore: true, Generation: generationOf(c.config)}.Import()
		if err != nil {
			t.Fatal(err)
		}
		// The networks that are proposed for RELAYCLIENT are those of the cases.
		text := strings.Replace(r.TOML, "#networks = [\"192.0.2.0/24\"]", "networks = [\"192.0.2.64/26\"]", 1)
		c.check(t, build(t, text), helodnscheckZone)
	}
}

// generationOf asks for the later one where the letters do not decide.
func generationOf(flags string) Generation {
	if flags == "GLP" || flags == "GBLP" || flags == "NL" {
		return Later
	}
	return ""
}

func TestHelodnscheckLaterDefault(t *testing.T) {
	r, err := Helodnscheck{Flags: "", Generation: Later}.Import()
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, r.TOML)
	for helo, want := range map[string]string{"bad": refuses, "localhost": refuses, "nowhere.example.org": lets, "else.example.org": lets} {
		if got, v := judge(p, helodnscheckZone, client, helo); got != want {
			t.Errorf("%q: %s, want %s: %v", helo, got, want, v.Findings)
		}
	}
}

// What P lets pass is counted, and the headers, the log and the exemptions are where they belong.
func TestHelodnscheckRest(t *testing.T) {
	for _, one := range []struct {
		h    Helodnscheck
		want []string // in the file
		note []string // among the notes
	}{
		{Helodnscheck{Flags: "PLRIV"}, []string{`helo-resolves = { fail = "reject", temperror = "note" }`, `helo-matches = { fail = "note"`,
			`first generation`}, []string{"control/moreipme", "R", "NOHELODNSCHECK", "own.addresses"}},
		{Helodnscheck{Flags: "PH"}, []string{`x_helo_check = true`, `helo-matches = { fail = "note"`, `helo-resolves = { fail = "would reject"`, `own-network = { pass = "note" }`},
			[]string{"no L", "a dry run", "no R"}},
		{Helodnscheck{Flags: "LD"}, []string{`level = "debug"`}, nil},
		{Helodnscheck{Flags: "GLPN"}, []string{`fqdn = "would reject"`, `own-identity = "would reject"`, "later releases"}, []string{"a dry run"}},
		{Helodnscheck{Flags: "GLV"}, []string{`own-identity = "reject"`}, []string{"read as A and N"}},
		{Helodnscheck{Flags: "B"}, nil, []string{"has no effect in the first generation"}},
		{Helodnscheck{Flags: "", Generation: Later}, []string{`HELO_DNS_CHECK=""`}, []string{"read as GNLR"}},
		{Helodnscheck{Flags: "V", HasMore: true, Moreipme: "192.0.2.1 # us\n\n# them\n192.0.2.4/30\n2001:db8::25\n::ffff:192.0.2.9\n192.0.2.1\n"},
			[]string{`addresses = ["192.0.2.1", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7", "2001:db8::25", "192.0.2.9"]`}, nil},
		{Helodnscheck{Flags: "V", HasMore: true, Moreipme: "192.0.2.1\nlocalhost\n10.0.0.0/8\n192.0.2.0/255.0.255.0\n192.0.2.0/33\n0.0.0.0\n192.0.2.8:255.255.255.255\n\x1b[2J\n"},
			[]string{`addresses = ["192.0.2.1", "192.0.2.8"]`},
			[]string{"line 2: localhost: moreipme: it is not an IP address", "line 3: 10.0.0.0/8", "line 4:", "line 5:", "line 6: 0.0.0.0", `line 8: \x1b[2J`}},
	} {
		r, err := one.h.Import()
		if err != nil {
			t.Errorf("%+v: %v", one.h, err)
			continue
		}
		wantIn(t, r, one.want, one.note)
		build(t, r.TOML)
		parse(t, exampled(r.TOML))
	}
}

// wantIn looks for text in the file and in the notes, of which all are in the file too.
func wantIn(t *testing.T, r *Result, file, notes []string) {
	t.Helper()
	text := unwrapped(r.TOML)
	for _, want := range file {
		if !strings.Contains(r.TOML, want) && !strings.Contains(text, want) {
			t.Errorf("the file has no %q:\n%s", want, r.TOML)
		}
	}
	all := ""
	if !slices.IsSortedFunc(r.Notes, func(a, b Note) int { return cmp.Compare((a.Line+1e6-1)%1e6, (b.Line+1e6-1)%1e6) }) {
		t.Errorf("the notes are not in the order of the original, with those of no line behind: %v", r.Notes)
	}
	for _, n := range r.Notes {
		all += n.String() + "\n"
		if !strings.Contains(text, strings.Join(strings.Fields(clean(n.String())), " ")) {
			t.Errorf("the file does not say %q:\n%s", n, r.TOML)
		}
	}
	for _, want := range notes {
		if !strings.Contains(all, want) {
			t.Errorf("no note says %q:\n%s", want, all)
		}
	}
}

func TestHelodnscheckErrors(t *testing.T) {
	for _, one := range []struct {
		h    Helodnscheck
		want string
	}{
		{Helodnscheck{Flags: "PLX"}, `'X' is not a letter of HELO_DNS_CHECK in the first generation (PBLHRDVI): use P, B, L, H, R, D, V, I`},
		{Helodnscheck{Flags: "plriv"}, `'p' is not a letter`},
		{Helodnscheck{Flags: "GZ"}, `'Z' is not a letter of HELO_DNS_CHECK in the later releases (GANB and LHDRP): use G, A, N, B`},
		{Helodnscheck{Flags: "G", Generation: Seed}, `'G' is not a letter of HELO_DNS_CHECK in the first generation`},
		{Helodnscheck{Flags: "G", Generation: "third"}, `"third" is not a generation of helodnscheck: use seed or later`},
		{Helodnscheck{Flags: "L\x1b[2J"}, `'\x1b' is not a letter`},
	} {
		if _, err := one.h.Import(); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%+v: %v, want %s", one.h, err, one.want)
		}
	}
}
