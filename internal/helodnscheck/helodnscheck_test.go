package helodnscheck

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		flags string
		as    Generation
		want  string // or the error
	}{
		{"PLRIV", "", "the first generation (PBLHRDVI) relay own"},
		{"GNLR", "", "the later releases (GANB and LHDRP) relay own"},
		{"", "", "the first generation (PBLHRDVI)"},
		{"", Later, "the later releases (GANB and LHDRP) relay own"},
		{"L", Later, "the later releases (GANB and LHDRP)"},
		{"GX", "", `'X' is not a letter of HELO_DNS_CHECK in the later releases (GANB and LHDRP): use G, A, N, B, L, H, D, R, P, I, V`},
		{"G", Seed, `'G' is not a letter of HELO_DNS_CHECK in the first generation (PBLHRDVI): use P, B, L, H, R, D, V, I`},
		{"", "first", `"first" is not a generation of helodnscheck: use seed or later`},
	} {
		l, err := Read(c.flags, c.as)
		got := l.Generation.String()
		if l.Relay {
			got += " relay"
		}
		if l.Own {
			got += " own"
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q as %q: %s, want %s", c.flags, string(c.as), got, c.want)
		}
	}
	if known, strange := Known("PLxGé\x00"); known != "PLG" || strange != "xé\x00" {
		t.Errorf("%q, %q", known, strange)
	}
}

// Whatever the file is, an entry is a network or an error, and addresses are what they say.
func FuzzMoreIPMe(f *testing.F) {
	f.Add("192.0.2.1\n198.51.100.0/255.255.255.0 # ours\n\n2001:db8::/32\n203.0.113.1:255.255.255.255\nlocalhost\n10.0.0.0/33\n192.0.2.0/255.0.255.0\n0.0.0.0/0\nfe80::1%eth0")
	f.Fuzz(func(t *testing.T, text string) {
		MoreIPMe(text, func(n int, entry string, p netip.Prefix, err error) {
			switch {
			case n < 1 || n > strings.Count(text, "\n")+1 || entry == "" || strings.ContainsAny(entry, "\n#"):
				t.Errorf("line %d: %q", n, entry)
			case (err == nil) != p.IsValid():
				t.Errorf("%q: %v, %v", entry, p, err)
			case err == nil && (p != p.Masked() || p.Addr().Is4In6() || p.Addr().IsUnspecified() && p.Bits() > 0 && p.IsSingleIP()):
				t.Errorf("%q: %v", entry, p)
			}
			if a, bad := netip.ParseAddr(entry); bad == nil && err == nil && p != netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()) {
				t.Errorf("%q: %v", entry, p)
			}
		})
	})
}

func ExampleMoreIPMe() {
	MoreIPMe("192.0.2.1\n198.51.100.7/255.255.255.0 # ours\nlocalhost\n", func(n int, entry string, p netip.Prefix, err error) {
		fmt.Println(n, entry, p, err)
	})
	// Output:
	// 1 192.0.2.1 192.0.2.1/32 <nil>
	// 2 198.51.100.7/255.255.255.0 198.51.100.0/24 <nil>
	// 3 localhost invalid Prefix it is not an IP address
}
