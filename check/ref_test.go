package check

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
)

// TestRef: a reference is what the entry says, in one order.
func TestRef(t *testing.T) {
	prefix := netip.MustParsePrefix
	day := time.Date(2027, 7, 1, 0, 0, 0, 0, time.FixedZone("", 2*3600))
	for _, c := range []struct {
		e    Exemption
		want string
	}{
		{Exemption{Addresses: []netip.Prefix{prefix("198.51.100.0/24")}, Comment: "credit union"}, "address=198.51.100.0/24"},
		{Exemption{Addresses: []netip.Prefix{prefix("198.51.100.7/24")}}, "address=198.51.100.0/24"},
		{Exemption{Addresses: []netip.Prefix{prefix("2001:db8::/32"), prefix("192.0.2.1/32"), prefix("192.0.2.1/32")}}, "address=192.0.2.1/32,2001:db8::/32"},
		{Exemption{Names: names("b.example", ".a.example"), Until: day}, "name=.a.example,b.example until=2027-06-30T22:00:00Z"},
		{Exemption{Helos: names("a"), Senders: mailboxes("<>"), Recipients: mailboxes("bob@example.net")}, "helo=a sender=<> recipient=bob@example.net"},
		{Exemption{Senders: mailboxes(`"a b"@example.org`, "jürgen@example.org", "a,b@example.org")}, `sender="\"a b\"@example.org","a,b@example.org","j\u00fcrgen@example.org"`},
		{Exemption{}, ""},
	} {
		if got := c.e.Ref(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.e, got, c.want)
		}
	}
	f := Forwarder{Exemption: Exemption{Names: names("a.example")}, Origin: true}
	if got := f.Ref(); got != "name=a.example origin" {
		t.Error(got)
	}
}

// said is all that an entry says, in a form of its own.
func (e *Exemption) said() string {
	set := func(s []string) string {
		s = slices.Clone(s)
		slices.Sort(s)
		return strings.Join(slices.Compact(s), "\x00")
	}
	var addresses []string
	for _, a := range e.Addresses {
		addresses = append(addresses, a.Masked().String())
	}
	return strings.Join([]string{set(addresses), set(texts(nil, e.Names)), set(texts(nil, e.Helos)), set(texts(nil, e.Senders)), set(texts(nil, e.Recipients)),
		e.Until.UTC().String()}, "\x01")
}

// TestRefTellsApart: two entries have one reference if they say the same, and only then.
func TestRefTellsApart(t *testing.T) {
	values := []string{"a", "b", "a,b", "a b", `a"`, `"a"`, "helo=a", "<>", "é", strings.Repeat("long", 40), strings.Repeat("long", 40) + "er"}
	var asNames []NamePattern
	var asMailboxes []MailboxPattern
	for _, v := range values {
		asNames, asMailboxes = append(asNames, NamePattern{name: v}), append(asMailboxes, MailboxPattern{text: v})
	}
	names := rapid.SliceOfN(rapid.SampledFrom(asNames), 0, 3)
	mailboxes := rapid.SliceOfN(rapid.SampledFrom(asMailboxes), 0, 3)
	entry := rapid.Custom(func(t *rapid.T) Exemption {
		e := Exemption{Names: names.Draw(t, "names"), Helos: names.Draw(t, "helos"), Senders: mailboxes.Draw(t, "senders"), Recipients: mailboxes.Draw(t, "recipients"),
			Comment: rapid.String().Draw(t, "comment")}
		if rapid.Bool().Draw(t, "ends") {
			e.Until = time.Unix(rapid.Int64Range(1, 3).Draw(t, "until"), 0)
		}
		for _, a := range rapid.SliceOfN(rapid.SampledFrom([]string{"192.0.2.0/24", "192.0.2.1/24", "192.0.2.1/32"}), 0, 2).Draw(t, "addresses") {
			e.Addresses = append(e.Addresses, netip.MustParsePrefix(a))
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := entry.Draw(t, "a"), entry.Draw(t, "b")
		if rapid.Bool().Draw(t, "alike") { // else two are hardly ever
			b = a
			b.Names = append(slices.Clone(a.Names), a.Names...)
			slices.Reverse(b.Names)
			b.Comment = "another"
		}
		if (a.Ref() == b.Ref()) != (a.said() == b.said()) {
			t.Fatalf("%+v is %s, and %+v is %s", a, a.Ref(), b, b.Ref())
		}
		for _, c := range a.Ref() {
			if c < ' ' || c > '~' {
				t.Fatalf("%q", a.Ref())
			}
		}
		if len(a.Ref()) > maxRef {
			t.Fatalf("%d bytes", len(a.Ref()))
		}
	})
}

// TestRefIsFound: what matches says which entry it was by number and by reference.
func TestRefIsFound(t *testing.T) {
	first := Exemption{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	e := Exemption{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Comment: "friends"}
	f := facts("192.0.2.1 mx.example.org jane@example.org bob@example.net")
	for _, c := range []struct {
		check helogate.Check
		entry int
		ref   string
	}{
		{Exempt([]Exemption{e, first}), 1, "address=192.0.2.0/24"},
		{Exempt([]Exemption{first, e}), 2, "address=192.0.2.0/24"},
		{ForwarderHost([]Forwarder{{Exemption: first}, {Exemption: e, Origin: true}}), 2, "address=192.0.2.0/24 origin"},
		{Greylist(Greylisting{On: true, Exempt: []Exemption{first, e}}), 2, "address=192.0.2.0/24"},
		{ExemptEntry("exempt 7", e), 0, "address=192.0.2.0/24"},
		{Exempt([]Exemption{first}), 0, ""},
	} {
		c.check.Phase = helogate.Main // though nobody is to be greylisted
		got := c.check.Judge(f, helogate.MustZone(""))
		if got.Entry != c.entry || got.Ref != c.ref {
			t.Errorf("%s: entry %d, %q, want %d, %q", c.check.Name, got.Entry, got.Ref, c.entry, c.ref)
		}
	}
}
