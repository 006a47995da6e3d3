package imports

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/policy"
)

//go:generate go test -run TestDifferences -update .

var update = flag.Bool("update", false, "write the tables of docs/import.md")

const pagePath = "../../docs/import.md"

// A parity is the verdict of an original about a client, and that of helogate with the imported configuration. Where
// the two differ, why says what is wrong with the original; docs/import.md has a table of these.
type parity struct {
	config         string // of the original
	client, helo   string
	original, ours string // "accepts", "refuses", "defers"
	why            string
}

// A failer is a test of package testing or rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// client is the client of most cases.
const client = "198.51.100.7"

// parse reads an imported configuration as `helogate config check` does.
func parse(t failer, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("imported", []byte(text), config.Options{
		Checks: check.Names(), Presets: check.Presets, Protocols: []string{"postfix"},
	})
	if err != nil {
		t.Fatalf("the configuration does not load: %v\n%s", err, text)
	}
	return c
}

// build makes the policy of an imported configuration.
func build(t failer, text string) *helogate.Policy {
	t.Helper()
	all, err := policy.Build(parse(t, text))
	if err != nil {
		t.Fatalf("the policy cannot be built: %v\n%s", err, text)
	}
	return all.General.Default.Policy
}

// example matches a setting that a configuration proposes.
var example = regexp.MustCompile(`(?m)^#([^ #])`)

// exampled makes the examples of a configuration settings.
func exampled(text string) string { return example.ReplaceAllString(text, "$1") }

// unwrapped is a file with its comments on one line each, for looking for words in it.
func unwrapped(text string) string {
	return regexp.MustCompile(`\n# +([^-^ ])`).ReplaceAllString(text, " $1")
}

// judge says what becomes of a client that wants to send mail to us, in words.
func judge(p *helogate.Policy, z helogate.Asker, client, helo string) (string, helogate.Verdict) {
	v := p.Judge(context.Background(), helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Unix(1700000000, 0), Client: netip.MustParseAddr(client), Verb: "EHLO", Helo: helo,
		Server: netip.MustParseAddrPort("192.0.2.1:25"), Sender: "jane@sender.example", Recipient: "bob@recipient.example",
	}, z)
	switch v.Action {
	case helogate.Reject, helogate.Drop:
		return "refuses", v
	case helogate.Defer:
		return "defers", v
	}
	return "accepts", v
}

// check judges a case, and holds it to the rule that a difference has a reason, and only a difference.
func (c parity) check(t *testing.T, p *helogate.Policy, z helogate.Asker) {
	t.Helper()
	from := c.client
	if from == "" {
		from = client
	}
	got, v := judge(p, z, from, c.helo)
	if got != c.ours {
		t.Errorf("%s: %s says %q: %s by %s, want %s\n%v", c.config, from, c.helo, got, v.By, c.ours, v.Findings)
	}
	if (c.original != c.ours) != (c.why != "") {
		t.Errorf("%s: %s says %q: the original %s, ours %s, and the reason is %q", c.config, from, c.helo, c.original, c.ours, c.why)
	}
}

// TestDifferences holds docs/import.md to the differences that the tests of parity judge by.
func TestDifferences(t *testing.T) {
	page, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for name, cases := range map[string][]parity{"helodnscheck": helodnscheckCases, "qpsmtpd": qpsmtpdCases, "wcsap": wcsapCases} {
		begin, end := "<!-- differences of "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for the differences of %s", pagePath, name)
		}
		want = before + begin + differences(cases) + end + after
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Errorf("%s has not the differences that the tests judge by; run go generate ./internal/imports", pagePath)
	}
}

func differences(cases []parity) string {
	var b strings.Builder
	b.WriteString("| configuration | client | HELO name | original | helogate | why |\n|---|---|---|---|---|---|\n")
	for _, c := range cases {
		if c.original == c.ours {
			continue
		}
		options := strings.ReplaceAll(c.config, "|", `\|`)
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s | %s |\n", options, c.client, c.helo, c.original, c.ours, c.why)
	}
	return b.String()
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		`plain`:          `"plain"`,
		`back\slash`:     `'back\slash'`,
		`say "x"`:        `'say "x"'`,
		`it's "x"`:       `"it's \"x\""`,
		"a\nb\x1b":       `"a\U0000000Ab\U0000001B"`,
		"gr\u00fc\u00df": `"gr\U000000FC\U000000DF"`,
	} {
		if got := quote(text); got != want {
			t.Errorf("quote(%q) = %s, want %s", text, got, want)
		}
	}
}
