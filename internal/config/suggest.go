package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/helogate/helogate/internal/suggest"
)

// oneOf returns an error unless words has word. The error says which was probably meant.
func oneOf(noun, word string, words []string) error {
	if slices.Contains(words, word) {
		return nil
	}
	return fmt.Errorf("%s is not %s%s", quoted(word), noun, meant(word, words))
}

// meant ends a message about a word that is unknown. It names the nearest known word, and all of them if they are few
// or none is near.
func meant(word string, words []string) string {
	near := suggest.Closest(word, words)
	list := strings.Join(words, ", ")
	switch {
	case len(words) == 0:
		return "; none are known"
	case near == "":
		return ": use one of " + list
	case len(words) > 8:
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("; did you mean %q? Use one of %s", near, list)
}
