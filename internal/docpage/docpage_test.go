package docpage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const text = "# A page, `of` [mine](x.md)!\n\nText, see [there](other.md#it) and `[not](code)`.\n\n" +
		"1. One:\n\n   ```console\n   $ ls\n     indented\n   ```\n\n   More\n   text.\n\n" +
		"2. Two:\n\n       in the item\n\nText.\n\n    alone\n\n    and on\n\nText\n    that goes on.\n\n" +
		"```toml\n[x]\n# no heading\n```\n\n## Twice\n## Twice\n<a id=\"here\"></a>\n"
	p, err := Parse("p.md", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{"p.md", 8, "console", "$ ls\n  indented\n"}, {"p.md", 17, Indented, "in the item\n"},
		{"p.md", 21, Indented, "alone\n\nand on\n"}, {"p.md", 29, "toml", "[x]\n# no heading\n"},
	}
	if diff := cmp.Diff(want, p.Blocks); diff != "" {
		t.Error(diff)
	}
	anchors := map[string]bool{"a-page-of-mine": true, "twice": true, "twice-1": true, "here": true}
	if diff := cmp.Diff(anchors, p.Anchors); diff != "" {
		t.Error(diff)
	}
	links := []Link{{"p.md", "x.md", 1}, {"p.md", "other.md#it", 3}}
	if diff := cmp.Diff(links, p.Links); diff != "" {
		t.Error(diff)
	}
	if _, err := Parse("p.md", "```\nx\n"); err == nil {
		t.Error("a fence that is not closed is none")
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		sample, text string
		want         bool
	}{
		{"id=8rx7ssvzkrbze took=3.1ms\n", "id=0123456789abc took=24µs\n", true},
		{"a … b\n", "a long b  \n", true},
		{"a … b\n", "a long c\n", false},
		{"one\n…\nend\n", "one\ntwo\nthree\nend\n", true},
		{"at 2026-11-21T09:00:00Z\n", "at 2027-01-01T00:00:00.123Z\n", true},
		{"[x]\n", "x\n", false},
		{"greylisting now\n", "greylistinx now\n", false}, // a word of 13 letters is no id
	} {
		if got := Pattern(c.sample).MatchString(c.text); got != c.want {
			t.Errorf("%q matches %q: %t", c.sample, c.text, got)
		}
	}
}
