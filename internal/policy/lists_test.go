package policy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// factsOf are those of a client that wants to send mail.
func factsOf(client, helo string) helogate.Facts {
	return helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr(client), Verb: "EHLO", Helo: helo,
		Sender: "jane@example.com", Recipient: "john@example.net"}
}

// TestThen: what is said of one list stands above what [policy.checks] says of the family, and below what a listener or
// some recipients have of their own.
func TestThen(t *testing.T) {
	p := mustBuild(t, parse(t, `
mode = "enforce"
policy.preset = "balanced"
[policy.checks]
dnsbl = { fail = "score 1", permerror = "score 1" }
rhsbl = { fail = "defer", temperror = "note" }
[[dnsbl]]
zone  = "plain.example"
codes = "127.0.0.2"
[[dnsbl]]
zone  = "own.example"
codes = "127.0.0.2"
then  = "score 3"
[[dnsbl]]
zone  = "none.example"
name  = "none"
codes = "127.0.0.2"
then  = "ignore"
[[rhsbl]]
zone  = "rh.example"
codes = "127.0.0.2"
then  = "would reject"
[[dnswl]]
zone  = "plain.example"
codes = "127.0.0.2"
[[dnswl]]
zone  = "sure.example"
codes = "127.0.0.2"
then  = "accept"
[[dnswl]]
zone  = "none.example"
codes = "127.0.0.2"
then  = "ignore"
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10040"
checks   = { dnsbl = "reject", dnswl = "ignore" }
[[listen]]
protocol = "postfix"
address  = "127.0.0.1:10041"
preset   = "lenient"
[[policy.for]]
recipient = "example.org"
checks    = { dnsbl = "drop" }
`))
	for _, c := range []struct {
		listener  *ListenerPolicies
		recipient string
		want      map[string]string
	}{
		{p.General, "", map[string]string{
			"dnsbl:plain.example": "fail = score 1, permerror = score 1", "dnsbl:own.example": "fail = score 3, permerror = score 1", "dnsbl:none": "",
			"rhsbl:rh.example":    "fail = would reject, temperror = note", // the administrator's word on temperror stays
			"dnswl:plain.example": "pass = score -3, fail = note", "dnswl:sure.example": "pass = accept, fail = note", "dnswl:none.example": "",
		}},
		{p.Listeners[0], "", map[string]string{
			"dnsbl:plain.example": "fail = reject, permerror = score 1", "dnsbl:own.example": "fail = reject, permerror = score 1", "dnsbl:none": "fail = reject",
			"dnswl:plain.example": "", "dnswl:sure.example": "",
		}},
		{p.Listeners[1], "", map[string]string{
			"dnsbl:plain.example": "fail = score 1, permerror = score 1", "dnsbl:own.example": "fail = score 3, permerror = score 1",
			"dnswl:plain.example": "", "dnswl:sure.example": "pass = accept, fail = ignore", "rhsbl:rh.example": "fail = would reject, temperror = note",
		}},
		{p.Listeners[0], "a@example.org", map[string]string{"dnsbl:plain.example": "fail = drop, permerror = score 1", "dnsbl:none": "fail = drop"}},
	} {
		got := c.listener.Of(c.recipient)
		for name, want := range c.want {
			if is := actions(got.Policy, name); is != want {
				t.Errorf("%s of %v: %s is %q, want %q", c.recipient, got.Layers, name, is, want)
			}
		}
	}
}

// TestListsAreAsked: what the configuration says of lists reaches their checks.
func TestListsAreAsked(t *testing.T) {
	p := build(t, `
mode = "enforce"
policy.preset = "lenient"
policy.replies = { dnsbl = "{client}: {why}" }
[[dnsbl]]
zone  = "BL.Example."
codes = ["127.0.0.2-127.0.0.4", "&0.0.0.64"]
then  = "reject"
[[rhsbl]]
zone  = "rh.example"
name  = "domains"
codes = "127.0.0.2"
ask   = ["helo", "sender"]
then  = "defer"
`, "")
	zone := helogate.MustZone(`
		1.2.0.192.bl.example   A 127.0.0.3
		2.2.0.192.bl.example   A 127.0.0.5
		3.2.0.192.bl.example   A 127.0.0.65
		bad.example.rh.example A 127.0.0.2`)
	for _, c := range []struct{ client, helo, want, reply string }{
		{"192.0.2.1", "mx.example.org", "reject dnsbl:bl.example", "192.0.2.1: 192.0.2.1 is listed by bl.example (127.0.0.3)"},
		{"192.0.2.2", "mx.example.org", "continue ", ""},
		{"192.0.2.3", "mx.example.org", "reject dnsbl:bl.example", "192.0.2.3: "},
		{"192.0.2.2", "mx.bad.example", "defer rhsbl:domains", "bad.example is listed by domains"},
	} {
		v := p.Judge(t.Context(), factsOf(c.client, c.helo), zone)
		if got := v.Action.String() + " " + v.By; got != c.want || !strings.HasPrefix(v.Reply.Text, c.reply) {
			t.Errorf("%s %s: %s, %q; want %s", c.client, c.helo, got, v.Reply.Text, c.want)
		}
	}
}

// TestListErrors: a mistake in a list is reported at its place.
func TestListErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[[dnsbl]]\nzone = \"bl.example\"\ncodes = [\"127.0.0.2\", \"127.0.0\"]", `3:23: dnsbl[0].codes[1]: code "127.0.0": `},
		{"[[dnsbl]]\nzone = \"bl.example\"\ncodes = \"192.0.2.1\"", `3:9: dnsbl[0].codes: code "192.0.2.1": 192.0.2.1 is not in 127.0.0.0/8`},
		{"[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nask = [\"client\", \"helo\"]", `4:7: dnswl[0].ask: ask: a client can send any helo`},
		{"[[rhsbl]]\nzone = \"bl.example\"\ncodes = \"127.0.0.2\"\nask = [\"helo\", \"helo\"]", `4:7: rhsbl[0].ask: ask: helo is there twice`},
		{"[[dnsbl]]\nzone = \"" + strings.Repeat("long.", 38) + "example\"\ncodes = \"127.0.0.2\"", `2:8: dnsbl[0].zone: zone: 197 octets are more than`},
		{"[[dnsbl]]\nzone = \"bl.example\"\ncodes = \"127.0.0.2\"\nthen = \"score -1\"", `4:8: dnsbl[0].then: "score -1" accepts clients on a blocklist: use [[dnswl]] for an allowlist`},
		{"[[rhsbl]]\nzone = \"bl.example\"\ncodes = \"127.0.0.2\"\nthen = \"would accept\"", `4:8: rhsbl[0].then: "would accept" accepts clients on a blocklist`},
		{"[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nthen = \"reject\"", `4:8: dnswl[0].then: "reject" is against clients on an allowlist: write "score -3" or "accept"`},
		{"[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nthen = \"score 2\"", `4:8: dnswl[0].then: "score 2" is against`},
		{"[[dnswl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\nthen = \"greylist\"", `4:8: dnswl[0].then: "greylist" is against`},
		{someLists + "[[rule]]\nname = \"dnsbl:second\"\nwhen = \"true\"\nthen = \"note\"", `13:8: rule[0].name: dnsbl:second is the name of a list: give the rule another name`},
	} {
		err := refused(c.text)
		if err == nil {
			t.Errorf("%s: no error", c.text)
		} else if !strings.HasPrefix(err.Error(), "helogate.toml:"+c.want) {
			t.Errorf("%s:\n%v\nwant %s", c.text, err, c.want)
		}
	}
	// All mistakes are reported at once, and one in a family is reported once, however many lists it has.
	err := refused("[[dnsbl]]\nzone = \"a.example\"\ncodes = \"1\"\nthen = \"accept\"\n[[dnswl]]\nzone = \"b.example\"\ncodes = \"2\"\n")
	if err == nil || strings.Count(err.Error(), "helogate.toml:") != 3 {
		t.Errorf("not all of three mistakes: %v", err)
	}
	err = refused("[policy.checks]\ndnsbl = { temperror = \"reject\" }\n" + someLists)
	if err == nil || strings.Count(err.Error(), "policy.checks.dnsbl") != 1 {
		t.Errorf("one mistake: %v", err)
	}
}

// TestUselessActions: actions that make no sense for their check are errors, in every table of checks.
func TestUselessActions(t *testing.T) {
	for _, c := range []struct{ name, on, want string }{
		{"greylist", `"reject"`, `fail = "reject": greylist must be greylist (every client), note (clients that a check, a rule or the score greylists) or ignore (no client)`},
		{"greylist", `{ pass = "greylist" }`, `pass = "greylist": greylist must be`},
		{"greylist", `{ fail = "note", temperror = "defer" }`, `temperror = "defer": greylist must be`},
		{"greylist", `"greylist"`, ""}, {"greylist", `"would greylist"`, ""}, {"greylist", `"note"`, ""}, {"greylist", `"ignore"`, ""},
		{"patience", `"reject"`, `fail = "reject": patience must be note, or ignore, which defers without limit`},
		{"patience", `{ pass = "accept" }`, `pass = "accept": patience must be`},
		{"patience", `"note"`, ""}, {"patience", `"ignore"`, ""},
		{"callout", `{ pass = "score -1" }`, `"score -1": an address that exists proves nothing, since any client can use it as sender`},
		{"callout-postmaster", `{ pass = "accept" }`, `"accept": an address that exists proves nothing`},
		{"callout", `"reject"`, ""}, {"callout", `{ fail = "defer", neutral = "score 1" }`, ""},
		{"dnswl", `"score -3"`, `an allowlist has the outcome pass, and never fail: write dnswl = { pass = "score -3" }, or accept`},
		{"dnswl", `{ pass = "reject" }`, `"reject" is against clients on an allowlist: write "score -3" or "accept"`},
		{"dnswl", `{ pass = "score -2" }`, ""}, {"dnswl", `"ignore"`, ""}, {"dnswl", `"note"`, ""}, {"dnswl", `{ pass = "accept" }`, ""},
		{"dnsbl", `"accept"`, `"accept" accepts clients on a blocklist: use [[dnswl]] for an allowlist`},
		{"rhsbl", `{ fail = "score -2" }`, `"score -2" accepts clients on a blocklist`},
		{"dnsbl", `{ fail = "greylist", permerror = "score 1", temperror = "defer" }`, ""},
		{"spf-from", `{ fail = "reject", softfail = "score 1", pass = "score -1" }`, ""},
	} {
		for at, text := range map[string]string{
			"policy.checks":        "[policy.checks]\n" + c.name + " = " + c.on,
			"listen[0].checks":     "[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:1\"\nchecks = { " + c.name + " = " + c.on + " }",
			"policy.for[0].checks": "[[policy.for]]\nrecipient = \"example.net\"\nchecks = { " + c.name + " = " + c.on + " }",
		} {
			err := refused(text)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", text, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), ": "+at+"."+c.name+": "+c.want)):
				t.Errorf("%s: %v, want %s", text, err, c.want)
			}
		}
	}
}

// TestLists: a list is held to its test entries unless it is said to have none.
func TestLists(t *testing.T) {
	c := parse(t, someLists+"test = false\n[[rhsbl]]\nzone = \"wl.example\"\ncodes = \"127.0.0.2\"\ntest = true\n")
	lists := Lists(c)
	if len(lists) != 4 {
		t.Fatal(lists)
	}
	for _, l := range lists {
		if want := l.Family != check.DNSWL; l.Test != want {
			t.Errorf("%s %s: %v, want %v", l.Family, l.Zone, l.Test, want)
		}
	}
}

// TestListOf: a line is found by its name, and what is no list is none.
func TestListOf(t *testing.T) {
	c := parse(t, someLists)
	for _, line := range mustBuild(t, c).General.Default.Lines() {
		l, is := ListOf(c, &line.Check)
		want := map[string]int{"dnsbl:bl.example": 0, "dnsbl:second": 1, "dnswl:wl.example": 0}
		place, listed := want[line.Check.Name]
		if is != listed || l.Place != place || is && !strings.HasPrefix(line.Check.Name, l.Family+":") {
			t.Errorf("%s: %s %d %v", line.Check.Name, l.Family, l.Place, is)
		}
	}
}
