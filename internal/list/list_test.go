package list

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func read(t testing.TB, text string) *List {
	t.Helper()
	l, problems, err := Read("test", strings.NewReader(text))
	if err != nil || problems != nil {
		t.Fatal(problems, err)
	}
	return l
}

const all = "\ufeff# what there is\r\n" +
	"192.0.2.1\r\n  198.51.100.0/24\t# a network\r\n\r\n" +
	"2001:DB8::/32\n::ffff:203.0.113.0/120\n::ffff:192.0.2.9\nfe80::1%eth0\n[192.0.2.11]\n" +
	"MX.Example.org.\nexample.com\n.Example.net\nlocalhost\nbücher.example\n" +
	"User@Example.org\npostmaster@[192.0.2.1]\nuser@bücher.example\nlast.example"

func TestContains(t *testing.T) {
	l := read(t, all)
	if l.Len() != 16 || l.Name != "test" {
		t.Errorf("%d entries of %s", l.Len(), l.Name)
	}
	for a, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "::ffff:192.0.2.1": true, "192.0.2.9": true, "192.0.2.11": true,
		"198.51.100.0": true, "198.51.100.255": true, "198.51.101.0": false, "203.0.113.7": true, "203.0.114.0": false,
		"2001:db8:ffff::": true, "2001:db9::": false, "fe80::1": true, "fe80::1%eth1": true, "2001:db8::1%eth0": true,
	} {
		if got := l.Contains(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if l.Contains(netip.Addr{}) {
		t.Error("no address at all is listed")
	}
}

func TestContainsName(t *testing.T) {
	l := read(t, all)
	for name, want := range map[string]bool{
		"mx.example.org": true, "Mx.EXAMPLE.org.": true, "a.mx.example.org": false, "example.org": false,
		"example.com": true, "www.example.com": false, "example.net": false, "a.example.net": true, "a.b.EXAMPLE.net": true,
		"notexample.net": false, "localhost": true, "xn--bcher-kva.example": true, "last.example": true,
		"": false, ".": false, "net": false, "user@example.org": false, "192.0.2.1": false,
		strings.Repeat("a.", 1<<20) + "example.net": false,
	} {
		if got := l.ContainsName(name); got != want {
			t.Errorf("%.40s: %v", name, got)
		}
	}
}

func TestContainsMailbox(t *testing.T) {
	l := read(t, all)
	for address, want := range map[string]bool{
		"user@example.org": true, "USER@EXAMPLE.ORG": true, "other@example.org": false, "user@a.example.org": false,
		"anyone@example.com": true, "anyone@a.example.com": false, "a@b.example.net": true, "a@example.net": false,
		"postmaster@[192.0.2.1]": true, "user@xn--bcher-kva.example": true, "user@bücher.example": true,
		`"a@b"@example.com`: true, "": false, "@": false, "user": false, "user@": false, "example.com": false,
	} {
		if got := l.ContainsMailbox(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestEmpty(t *testing.T) {
	for _, text := range []string{"", "\ufeff", "\n\r\n", "# nothing", " \t "} {
		l := read(t, text)
		if l.Len() != 0 || l.Contains(netip.MustParseAddr("192.0.2.1")) || l.ContainsName("example.org") || l.ContainsMailbox("a@example.org") {
			t.Errorf("%q holds something", text)
		}
	}
}

func TestProblems(t *testing.T) {
	for entry, want := range map[string]string{
		"192.0.2.77/24":             `line 2: "192.0.2.77/24" has host bits: the network is 192.0.2.0/24, the host 192.0.2.77`,
		"192.0.2.0/33":              `line 2: "192.0.2.0/33" is not a network: write 192.0.2.0/24 or 2001:db8::/32`,
		"::ffff:0:0/90":             `line 2: "::ffff:0:0/90" contains more than IPv4-mapped addresses: write the IPv4 network`,
		"192.0.2.":                  `line 2: "192.0.2." is not a name: write a network as 192.0.2.0/24`,
		"192.0.2":                   `line 2: "192.0.2" is not a name: write a network as 192.0.2.0/24`,
		"192.0.2.1-192.0.2.9":       `line 2: "192.0.2.1-192.0.2.9" is neither an address, a network, a name nor a mail address: the top level 9 is a number`,
		"192.0.2.1 OK":              `line 2: "192.0.2.1 OK": write one entry a line, followed by nothing but a # comment`,
		"example.org, example.net":  `line 2: "example.org, example.net": write one entry a line, followed by nothing but a # comment`,
		"*.example.org":             `line 2: "*.example.org": for all names below a domain write ".example.org"`,
		"@example.org":              `line 2: "@example.org" has no local part: for all addresses of a domain write "example.org"`,
		"user@":                     `line 2: "" is neither an address, a network, a name nor a mail address`,
		"<>":                        `line 2: "<>": a list cannot contain the null sender; use sender == "" in the rule`,
		"<user@example.org>":        `line 2: "example.org>" is neither an address, a network, a name nor a mail address: the character '>' at 12`,
		"exam!ple.org":              `line 2: "exam!ple.org" is neither an address, a network, a name nor a mail address: the character '!' at 5`,
		"a..b":                      `line 2: "a..b" is neither an address, a network, a name nor a mail address: an empty label`,
		"..example.org":             `line 2: ".example.org" is neither an address, a network, a name nor a mail address: an empty label`,
		"\x1b[31m.example":          `line 2: "\x1b[31m.example" is neither an address, a network, a name nor a mail address: byte 0x1b at 1`,
		"\xff.example":              `line 2: not valid UTF-8`,
		strings.Repeat("a", 2000):   `line 2: longer than 1024 octets, the limit of an entry`,
		strings.Repeat("a", 200000): `line 2: longer than 1024 octets, the limit of an entry`,
	} {
		l, problems, err := Read("test", strings.NewReader("192.0.2.1\n"+entry+"\nexample.org\n"))
		switch {
		case l != nil || err == nil || len(problems) != 1:
			t.Errorf("%.40s: a list, %v, %v", entry, problems, err)
		case problems[0].String() != want:
			t.Errorf("%.40s:\n got %s\nwant %s", entry, problems[0], want)
		}
	}
}

// Of many wrong lines the first ten are reported, and the rest counted.
func TestManyProblems(t *testing.T) {
	l, problems, err := Read("relays", strings.NewReader(strings.Repeat("192.0.2.1\na..b\n", 25)))
	if l != nil || len(problems) != 10 || problems[9].Line != 20 {
		t.Errorf("%v, %v", l, problems)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "list relays is refused as a whole, because of these lines:\n  line 2: ") ||
		!strings.HasSuffix(err.Error(), "\n  and 15 more") {
		t.Error(err)
	}
}

// endless is a file that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "#\n"[i%2]
	}
	return len(b), nil
}

func TestWrongFiles(t *testing.T) {
	if _, _, err := Read("zip", strings.NewReader("PK\x03\x04\x00\x00\n")); err == nil || err.Error() != "list zip, line 1: not a text file: it contains a NUL" {
		t.Error(err)
	}
	if _, _, err := Read("endless", endless{}); err == nil || !strings.HasSuffix(err.Error(), "longer than 64 MiB: is this the right file?") {
		t.Error(err)
	}
	dir := t.TempDir()
	if _, _, err := Load(dir); err == nil || err.Error() != "list "+dir+" is a directory: name the file in it" {
		t.Error(err)
	}
	if _, _, err := Load(filepath.Join(dir, "none")); err == nil || !os.IsNotExist(unwrapped(err)) {
		t.Error(err)
	}
	if _, _, err := Load(os.DevNull); err == nil || err.Error() != "list "+os.DevNull+" is not a regular file" {
		t.Error(err)
	}
	file := filepath.Join(dir, "relays")
	if err := os.WriteFile(file, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, _, err := Load(file); err != nil || l.Len() != 16 || l.Name != file {
		t.Error(err)
	}
	if os.Getuid() != 0 { // root reads everything
		if err := os.Chmod(file, 0); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(file); err == nil || !os.IsPermission(unwrapped(err)) {
			t.Error(err)
		}
	}
}

func unwrapped(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

// Whatever networks are listed, an address is in the list if and only if one of them has it.
func TestPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		var prefixes []netip.Prefix
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			p := netip.PrefixFrom(address(t), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			prefixes = append(prefixes, p)
			b.WriteString(p.String() + "\n")
		}
		l, _, err := Read("test", strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		a, want := address(t), false
		for _, p := range prefixes {
			want = want || p.Contains(a)
		}
		if l.Contains(a) != want {
			t.Fatalf("%s in %s: %v", a, b.String(), !want)
		}
	})
}

func address(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "six") {
		return netip.AddrFrom16([16]byte{0x20, 1, rapid.Byte().Draw(t, "a"), rapid.Byte().Draw(t, "b")})
	}
	return netip.AddrFrom4([4]byte{192, 0, rapid.Byte().Draw(t, "a"), rapid.Byte().Draw(t, "b")})
}

func FuzzRead(f *testing.F) {
	f.Add(all, "example.org")
	f.Add("a..b\n192.0.2.1/8\n\x00", "a@example.org")
	f.Fuzz(func(t *testing.T, text, asked string) {
		l, problems, err := Read("fuzz", strings.NewReader(text))
		if (l == nil) != (err != nil) || len(problems) > maxProblems || len(problems) > 0 && err == nil {
			t.Fatalf("%v, %v, %v", l, problems, err)
		}
		for _, p := range problems {
			for i := range len(p.Msg) {
				if c := p.Msg[i]; c < ' ' || c > '~' {
					t.Fatalf("%q is not printable", p.Msg)
				}
			}
		}
		if l == nil {
			return
		}
		l.ContainsName(asked)
		l.ContainsMailbox(asked)
		for line := range strings.Lines(text) { // what is listed is in the list
			entry, _, _ := strings.Cut(strings.TrimPrefix(line, "\ufeff"), "#")
			entry = strings.TrimSpace(entry)
			if a, err := netip.ParseAddr(entry); err == nil && !l.Contains(a) {
				t.Fatalf("%s is not in it", a)
			}
			if p, err := netip.ParsePrefix(entry); err == nil && !l.Contains(p.Addr()) {
				t.Fatalf("%s is not in it", p)
			}
			if strings.Contains(entry, "@") && !l.ContainsMailbox(entry) {
				t.Fatalf("%q is not in it", entry)
			}
		}
	})
}
