package check

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

//go:generate go test -run TestPage -update .

var update = flag.Bool("update", false, "write docs/checks.md and docs/replies.md")

// docs/checks.md is made of the checks and of the table of presets, docs/replies.md of the catalogue.
func TestPage(t *testing.T) {
	for path, want := range map[string]string{"../docs/checks.md": page(), "../docs/replies.md": repliesPage()} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the checks say; run go generate ./check", path)
		}
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# The checks

Made of the code by ` + "`go generate ./check`" + `; change it there.

A check asks one thing about a client and finds one of the outcomes of RFC 8601: none, neutral, pass, softfail, fail,
temperror, permerror. What follows from an outcome is the policy's to say: a preset, changed by
[policy.checks](config.md). Those that let in come first; of lines that refuse, the first is the one that the client reads
of. Local checks need nothing but what the client said; the others ask DNS, and run only while nothing is decided; other mail
hosts are asked last of all, and not about a client that is deferred or greylisted. ` + "`greylist` and `patience`" + ` are heard when the others
have come to a greylisting, or to a deferral for failures of DNS.

` + "`dnsbl`, `rhsbl` and `dnswl`" + ` are families: each list of the configuration is a line of its own, ` + "`dnsbl:NAME`" + `. Of lists, of what
is remembered and of other mail hosts, a failure is a note: none of these may stop the mail. More about
[lists](blocklists.md), [SPF](spf.md), [greylisting](greylist.md), [callouts](callout.md), [hammering](hammering.md), and the legacy of
[DMP](dmp.md), [Caller ID](caller-id.md) and [CSA](csa.md).

A failure of DNS is never a rejection. Where a check would reject, it defers; where it would suspect, its points are
possible and not known; see [verdicts](verdicts.md).

| check | from | asks | passes when |
|---|---|---|---|
`)
	for _, c := range All(Settings{}) {
		asks := [...]string{"nothing", "DNS", "mail hosts"}[c.Cost]
		switch c.Name {
		case "exempt", "forwarder":
			asks = "DNS, for entries with `name`"
		case "trusted", "hammering", "patience":
			asks = "what is remembered"
		case "greylist":
			asks = "what is remembered, DNS"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, strings.ToUpper(c.Needs.String()), asks, c.Doc)
	}
	b.WriteString(`
The codes of each at every stage, and how to word the replies anew, are in [replies](replies.md).

## The presets

An action alone is what follows from *fail*. In ` + "`balanced`, the default," + ` points add up: from 2 on a client is greylisted, from 5 on
it is rejected.

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

// repliesPage has a line for each reply, with its basic codes from CONNECT to RCPT.
func repliesPage() string {
	var b strings.Builder
	b.WriteString(`# Replies

Made of the code by ` + "`go generate ./check`" + `; change it there.

A client that is refused reads one line: the code of the stage, the enhanced code (RFC 3463, RFC 7372), what was found with
address and name, what to do about it, the verdict's id, your page about it (` + "`policy.url`" + `), and your own words
(` + "`policy.footer`" + `):

    550 5.7.25 192.0.2.1 has no name in reverse DNS; give your address a PTR record [8rx7ssvzkrbze] https://example.net/why/8rx7ssvzkrbze

| reply | CONNECT | HELO | MAIL | RCPT | enhanced | the remedy, ` + "`{fix}`" + ` |
|---|---|---|---|---|---|---|
`)
	all := All(Settings{})
	fixes := map[string]string{}
	for _, c := range all {
		fixes[c.Name] = c.Fix
	}
	rows := catalogue(all)
	for i := 0; i < len(rows); {
		codes, row := [helogate.Rcpt + 1]string{}, rows[i]
		for ; i < len(rows) && rows[i].Name == row.Name; i++ {
			codes[rows[i].Stage] = fmt.Sprint(rows[i].Code)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.Name, strings.Join(codes[:], " | "), row.Enhanced, fixes[row.Name])
	}
	b.WriteString(`
` + "`score`" + ` is a rejection that no single check decided, ` + "`defer`" + ` a deferral because DNS did not answer, ` + "`greylist`" + ` a
greylisting. A deferral for reverse DNS is 450 4.7.25, one for SPF 451 4.7.24 (RFC 7372 sections 3.3, 3.2). A check that the policy defers on *fail* keeps its
enhanced code, with 4 for 5. What is dropped has 521 at Postfix. Nothing is deferred before MAIL, where RFC 5321 has no place
for it. A rule of yours has 5.7.1, and its note or its name for what was found.

## Other words

` + "```toml" + `
[policy]
url    = "https://example.net/why/{id}"
footer = "Call +1 555 0100."

[policy.replies]
fcrdns    = "{client} needs a PTR record that leads back to it: {why}"
score = "We take no mail from hosts like {client}: {why}"
` + "```" + `

The key is the name of a check or of a rule, ` + "`score`, `defer` or `greylist`" + `. In a text stand for

| placeholder | |
|---|---|
`)
	for _, p := range helogate.Placeholders {
		fmt.Fprintf(&b, "| `{%s}` | %s |\n", p, placeholders[p])
	}
	b.WriteString(`
Codes cannot be changed: MTAs act on them. The whole reply is cut to what fits an SMTP reply line, 512 bytes; all that
comes from the client is made printable first. The verdict's id is added where the text has none.

The texts of all replies as they are without that:

| reply | text |
|---|---|
`)
	for i, row := range rows {
		if i == 0 || rows[i-1].Name != row.Name {
			fmt.Fprintf(&b, "| `%s` | %s |\n", row.Name, row.Text)
		}
	}
	return b.String()
}

// placeholders says what they stand for.
var placeholders = map[string]string{
	"why": "what was found", "fix": "the remedy", "client": "the client's address", "helo": "what it said in HELO",
	"sender": "the envelope sender", "recipient": "the envelope recipient", "check": "the check or rule that decided, or `score`",
	"id": "the verdict's id", "retry": "how long a client that is greylisted has to wait: `00:05:00`",
}

// Every placeholder is explained.
func TestPlaceholders(t *testing.T) {
	for _, p := range helogate.Placeholders {
		if placeholders[p] == "" {
			t.Errorf("{%s} is not explained", p)
		}
	}
}

// reply is what a client reads at a stage; name is the key in Policy.Texts.
type reply struct {
	Name  string
	Stage helogate.Stage
	helogate.Reply
}

// catalogue judges a client for each reply that there is: that of each check, and those that no single check gives.
func catalogue(checks []helogate.Check) (out []reply) {
	const why = "{why}"
	fails := func(c *helogate.Case) helogate.Finding { return c.Fail(why) }
	add := func(c helogate.Check, name string, at helogate.Thresholds, then helogate.Effect) {
		c.Cost, c.Phase = helogate.Local, helogate.Main
		for s := c.Needs; s <= helogate.Rcpt; s++ {
			f := helogate.Facts{Stage: s, Client: netip.MustParseAddr("192.0.2.1")}
			p, err := helogate.NewPolicy(at, helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: then}})
			if err != nil {
				panic(err)
			}
			v := p.Judge(context.Background(), f, helogate.MustZone("x.example TXT tempfail"))
			r := reply{name, s, v.Reply}
			words := strings.NewReplacer("["+v.ID+"]", "[{id}]", "no answer for TXT of x.example", why, "00:05:00", "{retry}")
			r.Text = words.Replace(r.Text)
			if c.Fix != "" {
				r.Text = strings.Replace(r.Text, c.Fix, "{fix}", 1)
			}
			out = append(out, r)
		}
	}
	for _, c := range checks {
		if c.Fix != "" { // else it only accepts
			c.Run = fails
			add(c, c.Name, helogate.Thresholds{}, helogate.Effect{Action: helogate.Reject})
		}
	}
	add(helogate.Check{Name: "any", Run: fails}, helogate.ByScore, helogate.Thresholds{RejectAt: 1}, helogate.Effect{Action: helogate.AddScore, Score: 1})
	unsure := func(c *helogate.Case) helogate.Finding { c.Values(helogate.TXT, "x.example"); return c.Fail(why) }
	add(helogate.Check{Name: "any", Needs: helogate.Mail, Run: unsure}, helogate.TextDefer, helogate.Thresholds{}, helogate.Effect{Action: helogate.Reject})
	waits := func(c *helogate.Case) helogate.Finding { return c.Fail(why).After(5 * time.Minute) }
	add(helogate.Check{Name: "any", Needs: helogate.Rcpt, Run: waits}, helogate.TextGreylist, helogate.Thresholds{}, helogate.Effect{Action: helogate.Greylist})
	return out
}
