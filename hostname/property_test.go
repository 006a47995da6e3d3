package hostname

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fatal is the common part of *testing.T and *rapid.T.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkPrintable(t fatal, what, s string) {
	t.Helper()
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			t.Fatalf("%s %q has byte 0x%02x", what, s, s[i])
		}
	}
}

// checkHelo tests the properties of every argument.
func checkHelo(t fatal, raw string) {
	t.Helper()
	h := ParseHelo(raw)
	checkPrintable(t, "Why", h.Why)
	checkPrintable(t, "Note", h.Note)
	checkPrintable(t, "Name", h.Name)
	if (h.Form == Malformed) != (h.Why != "") {
		t.Fatalf("%q: %+v: Why is for what is malformed, and for that alone", raw, h)
	}
	if h.Addr.Is4In6() || h.Addr.Zone() != "" {
		t.Fatalf("%q: %v is not plain", raw, h.Addr)
	}
	if len(h.Why)+len(h.Note) > 200 {
		t.Fatalf("%q: %+v: too long for a reply", raw, h)
	}
	switch h.Form {
	case FQDN, Private, SingleLabel:
		if h.Name == "" || h.Name != Canonical(strings.TrimRight(raw, " \t")) {
			t.Fatalf("%q: Name %q is not canonical", raw, h.Name)
		}
		if again := ParseHelo(h.Name); again.Form != h.Form || again.Name != h.Name {
			t.Fatalf("%q: %v, but its name is %v", raw, h.Form, again.Form)
		}
	case Literal, BareAddress, Empty:
		if h.Name != "" {
			t.Fatalf("%q: %v has the name %q", raw, h.Form, h.Name)
		}
	case Malformed:
	default:
		t.Fatalf("%q: no such kind: %q", raw, h.Form)
	}
	if h.Form != Malformed && h.Form != Empty {
		for _, other := range []string{strings.ToUpper(raw), strings.ToLower(raw)} {
			if got := ParseHelo(other); got != h {
				t.Fatalf("%q is %+v, %q is %+v", raw, h, other, got)
			}
		}
	}
}

func TestParseHeloHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkHelo(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
		checkHelo(t, rapid.StringMatching(`\[?[a-zA-Z0-9._:%-]{0,40}\]?[ .]?`).Draw(t, "near a name"))
	})
}

// Every address is parsed from each form in which a client may write it.
func TestParseHeloReadsAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := drawAddr(t)
		forms := []string{"[" + addr.String() + "]", addr.String()}
		if addr.Is6() {
			forms = []string{"[IPv6:" + addr.StringExpanded() + "]", "IPv6:" + addr.String(), addr.String(), "[" + addr.String() + "]"}
		}
		for _, form := range forms {
			if got := ParseHelo(form); got.Addr != addr.Unmap() {
				t.Fatalf("%s is read as %+v", form, got)
			}
		}
	})
}

func drawAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v6") {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6 octets")))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4 octets")))
}

// drawName makes names that are likely to have signals: words, numbers and parts of the address.
func drawName(t *rapid.T, addr netip.Addr) string {
	words := []string{"mail", "smtp", "dsl", "dyn", "vps", "vmi", "static", "clients", "cust", "host", "x", "0x", "c0000263", "ec2",
		"sub", "net", "unassigned", "members", "vcpu", "abonent", "5c63a407", "0123456789ab"}
	if addr.Is4() {
		words = append(words, strings.Split(addr.String(), ".")...)
		words = append(words, strings.ReplaceAll(addr.String(), ".", "-"))
	} else {
		words = append(words, strings.ReplaceAll(addr.StringExpanded(), ":", "-"), strings.ReplaceAll(addr.String(), ":", "-"))
	}
	var name string
	for range rapid.IntRange(1, 9).Draw(t, "parts") {
		if rapid.IntRange(0, 3).Draw(t, "number") == 0 {
			name += rapid.StringMatching(`[0-9]{1,12}`).Draw(t, "digits")
		} else {
			name += rapid.SampledFrom(words).Draw(t, "word")
		}
		name += rapid.SampledFrom([]string{"", "-", ".", "_", "--", ".."}).Draw(t, "separator")
	}
	domains := []string{".example.com", ".hoster.example", ".mailer.example.net", ".example.co.uk", "", ".local", ".github.io", ".in-addr.arpa"}
	return name + rapid.SampledFrom(domains).Draw(t, "domain")
}

// checkClassify tests the properties of every name and address: an auto-generated name has a reason, in printable
// ASCII; an address never makes a name less generic; case and a final dot change nothing, and the result is always
// the same.
func checkClassify(t fatal, name string, addr netip.Addr) {
	t.Helper()
	class, why := Classify(name, addr)
	checkPrintable(t, "why", why)
	if class != Custom && why == "" {
		t.Fatalf("%s is %s without a reason", name, class)
	}
	if short, org := ClassAndOrg(name, addr); short != class || org != Org(Canonical(name)) {
		t.Fatalf("%s is %s of %q, but ClassAndOrg says %s of %q", name, class, Org(Canonical(name)), short, org)
	}
	if without := classOf(name, netip.Addr{}); without != Custom && class != without {
		t.Fatalf("%s is %s, but %s for %s", name, without, class, addr)
	}
	spellings := []string{name, lowerASCII(name), upperASCII(name)}
	if !strings.HasSuffix(name, ".") && len(name) < maxName {
		spellings = append(spellings, name+".")
	}
	for _, other := range spellings {
		if c, w := Classify(other, addr); c != class || w != why {
			t.Fatalf("%s is %s (%s), %s is %s (%s)", name, class, why, other, c, w)
		}
	}
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c &^ 0x20
		}
	}
	return string(b)
}

func TestClassifyHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := drawAddr(t)
		checkClassify(t, drawName(t, addr), addr)
	})
}

func FuzzClassify(f *testing.F) {
	f.Add("ppp-192-0-2-99.dyn.example.com", []byte{192, 0, 2, 99})
	f.Add("99.sub-198-51-100.isp.example", []byte{198, 51, 100, 99})
	f.Add("2001-db8--1.cust.isp.example", netip.MustParseAddr("2001:db8::1").AsSlice())
	f.Add("a16.sub85.net78.isp.example.", []byte{})
	f.Add("vps-1a2b3c4d.rent.example", []byte{1})
	f.Add("192x0x2x99.c0-00-02-63.x.", []byte{192, 0, 2, 99})
	f.Fuzz(func(t *testing.T, name string, octets []byte) {
		addr, _ := netip.AddrFromSlice(octets)
		checkClassify(t, name, addr)
	})
}

func TestNothingPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		domain := rapid.SampledFrom([]string{"", ".com", ".", ".compute-1.amazonaws.com", ".co.uk", ".home.arpa"}).Draw(t, "domain")
		checkClassify(t, s+domain, drawAddr(t))
		if org := Org(s + domain); org != "" && !Under(s+domain, org) {
			t.Fatalf("%q is not under its organisation %q", s+domain, org)
		}
		if c := Canonical(s); len(c) > len(s) || Canonical(strings.TrimSuffix(c, ".")) != strings.TrimSuffix(c, ".") && !strings.HasSuffix(c, "..") {
			t.Fatalf("Canonical(%q) = %q", s, c)
		}
	})
}
