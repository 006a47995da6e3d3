package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate/internal/suggest"
)

// oneOf is an error unless words hold word; the error says what was probably meant.
func oneOf(noun, word string, words []string) error {
	if slices.Contains(words, word) {
		return nil
	}
	return fmt.Errorf("%s is no %s%s", shown(word), noun, meant(word, words))
}

// meant ends a message: it says which word was meant, and if there are few, or none is near, what there is.
func meant(word string, words []string) string {
	near := suggest.Closest(word, words)
	list := strings.Join(words, ", ")
	switch {
	case len(words) == 0:
		return "; none is known"
	case near == "":
		return ": choose from " + list
	case len(words) > 8:
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("; did you mean %q? There are %s", near, list)
}
