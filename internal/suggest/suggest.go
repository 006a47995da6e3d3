// Package suggest finds what was meant by a word that is misspelt in a configuration.
package suggest

import "strings"

// Closest returns the one of words that word was probably meant to be: the same but for case, "-" and "_", few typing errors
// away, or one the beginning of the other. It returns "" if none is near.
func Closest(word string, words []string) string {
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
	for _, w := range words { // "warning" for "warn", "name" for "names"
		if apart := max(len(word)-len(w), len(w)-len(word)); best == "" && min(len(w), len(word)) > 3 && apart < 6 &&
			(strings.HasPrefix(fold(word), fold(w)) || strings.HasPrefix(fold(w), fold(word))) {
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
