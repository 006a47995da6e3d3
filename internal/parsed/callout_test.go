package parsed

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCalloutName(t *testing.T) {
	for _, c := range [][2]string{
		{"Jane.Doe+x@Example.ORG", "Jane.Doe+x@example.org"}, // the case of a local part is its host's affair (RFC 5321 section 2.4)
		{`"jane doe"@example.org`, `"jane doe"@example.org`},
		{`"ja\ne"@example.org`, "jane@example.org"},
		{`"a@b\"c\\"@example.org`, `"a@b\"c\\"@example.org`},
		{`""@example.org`, `""@example.org`},
		{strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org"},
		{strings.Repeat("a", 65) + "@example.org", ""},
		{"", ""}, {"jane", ""}, {"@example.org", ""}, {"a..b@example.org", ""}, {".a@example.org", ""}, {"a.@example.org", ""},
		{"a b@example.org", ""}, {"a@b@example.org", ""}, {`a"b@example.org`, ""}, {`"a"b"@example.org`, ""}, {`"a\"@example.org`, ""},
		{"a\r\nDATA@example.org", ""}, {"\"a\r\nDATA\"@example.org", ""}, {"\"a\\\r\"@example.org", ""},
		{"jane@example.org>", ""}, {`"<>"@example.org`, ""}, {`"a\>"@example.org`, ""}, {"jane@exa mple.org", ""}, {"jane@a..b", ""}, {"jane@corp.local", ""}, {"jane@192.0.2.1", ""},
	} {
		if got, ok := CalloutName(c[0]); ok != (c[1] != "") || ok && got != c[1] {
			t.Errorf("%q: %q, %t, not %q", c[0], got, ok, c[1])
		}
	}
}

// A name can stand between <> in a command whatever the sender was, and is its own name.
func TestCalloutNameIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.OneOf(
			rapid.StringMatching(`"([ -~]|\\[ -~]){0,5}"@example\.org`),
			rapid.StringMatching(`[ -~]{0,8}@example\.org`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) + "@example.org" }),
		).Draw(t, "address")
		name, ok := CalloutName(address)
		if !ok {
			return
		}
		again, ok := CalloutName(name)
		if !ok || again != name {
			t.Fatalf("%q: %q, and then %q, %t", address, name, again, ok)
		}
		local := name[:strings.LastIndexByte(name, '@')]
		if strings.ContainsAny(name, "<>") || local[0] != '"' && strings.ContainsAny(local, "\" \\@") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q: %q", address, name)
		}
		if was, _ := Mailbox(address); local[0] != '"' && local != was {
			t.Fatalf("%q is another mailbox than %q", name, address)
		}
	})
}
