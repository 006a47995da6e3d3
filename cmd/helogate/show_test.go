package main

import (
	"bytes"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// pageOfAll is the long form of a verdict that has all that can be printed.
func pageOfAll(t *testing.T, s screen) string {
	t.Helper()
	p, err := check.NewPolicy("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Unix(1e9, 0), Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "mx.example.org",
		Sender: "jane@flaky.example", Recipient: "john@example.net"}
	r := &helogate.Record{Facts: f, Verdict: p.Judge(t.Context(), f, helogate.MustZone(`
		192.0.2.1      PTR dsl-192-0-2-1.example.org
		dsl-192-0-2-1.example.org A 192.0.2.1
		mx.example.org A   192.0.2.1
		flaky.example  MX  tempfail`))}
	page := verdictPage{screen: s, Record: r, policy: p, all: true, shadow: true,
		changes: newWhatIf(t.Context(), p, r, nothingRemembered{}).changes()}
	return page.print()
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestColours: without its colours, the page of a terminal is that of a pipe, wrapped or not.
func TestColours(t *testing.T) {
	s := screenOf(&env{stdout: terminal(t), environ: []string{"TERM=xterm"}})
	for _, width := range []int{0, 60} {
		s.width = width
		plain, coloured := s, s
		plain.painter, coloured.painter = false, true
		without, with := pageOfAll(t, plain), pageOfAll(t, coloured)
		if strings.Contains(without, "\x1b") {
			t.Errorf("width %d: colours in a pipe: %q", width, without)
		}
		if got := colours.ReplaceAllString(with, ""); got != without {
			t.Errorf("width %d: in colour, it says\n%s\nand in a pipe\n%s", width, got, without)
		}
		for _, c := range []struct{ what, want string }{
			{"the verdict, deferred", "\x1b[33;1mdefer\x1b[0m by sender-domain"},
			{"a fail", "\x1b[31mfail     \x1b[0m  generic-name"},
			{"a temperror", "\x1b[33mtemperror\x1b[0m  sender-domain"},
			{"a pass", "\x1b[32mpass     \x1b[0m  rdns"},
			{"none", "\x1b[2mnone     \x1b[0m  submission"},
			{"a failed lookup", "\x1b[33mtempfail\x1b[0m"},
		} {
			if !strings.Contains(with, c.want) {
				t.Errorf("width %d: %s is not %q in\n%q", width, c.what, c.want, with)
			}
		}
	}
}

// From 40 columns on, a line is longer than the screen only if it is one word; and no word is broken.
func TestPageWraps(t *testing.T) {
	whole := pageOfAll(t, screen{})
	for _, width := range []int{40, 60, 80, 100} {
		page := pageOfAll(t, screen{width: width, ascii: true})
		if got, want := strings.Join(texts(page), " "), strings.Join(texts(whole), " "); got != want {
			t.Errorf("width %d: another text:\n%s\nwant\n%s", width, got, want)
		}
		for line := range strings.Lines(page) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > width && len(strings.Fields(strings.TrimLeft(line, "|`- "))) > 1 {
				t.Errorf("width %d: %d columns in %q", width, len(line), line)
			}
		}
	}
}

// texts are the words of a page without the marks of trees.
func texts(page string) (out []string) {
	for _, w := range strings.Fields(page) {
		if strings.Trim(w, "|`-├└│─") != "" {
			out = append(out, w)
		}
	}
	return out
}

func TestWrapWords(t *testing.T) {
	for _, c := range []struct {
		text          string
		width, indent int
		want          string
	}{
		{"a bb ccc", 0, 4, "a bb ccc"},
		{"a bb ccc", 12, 4, "a bb ccc"},
		{"a bb ccc", 11, 4, "a bb|ccc"},
		{"a bb ccc", 7, 4, "a|bb|ccc"},
		{"mail.example.org", 10, 4, "mail.example.org"},
		{"at mail.example.org now", 14, 4, "at|mail.example.org|now"},
		{"two  blanks stay", 20, 0, "two  blanks stay"},
		{"two  blanks stay", 12, 0, "two  blanks|stay"},
		{" begins with one", 9, 0, " begins|with one"},
		{"", 10, 2, ""},
		{"\x1b[31mred\x1b[0m and not", 7, 0, "\x1b[31mred\x1b[0m and|not"},
	} {
		if got := strings.Join(wrapWords(c.text, c.width, c.indent), "|"); got != c.want {
			t.Errorf("%q in %d columns from %d: %q, want %q", c.text, c.width, c.indent, got, c.want)
		}
	}
}

// Where the columns before a text leave too few for it, it stands below them.
func TestHang(t *testing.T) {
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, "  reply   550 5.7.25 192.0.2.1 has no PTR record\n"},
		{50, "  reply   550 5.7.25 192.0.2.1 has no PTR record\n"},
		{40, "  reply   550 5.7.25 192.0.2.1 has no\n          PTR record\n"},
		{30, "  reply\n      550 5.7.25 192.0.2.1 has\n      no PTR record\n"},
	} {
		s := screen{width: c.width}
		if got := s.hang("  reply   ", "550 5.7.25 192.0.2.1 has no PTR record"); got != c.want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
}

// TestScreen: colours only on a terminal, and not if the user does not want them (https://no-color.org); the width is
// that of $COLUMNS, else of the terminal, else there is none; tree marks need a locale with UTF-8.
func TestScreen(t *testing.T) {
	tty := terminal(t)
	_, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	for _, c := range []struct {
		name string
		env  env
		want screen
	}{
		{"a terminal", env{stdout: tty, environ: []string{"TERM=xterm"}}, screen{painter: true, width: 80, ascii: true}},
		{"COLUMNS", env{stdout: tty, environ: []string{"COLUMNS=100"}}, screen{painter: true, width: 100, ascii: true}},
		{"COLUMNS that is no number", env{stdout: tty, environ: []string{"COLUMNS=wide"}}, screen{painter: true, width: 80, ascii: true}},
		{"NO_COLOR", env{stdout: tty, environ: []string{"NO_COLOR=1"}}, screen{width: 80, ascii: true}},
		{"NO_COLOR empty is not set", env{stdout: tty, environ: []string{"NO_COLOR="}}, screen{painter: true, width: 80, ascii: true}},
		{"a dumb terminal", env{stdout: tty, environ: []string{"TERM=dumb"}}, screen{width: 80, ascii: true}},
		{"a pipe", env{stdout: pipe, environ: []string{"TERM=xterm"}}, screen{ascii: true}},
		{"a pipe, COLUMNS", env{stdout: pipe, environ: []string{"COLUMNS=60"}}, screen{width: 60, ascii: true}},
		{"no file", env{stdout: &bytes.Buffer{}}, screen{ascii: true}},
		{"LANG", env{environ: []string{"LANG=de_DE.UTF-8"}}, screen{}},
		{"LANG, spelt otherwise", env{environ: []string{"LANG=C.utf8"}}, screen{}},
		{"LANG=C", env{environ: []string{"LANG=C"}}, screen{ascii: true}},
		{"LANG=POSIX", env{environ: []string{"LANG=POSIX"}}, screen{ascii: true}},
		{"LANG without UTF-8", env{environ: []string{"LANG=de_DE.ISO-8859-1"}}, screen{ascii: true}},
		{"LC_CTYPE before LANG", env{environ: []string{"LC_CTYPE=C", "LANG=en_US.UTF-8"}}, screen{ascii: true}},
		{"LC_CTYPE before LANG", env{environ: []string{"LC_CTYPE=en_US.UTF-8", "LANG=C"}}, screen{}},
		{"LC_ALL before all", env{environ: []string{"LC_ALL=C", "LC_CTYPE=en_US.UTF-8", "LANG=en_US.UTF-8"}}, screen{ascii: true}},
		{"LC_ALL before all", env{environ: []string{"LC_ALL=en_US.UTF-8", "LC_CTYPE=C", "LANG=C"}}, screen{}},
		{"LC_ALL empty is not set", env{environ: []string{"LC_ALL=", "LANG=en_US.UTF-8"}}, screen{}},
		{"LC_MESSAGES is another matter", env{environ: []string{"LC_MESSAGES=C", "LANG=en_US.UTF-8"}}, screen{}},
		{"the last counts", env{environ: []string{"LANG=en_US.UTF-8", "LANG=C"}}, screen{ascii: true}},
	} {
		if got := screenOf(&c.env); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Where the locale is C, all is ASCII; in one with UTF-8, the tree alone is not.
func TestPageASCII(t *testing.T) {
	ascii, utf8 := pageOfAll(t, screen{ascii: true}), pageOfAll(t, screen{})
	for i := range len(ascii) {
		if ascii[i] >= 0x80 {
			t.Fatalf("not ASCII at %d:\n%s", i, ascii)
		}
	}
	to := strings.NewReplacer("├─", "|-", "└─", "`-", "│", "|")
	if !strings.Contains(utf8, "├─") || to.Replace(utf8) != ascii {
		t.Errorf("with UTF-8:\n%s\nand without:\n%s", utf8, ascii)
	}
}

func TestTree(t *testing.T) {
	nodes := []*node{
		{"PTR a b c", []*node{{"A one two", []*node{{"TXT", nil}}}, {"AAAA", nil}}},
		{"MX d e f", nil},
	}
	for _, c := range []struct {
		screen screen
		want   string
	}{
		{screen{}, "├─ PTR a b c\n│  ├─ A one two\n│  │  └─ TXT\n│  └─ AAAA\n└─ MX d e f\n"},
		{screen{ascii: true}, "|- PTR a b c\n|  |- A one two\n|  |  `- TXT\n|  `- AAAA\n`- MX d e f\n"},
		{screen{ascii: true, width: 13}, "|- PTR a b\n|  |  c\n|  |- A\n|  |  |  one\n|  |  |  two\n|  |  `- TXT\n|  `- AAAA\n`- MX d e\n      f\n"},
	} {
		if got := c.screen.tree(nodes, ""); got != c.want {
			t.Errorf("%+v:\n%s\nwant\n%s", c.screen, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"}, {10 * time.Second, "10s"}, {5 * time.Minute, "5m"}, {90 * time.Second, "1m30s"}, {time.Hour, "1h"},
		{90 * time.Minute, "1h30m"}, {24 * time.Hour, "24h"}, {10 * time.Minute, "10m"}, {time.Hour + time.Second, "1h0m1s"},
	} {
		if got := short(c.d); got != c.want {
			t.Errorf("%v: %s, want %s", c.d, got, c.want)
		}
	}
}

// TestManyValues: of very many values the first are printed, and how many there are.
func TestManyValues(t *testing.T) {
	values := strings.Split(strings.Repeat("a.example ", 150), " ")[:150]
	if got, want := some(values), strings.Repeat("a.example, ", 6)+"and 144 more"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := some([]string{"a\x1b[2Jb"}); got != `a\x1b[2Jb` {
		t.Errorf("%s", got)
	}
}
