package interop

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/blocklist"
	"github.com/helogate/helogate/internal/testdns"
	"github.com/helogate/helogate/internal/testlog"
)

// listOf is a list of a family, with codes and what it is asked about, both separated by spaces.
func listOf(t *testing.T, family, zone, codes, ask string) check.List {
	t.Helper()
	parsed, err := check.ParseCodes(strings.Fields(codes))
	must(t, err)
	l := check.List{Family: family, Watched: true, Name: strings.TrimSuffix(zone, ".example"), Zone: zone, Codes: parsed}
	for word := range strings.FieldsSeq(ask) {
		l.Ask = append(l.Ask, check.Asked(word))
	}
	must(t, l.Check())
	return l
}

// guarded starts a guard of lists before a resolver of its own that asks unbound.
func (l *lab) guarded(t *testing.T, unbound netip.AddrPort, s blocklist.Settings, lists ...check.List) (*blocklist.Monitor, *testlog.Buffer) {
	t.Helper()
	r, err := dns.New(dns.Config{Servers: []netip.AddrPort{unbound}, Timeout: 5 * time.Second})
	must(t, err)
	for _, one := range lists {
		s.Zones = append(s.Zones, blocklist.Of(one, true))
	}
	log := &testlog.Buffer{}
	g := blocklist.New(blocklist.Config{Ask: r, Log: slog.New(slog.NewTextHandler(log, nil)), Settings: s})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done; r.Close() })
	return g, log
}

// asideOf waits until a list is suspended, and returns why.
func asideOf(t *testing.T, g *blocklist.Monitor, zone string) string {
	t.Helper()
	why := ""
	must(t, eventually(func() bool {
		for _, s := range g.State() {
			if s.Zone == zone {
				why = s.Reason
			}
		}
		return why != ""
	}))
	return why
}

// What lists say by a real resolver, and what they are taken for.
func TestListsOnRealServers(t *testing.T) {
	l := theLab(t)
	lists := []check.List{
		listOf(t, check.DNSBL, "bl.example", "127.0.0.2-127.0.0.9", ""),
		listOf(t, check.DNSBL, "six.example", "127.0.0.2", ""),
		listOf(t, check.RHSBL, "names.example", "&0.0.0.8", "helo ptr sender"),
		listOf(t, check.DNSWL, "wl.example", "127.0.10.2-127.0.10.3", ""),
		listOf(t, check.DNSWL, "quota.example", "127.0.10.0/24", ""),
		listOf(t, check.DNSBL, "world.example", "127.0.0.2", ""),
		listOf(t, check.DNSBL, "parked.example", "127.0.0.2", ""),
		listOf(t, check.DNSBL, "refuses.example", "127.0.0.0/8", ""),
		listOf(t, check.DNSBL, "empty.example", "127.0.0.2", ""),
		listOf(t, check.DNSBL, "bl.servfail.test", "127.0.0.2", ""),
	}
	g, log := l.guarded(t, l.dns.resolver, blocklist.Settings{}, lists...)
	for zone, want := range map[string]string{
		"world.example":   "it lists 127.0.0.1 (127.0.0.2), which no list does: it lists the world",
		"quota.example":   "it lists 127.0.0.1 (127.0.10.3), which no list does: it lists the world",
		"parked.example":  "for its test entry 127.0.0.1 it answers 203.0.113.80: no answer of a DNS list: ",
		"refuses.example": "for its test entry 127.0.0.1 it answers 127.255.255.254: query refused: the list does not answer public resolvers; ",
		"empty.example":   "its test entry 127.0.0.2 is not listed (RFC 5782 section 5)",
	} {
		if got := asideOf(t, g, zone); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", zone, got)
		}
		if !hasLine(log.String(), "level=ERROR", "a DNS list is suspended", "zone="+zone) {
			t.Errorf("%s: not in the log", zone)
		}
	}
	for _, c := range []struct{ client, helo, sender, list, want string }{
		{"192.0.2.25", "mail.example.com", "a@example.com", "bl", "fail: 192.0.2.25 is listed by bl (127.0.0.4)"},
		{"2001:db8::25", "mail.example.com", "a@example.com", "bl", "fail: 2001:db8::25 is listed by bl (127.0.0.4)"},
		{"192.0.2.28", "mail.example.com", "a@example.com", "bl", "fail: 192.0.2.28 is listed by bl (127.0.0.2)"},
		{"192.0.2.61", "mail.example.com", "a@example.com", "bl", "none: 192.0.2.61 is listed by bl with codes that do not count: 127.0.0.10"},
		{"192.0.2.60", "mail.example.com", "a@example.com", "bl", "none: 192.0.2.60 is not listed by bl"},
		{"2001:db8::60", "mail.example.com", "a@example.com", "six", "none: 2001:db8::60 is not listed by six"},
		{"192.0.2.60", "mx.bad.example", "a@example.com", "names", "fail: bad.example is listed by names (127.0.0.12)"},
		{"192.0.2.60", "x", "a@odd.example", "names", "none: odd.example is listed by names with codes that do not count: 127.0.0.2"},
		{"192.0.2.40", "x", "", "wl", "pass: 192.0.2.40 is listed by wl (127.0.10.3)"},
		{"192.0.2.40", "x", "", "world", "none: world is suspended: it lists 127.0.0.1 (127.0.0.2), which no list does: it lists the world"},
		{"192.0.2.40", "x", "", "bl.servfail.test", "temperror: LISTING of 40.2.0.192.bl.servfail.test: servfail from " + l.dns.resolver.String()},
	} {
		for _, list := range lists {
			if list.Name == c.list {
				f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr(c.client), Helo: c.helo, Sender: c.sender}
				if got := check.ListChecks(list.Family, []check.List{list})[0].Judge(f, g).String(); got != c.want {
					t.Errorf("%s %s %s: %s\nnot %s", c.client, c.helo, c.sender, got, c.want)
				}
			}
		}
	}
}

// A list whose test entries are right is suspended when its share of listings jumps.
func TestBreakerOnRealServers(t *testing.T) {
	l := theLab(t)
	list := listOf(t, check.DNSBL, "jumpy.example", "127.0.0.2", "")
	g, log := l.guarded(t, l.dns.resolver, blocklist.Settings{Breaker: blocklist.Breaker{Answers: 20}}, list)
	jumpy := check.ListChecks(check.DNSBL, []check.List{list})[0]
	failed := 0
	for i := range 40 {
		f := helogate.Facts{Stage: helogate.Connect, Client: netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})}
		if jumpy.Judge(f, g).Outcome == helogate.Fail {
			failed++
		}
	}
	if failed != 20 || asideOf(t, g, "jumpy.example") != "100% of its 20 answers within 10m are listings" || !hasLine(log.String(), "level=ERROR", "zone=jumpy.example") {
		t.Errorf("%d of 40 clients are listed, and %+v", failed, g.State())
	}
}

// A list whose server is silent is waited for by the first judgements, and by the later ones no more.
func TestSilentListOnRealServers(t *testing.T) {
	l := theLab(t)
	silent, err := testdns.Start(helogate.MustZone(""), testdns.Always("drop"))
	must(t, err)
	t.Cleanup(silent.Close)
	unbound := l.mustPort(t)
	l.startUnbound(t, unbound, map[string]netip.AddrPort{"silent.example": silent.Addr()})
	list, good := listOf(t, check.DNSBL, "silent.example", "127.0.0.2", ""), listOf(t, check.DNSBL, "bl.example", "127.0.0.4", "")
	const timeout = 300 * time.Millisecond
	g, _ := l.guarded(t, unbound, blocklist.Settings{Timeout: timeout}, list, good)
	p, err := helogate.NewPolicy(helogate.Thresholds{}, linesOf(check.ListChecks(check.DNSBL, []check.List{list, good}))...)
	must(t, err)
	for i := range 7 {
		v := p.Judge(t.Context(), helogate.Facts{Stage: helogate.Connect, Client: netip.AddrFrom4([4]byte{192, 0, 2, byte(25 + 50*(i%2) + i)})}, g)
		waits := slices.ContainsFunc(v.Asked, func(e helogate.QA) bool {
			return e.Kind == helogate.Listing && strings.HasSuffix(e.Name, ".silent.example")
		})
		if i == 0 && !waits || i == 6 && waits {
			t.Errorf("judgement %d: the silent list was asked: %t; %s", i, waits, v.Findings[0])
		}
		if i == 0 && v.Findings[1].Outcome != helogate.Fail {
			t.Errorf("the list that is well: %s", v.Findings[1])
		}
	}
	asideOf(t, g, "silent.example")
}

func linesOf(checks []helogate.Check) (lines []helogate.Line) {
	for _, c := range checks {
		lines = append(lines, helogate.Line{Check: c})
	}
	return lines
}

const blocklists = `
[[dnsbl]]
zone  = "bl.example"
name  = "bl"
codes = ["127.0.0.2-127.0.0.9"]
then  = "reject"

[[dnsbl]]
zone  = "bl.example"
name  = "bl-dynamic"
codes = "127.0.0.10"
then  = "would reject"

[[dnsbl]]
zone  = "world.example"
codes = ["127.0.0.2"]
then  = "reject"

[[dnsbl]]
zone  = "empty.example"
codes = ["127.0.0.2"]
test  = false

[[rhsbl]]
zone  = "names.example"
name  = "names"
codes = ["&0.0.0.8"]
ask   = ["helo", "sender"]
then  = "reject"

[[dnsbl]]
zone  = "bl.servfail.test"
codes = ["127.0.0.2"]
then  = "reject"

[[dnswl]]
zone  = "wl.example"
name  = "wl"
codes = ["127.0.10.2-127.0.10.3"]
then  = "note"
`

// What clients read of lists, through Postfix.
func TestBlocklists(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, enforce("lenient", l.dns.resolver)+blocklists, at(l.postfix.policy))
	d.waitFor("level=ERROR", "a DNS list is suspended", "zone=world.example", "lists the world")
	const no = "550 5.7.1 <bob@example.net>: Recipient address rejected: "
	for _, c := range []struct{ client, helo, sender, want string }{
		{"192.0.2.25", "mail.example.com", "jane@example.com", no + "192.0.2.25 is listed by bl (127.0.0.4): sent to our traps, see https://bl.example/192.0.2.25; request removal at that list [ID] Questions: postmaster@example.net"},
		{"2001:db8::25", "mail.example.com", "jane@example.com", no + "2001:db8::25 is listed by bl (127.0.0.4); request removal at that list [ID] Questions: postmaster@example.net"},
		{"192.0.2.28", "mail.example.com", "jane@example.com", no + `192.0.2.28 is listed by bl (127.0.0.2): a "dynamic" \x1b[31mline\xe2\x80\xae; request removal at that list [ID] Questions: postmaster@example.net`},
		{"192.0.2.61", "mail.example.com", "jane@example.com", "250 2.1.5 Ok"}, // a dry run
		{"192.0.2.60", "mail.example.com", "jane@bad.example", no + "bad.example is listed by names (127.0.0.12); request removal at that list [ID] Questions: postmaster@example.net"},
		{"192.0.2.60", "mx.bad.example", "jane@example.com", no + "bad.example is listed by names (127.0.0.12); request removal at that list [ID] Questions: postmaster@example.net"},
		{"192.0.2.60", "mail.example.com", "jane@odd.example", "250 2.1.5 Ok"},
		{"192.0.2.40", "mx.friend.example", "jane@example.com", "250 2.1.5 Ok"},
	} {
		got := anonymous(l.postfix.services["main"].say(c.client, "EHLO "+c.helo, "MAIL FROM:<"+c.sender+">", "RCPT TO:<bob@example.net>"))
		if got != c.want {
			t.Errorf("%s %s %s: %s\nnot %s", c.client, c.helo, c.sender, got, c.want)
		}
	}
	d.waitFor("msg=verdict", "client=192.0.2.61", "would=reject", "would_by=dnsbl:bl-dynamic")
	if status := d.run("status"); !strings.Contains(status, "world.example") {
		t.Errorf("status does not show the suspended list: %s", status)
	}
	// A reload that brings another list has it tested; what is known of the others stays.
	d.reload(enforce("lenient", l.dns.resolver) + blocklists + fmt.Sprintf("\n[[dnsbl]]\nzone = %q\ncodes = \"127.0.0.2\"\nthen = \"reject\"\n", "parked.example"))
	d.waitFor("level=ERROR", "a DNS list is suspended", "zone=parked.example")
	if n := strings.Count(d.out.String(), "zone=world.example"); n != 1 {
		t.Errorf("world.example was suspended %d times", n)
	}
	if hasLine(d.out.String(), "zone=empty.example") {
		t.Error("a list with test = false is tested")
	}
	if got := l.postfix.services["main"].rcpt("192.0.2.60", "mail.example.com"); got != "250 2.1.5 Ok" {
		t.Errorf("after the reload: %s", got)
	}
}
