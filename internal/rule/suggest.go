package rule

import (
	"fmt"
	"strings"
)

// closest returns the one of words that word was probably meant to be, few typing errors away, or "".
func closest(word string, words []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", 1+min(3, max(1, len(word)/3))
	for _, w := range words {
		if n := typos(strings.ToLower(word), strings.ToLower(w)); n < least && n < max(1, len(word)) {
			best, least = w, n
		}
	}
	for _, w := range words { // "failed" for "fail", "name" for "names"
		if best == "" && len(w) > 2 && len(word) > 2 && (strings.HasPrefix(word, w) || strings.HasPrefix(w, word)) {
			best = w
		}
	}
	return best
}

// typos is the Levenshtein distance: the number of letters to add, drop or change that makes b of a.
func typos(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			n := corner
			if a[i-1] != b[j-1] {
				n++
			}
			corner = row[j]
			row[j] = min(n, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// meant ends a message: it says which word was meant, and what there is if that is little.
func meant(word string, words []string) string {
	const few = 8
	near := closest(word, words)
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
