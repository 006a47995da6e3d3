package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const rules = `
[[rule]]
name = "santronics from elsewhere"
when = 'helo.text.contains("santronics.com") && client != ip("208.247.131.9")'
then = "reject"
note = "santronics.com does not greet from this address"

[[rule]]
name = "no answer"
when = 'ptr.status == "tempfail" && helo.under("example.com")'
then = "defer"
note = "the reverse DNS of your address does not answer"

[[rule]]
name = "relays need a name"
when = 'helo.text == "relay.example.com" && checks["fcrdns"] == "fail"'
then = "reject"

[[rule]]
name = "robot"
when = 'sender == "robot@example.com"'
then = "accept"
`

// What clients read of the administrator's rules, note and all.
func TestRules(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, inJSON(enforce("lenient", l.dns.resolver))+rules, at(l.postfix.policy))
	l.play(t, "rules.smtp", "main")
	by := map[string]bool{}
	for _, v := range d.verdicts() {
		by[v.decided()] = true
	}
	for _, want := range []string{"reject by santronics from elsewhere", "defer by no answer", "reject by relays need a name", "accept by robot"} {
		if !by[want] {
			t.Errorf("the log does not say %s: %v", want, by)
		}
	}
}

// A recipient's own policy applies to that recipient alone, in a message for several.
func TestRecipients(t *testing.T) {
	l := theLab(t)
	l.serve(t, enforce("balanced", l.dns.resolver)+`
[[policy.for]]
recipient = "alice@example.net"
preset    = "strict"
[[policy.for]]
recipient = "bob@example.net"
mode      = "shadow"
`, at(l.postfix.policy))
	l.play(t, "recipients.smtp", "main")
}

// Each listener has the policy that it names.
func TestListeners(t *testing.T) {
	l := theLab(t)
	listeners := l.postfix.listeners
	l.serve(t, enforce("balanced", l.dns.resolver), at(listeners["first"]),
		at(listeners["backup"])+"\npreset = \"strict\"\nchecks = { sender-domain = \"reject\", helo-related = \"note\" }",
		at(listeners["watched"])+"\nmode = \"shadow\"")
	l.play(t, "protocols.smtp", "first", "backup", "watched")
}

// A list of a file is read again on reload, and one that makes no sense changes nothing.
func TestList(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	list := filepath.Join(l.dir, "list")
	must(t, writeFile(list, "# unwanted clients\n192.0.2.25\n"))
	config := enforce("lenient", l.dns.resolver) + fmt.Sprintf(`
lists.unwanted = %q
[[rule]]
name = "unwanted"
when = 'client in list("unwanted") || helo.name in list("unwanted")'
then = "reject"
`, list)
	d := l.serve(t, config, at(l.postfix.policy))
	comes := func(when, refused string) {
		t.Helper()
		for _, c := range []struct{ client, helo string }{
			{"192.0.2.25", "mail.example.com"}, {"192.0.2.28", "out.example.com"}, {"192.0.2.60", "lone.example.com"}, {"192.0.2.40", "mx.friend.example"},
		} {
			want := "250 2.1.5 Ok"
			if strings.Contains(refused, c.client) {
				want = "550 5.7.1 <bob@example.net>: Recipient address rejected: unwanted"
			}
			if got := l.postfix.services["main"].rcpt(c.client, c.helo); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: %s, not %s", when, c.client, got, want)
			}
		}
	}
	comes("at first", "192.0.2.25")
	must(t, writeFile(list, "192.0.2.28/30\nlone.example.com # a name\n"))
	comes("before the reload", "192.0.2.25")
	d.reload(config)
	comes("after it", "192.0.2.28 192.0.2.60")
	must(t, writeFile(list, "192.0.2.25\nno such thing!\n"))
	if _, stderr, exit := d.command("reload"); exit != 78 || !strings.Contains(stderr, "line 2") {
		t.Errorf("a list with a senseless line: exit %d: %s", exit, stderr)
	}
	must(t, os.Remove(list))
	if _, stderr, exit := d.command("reload"); exit != 78 || !strings.Contains(stderr, list) {
		t.Errorf("no list: exit %d: %s", exit, stderr)
	}
	comes("after wrong lists", "192.0.2.28 192.0.2.60")
}

// The administrator's words, and the verdict's id in them: by it the log is searched.
func TestReplies(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, enforce("balanced", l.dns.resolver)+`
policy.url    = "https://example.net/why/{id}"
policy.footer = "Call +1 555 0100, {client}."

[policy.checks]
rdns = "reject"
[policy.replies]
rdns      = "no name, {client}: {why}. {fix}! ({check} {id})"
score = "{helo} from {sender} to {recipient} is no mail server"
defer     = "Not now: {why}"
foxes     = "Not {helo}: {why}"

[[rule]]
name = "foxes"
when = 'helo.text.startsWith("fox.")'
then = "reject"
note = "a fox in the hen-house"
`, at(l.postfix.policy))
	for _, c := range []struct{ client, helo, want string }{
		{"192.0.2.60", "lone.example.com", `550 5.7.25 no name, 192.0.2.60: 192.0.2.60 has no PTR record. ask your provider for a PTR record with your server's host name that resolves back to this address! (rdns ID) PAGE`},
		{"203.0.113.99", "203-0-113-99.dsl.provider.example", `550 5.7.1 203-0-113-99.dsl.provider.example from jane@example.com to bob@example.net is no mail server [ID] PAGE`},
		{"203.0.113.40", "mail.example.com", `450 4.7.25 Not now: no answer for PTR of 203.0.113.40 [ID] PAGE`},
		{"192.0.2.25", "fox.{why}", `550 5.7.1 Not fox.{why}: a fox in the hen-house [ID] PAGE`}, // no placeholder
		{"192.0.2.25", "localhost", `550 5.7.1 HELO localhost is not a valid name for your server 192.0.2.25; set the HELO name to your server's public host name, as in its PTR record [ID] PAGE`},
	} {
		got := strings.Replace(l.postfix.services["main"].rcpt(c.client, c.helo), "<bob@example.net>: Recipient address rejected: ", "", 1)
		id := regexp.MustCompile(`/why/([0-9a-z]+) `).FindStringSubmatch(got)
		if id == nil {
			t.Errorf("%s %s: no page: %s", c.client, c.helo, got)
			continue
		}
		page := "https://example.net/why/" + id[1] + " Call +1 555 0100, " + c.client + "."
		if want := strings.NewReplacer("PAGE", page, "rdns ID", "rdns "+id[1]).Replace(c.want); got != want {
			t.Errorf("%s %s: %s\nnot %s", c.client, c.helo, got, want)
		}
		d.waitFor("msg=verdict", "id="+id[1]+" ", "client="+c.client)
	}
}
