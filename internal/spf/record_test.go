package spf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/presentation"
)

// reread writes a record as it was understood: each of its terms, whatever they mean to a client. The result is a
// record with the same meaning.
func reread(text string) (string, error) {
	var rec record
	if err := rec.read(text, netip.Addr{}); err != nil {
		return "", err
	}
	var out []string
	for _, field := range strings.Fields(presentation.Unescape(text)[len(version):]) {
		if _, _, is := modifier(field); is {
			continue
		}
		var t term
		if err := t.parse(field); err != nil {
			return "", err
		}
		out = append(out, t.String())
	}
	if rec.redirect != "" {
		out = append(out, "redirect="+rec.redirect)
	}
	if rec.exp != "" {
		out = append(out, "exp="+rec.exp)
	}
	return strings.Join(out, " "), nil
}

func (t *term) String() string {
	s := string(t.qualifier) + [...]string{"all", "ip", "include", "a", "mx", "ptr", "exists"}[t.kind]
	if t.kind == termNetwork {
		family := "6:"
		if t.network.Addr().Is4() {
			family = "4:"
		}
		return s + family + t.network.String()
	}
	if t.target != "" {
		s += ":" + t.target
	}
	if t.bits4 != 32 || t.bits6 != 128 {
		s += fmt.Sprintf("/%d//%d", t.bits4, t.bits6)
	}
	return s
}

// The grammar of RFC 7208 section 12, a case a line.
func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"   -all  ", "-all"},
		{"+ALL ?aLL all", "+all ?all +all"},
		{"~a -A a/24 a//64 a/0//0", "~a -a +a/24//128 +a/32//64 +a/0//0"},
		{"a:example.org mx:example.org/24//64", "+a:example.org +mx:example.org/24//64"},
		{"a:foo:bar/baz.example.org a:x/24.example.org", "+a:foo:bar/baz.example.org +a:x/24.example.org"},
		{"a:%{d}/24 exists:%{i}._%{L2R+-}.%%.%_.%-.example", "+a:%{d}/24//128 +exists:%{i}._%{L2R+-}.%%.%_.%-.example"},
		{"include:a.example. ptr ptr:b.xn--0-1", "+include:a.example. +ptr +ptr:b.xn--0-1"},
		{"IP4:192.0.2.0/24 ip4:192.0.2.1 ip4:0.0.0.0/0", "+ip4:192.0.2.0/24 +ip4:192.0.2.1/32 +ip4:0.0.0.0/0"},
		{"ip6:2001:DB8::/32 ip6:::1 ip6:::192.0.2.1/0", "+ip6:2001:db8::/32 +ip6:::1/128 +ip6:::c000:201/0"},
		{"redirect=a.example exp=%{ir}.%{v}.example", "redirect=a.example exp=%{ir}.%{v}.example"},
		{"Redirect=a.example EXP=b.example moo.cow-far_out=man:dog/cat a=b x=%{t} y=", "redirect=a.example exp=b.example"},
		{"a:%{d99999999999999999999}", "+a:%{d99999999999999999999}"},

		{"-all moo", "moo: there is no such mechanism"},
		{"all:x", "all:x: nothing may follow all"},
		{"-all/8", "-all/8: nothing may follow all"},
		{"all.", "all.: there is no such mechanism"},
		{"include", "include: a colon and a domain are missing"},
		{"exists:", "exists:: the domain is missing"},
		{"include:x.example/24", "include:x.example/24: the domain does not end in a top-level domain"},
		{"ptr/0", "ptr/0: a colon and a domain are missing"},
		{"a/33", "a/33: /33 is not a prefix length: 0 to 32"},
		{"a//129", "a//129: /129 is not a prefix length: 0 to 128"},
		{"a/024", "a/024: /024 is not a prefix length: 0 to 32"},
		{"a/24/24", "a/24/24: a colon and a domain are missing"},
		{"a/24/64", "a/24/64: /64 is not a prefix length: 0 to 32"},
		{"a/", "a/: a colon and a domain are missing"},
		{"a:x.example/24/24", "a:x.example/24/24: the domain does not end in a top-level domain"},
		{"a:x.example/24/64", "a:x.example/24/64: /64 is not a prefix length: 0 to 32"},
		{"a:museum", "a:museum: the domain does not end in a top-level domain"},
		{"a:museum.", "a:museum.: the domain does not end in a top-level domain"},
		{"a:example.-com", "a:example.-com: the domain does not end in a top-level domain"},
		{"a:example.com-", "a:example.com-: the domain does not end in a top-level domain"},
		{"a:example.org:8080", "a:example.org:8080: the domain does not end in a top-level domain"},
		{"a:192.0.2.1", "a:192.0.2.1: an address where a domain must be: use ip4 or ip6"},
		{"a:%{d}x", "a:%{d}x: the domain does not end in a top-level domain"},
		{"a:example..", "a:example..: the domain does not end in a top-level domain"},
		{"ip4", "ip4: a colon and an IPv4 address are missing"},
		{"ip4:192.0.2", "ip4:192.0.2: 192.0.2 is not an IPv4 address"},
		{"ip4:192.0.2.1:25", "ip4:192.0.2.1:25: 192.0.2.1:25 is not an IPv4 address"},
		{"ip4:192.0.2.1//32", "ip4:192.0.2.1//32: //32 is not a prefix length: 0 to 32"},
		{"ip4:192.0.02.1", "ip4:192.0.02.1: 192.0.02.1 is not an IPv4 address"},
		{"ip4:::1", "ip4:::1: ::1 is not an IPv4 address"},
		{"ip6:192.0.2.1", "ip6:192.0.2.1: 192.0.2.1 is not an IPv6 address"},
		{"ip6:fe80::1%eth0", "ip6:fe80::1%eth0: fe80::1%eth0 is not an IPv6 address"},
		{"ip6::cafe::babe", "ip6::cafe::babe: :cafe::babe is not an IPv6 address"},
		{"redirect=", "redirect=: the domain is missing"},
		{"exp=-all", "exp=-all: the domain does not end in a top-level domain"},
		{"exp=%{r}.example.org", "exp=%{r}.example.org: there is no macro %{r} here"},
		{"redirect=a.example redirect=a.example", "redirect=a.example: it occurs twice"},
		{"exp=a.example EXP=a.example", "EXP=a.example: it occurs twice"},
		{"-redirect=a.example", "-redirect=a.example: there is no such mechanism"},
		{"redirect:a.example", "redirect:a.example: there is no such mechanism"},
		{"1up=x", "1up=x: there is no such mechanism"},
		{"=all", "=all: there is no such mechanism"},
		{"+", "+: there is no such mechanism"},
		{"foo=%abc", `foo=%abc: "%" must be followed by "{", a letter and "}", or by one of "%", "_" and "-"`},
		{"a:%{d0}", "a:%{d0}: a macro must keep at least one part"},
		{"a:%{dx}", "a:%{dx}: x is not allowed in a macro"},
		{"a:%{a}", "a:%{a}: there is no macro %{a} here"},
		{"a:%{}", `a:%{}: "%" must be followed by "{", a letter and "}", or by one of "%", "_" and "-"`},
		{"a:%{d", `a:%{d: "%" must be followed by "{", a letter and "}", or by one of "%", "_" and "-"`},
		{"a:x%", `a:x%: "%" must be followed by "{", a letter and "}", or by one of "%", "_" and "-"`},
		{"a:" + strings.Repeat("x", 100), "a:" + strings.Repeat("x", 55) + "...: the domain does not end in a top-level domain"},
		{`a:\226\128\139x.example`, "octet 10 is 0xe2, which is not printable ASCII"},
		{"a\tmx", "octet 9 is 0x09, which is not printable ASCII"},
		{`a:\"x.example`, `+a:"x.example`}, // presentation form of a TXT value
	} {
		got, err := reread(version + " " + c.text)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// RFC 7208 section 4.5.
func TestSelectRecord(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{nil, "none"},
		{[]string{"", "v=spf", "v=spf10 -all", "v=spf1\t-all", "xv=spf1 -all", "v=spf2.0/pra -all"}, "none"},
		{[]string{"google-site-verification=x", "v=spf1 -all", "v=spf10"}, "v=spf1 -all"},
		{[]string{"V=SPF1"}, "V=SPF1"},
		{[]string{"v=spf1 -all", "V=SPF1 +all"}, "has more than one SPF record"},
	} {
		got, err := selectRecord(c.texts)
		if err != nil {
			got = err.Error()
		} else if got == "" {
			got = "none"
		}
		if got != c.want || hasRecord(c.texts) == (c.want == "none") {
			t.Errorf("%q: %s, want %s", c.texts, got, c.want)
		}
	}
}

// RFC 7208 section 7.4, and what only explanations may contain.
func TestExpand(t *testing.T) {
	of := func(client, helo, sender string) *walk {
		w := newWalk(direct{client: client}, identity(client, helo, sender))
		return &w
	}
	v4 := of("192.0.2.3", "mail.example", "strong-bad@email.example.com")
	v6 := of("2001:db8::cb01", "mail.example", "strong-bad@email.example.com")
	odd := of("192.0.2.3", "a b", "a..b&\xff@email.example.com")
	for _, c := range []struct {
		walk       *walk
		text, want string
	}{
		{v4, "%{s}", "strong-bad@email.example.com"},
		{v4, "%{o}", "email.example.com"},
		{v4, "%{d}", "email.example.com"},
		{v4, "%{d4}", "email.example.com"},
		{v4, "%{d3}", "email.example.com"},
		{v4, "%{d2}", "example.com"},
		{v4, "%{d1}", "com"},
		{v4, "%{dr}", "com.example.email"},
		{v4, "%{d2r}", "example.email"},
		{v4, "%{l}", "strong-bad"},
		{v4, "%{l-}", "strong.bad"},
		{v4, "%{lr}", "strong-bad"},
		{v4, "%{lr-}", "bad.strong"},
		{v4, "%{l1r-}", "strong"},
		{v4, "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{v4, "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{v4, "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{v4, "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{v4, "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		{v6, "%{ir}.%{v}._spf.%{d2}", "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com"},
		{v6, "%{c} %{h} %{t} %{r} %% %_ %-", "2001:db8::cb01 mail.example 1777863721 unknown %   %20"},
		{v6, "%{C}", "2001%3Adb8%3A%3Acb01"},
		{odd, "%{l}|%{L}|%{lr}|%{l2}|%{H}", "a..b&\xff|a..b%26%FF|b&\xff..a|.b&\xff|a%20b"},
	} {
		if err := checkMacros(c.text, inExplanation); err != nil {
			t.Fatal(err)
		}
		if got, err := c.walk.expand(c.text, "email.example.com", inExplanation); got != c.want || err != nil {
			t.Errorf("%s: %q %v, want %q", c.text, got, err, c.want)
		}
	}
}

// RFC 7208 section 7.3: a name that is too long loses labels on the left. Section 4.8: an invalid name does not match.
func TestTarget(t *testing.T) {
	labels := func(n int) string { return strings.Repeat("abcdefgh.", n) }
	for _, c := range []struct{ local, spec, want string }{
		{"x", "%{l}.Example.", "x.example"},
		{"x", "a..example", ""},
		{"x", labels(100) + "example", labels(27) + "example"},
		{labels(100), "%{l}example", labels(27) + "example"},
		{labels(1), strings.Repeat("%{l}", 100) + "example", labels(27) + "example"},
		{labels(100), "%{lr}.example", labels(27)[:26*9+8] + ".example"},
		{strings.Repeat("x", 300), "%{l}.example", "example"},
		{strings.Repeat("x", 300), "example.%{l}", ""},
		{labels(maxExpansion / 9), "%{l}example", ""},
	} {
		w := newWalk(direct{}, identity("192.0.2.3", "x", "x@example.org"))
		w.id.Local = c.local
		if n, err := w.target(c.spec, name{raw: "example.org"}); n.question != c.want || err != nil {
			t.Errorf("%.20s %.20s: %q %v, want %q", c.spec, c.local, n.question, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	l63 := strings.Repeat("x", 63)
	long := strings.Repeat("abcdefgh.", 28) + "a" // 253 octets
	for _, c := range []struct{ raw, want string }{
		{"Example.ORG.", "example.org"},
		{"a b.example", `a\ b.example`},
		{"a\x00\xff;\\.example", `a\000\255\;\\.example`},
		{"foo:bar/baz%.example", "foo:bar/baz%.example"},
		{l63 + ".example", l63 + ".example"},
		{long, long},
		{"x" + long, "none"},
		{l63 + "x.example", "none"},
		{"", "none"}, {".", "none"}, {"a..b", "none"}, {".a", "none"}, {"a..", "none"},
	} {
		n, ok := newName(c.raw)
		if got := n.question; ok && got != c.want || !ok && c.want != "none" {
			t.Errorf("%q: %q, want %q", c.raw, got, c.want)
		} else if ok && presentation.Unescape(got) != hostname.Canonical(c.raw) {
			t.Errorf("%q: %q does not come back", c.raw, got)
		}
	}
	for _, c := range []struct {
		name, domain string
		want         bool
	}{
		{"example.org", "example.org", true},
		{"a.example.org", "example.org", true},
		{"notexample.org", "example.org", false},
		{`a\.example.org`, "example.org", false},
		{`a\\.example.org`, "example.org", true},
		{"org", "example.org", false},
	} {
		if got := under(c.name, c.domain); got != c.want {
			t.Errorf("%s under %s: %t", c.name, c.domain, got)
		}
	}
}

// A record of the grammar is understood, with any spaces and in any case; and the record that is made of the result has
// the same result.
func TestParseTakesTheGrammar(t *testing.T) {
	domain := rapid.StringMatching(`([a-z0-9!$&'*/;<=>?@^_{|}~:-]{0,5}` +
		`(%\{[slodiphvSLODIPHV]([1-9][0-9]?)?[rR]?[-.+,/_=]{0,3}\}|%%|%_|%-)?){0,3}` +
		`(\.[a-z0-9]{0,3}[a-z][a-z0-9]{0,3}\.?|%\{d\})`)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString(version)
		n := rapid.IntRange(0, 5).Draw(t, "terms")
		for range n {
			b.WriteString(rapid.StringMatching(` {1,3}[-+~?]?`).Draw(t, "before"))
			switch rapid.IntRange(0, 3).Draw(t, "mechanism") {
			case 0:
				b.WriteString(rapid.SampledFrom([]string{"all", "ALL", "a", "MX", "ptr", "ip4:192.0.2.0/24", "Ip6:2001:db8::1"}).Draw(t, "bare"))
			case 1:
				b.WriteString(rapid.SampledFrom([]string{"include:", "exists:", "ptr:", "Exists:"}).Draw(t, "name") + domain.Draw(t, "domain"))
			default:
				b.WriteString(rapid.SampledFrom([]string{"a:", "mx:"}).Draw(t, "name") + domain.Draw(t, "domain"))
				b.WriteString(rapid.SampledFrom([]string{"", "/24", "//64", "/0//128"}).Draw(t, "bits"))
			}
		}
		got, err := reread(b.String())
		if err != nil || len(strings.Fields(got)) != n {
			t.Fatalf("%q: %q %v", b.String(), got, err)
		}
		if again, err := reread(version + " " + got); again != got || err != nil {
			t.Fatalf("%q: understood as %q, and that as %q %v", b.String(), got, again, err)
		}
	})
}

// Whatever a domain publishes, reading it ends soon and without a panic.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"v=spf1 mx include:%{d2}.example ip4:192.0.2.0/24 -all exp=%{ir}.example", "v=spf1 redirect=example.org", `v=spf1 a:\"\000\\.example/24//64`,
		"v=spf1 exists:%{l1r+-/=_,.}._spf.%{D} ?all x=%{c}", "v=spf1 ptr:%{p} ~all", "v=spf1 " + strings.Repeat("a ", 200),
	} {
		f.Add(s, "mx.example.org", "jane")
	}
	f.Fuzz(func(t *testing.T, text, helo, local string) {
		w := everywhere{answers{}}
		w.add(helogate.TXT, "", text)
		w.add(helogate.A, "", "198.51.100.7")
		w.add(helogate.MX, "", "10 mx.example")
		w.add(helogate.PTR, "192.0.2.1", "mx.example")
		id := identity("192.0.2.1", helo, "x@example.org")
		id.Local = local
		began := time.Now()
		got := judge(w, id)
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
		if len(got.asked) > 10*(1+maxHosts)+2+maxNames {
			t.Errorf("%d questions", len(got.asked))
		}
		for _, qa := range got.asked {
			if qa.Kind == helogate.PTR {
				continue
			}
			if n, ok := newName(presentation.Unescape(qa.Name)); !ok || n.question != qa.Name {
				t.Errorf("%q is asked for", qa.Name)
			}
		}
	})
}
