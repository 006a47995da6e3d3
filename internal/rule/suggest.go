package rule

import (
	"fmt"
	"strings"

	"github.com/helogate/helogate/internal/suggest"
)

// meant ends a message: it says which word was meant, and what there is if that is little.
func meant(word string, words []string) string {
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
