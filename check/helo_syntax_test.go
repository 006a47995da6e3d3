package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

func TestHeloSyntax(t *testing.T) {
	zone(t, HeloSyntax, "",
		"192.0.2.1 mx.example.org", "pass: well-formed",
		"192.0.2.1 mx.example.xn--p1ai", "pass: well-formed",
		"192.0.2.1", "none: no HELO")
	for _, bad := range []string{"a..b", ".", "...", "-x.example.com", "x-.example.com", "a!b.example.com", "a b.example.com",
		"caf\u00e9.example", "nul\x00.example", "esc\x1b[31m.example", strings.Repeat("a", 64) + ".example",
		strings.Repeat("a.", 200) + "example", "[192.0.2.1", "[]", "[IPv6:]", "a=b", strings.Repeat("x", 10<<10)} {
		f := facts("192.0.2.1")
		f.Helo = bad
		got := HeloSyntax.Judge(f, helogate.MustZone("")).String()
		if !strings.HasPrefix(got, "fail: HELO ") || strings.ContainsAny(got, "\x00\x1b\u00e9") || len(got) > 420 {
			t.Errorf("%.40q: %q", bad, got)
		}
	}
	for _, let := range []string{"mx.example.org.", "a_b.example.org"} {
		if got := HeloSyntax.Judge(facts("192.0.2.1 "+let), helogate.MustZone("")).String(); !strings.HasPrefix(got, "pass: accepted: ") {
			t.Errorf("%s: %s", let, got)
		}
	}
}
