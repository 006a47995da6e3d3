package helogate

import (
	"fmt"
	"slices"
	"strings"
)

// words name the values of a small integer type, from 0 on: inside, values are compared and used as indices; outside,
// in records, configurations and logs, there are words alone. The types are uint16, since go vet finds string(v) of these.
type words []string

// name returns the word for a value; for one that has none, what it is and its number.
func (w words) name(i int, what string) string {
	if i < 0 || i >= len(w) {
		return fmt.Sprintf("%s(%d)", what, i)
	}
	return w[i]
}

// parse is the inverse of name. what comes with its article, for the error.
func (w words) parse(s, what string) (int, error) {
	if i := slices.Index(w, s); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%q is no %s: %s or %s", s, what, strings.Join(w[:len(w)-1], ", "), w[len(w)-1])
}
