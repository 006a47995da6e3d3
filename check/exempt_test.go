package check

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

func TestExempt(t *testing.T) {
	day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC) // the facts' day
	c := Exempt([]Exemption{
		{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Comment: "credit union"},
		{Addresses: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/24")}, Until: day},
		{Addresses: []netip.Prefix{netip.MustParsePrefix("198.18.1.0/24")}, Until: day.AddDate(0, 0, 1)},
		{Names: names(".friend.example")},
		{Helos: names("odd.example.org"), Senders: mailboxes("list.example")},
		{Senders: mailboxes("<>"), Recipients: mailboxes("bounces@example.net")},
		{},
	})
	if c.Cost != helogate.Lookup {
		t.Errorf("cost %v with a PTR name", c.Cost)
	}
	zone(t, c, `
		192.0.2.1 PTR mx.friend.example
		192.0.2.2 PTR forged.friend.example
		192.0.2.3 PTR slow.friend.example
		192.0.2.4 PTR friend.example
		mx.friend.example     A 192.0.2.1
		friend.example        A 192.0.2.4
		forged.friend.example A 192.0.2.99
		slow.friend.example   A tempfail`,
		"198.51.100.7", "pass: exempt 1: 198.51.100.0/24 (credit union)",
		"198.18.0.1", "none: not exempt", // expired
		"198.18.1.1", "pass: exempt 3: 198.18.1.0/24 until 2026-05-04",
		"192.0.2.1", "pass: exempt 4: .friend.example",
		"192.0.2.2", "none: not exempt", // anybody can write a PTR
		"192.0.2.3", "temperror: A of slow.friend.example: the zone says so",
		"192.0.2.4", "none: not exempt", // a suffix is all below, not itself
		"192.0.2.9 ODD.example.org. jane@list.example", "pass: exempt 5: odd.example.org, list.example",
		"192.0.2.9 ODD.example.org jane@other.example", "none: not exempt",
		"192.0.2.9 - - Bounces@EXAMPLE.net", "pass: exempt 6: <>, bounces@example.net",
		"192.0.2.9 - a@b.example bounces@example.net", "none: not exempt")
	if Exempt(nil).Cost != helogate.Local {
		t.Error("without PTR names exemptions need no DNS")
	}
}

func TestExemptionWithoutNameAsksNothing(t *testing.T) {
	c := Exempt([]Exemption{{Names: names("a.example")}, {Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: c})
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone("")); len(v.Asked) != 0 {
		t.Errorf("asked %v for a client that is exempt by address", v.Asked)
	}
}

// Before MAIL nobody has a sender, and that is no null reverse-path.
func TestExemptionOfBouncesWaitsForMail(t *testing.T) {
	bounces := Exempt([]Exemption{{Senders: mailboxes("<>")}})
	for stage, want := range map[helogate.Stage]string{
		helogate.Connect: "none: not exempt",
		helogate.Helo:    "none: not exempt",
		helogate.Mail:    "pass: exempt 1: <>",
		helogate.Rcpt:    "pass: exempt 1: <>",
	} {
		f := facts("192.0.2.1 mx.example.org")
		f.Stage = stage
		if got := bounces.Judge(f, helogate.MustZone("")).String(); got != want {
			t.Errorf("at %s: %s, want %s", stage, got, want)
		}
	}
}

// A mailbox is the same however it is spelt (RFC 5321 section 4.1.2 and appendix C).
func TestMailboxPatterns(t *testing.T) {
	list := mailboxes("strict@example.net", `a"b@example.net`, "here", ".lists.example", "<>")
	for mailbox, want := range map[string]bool{
		"strict@example.net": true, "STRICT@Example.NET.": true, `"strict"@example.net`: true, `"st\rict"@example.net`: true,
		"@a.example,@b.example:strict@example.net": true, "strict@example.com": false, "strict": false, "": true,
		`"a\"b"@example.net`: true, "x@a.lists.example": true, "x@lists.example": false, "x@here": true, `"strict@example.net`: false,
	} {
		if got := slices.ContainsFunc(list, func(p MailboxPattern) bool { return p.Matches(mailbox) }); got != want {
			t.Errorf("%s: %v", mailbox, got)
		}
	}
}

// An administrator who wonders why an exemption did not take effect is told.
func TestExemptEntry(t *testing.T) {
	of := func(p ...string) (out []netip.Prefix) {
		for _, s := range p {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	for _, c := range []struct {
		name string
		Exemption
		client, want string
	}{
		{"address", Exemption{Addresses: of("198.51.100.0/24", "2001:db8::/32")}, "192.0.2.1", "none: 192.0.2.1 is not in 198.51.100.0/24 or 2001:db8::/32"},
		{"many", Exemption{Addresses: of("10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16")}, "192.0.2.1",
			"none: 192.0.2.1 is not in 10.0.0.0/8 or 10.1.0.0/16 or 10.2.0.0/16 or 10.3.0.0/16 or one of 1 more"},
		{"ended", Exemption{Addresses: of("192.0.2.0/24"), Until: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}, "192.0.2.1", "none: the exemption has ended: 2026-05-03 23:59:59"},
		{"helo", Exemption{Helos: names("a.example")}, "192.0.2.1 b.example", "none: HELO b.example is not a.example"},
		{"sender", Exemption{Senders: mailboxes("a.example")}, "192.0.2.1 x jane@b.example", "none: the sender <jane@b.example> is not a.example"},
		{"recipient", Exemption{Recipients: mailboxes("bob@example.net")}, "192.0.2.1 x - al@example.net", "none: the recipient <al@example.net> is not bob@example.net"},
		{"no name", Exemption{Names: names(".friend.example")}, "192.0.2.9", "none: 192.0.2.9 has no PTR record, and must be .friend.example"},
		{"other name", Exemption{Names: names(".friend.example")}, "192.0.2.3", "none: PTR of 192.0.2.3 is mx.other.example, not .friend.example"},
		{"claimed", Exemption{Names: names(".friend.example")}, "192.0.2.2", "none: PTR of 192.0.2.2 is forged.friend.example, but that does not resolve back to it"},
		{"unknown", Exemption{Names: names(".friend.example")}, "192.0.2.4", "temperror: PTR of 192.0.2.4: the zone says so"},
		{"confirmed", Exemption{Names: names(".friend.example"), Comment: "a friend"}, "192.0.2.1", "pass: .friend.example (a friend)"},
		{"nobody", Exemption{}, "192.0.2.1", "none: the entry names no client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := ExemptEntry("exempt 1", c.Exemption)
			zone(t, check, `
				192.0.2.1 PTR mx.friend.example
				192.0.2.2 PTR forged.friend.example
				192.0.2.3 PTR mx.other.example
				192.0.2.4 PTR tempfail
				mx.friend.example     A 192.0.2.1
				mx.other.example      A 192.0.2.3
				forged.friend.example A 192.0.2.99`, c.client, c.want)
		})
	}
	f := facts("192.0.2.1 a.example")
	f.Stage = helogate.Helo
	got := ExemptEntry("exempt 1", Exemption{Recipients: mailboxes("bob@example.net")}).Judge(f, helogate.MustZone("")).String()
	if want := "none: the recipient is not known at helo, and must be bob@example.net"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
