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

// docs/checks.md is made of the checks and the table of presets, docs/replies.md of the catalogue and the refusals.
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
			t.Errorf("%s is not up to date; run go generate ./check", path)
		}
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# The checks

This page lists every check: when it runs, what it looks up, when it passes, and what each preset makes of it. It is made of
the code by ` + "`go generate ./check`" + `.

A check looks at one property of a client and has one of the outcomes of RFC 8601: none, neutral, pass, softfail, fail,
temperror, permerror. The policy says what an outcome does: a preset, which [policy.checks](config.md) can change. Each name
below links to the source of the check; [package check](../check/doc.go) says how to add one.

- **Order.** Checks that accept come first. Of checks that reject, the first one words the reply.
- **Cost.** Local checks look nothing up. The others ask DNS, and run only while nothing is decided. Callouts ask other mail
  servers; they run last, and not for a client that is deferred or greylisted.
- **Later phases.** ` + "`greylist`" + ` runs only for a client that is to be greylisted, ` + "`patience`" + ` only for one that is to be deferred for
  DNS failures.
- **DNS failures** never reject. A check that would reject then defers. One that would add to the score adds to the maximum
  score only; see [verdicts](verdicts.md). For lists, stores and callouts, a failure has no effect.
- **Families.** ` + "`dnsbl`, `rhsbl` and `dnswl`" + ` are families: each list of the configuration is a check of its own, ` + "`dnsbl:NAME`" + `.

More about [lists](blocklists.md), [SPF](spf.md), [greylisting](greylist.md), [callouts](callout.md), [hammering](hammering.md), and the
legacy protocols [DMP](dmp.md), [Caller ID](caller-id.md) and [CSA](csa.md).

| check | from | asks | passes when |
|---|---|---|---|
`)
	for _, c := range All(Settings{}) {
		asks := [...]string{"nothing", "DNS", "mail servers"}[c.Cost]
		switch c.Name {
		case "exempt", "forwarder":
			asks = "DNS, for entries with `name`"
		case "trusted", "hammering", "patience":
			asks = "a store"
		case "greylist":
			asks = "a store, DNS"
		}
		fmt.Fprintf(&b, "| [`%s`](../check/%s) | %s | %s | %s |\n", c.Name, sourceOf(c.Name), strings.ToUpper(c.Needs.String()), asks, c.Doc)
	}
	b.WriteString(`
[Replies](replies.md) has the codes and the reply of each check. [Senders](senders.md) says how a refused sender can fix what a
check found.

## The presets

An action without an outcome is that of *fail*. ` + "`balanced`, the default," + ` adds scores: a client with a score of 2 is greylisted, one with
a score of 5 is rejected.

| check | lenient | rfc | strict | balanced | hardline |
|---|---|---|---|---|---|
`)
	for _, r := range presetTable {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.check, r.lenient, r.rfc, r.strict, r.balanced, r.hardline)
	}
	b.WriteString(`
**lenient**, **rfc** and **strict** do what the qpsmtpd plugin helo of 2012 was meant to do. **hardline** drops a client that lacks any
property of a mail server: custom names, forward-confirmed reverse DNS, a HELO name that is the host's. **balanced** adds scores, so
that a single DNS mistake does not lose mail.

RFC 5321 section 4.1.4 forbids refusing mail only because the HELO name does not match the address; section 7.9 lets a site refuse
mail for its own reasons. So ` + "`helo-matches`" + ` refuses in no preset, and ` + "`helo-related` and `impersonation`" + ` compare organisations, not single
addresses.
`)
	return b.String()
}

// sourceOf returns the file of a check, below the directory of the package.
func sourceOf(check string) string {
	switch check {
	case "abuse":
		return "postmaster.go"
	case "callout-postmaster":
		return "callout.go"
	case "spf-helo", "spf-from":
		return "spf.go"
	case DNSBL, RHSBL, DNSWL:
		return "lists.go"
	case "dmp", "csa":
		return "legacy/" + check + ".go"
	case "caller-id":
		return "legacy/callerid.go"
	}
	return strings.ReplaceAll(check, "-", "_") + ".go"
}

// The page links each check to the file that has it.
func TestSourceOf(t *testing.T) {
	for _, c := range All(Settings{}) {
		source, err := os.ReadFile(sourceOf(c.Name))
		if err != nil || !strings.Contains(string(source), `"`+c.Name+`"`) {
			t.Errorf("%s is not in %s: %v", c.Name, sourceOf(c.Name), err)
		}
	}
}

// repliesPage has a line for each reply, with its basic codes from CONNECT to RCPT.
func repliesPage() string {
	var b strings.Builder
	b.WriteString(`# Replies

This page has the reply to a refused client: its parts, the code and the text of each check, and how to write other texts. It is
made of the code by ` + "`go generate ./check`" + `.

A reply is one line for the postmaster of the client:

    550 5.7.25 192.0.2.1 has no PTR record` + setPTR + ` [8rx7ssvzkrbze] https://example.net/senders Questions: postmaster@firm.test

1. The code of the SMTP stage, and the enhanced code (RFC 3463, RFC 7372).
2. What is wrong, with the address or name that was looked up.
3. The remedy. A rejection by score has the remedies of the two checks that weigh most.
4. The id of the verdict, in brackets. The log line with ` + "`id=ID`" + ` has the whole verdict; see [troubleshooting](troubleshoot.md).
5. The address of a page about it: ` + "`policy.url`" + `. [Senders](senders.md) is a page ready to publish.
6. Where to ask: your text in ` + "`policy.footer`" + `. Without one, a rejection at RCPT names the postmaster of the recipient's domain, if the
   policy accepts mail to postmaster, as all presets do.

The reply does not use the words of the log: the log's text of a finding is for you, the reply's is for the client's postmaster.

| reply | CONNECT | HELO | MAIL | RCPT | enhanced |
|---|---|---|---|---|---|
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
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Name, strings.Join(codes[:], " | "), row.Enhanced)
	}
	b.WriteString(`
` + "`score`" + ` is a rejection that no single check decides, ` + "`defer`" + ` a deferral because DNS does not answer, ` + "`greylist`" + ` a greylisting. Other codes:

- A deferral for reverse DNS has 450 4.7.25, one for SPF 451 4.7.24 (RFC 7372 sections 3.3, 3.2).
- A check that the policy defers on *fail* keeps its enhanced code, with 4 for 5.
- Postfix answers ` + "`drop`" + ` with 521.
- A rule has 5.7.1, and its note or its name as what is wrong.

There is no deferral before MAIL, where RFC 5321 has no code for one.

## Other texts

` + "```toml" + `
[policy]
url    = "https://example.net/why/{id}"
footer = "Call +1 555 0100."

[policy.replies]
fcrdns = "{client} needs a PTR record that resolves back to it: {why}"
score  = "We accept no mail from hosts like {client}: {why}"
` + "```" + `

The key is the name of a check or of a rule, ` + "`score`, `defer` or `greylist`" + `. A text replaces what is wrong, the remedy and the default
of where to ask. It can have these placeholders, and so can the footer:

| placeholder | |
|---|---|
`)
	for _, p := range helogate.Placeholders {
		fmt.Fprintf(&b, "| `{%s}` | %s |\n", p, placeholders[p])
	}
	b.WriteString(`
The id is added to a text without ` + "`{id}`" + `. Codes cannot be changed, since mail servers act on them. What the client sent is made
printable. A reply that is longer than an SMTP reply line, 512 bytes, is shortened: the remedy and the id stay.

## The replies

Examples for each check, without the code, the id and where to ask. What follows the semicolon is the remedy, ` + "`{fix}`" + `:

| check | reply |
|---|---|
`)
	for _, c := range all {
		if isLegacy(c.Name) {
			fmt.Fprintf(&b, "| `%s` | {why}; %s |\n", c.Name, c.Fix)
		}
	}
	for _, r := range refusals {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.check, strings.ReplaceAll(r.reply, "~", "contains its address 192.0.2.1 …"))
	}
	b.WriteString(`
Those that no single check decides, with their placeholders:

| reply | text |
|---|---|
`)
	for i, row := range rows {
		if (i == 0 || rows[i-1].Name != row.Name) && fixes[row.Name] == "" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", row.Name, row.Text)
		}
	}
	return b.String()
}

// placeholders says what each stands for.
var placeholders = map[string]string{
	"why": "what is wrong", "fix": "the remedy", "client": "the client's address", "helo": "its HELO name",
	"sender": "the envelope sender", "recipient": "the envelope recipient", "check": "the check or rule that decides, or `score`",
	"id": "the verdict's id", "retry": "how long a greylisted client waits: `00:05:00`",
}

// Every placeholder is explained.
func TestPlaceholders(t *testing.T) {
	for _, p := range helogate.Placeholders {
		if placeholders[p] == "" {
			t.Errorf("{%s} is not explained", p)
		}
	}
}

// A reply is what a client reads at a stage; Name is the key in Policy.Texts.
type reply struct {
	Name  string
	Stage helogate.Stage
	helogate.Reply
}

// catalogue judges a client for every reply at every stage: that of each check, and those that no single check decides.
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
	add(helogate.Check{Name: "any", Fix: "{fix}", Run: fails}, helogate.ByScore, helogate.Thresholds{RejectAt: 1}, helogate.Effect{Action: helogate.AddScore, Score: 1})
	unsure := func(c *helogate.Case) helogate.Finding { c.Values(helogate.TXT, "x.example"); return c.Fail(why) }
	add(helogate.Check{Name: "any", Needs: helogate.Mail, Run: unsure}, helogate.TextDefer, helogate.Thresholds{}, helogate.Effect{Action: helogate.Reject})
	waits := func(c *helogate.Case) helogate.Finding { return c.Fail(why).After(5 * time.Minute) }
	add(helogate.Check{Name: "any", Needs: helogate.Rcpt, Run: waits}, helogate.TextGreylist, helogate.Thresholds{}, helogate.Effect{Action: helogate.Greylist})
	return out
}

// The page for senders has a section for each reply, and quotes the texts that are sent.
func TestSendersPage(t *testing.T) {
	page, err := os.ReadFile("../docs/senders.md")
	if err != nil {
		t.Fatal(err)
	}
	section := map[string]string{}
	for part := range strings.SplitSeq(string(page), "\n### ") {
		name, text, _ := strings.Cut(part, "\n")
		section[name] = strings.ToLower(strings.Join(strings.Fields(text), " "))
	}
	for _, row := range catalogue(All(Settings{})) {
		if section[row.Name] == "" {
			t.Errorf("%s has no section", row.Name)
		}
	}
	for _, r := range refusals { // the words of the text, without those that a client sent
		what, _, _ := strings.Cut(r.reply, "; ")
		what, _, _ = strings.Cut(what, " (")
		what, _, _ = strings.Cut(what, ":")
		switch {
		case r.client == says("12345") || r.check == "own-identity" || r.check == "sender-domain" && strings.Contains(what, "null"):
		case !strings.Contains(section[r.check], strings.ToLower(what)):
			t.Errorf("%s: the page does not quote %q", r.check, what)
		}
	}
}
