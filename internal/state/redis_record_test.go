package state

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tag is what a cluster looks at of a name, by the words of its specification: what is between the first { and the
// first } after it, if that is anything, and else all of it.
func tag(name string) string {
	if _, after, ok := strings.Cut(name, "{"); ok {
		if inside, _, ok := strings.Cut(after, "}"); ok && inside != "" {
			return inside
		}
	}
	return name
}

// A cluster keeps an attempt with its client, whatever their key is, and a name can be mapped back to its record.
func TestRedisName(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"192.0.2.0/24 jane@example.org bob@example.net", "p:greylist:{192.0.2.0/24} jane@example.org bob@example.net"},
		{"example.org", "p:greylist:{example.org}"},
		{"", "p:greylist:{{}"},
		{" a", "p:greylist:{{} a"},
		{"}x", "p:greylist:{{}x}"},
		{"{}x", "p:greylist:{{{}x}"},
	} {
		if got := redisName("p:", Greylist, c.key); got != c.want {
			t.Errorf("%q: %s, want %s", c.key, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringOfN(rapid.RuneFrom([]rune("a{} :ü")), 0, 8, -1).Draw(t, "key")
		name := redisName("p:", Greylist, key)
		if client := redisName("p:", Returned, Client(key)); tag(client) != tag(name) {
			t.Fatalf("%s and %s may be apart", name, client)
		}
		if h, ok := ofRedisName(strings.TrimPrefix(name, "p:")); !ok || h != (home{Greylist, key}) {
			t.Fatalf("%s leads to %v, %t", name, h, ok)
		}
	})
	for _, name := range []string{"", "greylist", "greylist:", "greylist:k", "greylist:{", "gossip:{k}", "greylist:{k", "greylist:k}"} {
		if h, ok := ofRedisName(name); ok {
			t.Errorf("%q leads to %v", name, h)
		}
	}
}
