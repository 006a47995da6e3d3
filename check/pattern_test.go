package check

import (
	"testing"

	"pgregory.net/rapid"
)

// What a pattern covers, it matches; and its text reads as the pattern again.
func TestPatternsCoverWhatTheyMatch(t *testing.T) {
	someNames := []string{"example.org", ".example.org", "a.example.org", ".a.example.org", "b.a.example.org", "Example.ORG.", "x", "*"}
	addresses := []string{"", "jane@example.org", "Jane@a.example.org", `"ja\ne"@example.org`, "x@b.a.example.org", "x"}
	texts := append([]string{"<>", "Jane@example.org", `"jane"@example.org`, "jane@a.example.org", "x@", "x@[192.0.2.1]"}, someNames[:7]...)
	rapid.Check(t, func(t *rapid.T) {
		p, q := rapid.SampledFrom(names(someNames...)).Draw(t, "p"), rapid.SampledFrom(names(someNames...)).Draw(t, "q")
		for _, name := range []string{"example.org", "a.example.org", "b.a.example.org", "x", ""} {
			if p.Covers(q) && q.Matches(name) && !p.Matches(name) {
				t.Fatalf("%s covers %s, and does not match %q", p, q, name)
			}
		}
		if again := names(p.String())[0]; again != p {
			t.Fatalf("%s reads as %s", p, again)
		}
		m, n := rapid.SampledFrom(mailboxes(texts...)).Draw(t, "m"), rapid.SampledFrom(mailboxes(texts...)).Draw(t, "n")
		for _, address := range append(addresses, m.String(), n.String()) {
			if m.Covers(n) && n.Matches(address) && !m.Matches(address) {
				t.Fatalf("%s covers %s, and does not match %q", m, n, address)
			}
		}
		if again := mailboxes(m.String())[0]; again != m {
			t.Fatalf("%s reads as %s", m, again)
		}
		if !m.Covers(m) || !p.Covers(p) {
			t.Fatalf("%s or %s does not cover itself", m, p)
		}
	})
}

func TestEmptyPatternsMatchNothing(t *testing.T) {
	for _, text := range []string{"", "."} {
		if p, err := ParseNamePattern(text); err == nil {
			t.Errorf("%q is the pattern %s", text, p)
		}
		if p, err := ParseMailboxPattern(text); err == nil {
			t.Errorf("%q is the pattern %s", text, p)
		}
	}
	if (NamePattern{}).Matches("") || (MailboxPattern{}).Matches("") || (MailboxPattern{}).Matches("x@") {
		t.Error("the zero value matches something")
	}
}
