package state

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrRecord is that a record cannot be, and no fault of the store.
var ErrRecord = errors.New("no such record")

// ErrClosed is what the methods of a Store answer after Close.
var ErrClosed = errors.New("the store is closed")

// Key makes the key of a record from its parts: different parts give different keys. It is printable ASCII, the parts
// with a space between them; a space, a percent sign, and what is no printable ASCII are in a part as %XX. One that
// would be longer than MaxKey is cut, and ends with the SHA-256 of the whole instead.
func Key(parts ...string) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(' ')
		}
		escape(&b, part)
	}
	return Shorten(b.String())
}

// Shorten returns a key as it is, or, if it is longer than MaxKey, cut, with the SHA-256 of the whole at its end. No
// key that was not cut has two percent signs in a row.
func Shorten(key string) string {
	if len(key) <= MaxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	end := "%%" + base64.RawURLEncoding.EncodeToString(sum[:])
	return key[:MaxKey-len(end)] + end
}

func escape(b *strings.Builder, part string) {
	const hex = "0123456789ABCDEF"
	for _, c := range []byte(part) {
		if c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
}

// check says what is wrong with the kind or the key of a record.
func check(bucket Bucket, key string) error {
	if !slices.Contains(Buckets, bucket) {
		return fmt.Errorf("%w: unknown kind %q", ErrRecord, bucket)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("%w: a key of %d bytes; the limit is %d", ErrRecord, len(key), MaxKey)
	}
	return nil
}
