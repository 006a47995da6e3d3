package policy

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
)

var options = config.Options{Checks: check.Names(), Presets: check.Presets, Protocols: []string{"postfix"}, Location: time.UTC}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("helogate.toml", []byte(text), options)
	if err != nil {
		t.Fatalf("%s:\n%v", text, err)
	}
	return c
}

// refused is the error by which a configuration is refused, by the first who reads it.
func refused(text string) error {
	c, err := config.Parse("helogate.toml", []byte(text), options)
	if err == nil {
		_, err = Build(c)
	}
	return err
}

func build(t *testing.T, text, preset string) *helogate.Policy {
	t.Helper()
	c := parse(t, text)
	if preset != "" {
		c.Policy.Preset = preset
	}
	return mustBuild(t, c).General.Default.Policy
}

func mustBuild(t *testing.T, c *config.Config) *Policies {
	t.Helper()
	p, err := Build(c)
	if err != nil {
		t.Fatalf("%s:\n%v", c, err)
	}
	return p
}

// actions words what a policy makes of a check: "fail = reject, temperror = note"; "" where it does not run it.
func actions(p *helogate.Policy, name string) string {
	for _, l := range p.Lines() {
		if l.Check.Name != name {
			continue
		}
		var out []string
		for _, o := range helogate.Outcomes {
			if a, ok := l.On[o]; ok {
				out = append(out, fmt.Sprintf("%s = %s", o, a))
			}
		}
		return strings.Join(out, ", ")
	}
	return ""
}

// TestChecks: what [policy.checks] changes of a preset.
func TestChecks(t *testing.T) {
	for _, c := range []struct{ preset, name, setting, want string }{
		{"balanced", "fcrdns", ``, "fail = score 2"},
		{"balanced", "fcrdns", `"reject"`, "fail = reject"},
		{"balanced", "fcrdns", `"would reject"`, "fail = would reject"},
		{"balanced", "fcrdns", `"ignore"`, ""},
		{"balanced", "fcrdns", `{ softfail = "note" }`, "softfail = note, fail = score 2"},
		{"balanced", "fcrdns", `{ fail = "reject", temperror = "note" }`, "fail = reject, temperror = note"},
		{"balanced", "fcrdns", `{ temperror = "note" }`, "fail = score 2, temperror = note"},
		// An action on pass stays when fail gets another.
		{"balanced", "helo-matches", ``, "pass = score -1, fail = note"},
		{"balanced", "helo-matches", `"score 1"`, "pass = score -1, fail = score 1"},
		{"balanced", "helo-matches", `{ pass = "score -2" }`, "pass = score -2, fail = note"},
		{"balanced", "helo-matches", `"ignore"`, ""},
		// The preset's temperror goes with its fail, and stays where fail does.
		{"balanced", "own-name", ``, "fail = reject, temperror = score 2"},
		{"balanced", "own-name", `"defer"`, "fail = defer"},
		{"balanced", "own-name", `{ temperror = "defer" }`, "fail = reject, temperror = defer"},
		{"balanced", "own-name", `{ neutral = "note" }`, "neutral = note, fail = reject, temperror = score 2"},
		{"balanced", "own-name", `{ fail = "ignore", temperror = "score 1" }`, "fail = ignore, temperror = score 1"},
		// What a preset does not run may be asked for.
		{"lenient", "rdns", ``, ""},
		{"lenient", "rdns", `"reject"`, "fail = reject"},
		// Who lets in may be told not to.
		{"balanced", "postmaster", ``, "pass = accept"},
		{"balanced", "postmaster", `"ignore"`, ""},
		{"balanced", "abuse", `{ pass = "note" }`, "pass = note"},
	} {
		text := fmt.Sprintf("mode = \"enforce\"\n[policy]\npreset = %q\n", c.preset)
		if c.setting != "" {
			text += fmt.Sprintf("[policy.checks]\n%s = %s\n", c.name, c.setting)
		}
		if got := actions(build(t, text, ""), c.name); got != c.want {
			t.Errorf("%s, %s = %s: %s, want %s", c.preset, c.name, c.setting, got, c.want)
		}
	}
}

// TestChecksLeaveTheOthers: a setting of one check is not one of another, nor of a policy built before.
func TestChecksLeaveTheOthers(t *testing.T) {
	plain := build(t, `mode = "enforce"`, "")
	build(t, "mode = \"enforce\"\n[policy.checks]\nrdns = { pass = \"accept\", fail = \"drop\" }", "")
	again := build(t, "mode = \"enforce\"\n[policy.checks]\nfqdn = \"note\"", "")
	for _, name := range check.Names() {
		if got, want := actions(again, name), actions(plain, name); name != "fqdn" && got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestTempErrorOfFail: what a failure of DNS does follows from what fail does, unless it is said.
func TestTempErrorOfFail(t *testing.T) {
	zone := helogate.MustZone("192.0.2.1 PTR tempfail")
	f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "mx.example.org"}
	for _, c := range []struct{ setting, want string }{
		{`"reject"`, "defer"},
		{`"would reject"`, "would defer"},
		{`"score 2"`, "score 2"},
		{`"note"`, "note"},
		{`{ fail = "reject", temperror = "note" }`, "note"},
		{`{ fail = "reject", temperror = "score 1" }`, "score 1"},
	} {
		p := build(t, "mode = \"enforce\"\n[policy.checks]\nrdns = "+c.setting, "lenient")
		v := p.Judge(t.Context(), f, zone)
		i := slices.IndexFunc(v.Findings, func(f helogate.Finding) bool { return f.Check == "rdns" })
		if i < 0 || v.Findings[i].Outcome != helogate.TempError || v.Findings[i].Effect.String() != c.want {
			t.Errorf("rdns = %s: %v, want temperror and %s", c.setting, v.Findings, c.want)
		}
	}
}

// TestPresets: each listener has the preset that it names, and else that of [policy]; all of them are those of package
// check.
func TestPresets(t *testing.T) {
	for _, name := range check.Presets {
		lines, at, err := check.Lines(name, check.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"", "lenient", "hardline"} { // of [policy]
			text, listener := `mode = "enforce"`, name
			if other != "" {
				text += "\n[policy]\npreset = \"" + other + "\""
			}
			p := build(t, text, listener)
			if p.Thresholds != at {
				t.Errorf("%s: thresholds %+v, want %+v", name, p.Thresholds, at)
			}
			for _, l := range lines {
				want := helogate.Line{Check: l.Check, On: l.On}
				if q, err := helogate.NewPolicy(at, want); err != nil || actions(p, l.Check.Name) != actions(q, l.Check.Name) {
					t.Errorf("%s beside %s: %s is %s", name, other, l.Check.Name, actions(p, l.Check.Name))
				}
			}
		}
		own := build(t, "mode = \"enforce\"\n[policy]\npreset = \""+name+"\"", "")
		if own.Thresholds != at || actions(own, "helo-missing") != actions(build(t, `mode = "enforce"`, name), "helo-missing") {
			t.Errorf("%s of [policy] is not in force", name)
		}
	}
	severe := parse(t, "")
	severe.Policy.Preset = "severe"
	if _, err := Build(severe); err == nil || err.Error() != `"severe" is no preset: lenient, rfc, strict, balanced, hardline` {
		t.Errorf("a preset that is none: %v", err)
	}
	if d := config.Default().Policy.Preset; d != check.DefaultPreset {
		t.Errorf("the configuration begins with %s, the checks with %s", d, check.DefaultPreset)
	}
}

// TestPresetsInTheManual: the manual names the presets that there are.
func TestPresetsInTheManual(t *testing.T) {
	page, err := os.ReadFile("../config/config.go")
	if err != nil {
		t.Fatal(err)
	}
	quoted := make([]string, len(check.Presets))
	for i, name := range check.Presets {
		quoted[i] = "`" + name + "`"
	}
	n := len(quoted)
	want := "The actions to start from: " + strings.Join(quoted[:n-1], ", ") + " or " + quoted[n-1] + "."
	if !strings.Contains(string(page), want) {
		t.Errorf("config.Policy.Preset does not say %s", want)
	}
}

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		policy string
		want   helogate.Thresholds
	}{
		{``, helogate.Thresholds{GreylistAt: 2, RejectAt: 5}},
		{`greylist_at = 3`, helogate.Thresholds{GreylistAt: 3, RejectAt: 5}},
		{`reject_at = 7`, helogate.Thresholds{GreylistAt: 2, RejectAt: 7}},
		{"greylist_at = 0\nreject_at = 0", helogate.Thresholds{}},
		{`preset = "strict"`, helogate.Thresholds{}},
		{"preset = \"strict\"\nreject_at = 4", helogate.Thresholds{RejectAt: 4}},
	} {
		if got := build(t, "[policy]\n"+c.policy, "").Thresholds; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.policy, got, c.want)
		}
	}
}

// TestMode: in shadow mode, which is the default, nothing is in force; what would be is told.
func TestMode(t *testing.T) {
	f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "localhost"}
	for _, c := range []struct {
		mode        string
		real, trial helogate.Action
	}{
		{``, helogate.Continue, helogate.Drop},
		{`mode = "shadow"`, helogate.Continue, helogate.Drop},
		{`mode = "enforce"`, helogate.Drop, helogate.Drop},
	} {
		p := build(t, c.mode, "hardline")
		v := p.Judge(t.Context(), f, helogate.MustZone(""))
		if v.Action != c.real || v.DryRun.Action != c.trial {
			t.Errorf("%s: %s, and on trial %s; want %s and %s", c.mode, v.Action, v.DryRun.Action, c.real, c.trial)
		}
		for _, l := range p.Lines() {
			for o, a := range l.On {
				if a.DryRun == (c.mode == `mode = "enforce"`) {
					t.Errorf("%s: %s on %s is %s", c.mode, l.Check.Name, o, a)
				}
			}
		}
	}
}

// TestSettings: what the configuration knows reaches the checks, in the form that they compare in.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "badhelo")
	if err := os.WriteFile(file, []byte("# ours\n\nylmf-pc\n^dsl[0-9]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
mode = "enforce"
[own]
names     = ["Example.NET."]
addresses = ["203.0.113.25"]
networks  = ["198.51.100.0/24"]
[policy]
url            = "https://example.net/why/{id}"
bad_helo       = [".bad.example", "/^evil/"]
bad_helo_files = [%q]
impersonated   = ["mybank.example"]
`, file)
	p := build(t, text, "strict")
	for _, c := range []struct{ client, helo, want string }{
		{"192.0.2.1", "x.bad.example", "reject bad-helo"},
		{"192.0.2.1", "evil.example.org", "reject bad-helo"},
		{"192.0.2.1", "dsl7.example.org", "reject bad-helo"},
		{"192.0.2.1", "mx.EXAMPLE.net", "reject own-name"},
		{"192.0.2.1", "[203.0.113.25]", "reject own-identity"},
		{"192.0.2.1", "www.mybank.example", "reject rdns"}, // and impersonation, see below
		{"198.51.100.7", "localhost", "accept own-network"},
	} {
		f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr(c.client), Verb: "EHLO", Helo: c.helo,
			Sender: "jane@example.org", Recipient: "john@example.com"}
		v := p.Judge(t.Context(), f, helogate.MustZone(""))
		if got := v.Action.String() + " " + v.By; got != c.want {
			t.Errorf("%s %s: %s, want %s", c.client, c.helo, got, c.want)
		}
		if v.Action == helogate.Reject && !strings.HasSuffix(v.Reply.Text, " https://example.net/why/"+v.ID+" Questions: postmaster@example.com") {
			t.Errorf("%s %s: no page is named: %s", c.client, c.helo, v.Reply)
		}
		for _, found := range v.Findings {
			if found.Check == "impersonation" && (found.Outcome == helogate.Fail) != (c.helo == "www.mybank.example") {
				t.Errorf("%s %s: impersonation %s", c.client, c.helo, found)
			}
		}
	}
}

// TestExemptions: every field arrives, in the form in which it is compared, and all of them must match.
func TestExemptions(t *testing.T) {
	c := parse(t, `
[[exempt]]
address   = ["192.0.2.0/24", "2001:db8::1"]
name      = "Mail.Example.ORG."
helo      = [".Example.org", "exchange"]
sender    = ["Jane@Example.org", ".Example.com"]
recipient = "example.NET"
comment   = "since 2016"
until     = 2027-06-30
`)
	m, err := gatherInputs(c)
	if err != nil {
		t.Fatal(err)
	}
	names := func(texts ...string) (out []check.NamePattern) {
		for _, text := range texts {
			p, _ := check.ParseNamePattern(text)
			out = append(out, p)
		}
		return out
	}
	mailboxes := func(texts ...string) (out []check.MailboxPattern) {
		for _, text := range texts {
			p, _ := check.ParseMailboxPattern(text)
			out = append(out, p)
		}
		return out
	}
	want := []check.Exemption{{
		Addresses:  []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
		Names:      names("mail.example.org"),
		Helos:      names(".example.org", "exchange"),
		Senders:    mailboxes("Jane@example.org", ".example.com"),
		Recipients: mailboxes("example.net"),
		Comment:    "since 2016",
		Until:      time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC),
	}}
	if !reflect.DeepEqual(want, m.settings.Exempt) {
		t.Errorf("got %v, want %v", m.settings.Exempt, want)
	}
}

// TestExempt: who is exempt, and by what.
func TestExempt(t *testing.T) {
	zone := helogate.MustZone(`
		192.0.2.9        PTR  mx.example.org
		mx.example.org   A    192.0.2.9
		192.0.2.10       PTR  mx.example.org`)
	for _, c := range []struct{ entry, client, helo, from, to, want string }{
		{`address = "192.0.2.0/24"`, "192.0.2.1", "localhost", "j@example.com", "j@example.net", "accept"},
		{`address = "192.0.2.0/24"`, "192.0.3.1", "localhost", "j@example.com", "j@example.net", "drop"},
		{`name = ".example.org"`, "192.0.2.9", "localhost", "j@example.com", "j@example.net", "accept"},
		{`name = ".example.org"`, "192.0.2.10", "localhost", "j@example.com", "j@example.net", "drop"}, // not confirmed
		{`helo = "LOCALHOST"`, "192.0.2.1", "localhost", "j@example.com", "j@example.net", "accept"},
		{`sender = ".example.com"`, "192.0.2.1", "localhost", "j@list.example.com", "j@example.net", "accept"},
		{`recipient = "J@example.net"`, "192.0.2.1", "localhost", "j@example.com", "j@Example.NET", "accept"},
		{`recipient = "J@example.net"`, "192.0.2.1", "localhost", "j@example.com", "k@example.net", "drop"},
		{"helo = \"localhost\"\nsender = \"example.org\"", "192.0.2.1", "localhost", "j@example.com", "j@example.net", "drop"},
		{"address = \"192.0.2.1\"\nuntil = 2020-01-01", "192.0.2.1", "localhost", "j@example.com", "j@example.net", "drop"},
	} {
		p := build(t, "mode = \"enforce\"\n[[exempt]]\n"+c.entry, "hardline")
		f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Client: netip.MustParseAddr(c.client),
			Verb: "EHLO", Helo: c.helo, Sender: c.from, Recipient: c.to}
		if got := p.Judge(t.Context(), f, zone).Action.String(); got != c.want {
			t.Errorf("%s: %s %s <%s> <%s>: %s, want %s", c.entry, c.client, c.helo, c.from, c.to, got, c.want)
		}
	}
}

// TestErrors: what only the checks know to be wrong has its place in the file, too; all of it is told at once.
func TestErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "badhelo")
	if err := os.WriteFile(bad, []byte("fine.example\n[\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       []string // lines
	}{
		{"a pattern", "[policy]\nbad_helo = [\"fine\", \"/(/\"]\n", []string{
			"helogate.toml:2:21: policy.bad_helo[1]: \"/(/\": error parsing regexp: missing closing ): `(?i)(`",
			`  2 | bad_helo = ["fine", "/(/"]`,
			`    |                     ^~~~~`,
		}},
		{"no file", "[policy]\nbad_helo_files = [\"/nonexistent/badhelo\"]\n", []string{
			"helogate.toml:2:19: policy.bad_helo_files[0]: open /nonexistent/badhelo: no such file or directory",
			`  2 | bad_helo_files = ["/nonexistent/badhelo"]`,
			`    |                   ^~~~~~~~~~~~~~~~~~~~~~`,
		}},
		{"a line of a file", fmt.Sprintf("[policy]\nbad_helo_files = [%q]\n", bad), []string{
			"helogate.toml:2:19: policy.bad_helo_files[0]: " + bad + ":2: \"[\": error parsing regexp: missing closing ]: `[`",
			fmt.Sprintf(`  2 | bad_helo_files = [%q]`, bad),
			`    |                   ^` + strings.Repeat("~", len(bad)+1),
		}},
		{"several", "[policy]\nbad_helo_files = [\"/nonexistent/badhelo\"]\norder = [\"abuse\"]\nlists.x = 1\nbad_helo = [\"/(/\"]\n", []string{
			"helogate.toml:4:1: policy: unknown key \"lists\" in [policy]; did you mean [lists]?",
			`  4 | lists.x = 1`,
			`    | ^~~~~`,
			"helogate.toml:5:13: policy.bad_helo[0]: \"/(/\": error parsing regexp: missing closing ): `(?i)(`",
			`  5 | bad_helo = ["/(/"]`,
			`    |             ^~~~~`,
		}},
		{"several beside the file", "[policy]\nbad_helo_files = [\"/nonexistent/badhelo\"]\n[lists]\nx = \"/nonexistent/list\"\n", []string{
			"helogate.toml:2:19: policy.bad_helo_files[0]: open /nonexistent/badhelo: no such file or directory",
			`  2 | bad_helo_files = ["/nonexistent/badhelo"]`,
			`    |                   ^~~~~~~~~~~~~~~~~~~~~~`,
			"helogate.toml:4:5: lists.x: list: stat /nonexistent/list: no such file or directory",
			`  4 | x = "/nonexistent/list"`,
			`    |     ^~~~~~~~~~~~~~~~~~~`,
		}},
	} {
		err := refused(c.text)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if d := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestNoFailureOfDNSRejects: a temperror that would reject is an error.
func TestNoFailureOfDNSRejects(t *testing.T) {
	for _, action := range []string{"reject", "drop", "would reject"} {
		err := refused("[policy.checks]\nfcrdns = { fail = \"note\", temperror = \"" + action + "\" }\n")
		if err == nil || !strings.HasPrefix(err.Error(), "helogate.toml:2:") || !strings.Contains(err.Error(), "temperror") {
			t.Errorf("temperror = %s: %v", action, err)
		}
	}
}

// TestTooLate: before RCPT, a client is refused before much is known of it.
func TestTooLate(t *testing.T) {
	exempt := `
[[exempt]]
address = "192.0.2.1"
[[exempt]]
helo    = "localhost"
[[exempt]]
address = "192.0.2.2"
sender  = "example.org"
comment = "the bank"
[[exempt]]
recipient = "example.net"
`
	for _, c := range []struct{ stage, exempt, want string }{
		{"rcpt", exempt, ""},
		{"mail", "", "reject_at_stage is mail: these can accept only later, which is too late: postmaster, abuse"},
		{"helo", "", "reject_at_stage is helo: these can accept only later, which is too late: authenticated, postmaster, abuse"},
		{"mail", exempt, "reject_at_stage is mail: these can accept only later, which is too late: postmaster, abuse, exempt 4"},
		{"helo", exempt, "reject_at_stage is helo: these can accept only later, which is too late: authenticated, postmaster, abuse, " +
			"exempt 3 (the bank), exempt 4"},
		{"connect", exempt, "reject_at_stage is connect: these can accept only later, which is too late: authenticated, postmaster, abuse, helo-matches, spf-helo, " +
			"exempt 2, exempt 3 (the bank), exempt 4"},
	} {
		parsed := parse(t, "[policy]\nreject_at_stage = \""+c.stage+"\"\n"+c.exempt)
		got := strings.Join(Warnings(parsed, mustBuild(t, parsed), day), "\n")
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.stage, got, c.want)
		}
	}
}

// aList is one that the presets which weigh reject by, and lenient does not ask.
const aList = "[[dnsbl]]\nzone = \"bl.example\"\ncodes = \"127.0.0.2\"\n"

// day is when warnings are asked for.
var day = time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)

// TestWarnings: a valid setting that does not do what was meant has a warning, a line each.
func TestWarnings(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "[[exempt]]\naddress = \"192.0.2.1\"\n[[exempt]]\naddress = \"192.0.2.2\"", ""},
		{"ended", "[[exempt]]\naddress = \"192.0.2.1\"\nuntil = 2026-05-03\ncomment = \"the bank\"\n[[forwarder]]\naddress = \"192.0.2.3\"\nuntil = 2026-05-03T10:00:00Z",
			"exempt 1 (the bank) ended at 2026-05-03 23:59:59 and accepts no client any more: remove it, or change its until\n" +
				"forwarder 1 ended at 2026-05-03 09:59:59 and accepts no client any more: remove it, or change its until"},
		{"ends today", "[[exempt]]\naddress = \"192.0.2.1\"\nuntil = 2026-05-04", ""},
		{"in conflict", "[[exempt]]\naddress = \"192.0.2.1\"\nuntil = 2026-06-01\n[[exempt]]\naddress = \"192.0.2.1/32\"\nuntil = 2026-07-01",
			"exempt 1 and exempt 2 match the same clients and end at different times: the later end counts"},
		{"within another", "[[exempt]]\naddress = \"192.0.2.0/24\"\n[[exempt]]\naddress = \"192.0.2.7\"\nsender = \"example.org\"",
			"exempt 2 has no effect: exempt 1 accepts the same clients"},
		{"within a later one", "[[exempt]]\nname = \"a.b.example\"\nuntil = 2026-06-01\n[[exempt]]\nname = \".B.example\"",
			"exempt 1 has no effect: exempt 2 accepts the same clients"},
		{"beyond the other's end", "[[exempt]]\naddress = \"192.0.2.0/24\"\nuntil = 2026-06-01\n[[exempt]]\naddress = \"192.0.2.7\"", ""},
		{"too late for recipients", "policy.reject_at_stage = \"mail\"\n[policy.checks]\npostmaster = { pass = \"note\" }\nabuse = { pass = \"note\" }\n[[policy.for]]\nrecipient = \"bob@example.net\"",
			"reject_at_stage is mail: these can accept only later, which is too late: policy.for 1 (bob@example.net)"},
		{"an origin that no listener shows", "[[forwarder]]\naddress = \"192.0.2.3\"\norigin = true",
			"forwarder 1: no listener shows the origin of its mail, so its mail is accepted without a check; if the MTA supports XCLIENT, let the forwarder send the origin with it"},
		{"a greylist's exemption ended", "[[greylist.exempt]]\naddress = \"192.0.2.1\"\nuntil = 2026-05-03",
			"greylist.exempt 1 ended at 2026-05-03 23:59:59 and no longer prevents greylisting: remove it, or change its until"},
		{"a forwarder and a greylist's exemption, twice", "[[forwarder]]\naddress = \"192.0.2.3\"\n[[forwarder]]\naddress = \"192.0.2.4\"\n" +
			"[[forwarder]]\naddress = \"192.0.2.3/32\"\ncomment = \"again\"\n[[greylist.exempt]]\nname = \"a.example\"\n[[greylist.exempt]]\nname = \"A.example.\"",
			"forwarder 3 (again) repeats forwarder 1: remove one of them\n" +
				"greylist.exempt 2 repeats greylist.exempt 1: remove one of them"},
		{"an exemption twice", "[[exempt]]\naddress = \"192.0.2.1\"\n[[exempt]]\naddress = \"192.0.2.1\"\ncomment = \"again\"",
			"exempt 2 (again) has no effect: exempt 1 accepts the same clients"},
		{"lists that are asked", aList + "[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"", ""},
		{"lists that no policy asks", "policy.preset = \"lenient\"\n" + aList + "[[dnsbl]]\nzone = \"b.example\"\ncodes = \"127.0.0.2\"\nthen = \"note\"\n" +
			"[[rhsbl]]\nzone = \"c.example\"\nname = \"c\"\ncodes = \"127.0.0.2\"\n",
			"dnsbl 1 (bl.example) is never used, since its action is ignore: give it an action with then, or give one to dnsbl in [policy.checks]\n" +
				"rhsbl 1 (c) is never used, since its action is ignore: give it an action with then, or give one to rhsbl in [policy.checks]"},
		{"lists that a listener asks", "policy.preset = \"lenient\"\n" + aList + "[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:1\"\nchecks = { dnsbl = \"note\" }", ""},
		{"lists that a rule asks", "policy.preset = \"lenient\"\n" + aList + "[[rule]]\nname = \"r\"\nwhen = 'checks[\"dnsbl\"] == \"fail\"'\nthen = \"note\"", ""},
		{"a list that a rule asks", "policy.preset = \"lenient\"\n" + aList + "[[rule]]\nname = \"r\"\nwhen = 'checks[\"dnsbl:bl.example\"] == \"fail\"'\nthen = \"note\"", ""},
		{"an allow-list turned off", "[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nthen = \"ignore\"",
			"dnswl 1 (wl.example) is never used, since its action is ignore: give it an action with then, or give one to dnswl in [policy.checks]"},
		{"callouts without domains", "[policy.checks]\ncallout = \"reject\"", "callout has no effect, since callout.domains is empty: name the domains"},
		{"callouts to postmasters without domains", "[policy.checks]\ncallout-postmaster = \"note\"", "callout-postmaster has no effect, since callout.domains is empty: name the domains"},
		{"callouts without an action", "callout.domains = [\"*\"]",
			"callout.domains has no effect, since callout and callout-postmaster are ignore: give one of them an action in [policy.checks]"},
		{"callouts with an action", "callout.domains = [\"*\"]\n[policy.checks]\ncallout-postmaster = \"note\"", ""},
		{"callouts that a rule makes", "callout.domains = [\"*\"]\n[[rule]]\nname = \"r\"\nwhen = 'checks[\"callout\"] == \"fail\"'\nthen = \"note\"", ""},
		{"no greylisting", "[policy.checks]\ngreylist = \"ignore\"", ""}, // greylist_at of a preset does not count
		{"no greylisting, and actions that greylist", "policy.greylist_at = 3\n[policy.checks]\ngreylist = \"ignore\"\nfqdn = \"would greylist\"\n" +
			"[[rule]]\nname = \"r\"\nwhen = 'helo.text == \"x\"'\nthen = \"greylist\"",
			"greylist_at is 3, and greylisting is off: these clients are accepted\nr greylists, and greylisting is off: these clients are accepted\n" +
				"fqdn greylists, and greylisting is off: these clients are accepted"},
		{"no greylisting at one listener", "[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:1\"\nchecks = { greylist = \"ignore\", fqdn = \"greylist\" }",
			"fqdn greylists, and greylisting is off: these clients are accepted"},
	} {
		parsed := parse(t, c.text)
		if got := strings.Join(Warnings(parsed, mustBuild(t, parsed), day), "\n"); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestRules: rules stand behind what lets in and before all else, those on the score at the end, and what they read
// runs.
func TestRules(t *testing.T) {
	relays := filepath.Join(t.TempDir(), "relays")
	if err := os.WriteFile(relays, []byte("198.51.100.0/24 # partners\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := parse(t, `
mode = "enforce"
policy.preset = "lenient"
lists.relays = "`+relays+`"
[[rule]]
name = "partners"
when = 'client in list("relays")'
then = "accept"
[[rule]]
name = "much"
when = 'score >= 3'
then = "reject"
[[rule]]
name = "no name"
when = 'sender == "" && checks["rdns"] == "fail"'
then = "reject"
note = "bounces come from hosts with a name"
[[rule]]
name = "odd"
when = 'helo.text.contains("odd")'
then = "score 3"
`)
	p := mustBuild(t, c).General.Default
	var order []string
	for _, l := range p.Lines() {
		switch name := l.Check.Name; name {
		case "abuse", "partners", "no name", "odd", "helo-missing", "much":
			order = append(order, name)
		}
	}
	if got := strings.Join(order, ", "); got != "abuse, partners, no name, odd, helo-missing, much" {
		t.Errorf("the order is %s", got)
	}
	if got := actions(p.Policy, "rdns"); got != "" {
		t.Errorf("rdns, which a rule reads and lenient ignores, is a line of its own: %s", got)
	}
	asks := func(sender string) (n int) {
		f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Helo: "mx.example.org", Sender: sender}
		for _, qa := range p.Judge(t.Context(), f, helogate.MustZone("")).Asked {
			if qa.Kind == helogate.PTR {
				n++
			}
		}
		return n
	}
	if asks("") != 1 || asks("a@b.example") != 0 {
		t.Errorf("rdns runs when the rule comes to it: %d, %d", asks(""), asks("a@b.example"))
	}
	zone := helogate.MustZone("192.0.2.1 PTR mx.example.org\n192.0.2.3 PTR tempfail")
	for client, want := range map[string]string{
		"192.0.2.1 mx.example.org": "continue ", "192.0.2.2 mx.example.org": "reject no name", "192.0.2.3 mx.example.org": "defer no name",
		"198.51.100.7 192.0.2.99": "accept partners", "192.0.2.1 odd.example.org": "reject much", "192.0.2.2 mx.example.org a@b.example": "continue ",
	} {
		f := append(strings.Fields(client), "")
		v := p.Judge(t.Context(), helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr(f[0]), Helo: f[1], Sender: f[2]}, zone)
		if got := v.Action.String() + " " + v.By; got != want {
			t.Errorf("%s: %s, want %s; %v", client, got, want, v.Findings)
		}
		if v.By == "no name" && v.Action == helogate.Reject && !strings.Contains(v.Reply.Text, "bounces come from hosts with a name") {
			t.Error(v.Reply)
		}
	}
}

// TestRuleThatDefers: what an administrator says of a failure is what the client reads, with the code of a deferral.
func TestRuleThatDefers(t *testing.T) {
	p := build(t, `
mode = "enforce"
policy.preset = "lenient"
[[rule]]
name = "silent"
when = 'ptr.status == "tempfail"'
then = "defer"
note = "your name servers do not answer"
`, "")
	f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Helo: "mx.example.org"}
	v := p.Judge(t.Context(), f, helogate.MustZone("192.0.2.1 PTR tempfail\nmx.example.org A 192.0.2.1"))
	if r := v.Reply; v.Action != helogate.Defer || r.Code != 451 || r.Enhanced != "4.7.1" || !strings.HasPrefix(r.Text, "your name servers do not answer") {
		t.Errorf("%s: %s", v.Action, v.Reply)
	}
}

// TestRuleErrors: what is wrong with a rule is shown where it stands, and so is a list that cannot be read.
func TestRuleErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("192.0.2.1\nno entry at all\n192.0.2.300\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Build(parse(t, "lists = { bad = \""+bad+"\", gone = \"/nonexistent/list\" }\n[[rule]]\nname = \"x\"\n"+
		"when = 'client in list(\"bad\") && cleint == ip(\"192.0.2.1\")'\nthen = \"reject\"\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"lists.bad: list " + bad + " is refused as a whole, because of these lines: line 2: ", "; line 3: ",
		"lists.gone: list: stat /nonexistent/list: no such file or directory",
		"helogate.toml:4:34: rule[0].when: ", "did you mean \"client\"?", "\n    |                                  ^~~~~~",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

// TestLayers: a recipient's own policy stands above the listener's, and that above everybody's.
func TestLayers(t *testing.T) {
	p := mustBuild(t, parse(t, `
mode = "shadow"
[policy]
preset = "lenient"
[policy.checks]
rdns   = "score 1"
fcrdns = "score 1"
fqdn   = "score 1"
[[policy.for]]
recipient = ["strict@example.net", ".lists.example.net"]
mode      = "enforce"
preset    = "hardline"
checks    = { fcrdns = "defer" }
[[policy.for]]
recipient = "example.net"
checks    = { fqdn = "defer" }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10040"
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10041"
preset   = "strict"
mode     = "enforce"
checks   = { rdns = "note" }
`))
	for _, c := range []struct {
		listener                        *ListenerPolicies
		recipient, preset, mode, layers string
		rdns, fcrdns, fqdn, missing     string
	}{
		{p.General, "", "lenient", "shadow", "policy", "fail = would score 1", "fail = would score 1", "fail = would score 1", "fail = would reject"},
		{p.Listeners[0], "", "lenient", "shadow", "policy listen[0]", "fail = would score 1", "fail = would score 1", "fail = would score 1", "fail = would reject"},
		{p.Listeners[1], "", "strict", "enforce", "policy listen[1]", "fail = note", "fail = score 1", "fail = score 1", "fail = reject"},
		{p.Listeners[1], "bob@example.com", "strict", "enforce", "policy listen[1]", "fail = note", "fail = score 1", "fail = score 1", "fail = reject"},
		{p.Listeners[1], "Strict@Example.net", "hardline", "enforce", "policy listen[1] policy.for[0]", "fail = note", "fail = defer", "fail = score 1", "fail = drop"},
		{p.Listeners[0], "a@x.lists.example.net", "hardline", "enforce", "policy listen[0] policy.for[0]", "fail = score 1", "fail = defer", "fail = score 1", "fail = drop"},
		{p.Listeners[0], "bob@example.net", "lenient", "shadow", "policy listen[0] policy.for[1]", "fail = would score 1", "fail = would score 1", "fail = would defer", "fail = would reject"},
		{p.Listeners[1], "bob@example.net", "strict", "enforce", "policy listen[1] policy.for[1]", "fail = note", "fail = score 1", "fail = defer", "fail = reject"},
	} {
		got := c.listener.Of(c.recipient)
		if got.Preset != c.preset || string(got.Mode) != c.mode || strings.Join(got.Layers, " ") != c.layers {
			t.Errorf("%s: preset %s, mode %s, of %v", c.recipient, got.Preset, got.Mode, got.Layers)
		}
		for name, want := range map[string]string{"rdns": c.rdns, "fcrdns": c.fcrdns, "fqdn": c.fqdn, "helo-missing": c.missing} {
			if is := actions(got.Policy, name); is != want {
				t.Errorf("%s of %v: %s is %s, want %s", c.recipient, got.Layers, name, is, want)
			}
		}
	}
}

// TestTempErrorOfLayers: what an administrator says of a temperror holds until he says something else of it; what the
// preset says of it speaks of its own action.
func TestTempErrorOfLayers(t *testing.T) {
	p := mustBuild(t, parse(t, `
mode = "enforce"
policy.preset = "balanced"
[policy.checks]
rdns = { fail = "score 3", temperror = "note" }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10040"
checks   = { rdns = "reject", own-name = "reject" }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10041"
checks   = { rdns = { fail = "reject", temperror = "defer" } }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10042"
checks   = { rdns = "ignore" }
`))
	for i, want := range []string{"fail = reject, temperror = note", "fail = reject, temperror = defer", ""} {
		if got := actions(p.Listeners[i].Default.Policy, "rdns"); got != want {
			t.Errorf("listener %d: rdns is %s, want %s", i, got, want)
		}
	}
	if got := actions(p.Listeners[0].Default.Policy, "own-name"); got != "fail = reject" {
		t.Errorf("own-name, whose temperror the preset words for its own action: %s", got)
	}
}

// TestErrorsOfLayers: what is wrong is said once, at its place.
func TestErrorsOfLayers(t *testing.T) {
	_, err := Build(parse(t, `
[policy.checks]
fcrdns = { fail = "note", temperror = "reject" }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10040"
checks   = { rdns = { temperror = "drop" } }
[[policy.for]]
recipient = "example.net"
checks    = { fqdn = { temperror = "drop" } }
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"policy.checks.fcrdns: ", "listen[0].checks.rdns: ", "policy.for[0].checks.fqdn: "} {
		if n := strings.Count(err.Error(), want); n != 1 {
			t.Errorf("%d times %s:\n%v", n, want, err)
		}
	}
}
