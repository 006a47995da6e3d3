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

// maxRef is how long a reference may be, in bytes: one that is longer ends in a hash of all of it.
const maxRef = 120

// Ref names the entry by what it says, whatever its place in the file and its comment: "address=198.51.100.0/24
// until=2027-07-01T00:00:00Z". The order in which an entry names its values makes no difference, nor do values that it names
// twice. Entries with the same reference match the same clients at the same times. It is printable ASCII.
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

// Ref is that of the exemption, and whether the mail is judged by its origin.
func (f *Forwarder) Ref() string {
	ref := f.Exemption.Ref()
	if f.Origin {
		ref = shortened(ref + " origin")
	}
	return ref
}

// quoted is a value that cannot be taken for two, or for a key.
func quoted(value string) string {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' || r == '"' || r == '\\' }) {
		return strconv.QuoteToASCII(value)
	}
	return value
}

var refHash = base32.HexEncoding.WithPadding(base32.NoPadding)

// shortened is a reference of bounded length, which is another where the whole is another.
func shortened(ref string) string {
	if len(ref) <= maxRef {
		return ref
	}
	sum := sha256.Sum256([]byte(ref))
	hash := strings.ToLower(refHash.EncodeToString(sum[:15]))
	return fmt.Sprintf("%s...#%s", ref[:maxRef-len("...#")-len(hash)], hash)
}

// refs are the references of a list.
func refs[T any](entries []T, ref func(*T) string) []string {
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = ref(&entries[i])
	}
	return out
}
