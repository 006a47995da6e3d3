// Package suggest finds the word that a misspelt word of a configuration was meant to be.
package suggest

import "strings"

// Closest returns the one of words that word was probably meant to be: equal except for case, "-" and "_", a few
// typing errors away, or with one being a prefix of the other. It returns "" if no word is close.
func Closest(word string, words []string) string {
	if len(word) > 64 {
		return ""
	}
	normal := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	best, least := "", 1+min(3, max(1, len(word)/3))
	for _, w := range words {
		if n := typos(normal(word), normal(w)); n < least && n < max(1, len(word)) {
			best, least = w, n
		}
	}
	for _, w := range words { // "warning" for "warn", "name" for "names"
		if apart := max(len(word)-len(w), len(w)-len(word)); best == "" && min(len(w), len(word)) > 3 && apart < 6 &&
			(strings.HasPrefix(normal(word), normal(w)) || strings.HasPrefix(normal(w), normal(word))) {
			best = w
		}
	}
	return best
}

// typos returns how many letters must be added, dropped, changed, or swapped with a neighbour, to make b from a.
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
