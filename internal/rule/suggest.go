package rule

import (
	"fmt"
	"strings"

	"github.com/helogate/helogate/internal/suggest"
)

// suggestion ends the message about an unknown word: it names the closest word, or all words if there are few.
func suggestion(word string, words []string) string {
	const few = 8
	near := suggest.Closest(word, words)
	switch {
	case len(words) == 0:
		return "; there is none"
	case near != "":
		return fmt.Sprintf("; did you mean %q?", near)
	case len(words) <= few:
		return "; there are " + strings.Join(words, ", ")
	}
	return ""
}
