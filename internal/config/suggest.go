package config

import (
	"fmt"
	"slices"
	"strings"
)

// closest returns the one of words that word was probably meant to be: the same but for case, "-" and "_", or few typing
// errors away. It returns "" if none is near.
func closest(word string, words []string) string {
	if len(word) > 64 {
		return ""
	}
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	best, least := "", 1+min(3, max(1, len(word)/3))
	for _, w := range words {
		if n := typos(fold(word), fold(w)); n < least && n < max(1, len(word)) {
			best, least = w, n
		}
	}
	for _, w := range words { // "warning" for "warn"
		if extra := len(word) - len(w); best == "" && len(w) > 3 && extra < 5 && strings.HasPrefix(fold(word), fold(w)) {
			best = w
		}
	}
	return best
}

// typos is the number of letters to add, drop, change, or swap with a neighbour, that makes b of a.
func typos(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			n := row[j-1]
			if a[i-1] != b[j-1] {
				n++
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, before[j-2]+1)
			}
			next[j] = min(n, row[j]+1, next[j-1]+1)
		}
		before, row = row, next
	}
	return row[len(b)]
}

// oneOf is an error unless words hold word; the error says what was probably meant.
func oneOf(noun, word string, words []string) error {
	if slices.Contains(words, word) {
		return nil
	}
	return fmt.Errorf("%s is no %s%s", shown(word), noun, meant(word, words))
}

// meant ends a message: it says which word was meant, and if there are few, or none is near, what there is.
func meant(word string, words []string) string {
	near := closest(word, words)
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
