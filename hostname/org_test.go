package hostname

import (
	"fmt"
	"testing"

	"golang.org/x/net/publicsuffix"
)

func TestOrg(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"example.com", "example.com"},
		{"mail.example.com", "example.com"},
		{"a.b.c.example.co.uk", "example.co.uk"},
		{"mail.victim.co.uk", "victim.co.uk"},
		{"mail.example.xn--p1ai", "example.xn--p1ai"},
		{"com", ""},
		{"co.uk", ""},
		{"", ""},
		{".", ""},
		{"localhost", ""},

		// The private section: each customer has a label.
		{"sender.github.io", "sender.github.io"},
		{"mx.sender.github.io", "sender.github.io"},
		{"github.io", ""},
		{"ec2-192-0-2-1.compute-1.amazonaws.com", ""}, // a suffix, by *.compute-1.amazonaws.com
		{"mx.ec2-192-0-2-1.compute-1.amazonaws.com", "mx.ec2-192-0-2-1.compute-1.amazonaws.com"},
		{"mx.www.ck", "www.ck"}, // an exception of the list
		{"mx.example.ck", "mx.example.ck"},

		// Unlisted top levels, by the rule "*".
		{"mx.hoster.example", "hoster.example"},
		{"a.b.test", "b.test"},

		// No organisation.
		{"host.local", ""},
		{"dc1.corp.local", ""},
		{"nas.home.arpa", ""},
		{"exchange.domain", ""},
		{"192.0.2.1", ""},
		{"1.2.3", ""},
		{"2001:db8::1", ""},
		{"::ffff:192.0.2.1", ""},
		{"mail.example.123", ""},
		{"mail.example.", ""},
		{".com", ""},
		{"..com", ""},
	} {
		if got := Org(c.name); got != c.want {
			t.Errorf("Org(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		name, domain string
		want         bool
	}{
		{"example.com", "example.com", true},
		{"mail.example.com", "example.com", true},
		{"notexample.com", "example.com", false},
		{"example.com", "mail.example.com", false},
		{".example.com", "example.com", true},
		{"example.com", "", false},
		{"", "", false},
	} {
		if got := Under(c.name, c.domain); got != c.want {
			t.Errorf("Under(%q, %q) = %v", c.name, c.domain, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"mail.example.com", "mail.example.com"},
		{"Mail.EXAMPLE.com.", "mail.example.com"},
		{"a..", "a."},
		{".", ""},
		{"", ""},
		{"\u212a.Example", "\u212a.example"}, // the Kelvin sign is not a k
	} {
		if got := Canonical(c.name); got != c.want {
			t.Errorf("Canonical(%q) = %q, want %q", c.name, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Canonical("mail.example.com.") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPrivateNames(t *testing.T) {
	for _, name := range []string{"pc.local", "pc.lan", "a.b.internal", "localhost.localdomain", "nas.home.arpa", "home.arpa", "x.localhost", "vm.novalocal"} {
		if !isPrivateName(name) {
			t.Errorf("%s is not private", name)
		}
	}
	for _, name := range []string{"", "local", ".local", "local.example.com", "pc.test", "pc.example", "1.in-addr.arpa", "nothome.arpa", "pc.notlocal"} {
		if isPrivateName(name) {
			t.Errorf("%s is private", name)
		}
	}
}

// A private top level that gets delegated one day must leave the list.
func TestPrivateNamesAreNotDelegated(t *testing.T) {
	for _, top := range []string{
		"local", "localhost", "invalid", "intranet", "internal", "private", "corp", "home", "lan", "mail", "localdomain",
		"localdomain6", "localnet", "workgroup", "priv", "openstacklocal", "novalocal", "domain", "router", "gateway", "belkin",
		"dlink", "homenet", "loc", "dom", "prv", "pvt", "intern", "interno", "lokal",
	} {
		if !isPrivateName("x." + top) {
			t.Errorf(".%s is not private", top)
		}
		if _, icann := publicsuffix.PublicSuffix(top); icann {
			t.Errorf(".%s is delegated", top)
		}
	}
}

func ExampleOrg() {
	fmt.Println(Org("mx1.mail.example.co.uk"))
	fmt.Println(Org("sender.github.io"))
	fmt.Printf("%q\n", Org("dc1.corp.local"))
	// Output:
	// example.co.uk
	// sender.github.io
	// ""
}

func BenchmarkOrg(b *testing.B) {
	for _, name := range []string{"mail.example.com", "mail.example.co.uk", "ec2-192-0-2-1.compute-1.amazonaws.com", "host.local"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Org(name)
			}
		})
	}
}
