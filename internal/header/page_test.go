package header

import (
	"os"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/docpage"
)

// The examples on the page keep to what it says, and to what the code writes.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/headers.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := docpage.Parse("headers.md", string(text))
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	for _, b := range page.Blocks {
		if b.Lang == "header" {
			examples.WriteString(b.Text)
		}
	}
	seen := map[string]int{}
	for example := range strings.Lines(examples.String()) {
		example = strings.TrimSuffix(example, "\n")
		name, value, is := strings.Cut(example, ": ")
		if !is {
			t.Errorf("no field: %s", example)
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
