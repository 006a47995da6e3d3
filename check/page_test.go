package check

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

//go:generate go test -run TestPage -update .

var update = flag.Bool("update", false, "write docs/checks.md")

const pagePath = "../docs/checks.md"

// docs/checks.md is made of the checks and of the table of presets.
func TestPage(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(pagePath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the checks say; run go generate ./check", pagePath)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# The checks

Made of the code by ` + "`go generate ./check`" + `; change it there.

A check asks one thing about a client and finds one of the outcomes of RFC 8601: none, neutral, pass, softfail, fail,
temperror, permerror. What follows from an outcome is the policy's to say: a preset, changed by
[policy.checks](config.md). Those that let in come first; of lines that refuse, the first is the one that the client reads
of. Local checks need nothing but what the client said; the others ask DNS, and run only while nothing is decided.

A failure of DNS is never a rejection. Where a check would reject, it defers; where it would suspect, its points are
possible and not known; see [verdicts](verdicts.md).

| check | from | asks | passes when | the client is told to | reply |
|---|---|---|---|---|---|
`)
	for _, c := range All(Settings{}) {
		asks := "nothing"
		if c.Cost == helogate.Lookup {
			asks = "DNS"
		}
		if c.Name == "exempt" {
			asks = "DNS, for entries with `name`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", c.Name, strings.ToUpper(c.Needs.String()), asks, c.Doc, c.Fix, replyOf(c))
	}
	b.WriteString(`
At the HELO stage a reply's basic code may differ, as said; at CONNECT it is 554; at all others 550. A deferral for
reverse DNS is 450 4.7.25, for any other failure of DNS 451 4.4.3, a greylisting 451 4.7.1.

## The presets

An action alone is what follows from *fail*. In ` + "`balanced`, the default," + ` points add up: from 2 on a client is greylisted
(there is no greylist yet: until then it is let in, and the log says so), from 5 on it is rejected.

| check | lenient | rfc | strict | balanced | hardline |
|---|---|---|---|---|---|
`)
	for _, r := range presetTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.check, r.lenient, r.rfc, r.strict, r.balanced, r.hardline)
	}
	b.WriteString(`
**lenient**, **rfc** and **strict** do what the qpsmtpd plugin helo of 2012 meant to do. **hardline** drops whoever lacks
any property of a real mail server: real names, confirmed reverse DNS, a HELO that is its host's. **balanced** weighs, so
that one halfwit's mistake in DNS is no reason to lose his mail.

RFC 5321 section 4.1.4 forbids refusing mail only because the HELO name does not match the address; section 7.9 lets a
site refuse for reasons of its own. So ` + "`helo-matches`" + ` refuses in no preset, and ` + "`helo-related` and `impersonation`" + ` look at
organisations, not at single addresses.
`)
	return b.String()
}

func replyOf(c helogate.Check) string {
	if c.Fix == "" {
		return ""
	}
	code := c.Code
	if code == "" {
		code = "5.7.1"
	}
	if c.AtHelo != 0 {
		return fmt.Sprintf("%s, at HELO %d", code, c.AtHelo)
	}
	if code == "5.5.1" {
		return "503 " + code
	}
	return code
}
