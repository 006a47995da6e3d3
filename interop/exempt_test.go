package interop

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// refusals are clients that one line refuses, each as the recipient of its name has it, while all others are silent.
// The name is one that leads to the client and back, if there is one.
var refusals = []struct{ by, client, name, helo, from string }{
	{"helo-missing", "192.0.2.25", "mail.example.com", "", "jane@example.com"},
	{"own-identity", "192.0.2.25", "mail.example.com", "localhost", "jane@example.com"},
	{"bare-address", "192.0.2.25", "mail.example.com", "192.0.2.25", "jane@example.com"},
	{"forged-literal", "192.0.2.25", "mail.example.com", "[192.0.2.9]", "jane@example.com"},
	{"helo-syntax", "192.0.2.25", "mail.example.com", "mail..example.com", "jane@example.com"},
	{"fqdn", "192.0.2.25", "mail.example.com", "yq3H9cDKgS", "jane@example.com"},
	{"private-name", "192.0.2.25", "mail.example.com", "exchange01.corp.local", "jane@example.com"},
	{"literal", "192.0.2.25", "mail.example.com", "[192.0.2.25]", "jane@example.com"},
	{"bad-helo", "192.0.2.25", "mail.example.com", "ylmf-pc", "jane@example.com"},
	{"helo-changed", "192.0.2.25", "mail.example.com", "mail.example.com out.example.com", "jane@example.com"},
	{"generic-helo", "203.0.113.99", "203-0-113-99.dsl.provider.example", "203-0-113-99.dsl.provider.example", "jane@example.com"},
	{"own-name", "192.0.2.25", "mail.example.com", "mx.example.net", "jane@example.com"},
	{"rdns", "192.0.2.60", "", "lone.example.com", "jane@example.com"},
	{"fcrdns", "192.0.2.62", "", "host62.example.com", "jane@example.com"},
	{"generic-name", "203.0.113.99", "203-0-113-99.dsl.provider.example", "mail.example.com", "jane@example.com"},
	{"hosting-name", "192.0.2.90", "ec2-192-0-2-90.region.cloudy.example", "mail.example.com", "jane@example.com"},
	{"helo-resolves", "192.0.2.25", "mail.example.com", "nowhere.example.com", "jane@example.com"},
	{"helo-matches", "192.0.2.25", "mail.example.com", "mx.trouble.example", "jane@example.com"},
	{"helo-fcrdns", "192.0.2.25", "mail.example.com", "host61.example.com", "jane@example.com"},
	{"helo-related", "203.0.113.99", "203-0-113-99.dsl.provider.example", "mail.many.example", "jane@example.com"},
	{"impersonation", "192.0.2.25", "mail.example.com", "mail-oa1-f41.google.com", "jane@example.com"},
	{"client-mx", "192.0.2.91", "host.alias.example", "mx.alias.example", "jane@example.com"},
	{"sender-domain", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@gone.example"},
	{"sender-mx", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@deadmx.example"},
	{"mx-fcrdns", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@poormx.example"},
	{"dnsbl", "192.0.2.28", "out.example.com", "out.example.com", "jane@example.com"},
	{"rhsbl", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@bad.example"},
	{"spf-helo", "192.0.2.25", "mail.example.com", "spf.example", "jane@example.com"},
	{"spf-from", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@spf.example"},
	{"dmp", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@dmp.example"},
	{"caller-id", "192.0.2.25", "mail.example.com", "mail.example.com", "jane@callerid.example"},
	{"csa", "192.0.2.25", "mail.example.com", "mx.csa.example", "jane@example.com"},
	{"score", "203.0.113.99", "203-0-113-99.dsl.provider.example", "mail.jane.example", "jane@example.com"},
	{"no-foxes", "192.0.2.25", "mail.example.com", "fox.example.com", "jane@example.com"},
}

// canRefuse are the checks that can refuse a first attempt. A check that permits needs no remedy. A hammering client
// was rejected before, and TestHammering exempts it; a callout needs a mail host, and TestCalloutServe exempts from it.
func canRefuse(c helogate.Check) bool {
	return c.Fix != "" && !slices.Contains([]string{"hammering", "callout", "callout-postmaster"}, c.Name)
}

// severely is a configuration with a policy for each of refusals.
func severely(l *lab) string {
	var all, each strings.Builder
	for _, c := range check.All(check.Settings{Trusted: true}) {
		if !canRefuse(c) {
			continue
		}
		fmt.Fprintf(&all, "%s = \"note\"\n", c.Name)
		fmt.Fprintf(&each, "[[policy.for]]\nrecipient = \"%s@example.net\"\nchecks.%[1]s = \"drop\"\n", c.Name)
	}
	return inJSON(enforce("hardline", l.dns.resolver)) + `
policy.bad_helo  = ["ylmf-pc"]
policy.reject_at = 5

[[rule]]
name = "no-foxes"
when = 'recipient == "no-foxes@example.net" && helo.text == "fox.example.com"'
then = "reject"

[[dnsbl]]
zone  = "bl.example"
name  = "bl"
codes = "127.0.0.2"

[[rhsbl]]
zone  = "names.example"
name  = "names"
codes = "&0.0.0.8"
ask   = "sender"

[policy.checks]
` + all.String() + each.String() + `
[[policy.for]]
recipient = "score@example.net"
checks    = { generic-name = "score 5" }
`
}

// An exemption beats every line that can refuse, by whatever it knows the client.
func TestExemptionBeatsEveryLine(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, severely(l), at(l.postfix.policy))
	for _, c := range check.All(check.Settings{Trusted: true}) {
		if canRefuse(c) && !slices.ContainsFunc(refusals, func(r struct{ by, client, name, helo, from string }) bool { return r.by == c.Name }) {
			t.Errorf("no client is refused by %s here", c.Name)
		}
	}
	for _, way := range []string{"", "address", "name", "helo", "sender", "recipient"} {
		t.Run("by "+way, func(t *testing.T) {
			named := make([]string, len(refusals)) // by what each is exempt
			for i, r := range refusals {
				helos := strings.Fields(r.helo)
				if len(helos) == 0 {
					helos = []string{""}
				}
				named[i] = map[string]string{"": "", "address": r.client, "name": r.name, "helo": helos[len(helos)-1], "sender": r.from,
					"recipient": r.by + "@example.net"}[way]
			}
			if way != "" {
				d.reload(severely(l) + exempt(way, named))
			}
			replies := make([]string, len(refusals))
			for i, r := range refusals {
				var said []string
				for _, helo := range strings.Fields(r.helo) {
					said = append(said, "EHLO "+helo)
				}
				replies[i] = l.postfix.services["everybody"].say(r.client, append(said, "MAIL FROM:<"+r.from+">", "RCPT TO:<"+r.by+"@example.net>")...)
			}
			decided := map[string]string{} // by recipient
			for _, v := range d.verdicts() {
				if v.Stage == "rcpt" {
					decided[v.To], _, _ = strings.Cut(v.decided(), ":") // of a list, the family
				}
			}
			for i, r := range refusals {
				reply, want := "250 2.1.5 Ok", "accept by exempt"
				if named[i] == "" {
					reply, want = "5", " by "+r.by
				}
				got := decided[r.by+"@example.net"]
				if !strings.HasPrefix(replies[i], reply) || !strings.HasSuffix(got, want) {
					t.Errorf("%s %s: %s: %s\nnot %s: %s", r.client, r.helo, got, replies[i], want, reply)
				}
			}
		})
	}
}

// Each client that a preset refuses in the dialogues is accepted when it is exempt by any value that the log has of it.
func TestExemptionBeatsEveryPreset(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	clients := scenesOf(t, "presets.smtp")
	for _, preset := range presets {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			config := inJSON(enforce(preset, l.dns.resolver))
			d := l.serve(t, config, at(l.postfix.presets[preset]))
			come := func() []verdict {
				for _, s := range clients {
					s.replay(t, l.postfix.services[preset])
				}
				return d.verdicts()
			}
			judged := come()
			refused := 0
			for _, v := range judged {
				if v.Action == "reject" || v.Action == "drop" {
					refused++
				}
			}
			if refused < 7 {
				t.Errorf("%d clients are refused, so that was no test", refused)
			}
			for way, names := range waysOf(judged) {
				d.reload(config + exempt(way, names))
				judged := come()
				if len(judged) != len(clients) {
					t.Errorf("exempt by %s: %d clients, and %d verdicts", way, len(clients), len(judged))
				}
				for _, v := range judged {
					if v.decided() != "accept by exempt" && (way != "helo" || v.Helo != "") { // no HELO name, no exemption by it
						t.Errorf("exempt by %s: %s: %s", way, v.asked(), v.decided())
					}
				}
			}
		})
	}
}

// waysOf are the names by which the judged clients can be exempt.
func waysOf(judged []verdict) map[string][]string {
	ways := map[string][]string{}
	for _, v := range judged {
		ways["address"] = append(ways["address"], v.Client)
		ways["helo"] = append(ways["helo"], v.Helo)
		ways["sender"] = append(ways["sender"], cmp.Or(v.From, "<>"))
		ways["recipient"] = append(ways["recipient"], v.To)
	}
	return ways
}

// exempt is an exemption by any of these.
func exempt(way string, names []string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == "" })
	slices.Sort(names)
	return fmt.Sprintf("[[exempt]]\n%s = [\"%s\"]\n", way, strings.Join(slices.Compact(names), `", "`))
}

// A name exempts only when it is confirmed. When DNS fails, a client that would be rejected is deferred.
func TestExemptByName(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.prepare(t, "", at(l.postfix.policy))
	d.always = strings.Replace(d.always, `name = ".friend.example"`, `helo = "a.friend.example"`, 1)
	d.write(enforce("rfc", l.dns.resolver))
	d.start(l)
	main := l.postfix.services["main"]
	const rejected, deferred, letIn = "550 5.7.1 ", "451 4.4.3 ", "250 2.1.5 Ok"
	cases := []struct{ what, client, want string }{
		{"confirmed", "192.0.2.40", letIn},
		{"the name is another host's", "192.0.2.41", rejected},
		{"no name", "192.0.2.60", rejected},
		{"another name", "192.0.2.25", rejected},
		{"a name that does not exist", "192.0.2.61", rejected},
		{"its reverse zone does not answer", "203.0.113.40", deferred},
		{"the zone of its name does not answer", "203.0.113.45", deferred},
	}
	for _, c := range cases {
		if got := main.rcpt(c.client, "localhost"); !strings.HasPrefix(got, rejected) {
			t.Errorf("%s, exempt nowhere: %s", c.what, got)
		}
	}
	d.reload(enforce("rfc", l.dns.resolver) + "[[exempt]]\nname = [\".friend.example\", \"gone.example.com\", \".servfail.test\"]\n")
	for _, c := range cases {
		got := main.rcpt(c.client, "localhost")
		if c.want == deferred && strings.HasPrefix(got, "450 4.7.25 ") { // it is reverse DNS
			got = strings.Replace(got, "450 4.7.25 ", deferred, 1)
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
}
