package check

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

// greylistAsked judges by a policy that greylists everybody, and returns what was found and by which name the store was
// asked.
func greylistAsked(t *testing.T, g Greylisting, f helogate.Facts, zone string) (helogate.Verdict, string) {
	t.Helper()
	on := map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Greylist}}
	lines := []helogate.Line{{Check: SPFHelo}, {Check: SPFFrom}, {Check: Greylist(g), On: on}}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, lines...)
	if err != nil {
		t.Fatal(err)
	}
	v := p.Judge(t.Context(), f, helogate.MustZone(zone))
	for _, qa := range v.Asked {
		if qa.Kind == helogate.Greylisted {
			return v, qa.Name
		}
	}
	return v, ""
}

// TestGreylistKey: who the client is to a greylist, a line a case.
func TestGreylistKey(t *testing.T) {
	g := Greylisting{On: true, Delay: time.Minute, Sender: WholeAddress, Recipient: WholeAddress}
	for _, c := range []struct{ name, client, zone, want string }{
		{"a confirmed name", "192.0.2.1 x jane@mail.example.org bob@example.net",
			"192.0.2.1 PTR mx7.out.example.org\nmx7.out.example.org A 192.0.2.1", "example.org jane@mail.example.org bob@example.net"},
		{"one that is not", "192.0.2.1 x jane@example.org bob@example.net",
			"192.0.2.1 PTR mx7.out.example.org\nmx7.out.example.org A 192.0.2.2", "192.0.2.0/24 jane@example.org bob@example.net"},
		{"one that cannot be confirmed now", "192.0.2.1 x jane@example.org bob@example.net",
			"192.0.2.1 PTR mx7.out.example.org\nmx7.out.example.org A tempfail", "192.0.2.0/24 jane@example.org bob@example.net"},
		{"one that a provider stamped", "192.0.2.99 x jane@example.org bob@example.net",
			"192.0.2.99 PTR ppp-192-0-2-99.dyn.example.com\nppp-192-0-2-99.dyn.example.com A 192.0.2.99", "192.0.2.0/24 jane@example.org bob@example.net"},
		{"the sender's domain lets it send", "192.0.2.99 x jane@mail.example.org bob@example.net",
			"mail.example.org TXT v=spf1 ip4:192.0.2.0/24 -all", "example.org jane@mail.example.org bob@example.net"},
		{"the sender's domain is anybody's", "192.0.2.99 mx.pool.example.com jane@dyndns.org bob@example.net",
			"dyndns.org TXT v=spf1 ip4:192.0.2.0/24 -all\nmx.pool.example.com TXT v=spf1 ip4:192.0.2.99 -all", "example.com jane@dyndns.org bob@example.net"},
		{"the domain of HELO does", "192.0.2.99 mx.pool.example.com jane@example.org bob@example.net",
			"mx.pool.example.com TXT v=spf1 ip4:192.0.2.99 -all", "example.com jane@example.org bob@example.net"},
		{"SPF says no", "192.0.2.99 mx.example.com jane@example.org bob@example.net",
			"mx.example.com TXT v=spf1 -all\nexample.org TXT v=spf1 -all", "192.0.2.0/24 jane@example.org bob@example.net"},
		{"an IPv6 client", "2001:db8:1:2:3::4 x jane@example.org bob@example.net", "", "2001:db8:1:2::/64 jane@example.org bob@example.net"},
		{"a bounce", "192.0.2.1 x - bob@example.net", "", "192.0.2.0/24  bob@example.net"},
	} {
		if _, got := greylistAsked(t, g, facts(c.client), c.zone); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestGreylistParts: what of the envelope tells two attempts apart. No bytes of one part look like another.
func TestGreylistParts(t *testing.T) {
	for _, c := range []struct {
		sender, recipient Part
		from, to, want    string
	}{
		{WholeAddress, WholeAddress, "Jane@Example.ORG", "<bob>@example.net", "Jane@example.org <bob>@example.net"},
		{DomainOnly, DomainOnly, "jane@example.org", "bob@example.net", "example.org example.net"},
		{Nothing, Nothing, "jane@example.org", "bob@example.net", " "},
		{WholeAddress, WholeAddress, "a b%20c\xff@example.org", "postmaster", "a%20b%2520c%ff@example.org postmaster"},
		{WholeAddress, WholeAddress, `"jane"@example.org`, "@relay.example:bob@example.net", "jane@example.org bob@example.net"},
	} {
		f := facts("192.0.2.1 x")
		f.Stage, f.Sender, f.Recipient = helogate.Rcpt, c.from, c.to
		_, got := greylistAsked(t, Greylisting{On: true, Sender: c.sender, Recipient: c.recipient}, f, "")
		if want := "192.0.2.0/24 " + c.want; got != want {
			t.Errorf("%q to %q by %s and %s: %q, want %q", c.from, c.to, c.sender, c.recipient, got, want)
		}
	}
}

// TestGreylistFinds: what becomes of what the store says.
func TestGreylistFinds(t *testing.T) {
	g := Greylisting{On: true, Delay: 5 * time.Minute, Exempt: []Exemption{{Recipients: mailboxes("helpdesk@example.net")}, {Names: names(".friend.example")}}}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ client, zone, want string }{
		{"192.0.2.1 x - bob@example.net", "", "greylist greylist; fail: 192.0.2.0/24 is seen for the first time; retry 5m0s"},
		{"192.0.2.1 x - bob@example.net", "* GREYLIST first 2026-03-01T11:57:00Z", "greylist greylist; fail: 192.0.2.0/24 was first seen at 2026-03-01 11:57:00 UTC, and can retry from 2026-03-01 12:02:00 UTC; retry 2m0s"},
		{"192.0.2.1 x - bob@example.net", "* GREYLIST first 2026-03-01T12:00:00.02Z", "greylist greylist; fail: 192.0.2.0/24 was first seen at 2026-03-01 12:00:00 UTC, and can retry from 2026-03-01 12:05:00 UTC; retry 5m0s"},
		{"192.0.2.1 x - bob@example.net", "* GREYLIST first 2026-03-01T11:55:00Z", "continue ; pass: 192.0.2.0/24 was first seen at 2026-03-01 11:55:00 UTC, and has retried; retry 0s"},
		{"192.0.2.1 x - bob@example.net", "* GREYLIST first 2026-03-01T11:00:00Z\n* GREYLIST passed 2026-03-01T11:30:00Z", "continue ; pass: 192.0.2.0/24 has retried, and is accepted since 2026-03-01 11:30:00 UTC; retry 0s"},
		{"192.0.2.1 x - bob@example.net", "* GREYLIST tempfail", "continue ; temperror: GREYLIST of 192.0.2.0/24  bob@example.net: the zone says so; retry 0s"},
		{"192.0.2.1 x - helpdesk@example.net", "", "continue ; none: never greylisted, 1: helpdesk@example.net; retry 0s"},
		{"192.0.2.1 x - bob@example.net", "192.0.2.1 PTR mx.friend.example\nmx.friend.example A 192.0.2.1", "continue ; none: never greylisted, 2: .friend.example; retry 0s"},
	} {
		f := facts(c.client)
		f.Time = at
		v, _ := greylistAsked(t, g, f, c.zone)
		found := v.Findings[len(v.Findings)-1]
		if got := fmt.Sprintf("%s %s; %s; retry %s", v.Action, v.By, found, found.Retry); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.zone, got, c.want)
		}
	}
}

// TestPoolPasses: the hosts of a large sender take turns with its queue, and it passes, though no two attempts came
// from one address; and each desktop of a provider waits for itself.
func TestPoolPasses(t *testing.T) {
	var zone strings.Builder
	for i := 1; i < 200; i++ {
		fmt.Fprintf(&zone, "198.51.%d.1 PTR mail-oa1-f%d.bigmail.example\nmail-oa1-f%[2]d.bigmail.example A 198.51.%[1]d.1\n", i, i)
		fmt.Fprintf(&zone, "203.0.%d.1 PTR dsl-203-0-%d-1.pool.provider.example\ndsl-203-0-%[1]d-1.pool.provider.example A 203.0.%[1]d.1\n", i, i)
	}
	keys := map[string]int{}
	for i := 1; i < 200; i++ {
		for _, net := range []string{"198.51", "203.0"} {
			f := facts("192.0.2.1 x jane@bigmail.example bob@example.net")
			f.Client = netip.MustParseAddr(fmt.Sprintf("%s.%d.1", net, i))
			_, name := greylistAsked(t, Greylisting{On: true, Sender: WholeAddress, Recipient: WholeAddress}, f, zone.String())
			keys[name]++
		}
	}
	if n := keys["bigmail.example jane@bigmail.example bob@example.net"]; n != 199 || len(keys) != 200 {
		t.Errorf("%d of 199 hosts of one sender are one, and there are %d keys", n, len(keys))
	}
}

// The zero value greylists nobody by itself: that a client is to be greylisted is then for who judges to carry out.
func TestNoGreylist(t *testing.T) {
	if v, name := greylistAsked(t, Greylisting{}, facts("192.0.2.1 x - bob@example.net"), ""); v.Action != helogate.Continue || name != "" {
		t.Error(v.Action, name)
	}
	p, err := NewPolicy("balanced", Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := facts("10.0.0.1 exchange.corp.local a@example.com jane@example.net")
	if v := p.Judge(t.Context(), f, helogate.MustZone("example.com A 192.0.2.1")); v.Action != helogate.Greylist {
		t.Errorf("%s by %s", v.Action, v.By)
	}
}
