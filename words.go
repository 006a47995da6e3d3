package helogate

import (
	"fmt"
	"slices"
	"strings"
)

// words are the names of the values of a small integer type, from 0 on. The code compares values and uses them as
// indices; records, configurations and logs have the names. The types are uint16, since go vet finds string(v) of
// these.
type words []string

// name returns the name of a value; for a value without one, the type and the number.
func (w words) name(i int, what string) string {
	if i < 0 || i >= len(w) {
		return fmt.Sprintf("%s(%d)", what, i)
	}
	return w[i]
}

// parse is the inverse of name. what is the name of the type, for the error.
func (w words) parse(s, what string) (int, error) {
	if i := slices.Index(w, s); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%q is no %s: %s or %s", s, what, strings.Join(w[:len(w)-1], ", "), w[len(w)-1])
}
