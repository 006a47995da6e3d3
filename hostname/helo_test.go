package hostname

import (
	"fmt"
	"strings"
	"testing"
)

// describe writes a Helo on one line, the way the tables here state it.
func describe(h Helo) string {
	s := string(h.Form)
	if h.Name != "" {
		s += " " + h.Name
	}
	if h.Addr.IsValid() {
		s += " " + h.Addr.String()
	}
	if h.Why != "" {
		s += ": " + h.Why
	}
	if h.Note != "" {
		s += " (" + h.Note + ")"
	}
	return s
}

func TestParseHelo(t *testing.T) {
	long := strings.Repeat("a", 63)
	full := strings.Repeat(long+".", 3) + long // 255 octets
	for _, c := range []struct{ raw, want string }{
		// Names.
		{"mail.example.com", "fqdn mail.example.com"},
		{"MAIL.Example.COM", "fqdn mail.example.com"},
		{"mail.example.com.", "fqdn mail.example.com (a final dot)"},
		{"mail_1.example.com", "fqdn mail_1.example.com (an underscore)"},
		{"_.Example.com.", "fqdn _.example.com (a final dot, an underscore)"},
		{"mail.example.com \t", "fqdn mail.example.com (a blank at the end)"},
		{"3com.example", "fqdn 3com.example"},
		{"1.2.3.example", "fqdn 1.2.3.example"},
		{"192-0-2-1.example", "fqdn 192-0-2-1.example"},
		{"a--b.example", "fqdn a--b.example"},
		{"mail.xn--p1ai", "fqdn mail.xn--p1ai"},
		{"mail.example.0x7f", "fqdn mail.example.0x7f"},
		{"host.test", "fqdn host.test"},
		{"host.example", "fqdn host.example"},
		{long + ".example", "fqdn " + long + ".example"},
		{full, "fqdn " + full},
		{full + ".", "fqdn " + full + " (a final dot)"},

		{"localhost", "single-label localhost"},
		{"localhost.", "single-label localhost (a final dot)"},
		{"WIN-ABC123", "single-label win-abc123"},
		{"local", "single-label local"},
		{"192-0-2-1", "single-label 192-0-2-1"},
		{"0xyz", "single-label 0xyz"},
		{"0x", "single-label 0x"},

		{"localhost.localdomain", "private localhost.localdomain"},
		{"Exchange01.Corp.LOCAL.", "private exchange01.corp.local (a final dot)"},
		{"nas.home.arpa", "private nas.home.arpa"},

		// Empty arguments.
		{"", "empty"},
		{" ", "empty"},
		{" \t ", "empty"},

		// Addresses without brackets, and numbers that programs accept as addresses.
		{"192.0.2.1", "bare-address 192.0.2.1"},
		{"192.0.2.1.", "bare-address 192.0.2.1 (a final dot)"},
		{"192.000.002.010", "bare-address 192.0.2.10"},
		{"256.1.1.1", "bare-address"},
		{"1.2.3", "bare-address"},
		{"1.2.3.4.5", "bare-address"},
		{"1234567890", "bare-address"},
		{"0", "bare-address"},
		{"0x7f.1", "bare-address"},
		{"0X7F000001", "bare-address"},
		{"0x7f.0.0.1.", "bare-address (a final dot)"},
		{"2001:db8::1", "bare-address 2001:db8::1"},
		{"2001:DB8:0::1", "bare-address 2001:db8::1"},
		{"IPv6:2001:db8::1", "bare-address 2001:db8::1"},
		{"ipv6:2001:db8::1", "bare-address 2001:db8::1"},
		{"::ffff:192.0.2.1", "bare-address 192.0.2.1"},
		{"::1", "bare-address ::1"},
		{"fe80::1%eth0", "bare-address fe80::1"},

		// Arguments that are no name of a host.
		{".", "malformed: an empty label"},
		{"...", "malformed ..: an empty label"},
		{"a..b", "malformed a..b: an empty label"},
		{".example.com", "malformed .example.com: an empty label"},
		{"mail.example.com..", "malformed mail.example.com.: an empty label"},
		{"1..2", "malformed 1..2: an empty label"},
		{"-x.Example.com", "malformed -x.example.com: the label -x starts with a hyphen"},
		{"x-.example.com", "malformed x-.example.com: the label x- ends with a hyphen"},
		{"mail.example.-", "malformed mail.example.-: the label - starts with a hyphen"},
		{"mail.example.123", "malformed mail.example.123: the top level 123 is a number"},
		{"a" + long + ".example", "malformed a" + long + ".example: a label of 64 octets (63 at most)"},
		{full + "a", "malformed: 256 octets (255 at most)"},
		{full + "..", "malformed: 257 octets (255 at most)"},
		{strings.Repeat("x", 10240), "malformed: 10240 octets (255 at most)"},
		{"a b!.example.com", "malformed: a space at 2"},
		{" mail.example.com", "malformed: a space at 1"},
		{"mail!example.com", "malformed: the character '!' at 5"},
		{"it's.example.com", "malformed: an apostrophe at 3"},
		{`a\b.example`, `malformed: the character '\' at 2`},
		{"user@example.com", "malformed: the character '@' at 5"},
		{"192.0.2.1:25", "malformed: the character ':' at 10"},
		{"IPv6:nonsense", "malformed: the character ':' at 5"},
		{"fe80::1%\x1b[2J", "malformed: the character ':' at 5"},
		{"2001:db8::1::2", "malformed: the character ':' at 5"},
		{"a\tb", "malformed: a tab at 2"},
		{"a\x00b", "malformed: byte 0x00 at 2"},
		{"mail.example.com\r", "malformed: byte 0x0d at 17"},
		{"\x1b[31mred", "malformed: byte 0x1b at 1"},
		{"\x7f", "malformed: byte 0x7f at 1"},
		{"a\xffb", "malformed: byte 0xff at 2"},
		{"a\u200bb.example", "malformed: UTF-8 (U+200B) at 2: HELO is ASCII, write it as an A-label (xn--...)"},
		{"m\u00fcller.example", "malformed: UTF-8 (U+00FC) at 2: HELO is ASCII, write it as an A-label (xn--...)"},
		{"\u202emoc.example", "malformed: UTF-8 (U+202E) at 1: HELO is ASCII, write it as an A-label (xn--...)"},
		{"example\u3002com", "malformed: UTF-8 (U+3002) at 8: HELO is ASCII, write it as an A-label (xn--...)"},
		{"192.0.2.1]", "malformed: the character ']' at 10"},
	} {
		if got := describe(ParseHelo(c.raw)); got != c.want {
			t.Errorf("%.80q\n got %s\nwant %s", c.raw, got, c.want)
		}
	}
}

func TestParseHeloLiteral(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"[192.0.2.1]", "literal 192.0.2.1"},
		{"[192.0.2.1] ", "literal 192.0.2.1 (a blank at the end)"},
		{"[192.0.2.01]", "literal 192.0.2.1"},
		{"[192.000.002.099]", "literal 192.0.2.99"},
		{"[IPv6:2001:db8::1]", "literal 2001:db8::1"},
		{"[ipv6:2001:DB8::1]", "literal 2001:db8::1"},
		{"[IPV6:2001:db8:0:0:0:0:0:1]", "literal 2001:db8::1"},
		{"[IPv6:::ffff:192.0.2.1]", "literal 192.0.2.1"},
		{"[IPv6:::FFFF:c000:201]", "literal 192.0.2.1"},
		{"[IPv6:::]", "literal ::"},
		{"[2001:db8::1]", "literal 2001:db8::1 (no IPv6: before the address)"},
		{"[::1]", "literal ::1 (no IPv6: before the address)"},
		{"[tag:content]", "literal (an unknown tag)"},
		{"[x-1:!@~^a]", "literal (an unknown tag)"},
		{"[IPv4:192.0.2.1]", "literal (an unknown tag)"},

		{"[", "malformed: no closing bracket"},
		{"[192.0.2.1", "malformed: no closing bracket"},
		{"[]", "malformed: nothing between the brackets"},
		{"[192.0.2.1]x", "malformed: text after the closing bracket"},
		{"[192.0.2.1].", "malformed: text after the closing bracket"},
		{"[256.1.1.1]", "malformed: an IPv4 address with 256 in it (255 at most)"},
		{"[1.2.3]", "malformed: an IPv4 address with 3 parts (4 are right)"},
		{"[1.2.3.4.5]", "malformed: an IPv4 address with 5 parts (4 are right)"},
		{"[1.2..4]", "malformed: an IPv4 address with an empty part"},
		{"[1.2.3.4.]", "malformed: an IPv4 address with 5 parts (4 are right)"},
		{"[0192.0.2.1]", "malformed: an IPv4 address with a number of 4 digits (3 at most)"},
		{"[IPv6:]", "malformed: no IPv6 address after IPv6:"},
		{"[IPv6:192.0.2.1]", "malformed: no IPv6 address after IPv6:"},
		{"[IPv6:2001:db8::1::2]", "malformed: no IPv6 address after IPv6:"},
		{"[IPv6:fe80::1%eth0]", "malformed: a zone in an IPv6 address"},
		{"[fe80::1%eth0]", "literal (an unknown tag)"}, // to the letter of the grammar: the tag fe80
		{"[example.com]", "malformed: no address in the brackets"},
		{"[tag:]", "malformed: no address in the brackets"},
		{"[:x]", "malformed: no address in the brackets"},
		{"[tag-:x]", "malformed: no address in the brackets"},
		{"[t.g:x]", "malformed: no address in the brackets"},
		{"[ 192.0.2.1]", "malformed: a space at 2"},
		{"[tag:a\\b]", "malformed: the character '\\' at 7"},
		{"[[192.0.2.1]]", "malformed: the character '[' at 2"},
		{"[tag:\x00]", "malformed: byte 0x00 at 6"},
		{"[" + strings.Repeat("x", 300) + "]", "malformed: 302 octets (255 at most)"},
	} {
		if got := describe(ParseHelo(c.raw)); got != c.want {
			t.Errorf("%.80q\n got %s\nwant %s", c.raw, got, c.want)
		}
	}
}

func ExampleParseHelo() {
	h := ParseHelo("MX_1.Example.ORG.")
	fmt.Printf("%s %s, tolerated: %s\n", h.Form, h.Name, h.Note)
	h = ParseHelo("[IPv6:::ffff:192.0.2.1]")
	fmt.Println(h.Form, h.Addr)
	h = ParseHelo("mail!.example.org")
	fmt.Printf("%s: %s\n", h.Form, h.Why)
	// Output:
	// fqdn mx_1.example.org, tolerated: a final dot, an underscore
	// literal 192.0.2.1
	// malformed: the character '!' at 5
}

func FuzzParseHelo(f *testing.F) {
	for _, raw := range []string{
		"mail.example.com", "MX_1.example.com. ", "[192.0.2.01]", "[IPv6:::ffff:192.0.2.1]", "[tag:content]", "0x7f.1", "1.2.3",
		"fe80::1%eth0", "a..b", "m\u00fcller.example", "\x1b[31m\x00", "exchange.corp.local", "[", "[]", ".", "-.-",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkHelo(t, raw) })
}

func BenchmarkParseHelo(b *testing.B) {
	for _, raw := range []string{
		"mail.example.com", "mail-oa1-f41.google.com", "MAIL.Example.COM.", "[192.0.2.1]", "[IPv6:2001:db8::1]", "192.0.2.1", "a b",
	} {
		b.Run(raw, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseHelo(raw)
			}
		})
	}
}

func TestParseHeloAllocatesNothing(t *testing.T) {
	for _, raw := range []string{"mail.example.com", "mx_1.example.com.", "exchange.corp.local", "localhost", "[192.0.2.1]", "192.0.2.1"} {
		want := 0.0
		if strings.HasSuffix(raw, ".") { // two notes are joined
			want = 1
		}
		if got := testing.AllocsPerRun(100, func() { ParseHelo(raw) }); got > want {
			t.Errorf("%s: %v allocations", raw, got)
		}
	}
}
