package check

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func codes(t testing.TB, text ...string) Codes {
	t.Helper()
	c, err := ParseCodes(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCodes(t *testing.T) {
	for _, c := range []struct{ code, has, hasNot string }{
		{"127.0.0.2", "127.0.0.2", "127.0.0.1 127.0.0.3 127.0.1.2"},
		{" 127.0.0.2 ", "127.0.0.2", "127.0.0.3"},
		{"127.0.0.2-127.0.0.11", "127.0.0.2 127.0.0.5 127.0.0.11", "127.0.0.1 127.0.0.12"},
		{"127.0.0.250 - 127.0.1.3", "127.0.0.250 127.0.0.255 127.0.1.3", "127.0.1.4 127.0.0.249"},
		{"127.0.1.0/24", "127.0.1.0 127.0.1.255", "127.0.0.255 127.0.2.0"},
		{"127.0.0.0/8", "127.0.0.0 127.255.255.255", "126.255.255.255 128.0.0.0 203.0.113.7"},
		{"127.0.0.7/32", "127.0.0.7", "127.0.0.6 127.0.0.8"},
		{"&0.0.0.8", "127.0.0.8 127.0.0.12 127.1.2.255", "127.0.0.4 127.0.8.0 203.0.113.8"},
		{"&0.0.0.10", "127.0.0.2 127.0.0.8 127.0.0.10", "127.0.0.4 127.0.0.5"},
		{"&0.1.0.0", "127.1.0.2 127.255.0.0", "127.0.0.1 127.2.0.0"},
	} {
		got := codes(t, c.code)
		if got.String() != c.code {
			t.Errorf("%q is printed as %q", c.code, got)
		}
		for _, a := range strings.Fields(c.has) {
			if !got.Has(netip.MustParseAddr(a)) {
				t.Errorf("%s has not %s", c.code, a)
			}
		}
		for _, a := range append(strings.Fields(c.hasNot), "2001:db8::1", "::ffff:127.0.0.2") {
			if got.Has(netip.MustParseAddr(a)) {
				t.Errorf("%s has %s", c.code, a)
			}
		}
	}
	if two := codes(t, "127.0.0.2", "&0.0.1.0"); two.String() != "127.0.0.2, &0.0.1.0" || !two.Has(netip.MustParseAddr("127.0.1.9")) || two.Has(netip.MustParseAddr("127.0.0.9")) {
		t.Errorf("two codes are %s", two)
	}
	if (Codes{}).Has(netip.MustParseAddr("127.0.0.2")) || (Codes{}).Has(netip.Addr{}) {
		t.Error("no codes have something")
	}
}

func TestWrongCodes(t *testing.T) {
	for code, want := range map[string]string{
		"":                      `"" is no IPv4 address: write one like 127.0.0.2`,
		"2":                     `"2" is no IPv4 address: write one like 127.0.0.2`,
		"127.0.0.[2..11]":       `"127.0.0.[2..11]" is no IPv4 address: write one like 127.0.0.2`,
		"127.0.0.2-11":          `"11" is no IPv4 address: write one like 127.0.0.2`,
		"::1":                   `"::1" is no IPv4 address: write one like 127.0.0.2`,
		"192.0.2.1":             `192.0.2.1 is not in 127.0.0.0/8, in which all answers of a list lie (RFC 5782 section 2.3)`,
		"126.0.0.1-127.0.0.2":   `126.0.0.1 is not in 127.0.0.0/8, in which all answers of a list lie (RFC 5782 section 2.3)`,
		"127.0.0.2-128.0.0.2":   `128.0.0.2 is not in 127.0.0.0/8, in which all answers of a list lie (RFC 5782 section 2.3)`,
		"127.0.0.11-127.0.0.2":  `ends before it begins: write 127.0.0.2-127.0.0.11`,
		"127.0.0.1":             `no listing: query refused: no list uses this code for a listing (RFC 5782 section 2.1), and URIBL uses it for clients that it blocks; use a local resolver, or a key of the list`,
		"127.255.255.254":       `no listing: query refused: the list does not answer public resolvers; use a local resolver, or a key of the list`,
		"127.0.1.7/24":          `has bits beyond its prefix: write 127.0.1.0/24`,
		"127.0.0.0/7":           `has bits beyond its prefix: write 126.0.0.0/7`,
		"127.0.0.0/33":          `no network: write one like 127.0.1.0/24`,
		"10.0.0.0/8":            `10.0.0.0 is not in 127.0.0.0/8, in which all answers of a list lie (RFC 5782 section 2.3)`,
		"&8":                    `a mask is & and the bits as an address, such as &0.0.0.8`,
		"&127.0.0.8":            `every answer begins with 127, so a mask must begin with 0: write &0.0.0.8`,
		"&0.0.0.0":              `a mask without a bit matches nothing`,
		"127.0.0.2, 127.0.0.3 ": `"127.0.0.2, 127.0.0.3" is no IPv4 address: write one like 127.0.0.2`,
	} {
		if _, err := ParseCodes([]string{"127.0.0.4", code}); err == nil || err.Error() != fmt.Sprintf("code %q: %s", code, want) {
			t.Errorf("%q:\n got %v\nwant %s", code, err, want)
		}
	}
	if _, err := ParseCodes(nil); err == nil || !strings.HasPrefix(err.Error(), "no codes: ") {
		t.Error(err)
	}
}

func TestReadListAnswer(t *testing.T) {
	const public = "query refused: the list does not answer public resolvers; use a local resolver, or a key of the list"
	for _, c := range []struct{ family, values, listed, other, wrong string }{
		{DNSBL, "", "[]", "[]", ""},
		{DNSBL, "127.0.0.2", "[127.0.0.2]", "[]", ""},
		{DNSBL, "127.0.0.2 127.0.0.4 127.0.0.10", "[127.0.0.2 127.0.0.4]", "[127.0.0.10]", ""},
		{DNSBL, "127.0.0.10", "[]", "[127.0.0.10]", ""},
		{DNSBL, "127.0.0.255", "[]", "[127.0.0.255]", ""},
		{DNSBL, "127.0.0.1", "[]", "[]", "127.0.0.1: query refused: "},
		{DNSBL, "127.0.0.2 127.255.255.254", "[]", "[]", "127.255.255.254: " + public},
		{DNSBL, "127.255.255.252", "[]", "[]", "127.255.255.252: query refused: there is no such list; check the zone"},
		{DNSBL, "127.255.255.255", "[]", "[]", "127.255.255.255: query refused: too many queries; "},
		{DNSBL, "127.255.255.9", "[]", "[]", "127.255.255.9: query refused: the operator of the list says why"},
		{DNSBL, "127.255.254.9", "[]", "[127.255.254.9]", ""},
		{RHSBL, "127.0.1.255", "[]", "[]", "127.0.1.255: query refused: the list has names, not addresses; "},
		{DNSBL, "203.0.113.7", "[]", "[]", "203.0.113.7: no answer of a DNS list: "},
		{DNSBL, "127.0.0.2 203.0.113.7", "[]", "[]", "203.0.113.7: no answer of a DNS list: "},
		{DNSWL, "127.0.0.255", "[]", "[]", "127.0.0.255: query refused: too many queries; "},
		{DNSWL, "127.0.0.3", "[127.0.0.3]", "[]", ""},
	} {
		got := ReadListAnswer(c.family, codes(t, "127.0.0.2-127.0.0.9"), strings.Fields(c.values))
		if fmt.Sprint(got.Listed) != c.listed || fmt.Sprint(got.Other) != c.other || !strings.HasPrefix(got.Error, c.wrong) || (c.wrong == "") != (got.Error == "") {
			t.Errorf("%s %s: %+v", c.family, c.values, got)
		}
	}
	// Codes that cover errors make no listings of them.
	for _, v := range []string{"127.0.0.1", "127.0.1.255", "127.255.255.252", "127.255.255.254", "127.255.255.255"} {
		if got := ReadListAnswer(DNSBL, codes(t, "127.0.0.0/8"), []string{v}); got.Listed != nil || got.Error == "" {
			t.Errorf("%s: %+v", v, got)
		}
	}
}

// Whatever is taken for codes holds answers of 127.0.0.0/8 alone, and no error is ever a listing.
func FuzzParseCodes(f *testing.F) {
	for _, s := range []string{"127.0.0.2", "127.0.0.2-127.0.0.11", "127.0.1.0/24", "&0.0.0.8", "&", "-", "/", "127.0.0.2-", "127.0.0.0/8"} {
		f.Add(s, []byte{127, 0, 0, 2})
	}
	f.Fuzz(func(t *testing.T, code string, answer []byte) {
		c, err := ParseCodes([]string{code})
		a, ok := netip.AddrFromSlice(answer)
		if err != nil || !ok {
			return
		}
		if c.Has(a) && (!a.Is4() || a.As4()[0] != 127) {
			t.Errorf("%q has %s", code, a)
		}
		if said := ReadListAnswer(DNSBL, c, []string{a.String()}); said.Error != "" && said.Listed != nil {
			t.Errorf("%q: %+v", code, said)
		}
	})
}

// A range is the addresses between its ends, and a network those that it contains.
func TestCodesAreWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) netip.Addr {
			b := rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, label)
			return netip.AddrFrom4([4]byte{127, b[0], b[1], b[2]})
		}
		first, last, a := draw("first"), draw("last"), draw("answer")
		if last.Less(first) {
			first, last = last, first
		}
		network, err := first.Prefix(rapid.IntRange(8, 32).Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		for code, want := range map[string]bool{
			first.String() + "-" + last.String(): !a.Less(first) && !last.Less(a),
			network.String():                     network.Contains(a),
		} {
			c, err := ParseCodes([]string{code})
			if err != nil {
				t.Fatal(err)
			}
			if c.Has(a) != want {
				t.Fatalf("%s has %s: %t", code, a, !want)
			}
		}
	})
}
