package printable

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		s    string
		max  int
		want string
	}{
		{"mail.example.com", 80, "mail.example.com"},
		{"mail.example.com", 16, "mail.example.com"},
		{"mail.example.com", 15, "mail.example..."},
		{"", 10, ""},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{"abcd", 2, ".."},
		{"abcd", 3, "..."},
		{`C:\x1b`, 80, `C:\\x1b`}, // no text looks like an escape that is none
		{"\x1b[31mred\x1b[0m", 80, `\x1b[31mred\x1b[0m`},
		{"a\x00b", 80, `a\x00b`},
		{"a\r\n250 ok", 80, `a\x0d\x0a250 ok`},
		{"\x7f\xff", 80, `\x7f\xff`},
		{"m\u00fcller", 80, `m\xc3\xbcller`},
		{"\u202egro.elpmaxe", 80, `\xe2\x80\xaegro.elpmaxe`},
		{"\u2028", 80, `\xe2\x80\xa8`},
		{"abc\x00", 7, `abc\x00`},
		{"abc\x00", 6, `abc...`}, // an escape is not cut in two
		{"ab\x00\x00", 9, `ab\x00...`},
		{strings.Repeat("x", 10240), 20, strings.Repeat("x", 17) + "..."},
		{strings.Repeat("\x00", 10240), 20, `\x00\x00\x00\x00...`},
	} {
		if got := Text(c.s, c.max); got != c.want {
			t.Errorf("Text(%.40q, %d) = %q, want %q", c.s, c.max, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Text("mail.example.com", 80) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		max  int
		want string
	}{
		{"mail.example.com", 16, "mail.example.com"},
		{"mail.example.com", 15, "mail.example..."},
		{"abcd", 3, "..."},
		{"abcd", 2, ".."},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{"", 0, ""},
	} {
		if got := Cut(c.s, c.max); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.s, c.max, got, c.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, c := range [][2]string{
		{"", `""`},
		{"mail", `"mail"`},
		{"a\nb", `"a\x0ab"`},
		{"mail.example.com", `"mail.ex..."`},
	} {
		if got := Quote(c[0], 10); got != c[1] {
			t.Errorf("Quote(%q, 10) = %s, want %s", c[0], got, c[1])
		}
	}
}

func TestTextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		limit := rapid.IntRange(-1, 100).Draw(t, "max")
		got := Text(s, limit)
		for i := range len(got) {
			if got[i] < ' ' || got[i] > '~' {
				t.Fatalf("%q holds byte %#x", got, got[i])
			}
		}
		if len(got) > max(limit, 0) {
			t.Fatalf("Text(%q, %d) = %q is too long", s, limit, got)
		}
		if whole := Text(s, 4*len(s)); len(whole) <= limit && got != whole {
			t.Fatalf("Text(%q, %d) = %q, though %q fits", s, limit, got, whole)
		} else if len(whole) > limit && !strings.HasPrefix(whole, strings.TrimRight(got, ".")) {
			t.Fatalf("Text(%q, %d) = %q is no start of %q", s, limit, got, whole)
		}
	})
}
