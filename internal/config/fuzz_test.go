package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	toml "github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"
)

// FuzzParse: whatever the file and a variable hold, what is taken is TOML and can be written and read back, and what is
// refused is refused in printable words that name a place.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.toml", "testdata/good/*.toml", "example.toml", "testdata/shown*.toml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) < 1<<16 {
				f.Add(data, "")
			}
		}
	}
	for _, env := range []string{
		"HELOGATE_DNS__SERVERS=127.0.0.1, ::1", `HELOGATE_EXEMPT=[{ name = "a.example" }]`, "HELOGATE_EXEMPT__0__UNTIL=2027-06-30",
		"HELOGATE_LISTS__A=/b", `HELOGATE_POLICY__REPLIES={ "a rule" = "{why}" }`, "HELOGATE_LISTEN__0__CHECKS__FCRDNS=drop",
		"HELOGATE_POLICY__FOR__0__RECIPIENT=a@b.example", "HELOGATE_HEADERS__X_HELO=true", "HELOGATE_CONTROL__SOCKET=none",
		"HELOGATE_POLICY__CHECKS__FCRDNS__PASS=score -1", "HELOGATE_LISTEN__0__PERMISSIONS=0600", "HELOGATE_X__Y=1",
	} {
		f.Add([]byte("[[exempt]]\nname = \"a.example\"\n"), env)
	}
	f.Fuzz(func(t *testing.T, data []byte, env string) {
		c, err := Parse("helogate.toml", data, options(env))
		if err != nil {
			checkPrintable(t, err.Error())
			var list Errors
			if !errors.As(err, &list) || len(list) == 0 || len(list) > most+1 {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		isTOML(t, strings.TrimPrefix(string(data), "\xef\xbb\xbf"))
		roundTrip(t, c)
		for i := range c.Rule {
			for offset := range len(c.Rule[i].When) + 2 {
				checkPrintable(t, c.ErrorIn(fmt.Sprintf("rule[%d].when", i), offset, 1, "no").Error())
			}
		}
	})
}

// isTOML holds what was taken to the library's own reading: ours must not be laxer than the standard.
func isTOML(t *testing.T, text string) {
	t.Helper()
	if err := toml.Unmarshal([]byte(text), new(map[string]any)); err != nil {
		t.Fatalf("this is taken and no TOML: %v\n%s", err, text)
	}
}

// TestRoundTripOfAny writes and reads back configurations that no file gave.
func TestRoundTripOfAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		pick := func(words ...string) string { return rapid.SampledFrom(words).Draw(r, "word") }
		some := func(words ...string) []string {
			if list := rapid.SliceOfN(rapid.SampledFrom(words), 0, 3).Draw(r, "words"); len(list) > 0 {
				return list
			}
			return nil
		}
		lines := "mode = " + quote(pick("shadow", "enforce")) + "\n[policy]\nbad_helo = ["
		for _, s := range rapid.SliceOfN(rapid.String(), 0, 4).Draw(r, "patterns") {
			if _, err := parsePattern(s); err == nil {
				lines += quote(s) + ", "
			}
		}
		lines += "]\npreset = " + quote(pick(options().Presets...)) + "\n"
		c, err := Parse("any.toml", []byte(lines), options())
		if err != nil {
			r.Fatalf("%s\n%v", lines, err)
		}
		c.DNS.Timeout = time.Duration(rapid.Int64Range(int64(10*time.Millisecond), int64(time.Minute)).Draw(r, "timeout"))
		c.DNS.Budget = 5 * time.Minute
		c.DNS.CacheSize = Size(rapid.Int64Range(1<<20, 1<<40).Draw(r, "size"))
		c.Own.Names = some("a.example", "b.example")
		until := time.Unix(rapid.Int64Range(1e9, 3e10).Draw(r, "until"), rapid.Int64Range(0, 1e9-1).Draw(r, "ns")).In(berlin)
		if rapid.Bool().Draw(r, "whole day") {
			until = dayAfter(until.Year(), until.Month(), until.Day(), berlin)
		}
		c.Exempt = []Exempt{{Name: names("a.example"), Sender: mailboxes(some("a@b.example", ".x")...), Comment: rapid.String().Draw(r, "comment"), Until: until}}
		anyNested(r, c)
		back, err := Parse("any.toml", []byte(c.String()), options())
		if err != nil {
			r.Fatalf("%s\n%v", c, err)
		}
		if !equal(c, back) {
			r.Fatalf("%s\nis read back as\n%s", c, back)
		}
	})
}

// anyNested gives tables within tables, and entries with names of the administrator's.
func anyNested(r *rapid.T, c *Config) {
	oneOf := func(s ...string) string { return rapid.SampledFrom(s).Draw(r, "word") }
	checks := func() Checks {
		all := Checks{}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"client-mx", "fcrdns", "helo-dns", "spf-from"}), 0, 3).Draw(r, "checks") {
			a, err := helogate.ParseEffect(oneOf("note", "score 3", "would reject", "score -1"))
			if err != nil {
				r.Fatal(err)
			}
			all[name] = map[helogate.Outcome]helogate.Effect{rapid.SampledFrom(helogate.Outcomes).Draw(r, "outcome"): a}
		}
		if len(all) == 0 {
			return nil
		}
		return all
	}
	c.Lists = map[string]string{oneOf("a", "A-b_1"): "/" + rapid.StringMatching(`[^\x00]*`).Draw(r, "path")}
	name := rapid.StringMatching(`[!-~]([ -~]{0,20}[!-~])?`).Filter(func(s string) bool {
		return !strings.ContainsAny(s, `,;="`) && !slices.Contains(append(options().Checks, notChecks...), s)
	}).Draw(r, "rule")
	when := rapid.String().Filter(func(s string) bool { return strings.TrimSpace(s) != "" }).Draw(r, "when")
	c.Rule = []Rule{{Name: name, When: when, Then: helogate.Effect{Action: helogate.AddScore, Score: 7}, Note: oneOf("", "it's {so}")}}
	c.Policy.Replies = map[string]string{name: "{why}", "score": oneOf("no, {helo}", `a"b\c`)}
	c.Policy.Checks, c.Policy.Footer = checks(), oneOf("", "{id}")
	c.Policy.For = []For{{Recipient: mailboxes("a@b.example"), Checks: checks()}, {Recipient: mailboxes(".c.example"), Mode: Enforce, Checks: checks()}}
	c.Listen = []Listen{{Protocol: "http", Address: Endpoint{"unix", "/a b"}, Permissions: 0o600, Mode: Shadow, Checks: checks()}, {Protocol: "exim", Address: Endpoint{"tcp", "[::1]:1"}, Checks: checks()},
		{Protocol: "nginx", Address: Endpoint{"tcp", "[::1]:2"}, Nginx: ListenNginx{netip.MustParseAddrPort("[::1]:25")}},
		{Protocol: "http", Address: Endpoint{"tcp", "[::1]:3"}, HTTP: ListenHTTP{"/etc/token \\"}}}
	c.Headers.XHelo, c.Control.Watch = rapid.Bool().Draw(r, "x"), rapid.Bool().Draw(r, "watch")
	if rapid.Bool().Draw(r, "none") {
		c.Control.Socket, c.Control.Permissions = "none", 0
	}
}

// TestTypos: a letter dropped or changed anywhere in a good file must never bring the parser down, and what it then
// refuses it refuses at a place.
func TestTypos(t *testing.T) {
	for i := range len(Example) {
		for _, with := range []string{"", []string{"x", "\"", "\n", "[", "\x1b"}[i%5]} {
			bad := Example[:i] + with + Example[i+1:]
			c, err := Parse("helogate.toml", []byte(bad), options())
			if err == nil {
				isTOML(t, bad)
				roundTrip(t, c)
				continue
			}
			checkPrintable(t, err.Error())
			if !strings.HasPrefix(err.Error(), "helogate.toml:") {
				t.Fatalf("no place: %v", err)
			}
		}
	}
}
