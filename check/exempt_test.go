package check

import (
	"net/netip"
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
		{Names: []string{".friend.example"}},
		{Helos: []string{"odd.example.org"}, Senders: []string{"list.example"}},
		{Senders: []string{"<>"}, Recipients: []string{"bounces@example.net"}},
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
		"198.51.100.7", "pass: exempt: credit union",
		"198.18.0.1", "none: not exempt", // expired
		"198.18.1.1", "pass: exempt: 198.18.1.0/24 until 2026-05-04",
		"192.0.2.1", "pass: exempt: .friend.example",
		"192.0.2.2", "none: not exempt", // anybody can write a PTR
		"192.0.2.3", "temperror: A of slow.friend.example: the zone says so",
		"192.0.2.4", "none: not exempt", // a suffix is all below, not itself
		"192.0.2.9 ODD.example.org. jane@list.example", "pass: exempt: odd.example.org, list.example",
		"192.0.2.9 ODD.example.org jane@other.example", "none: not exempt",
		"192.0.2.9 - - Bounces@EXAMPLE.net", "pass: exempt: <>, bounces@example.net",
		"192.0.2.9 - a@b.example bounces@example.net", "none: not exempt")
	if Exempt(nil).Cost != helogate.Local {
		t.Error("without PTR names exemptions need no DNS")
	}
}

func TestExemptionWithoutNameAsksNothing(t *testing.T) {
	c := Exempt([]Exemption{{Names: []string{"a.example"}}, {Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: c})
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Judge(t.Context(), facts("192.0.2.1"), helogate.MustZone("")); len(v.Asked) != 0 {
		t.Errorf("asked %v for a client that is exempt by address", v.Asked)
	}
}
