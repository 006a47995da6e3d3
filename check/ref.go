package check

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRef is the length of a reference in bytes, at most: a longer one is cut and ends in a hash of the whole.
const maxRef = 120

// Ref returns a name for the entry that is made of its content, and so does not change with its place in the file or
// its comment: "address=198.51.100.0/24 until=2027-07-01T00:00:00Z". The order of values does not matter, nor do
// duplicates. Entries with the same reference match the same clients at the same times. It is printable ASCII.
func (e *Exemption) Ref() string {
	var parts []string
	add := func(key string, values []string) {
		if len(values) == 0 {
			return
		}
		for i := range values {
			values[i] = quoted(values[i])
		}
		slices.Sort(values)
		parts = append(parts, key+"="+strings.Join(slices.Compact(values), ","))
	}
	addresses := make([]string, len(e.Addresses))
	for i, p := range e.Addresses {
		addresses[i] = p.Masked().String()
	}
	add("address", addresses)
	add("name", texts(nil, e.Names))
	add("helo", texts(nil, e.Helos))
	add("sender", texts(nil, e.Senders))
	add("recipient", texts(nil, e.Recipients))
	if !e.Until.IsZero() {
		parts = append(parts, "until="+e.Until.UTC().Format(time.RFC3339Nano))
	}
	return shortened(strings.Join(parts, " "))
}

// Ref is that of the exemption, with "origin" if the mail is judged by its origin.
func (f *Forwarder) Ref() string {
	ref := f.Exemption.Ref()
	if f.Origin {
		ref = shortened(ref + " origin")
	}
	return ref
}

// quoted returns a value that cannot be read as two values, or as a key.
func quoted(value string) string {
	isOdd := func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '"' || r == '\\' }
	if value == "" || strings.ContainsFunc(value, isOdd) {
		return strconv.QuoteToASCII(value)
	}
	return value
}

var refHash = base32.HexEncoding.WithPadding(base32.NoPadding)

// shortened returns a reference of bounded length. Different references stay different.
func shortened(ref string) string {
	if len(ref) <= maxRef {
		return ref
	}
	sum := sha256.Sum256([]byte(ref))
	hash := strings.ToLower(refHash.EncodeToString(sum[:15]))
	return fmt.Sprintf("%s...#%s", ref[:maxRef-len("...#")-len(hash)], hash)
}

// refs returns the references of a list.
func refs[T any](entries []T, ref func(*T) string) []string {
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = ref(&entries[i])
	}
	return out
}
