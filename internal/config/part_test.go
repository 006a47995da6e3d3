package config

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestErrorIn marks a part of a text in each form that TOML has for one.
func TestErrorIn(t *testing.T) {
	const where = `a && "bad"` // what is marked is the b and what follows it, up to the d
	for _, c := range []struct{ name, value, want string }{
		{"literal", `'` + where + `'`, `
  5 | when = 'a && "bad"'
    |               ^~~`},
		{"basic", `"a && \"bad\""`, `
  5 | when = "a && \"bad\""
    |                ^~~`},
		{"escapes", `"a\u0020\U00000026& \"\u0062ad\""`, `
  5 | when = "a\u0020\U00000026& \"\u0062ad\""
    |                              ^~~~~~~~`},
		{"multi-line literal", "'''\na &&\n\"bad\"'''", `
  7 | "bad"'''
    |  ^~~`},
		{"multi-line literal, first line", `'''a && "bad"'''`, `
  5 | when = '''a && "bad"'''
    |                 ^~~`},
		{"multi-line basic", "\"\"\"\na && \\\n\n   \"bad\"\\\n\"\"\"", `
  8 |    "bad"\
    |     ^~~`},
		{"CRLF", "'''\r\na &&\r\n\"bad\"'''", `
  7 | "bad"'''
    |  ^~~`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := parse(t, "\n# a comment\n[[rule]]\nname = \"x\"\nwhen = "+c.value+"\nthen = \"note\"\n")
			when := cfg.Rule[0].When
			err := cfg.ErrorIn("rule[0].when", strings.Index(when, "bad"), 3, "no")
			_, got, _ := strings.Cut(err.Error(), "rule[0].when: no")
			if got != c.want {
				t.Errorf("got%s\nwant%s", got, c.want)
			}
		})
	}
}

// TestErrorInPlace looks at line, column and key, too, and at what has no such part.
func TestErrorInPlace(t *testing.T) {
	c := parse(t, "[[rule]]\nname = \"x\"\nwhen = '''\n  \"ü\" == helo ||\n  x'''\nthen = \"note\"\n[dns]\nservers = [\"192.0.2.1\"]\n",
		`HELOGATE_LISTS__A=/a b`, `HELOGATE_POLICY__REPLIES={ fcrdns = "\u0041bc" }`, "HELOGATE_OWN__NAMES='a.example', b.example")
	for _, x := range []struct {
		path           string
		offset, length int
		want           string
	}{
		{"rule[0].when", 10, 4, "helogate.toml:4:10: rule[0].when: no\n  4 |   \"\\xc3\\xbc\" == helo ||\n    |                 ^~~~"},
		{"rule[0].when", 4, 1, "helogate.toml:4:4: rule[0].when: no\n  4 |   \"\\xc3\\xbc\" == helo ||\n    |    ^~~~~~~~"},
		{"rule[0].when", 20, 1, "helogate.toml:5:3: rule[0].when: no\n  5 |   x'''\n    |   ^"},
		{"rule[0].when", 21, 5, "helogate.toml:5:4: rule[0].when: no\n  5 |   x'''\n    |    ^"},
		{"rule[0].when", 22, 1, "helogate.toml:3:8: rule[0].when: no\n  3 | when = '''\n    |        ^~~"},
		{"rule[0].when", -1, 1, "helogate.toml:3:8: rule[0].when: no\n  3 | when = '''\n    |        ^~~"},
		{"rule[0].when", 20, -1, "helogate.toml:5:3: rule[0].when: no\n  5 |   x'''\n    |   ^"},
		{"rule[0].when", 20, 1 << 62, "helogate.toml:5:3: rule[0].when: no\n  5 |   x'''\n    |   ^"},
		{"rule[0].note", 1, 1, "helogate.toml:1:3: rule[0].note: no (not set; the default is the name)\n  1 | [[rule]]\n    |   ^~~~"},
		{"dns.servers", 1, 1, "helogate.toml:8:11: dns.servers: no\n  8 | servers = [\"192.0.2.1\"]\n    |           ^~~~~~~~~~~~~"},
		{"dns.servers[0]", 8, 1, "helogate.toml:8:21: dns.servers[0]: no\n  8 | servers = [\"192.0.2.1\"]\n    |                     ^"},
		{"lists.a", 1, 1, "HELOGATE_LISTS__A: lists.a: no\n  HELOGATE_LISTS__A=/a b\n                     ^"},
		{"policy.replies.fcrdns", 1, 2, "HELOGATE_POLICY__REPLIES: policy.replies.fcrdns: no\n  HELOGATE_POLICY__REPLIES={ fcrdns = \"\\u0041bc\" }\n                                             ^~"},
		{"own.names[0]", 2, 7, "HELOGATE_OWN__NAMES: own.names[0]: no\n  HELOGATE_OWN__NAMES='a.example', b.example\n                         ^~~~~~~"},
		{"own.names[1]", 2, 7, "HELOGATE_OWN__NAMES: own.names[1]: no\n  HELOGATE_OWN__NAMES='a.example', b.example\n                                     ^~~~~~~"},
	} {
		if got := c.ErrorIn(x.path, x.offset, x.length, "no").Error(); got != x.want {
			t.Errorf("%s %d %d: got\n%s\nwant\n%s", x.path, x.offset, x.length, got, x.want)
		}
	}
	if got := Default().ErrorIn("mode", 1, 1, "no").Error(); got != `(the default configuration): mode: no (not set; the default is "shadow")` {
		t.Error(got)
	}
}

// form is one of the ways to write a text, built letter by letter, so that it is known where each stands.
type form struct {
	open, close string
	spell       func(r *rapid.T, c rune) string // "" if this form cannot hold the letter
	gap         []string                        // what may stand between letters and means nothing
}

func as(c rune) string { return string(c) }

func escaped(r *rapid.T, c rune) string {
	ways := []string{fmt.Sprintf(`\U%08x`, c)}
	if c <= 0xffff {
		ways = append(ways, fmt.Sprintf(`\u%04X`, c))
	}
	if c <= 0xff {
		ways = append(ways, fmt.Sprintf(`\x%02x`, c))
	}
	for letter, means := range map[rune]rune{'e': '\x1b', 'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', '"': '"', '\\': '\\'} {
		if c == means {
			ways = append(ways, `\`+string(letter))
		}
	}
	if c >= ' ' && c != 0x7f && c != '"' && c != '\\' {
		ways = append(ways, as(c), as(c), as(c))
	}
	return rapid.SampledFrom(ways).Draw(r, "spelling")
}

func literally(_ *rapid.T, c rune) string {
	if c == '\'' || c < ' ' && c != '\t' || c == 0x7f {
		return ""
	}
	return as(c)
}

var forms = map[string]form{
	"basic":   {`"`, `"`, escaped, nil},
	"literal": {`'`, `'`, literally, nil},
	"multi-line basic": {`"""`, `"""`, func(r *rapid.T, c rune) string {
		if c == '\n' {
			return rapid.SampledFrom([]string{"\n", "\r\n", `\n`}).Draw(r, "newline")
		}
		return escaped(r, c)
	}, []string{"\\\n", "\\  \r\n", "\\\n\n \t"}},
	"multi-line literal": {`'''`, `'''`, func(r *rapid.T, c rune) string {
		if c == '\n' {
			return rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(r, "newline")
		}
		return literally(r, c)
	}, nil},
}

// TestErrorInAny: of any text, in each form, every offset is marked where its letter stands.
func TestErrorInAny(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) { f.check(r) })
		})
	}
}

func (f form) check(r *rapid.T) {
	letters := rapid.SliceOfN(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("ab \"'\\\n\tü{}"))), 1, 30).Draw(r, "letters")
	raw := f.open
	if len(f.open) == 3 {
		raw += rapid.SampledFrom([]string{"", "\n", "\r\n"}).Draw(r, "first")
	}
	first := len(raw)
	var text string
	var at []stretch // of each byte of the text
	for _, c := range letters {
		word := f.spell(r, c)
		if word == "" || !strings.Contains(f.open, "'") && c == 0xfffd {
			continue
		}
		if len(raw) == first && first == 3 && (word == "\n" || word == "\r\n") {
			continue // it would be trimmed
		}
		if f.gap != nil && rapid.IntRange(0, 4).Draw(r, "gap") == 0 && !strings.ContainsAny(word, " \t\n") {
			raw += rapid.SampledFrom(f.gap).Draw(r, "nothing")
		}
		if word == "\r\n" { // two letters, each of which stands for itself
			at = append(at, stretch{len(raw), len(raw) + 1}, stretch{len(raw) + 1, len(raw) + 2})
			text, raw = text+word, raw+word
			continue
		}
		for range len(as(c)) {
			at = append(at, stretch{len(raw), len(raw) + len(word)})
		}
		text, raw = text+as(c), raw+word
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	end := len(raw)
	const before, after = "[[rule]]\nname = \"x\"\nthen = \"note\"\nwhen = ", "\n"
	c, err := Parse("helogate.toml", []byte(before+raw+f.close+after), options())
	if err != nil {
		r.Fatalf("%q: %v", raw, err)
	}
	if c.Rule[0].When != text {
		r.Fatalf("%q is read as %q, not %q", raw, c.Rule[0].When, text)
	}
	n, _ := c.origin.find("rule[0].when")
	for i := range text { // the beginnings of letters
		got := n.part(i, 1)
		if want := (stretch{at[i].from + len(before), at[i].to + len(before)}); got.from != want.from || got.to != want.to {
			r.Fatalf("%q: byte %d of %q is marked at %d to %d, not %d to %d", raw, i, text, got.from, got.to, want.from, want.to)
		}
	}
	if got := n.part(len(text), 0); got.from != end+len(before) || got.to != got.from {
		r.Fatalf("%q: the end of %q is marked at %d to %d, not %d", raw, text, got.from, got.to, end+len(before))
	}
}
