package state_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/state"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"", ""}, " "},
		{[]string{"192.0.2.0/24", "a@example.org", "jane@example.net"}, "192.0.2.0/24 a@example.org jane@example.net"},
		{[]string{"a b", "c"}, "a%20b c"},
		{[]string{"a", "b c"}, "a b%20c"},
		{[]string{"100%", "\x00\x1f\x7f\x80\xff", "ü"}, "100%25 %00%1F%7F%80%FF %C3%BC"},
	} {
		if got := state.Key(c.parts...); got != c.want {
			t.Errorf("%q: %q, want %q", c.parts, got, c.want)
		}
	}
}

func TestLongKey(t *testing.T) {
	x := strings.Repeat("x", state.MaxKey)
	if got := state.Key(x); got != x {
		t.Errorf("one that fits is %q", got)
	}
	seen := map[string]bool{}
	for _, parts := range [][]string{{x + "a"}, {x + "b"}, {x, ""}, {x, "a"}, {"", x}, {strings.Repeat("\xff", state.MaxKey)}, {strings.Repeat("\xff", state.MaxKey-1)}} {
		got := state.Key(parts...)
		if len(got) != state.MaxKey || seen[got] || state.Key(parts...) != got {
			t.Errorf("%d bytes, seen %t: %q", len(got), seen[got], got)
		}
		if again := state.Key(got); again == got {
			t.Errorf("one that was cut is that of another: %q", got)
		}
		seen[got] = true
	}
}

// Different parts give different keys, which are short and printable.
func FuzzKey(f *testing.F) {
	f.Add("a", "b c", "a b", "c")
	f.Add("a%20b", "c", "a b", "c")
	f.Add(strings.Repeat("x", 600), "a", strings.Repeat("x", 600), "b")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		one, other := state.Key(a, b), state.Key(c, d)
		if same := a == c && b == d; same != (one == other) {
			t.Fatalf("%q and %q, %q and %q: %q, %q", a, b, c, d, one, other)
		}
		if state.Key(a+" "+b) == one || state.Key(a, b, "") == one {
			t.Fatalf("%q %q: as many parts as it likes", a, b)
		}
		if len(one) > state.MaxKey || slices.ContainsFunc([]byte(one), func(b byte) bool { return b < ' ' || b > '~' }) {
			t.Fatalf("%d bytes: %q", len(one), one)
		}
	})
}
