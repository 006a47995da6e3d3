package printable

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"mx.example.org", 100, "mx.example.org"},
		{"\x1b[31mred", 100, `\x1b[31mred`},
		{"a\r\nb", 100, `a\x0d\x0ab`},
		{"nul\x00", 100, `nul\x00`},
		{`back\slash`, 100, `back\\slash`},
		{"caf\u00e9", 100, `caf\xc3\xa9`},
		{"\u202eevil", 100, `\xe2\x80\xaeevil`},
		{"\x7f\xff", 100, `\x7f\xff`},
		{strings.Repeat("a", 10<<10), 8, "aaaaaaaa..."},
		{"aaaaaa\x00", 8, "aaaaaa..."}, // an escape is never cut in two
	} {
		if got := Text(c.in, c.limit); got != c.want {
			t.Errorf("Text(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestCleanTextCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Text("mx.example.org", 100) }); n != 0 {
		t.Errorf("%v allocations for a clean text", n)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x00b", 10)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 0 || limit > 1000 {
			return
		}
		got := Text(s, limit)
		if len(got) > limit+len("...") {
			t.Fatalf("%d bytes of %d", len(got), limit)
		}
		for i := 0; i < len(got); i++ {
			if got[i] < ' ' || got[i] > '~' {
				t.Fatalf("%q holds byte %#x", got, got[i])
			}
		}
	})
}
