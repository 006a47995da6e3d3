package main

import (
	"net/netip"
	"testing"
)

func TestHaraka(t *testing.T) {
	for _, c := range []struct {
		name, addr string
		want       bool
	}{
		// As the plugin's own tests have it, with names and addresses of ours.
		{"c-192-0-2-159.hsd1.wa.example.net", "192.0.2.159", true},
		{"fred.barney.example", "192.0.2.99", false},
		{"localhost", "192.0.2.1", false},
		{"[192.0.2.1]", "192.0.2.1", false},

		{"pool-2-159.example.net", "192.0.2.159", true},      // the last two
		{"192-0.pool.example.net", "192.0.2.159", true},      // the first two
		{"159-2.pool.example.net", "192.0.2.159", true},      // in any order
		{"host159.pool.example.net", "192.0.2.159", false},   // one is not enough
		{"host59.pool5.example.net", "192.0.59.5", true},     // the longer one does not hold the shorter
		{"host59.pool.example.net", "192.0.59.5", false},     // and is not taken twice
		{"hc000029f.example.net", "192.0.2.159", true},       // hexadecimal
		{"h9f-02-00-c0.example.net", "192.0.2.159", true},    // backwards
		{"hc0009f.example.net", "192.0.2.159", false},        // three of four
		{"mx.net-2-159.example", "192.0.2.159", false},       // the registered domain is left out
		{"mx.192-0-2-159.example.net", "", false},            // no address, nothing to look for
		{"mx.2001-db8--1.example.net", "2001:db8::1", false}, // IPv4 alone
		{"mail-oa1-f41.google.com", "198.18.1.41", true},     // what it is known to take for dynamic by chance
		{"mail12.example.com", "192.0.1.2", true},            // the same
		{"C-192-0-2-159.example.net.", "192.0.2.159", true},  // however it is written
		{"static.2.159.clients.example.co.uk", "192.0.2.159", true},
	} {
		var addr netip.Addr
		if c.addr != "" {
			addr = netip.MustParseAddr(c.addr)
		}
		if got := haraka(c.name, addr); got != c.want {
			t.Errorf("%s of %s: %t, want %t", c.name, c.addr, got, c.want)
		}
	}
}

func TestS25R(t *testing.T) {
	for _, c := range []struct {
		name string
		want int
	}{
		{"host-192-0-2-1.dsl.example.net", 1},
		{"a12a190.city.example.net", 1},
		{"a12.190.example.net", 0}, // the dot ends the lowest name
		{"pool12345.example.net", 2},
		{"pool1234.example.net", 0},
		{"123abc.cm.example.net", 3},          // the lowest of four
		{"host.101.2.rev.example.net", 3},     // the second lowest
		{"a.b.3.rev.example.net", 0},          // the third lowest
		{"123abc.example.net", 0},             // it is of the upper three
		{"host.3rd.example.net", 0},           // so is this
		{"router9.city1-4-11.example.net", 4}, // ends with a digit, and two numbers with a hyphen in the second
		{"router.city1-4-11.example.net", 0},  // ends with no digit
		{"router9.city1--4.example.net", 0},   // two hyphens
		{"d5.line27.city.example.net", 5},     // five names
		{"d5.line27.example.net", 0},          // four names
		{"d5.line.city.example.net", 0},       // the second does not end so
		{"dhcp339.example.edu", 6},
		{"dialup-7.example.net", 6},
		{"PPP7.example.net", 6},
		{"adsl-1415.example.net", 6},
		{"vdsl1.example.net", 6},
		{"wdsl1.example.net", 0},
		{"dsl.example.net", 0}, // no digit
		{"mx1.example.org", 0},
		{"mail.example.org", 0},
		{"mail-oa1-f41.google.com", 1}, // why big senders need its list of exceptions
		{"localhost1-2", 0},
		{"", 0},
		{".", 0},
		{"1.2.3.4", 3},
	} {
		if got := s25rRule(c.name); got != c.want {
			t.Errorf("%s: rule %d, want %d", c.name, got, c.want)
		}
		if got := s25r(c.name, netip.Addr{}); got != (c.want != 0) {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestAddressIn(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"host-192-0-2-1.dyn.example.net", "192.0.2.1"},
		{"192.0.2.1.dyn.example.net", "192.0.2.1"},
		{"192_0_2_1.dyn.example.net", "192.0.2.1"},
		{"host192.0.2.1.example.net", "192.0.2.1"},
		{"192-000-002-001.example.net", "192.0.2.1"},
		{"h192000002001.example.net", "192.0.2.1"},
		{"1.2.0.192.rev.example.net", "1.2.0.192"}, // backwards, for all we know
		{"ec2-192-0-2-1.example.net", "192.0.2.1"}, // the 2 belongs to the word
		{"7-192-0-2-1.example.net", ""},            // five: which four?
		{"192-0-2-1.host-198-51-100-7.example.net", ""},
		{"192-0-2.example.net", ""},
		{"192-0-2-256.example.net", ""},
		{"1920002001.example.net", ""},
		{"1192000002001.example.net", ""},
		{"999000002001.example.net", ""},
		{"mx.192-0-2-1.example", ""}, // the registered domain
		{"mx.example.org", ""},
		{"192.0.2.1", ""},
	} {
		got := ""
		if addr, found := addressIn(c.name); found {
			got = addr.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, host, domain string }{
		{"a.b.example.co.uk", "a.b", "example.co.uk"},
		{"Example.ORG.", "", "example.org"},
		{"a.us-east-2.compute.amazonaws.com", "a.us-east-2.compute", "amazonaws.com"}, // a suffix of the private section
		{"localhost", "", "localhost"},
		{"com", "", "com"},
		{"", "", ""},
	} {
		if host, domain := split(c.name); host != c.host || domain != c.domain {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, host, domain, c.host, c.domain)
		}
	}
}

func TestOfAccessNetwork(t *testing.T) {
	for name, want := range map[string]bool{
		"192-0-2-1.res.example.com":               true,
		"gen-192-0-2-1.biz.example.com":           true,
		"ip-192-0-2-1-dyn.example.com":            true,
		"static.1.2.0.192.clients.hoster.example": false,
		"vps-1a2b.vps.hoster.example":             false,
		"ec2-192-0-2-1.compute.cable.example":     false, // the registered domain is not read
		"resolver1.example.com":                   false,
	} {
		if got := ofAccessNetwork(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
