package header

import (
	"os"
	"strings"
	"testing"
)

// The examples on the page keep to what it says, and to what the code writes.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(text)) {
		example, indented := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
		name, value, is := strings.Cut(example, ": ")
		if !indented || !is {
			continue
		}
		isLine(t, Field{name, value})
		seen[name]++
		switch name {
		case AuthenticationResults:
			if _, _, err := parse8601(value); err != nil {
				t.Errorf("%s: %v", example, err)
			}
		case XHelogate:
			if !grammar.MatchString(value) {
				t.Error(example)
			}
		}
	}
	for _, name := range []string{AuthenticationResults, XHelogate, XHelo, XHeloCheck} {
		if seen[name] == 0 || !strings.Contains(string(text), "\n## "+name+"\n") {
			t.Errorf("the page has no section with examples of %s", name)
		}
	}
}
