package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/helogate/helogate/hostname"
)

const made = "testdata/corpus"

func TestFigures(t *testing.T) {
	sets, missing := load(made)
	if missing != nil {
		t.Fatal(missing)
	}
	for _, c := range []struct {
		list, part string
		names      int
		known      int
		with       share
		errors     []string
	}{
		{"generic.tsv", "", 5, 0, share{3, 5}, []string{"wilma.example.com", "fred.example.net"}},
		{"generic-cloud.tsv", "", 4, 0, share{3, 4}, []string{"server.hoster.example"}},
		{"generic-cloud.tsv", "hosters' own", 3, 0, share{2, 3}, []string{"server.hoster.example"}},
		{"generic-cloud.tsv", "access networks in it", 1, 0, share{1, 1}, nil},
		{"generic-spamassassin-examples.tsv", "", 1, 1, share{1, 1}, nil},
		{"real-mx.tsv", "", 2, 0, share{0, 2}, nil},
		{"real-2002.tsv", "", 3, 3, share{1, 3}, []string{"adsl-192-0-2-41.example.net"}},
	} {
		for i := range lines {
			l := &lines[i]
			if l.list != c.list || l.part != c.part {
				continue
			}
			s := l.setOf(sets)
			f := l.measure(s.entries)
			if f.names != c.names || f.known != c.known || f.with != c.with {
				t.Errorf("%s %s: %+v", c.list, c.part, f)
			}
			var errors []string
			for _, d := range l.worst(s) {
				errors = append(errors, d.example.name)
			}
			if !reflect.DeepEqual(errors, c.errors) {
				t.Errorf("%s %s: errors %q, want %q", c.list, c.part, errors, c.errors)
			}
		}
	}
}

// Auto-generated is not enough where a rented server is meant.
func TestCountsHosting(t *testing.T) {
	for name, want := range map[string]bool{
		"ec2-192-0-2-21.compute.hoster.example": true,
		"host-192-0-2-1.dyn.example.net":        false,
		"mx.example.org":                        false,
	} {
		if got := (&line{asHosting: true}).counts(name, netip.Addr{}); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// The address makes the difference where the list, and no name, has it.
func TestWithAddress(t *testing.T) {
	l := &line{}
	f := l.measure([]entry{{name: "99.wilma-192-0.fred2.example.net", addr: netip.MustParseAddr("192.0.2.99")}})
	if f.without.counted != 0 || f.with.counted != 1 {
		t.Errorf("%+v", f)
	}
}

func TestGoal(t *testing.T) {
	of := func(without, with int) figures {
		return figures{without: share{without, 1000}, with: share{with, 1000}}
	}
	for _, c := range []struct {
		goal goal
		f    figures
		want string
	}{
		{goal{}, of(0, 0), ""},
		{goal{true, 97}, of(970, 970), "met"},
		{goal{true, 97}, of(969, 970), "missed"},
		{goal{true, 97}, of(970, 969), "missed"},
		{goal{false, 0.3}, of(3, 3), "met"},
		{goal{false, 0.3}, of(4, 3), "missed"},
		{goal{false, 0.3}, of(3, 4), "missed"},
	} {
		if got := c.goal.verdict(c.f); got != c.want {
			t.Errorf("%v, %+v: %q, want %q", c.goal, c.f, got, c.want)
		}
	}
}

// Ten domains, those with most errors first, and how many names of each there are.
func TestWorst(t *testing.T) {
	s := &set{list: "x", generated: true}
	for i := range 12 {
		domain := string(rune('a'+i)) + ".example"
		for range i/2 + 1 {
			s.entries = append(s.entries, entry{name: "wilma." + domain})
		}
		s.entries = append(s.entries, entry{name: "host-192-0-2-1.dyn." + domain})
	}
	worst := (&line{list: "x"}).worst(s)
	if len(worst) != 10 || worst[0].domain != "k.example" || worst[1].domain != "l.example" || worst[0].errors != 6 || worst[0].names != 7 ||
		worst[9].domain != "d.example" {
		t.Errorf("%+v", worst)
	}
}

func TestSenders(t *testing.T) {
	all := senders()
	if len(all) != namesAShape*len(senderShapes) || !reflect.DeepEqual(all, senders()) {
		t.Fatalf("%d names, or others in each run", len(all))
	}
	private, docs := netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("2001:db8::/32")
	for _, e := range all {
		if helo := hostname.ParseHelo(e.name); helo.Why != "" || strings.ContainsAny(e.name, "#@%{}") {
			t.Errorf("%s is no name: %s", e.name, helo.Why)
		}
		if !private.Contains(e.addr) && !docs.Contains(e.addr) {
			t.Errorf("%s has %s, which may be assigned", e.name, e.addr)
		}
		if o := e.addr.As16(); strings.HasSuffix(e.name, ".mailgun.net") && !strings.Contains(e.name, fmt.Sprintf("%d-%d.", o[14], o[15])) {
			t.Errorf("%s does not hold the octets of %s", e.name, e.addr)
		}
	}
}

func TestTable(t *testing.T) {
	for _, markdown := range []bool{false, true} {
		args := []string{"--corpus", made}
		if markdown {
			args = append(args, "--markdown")
		}
		var out, errs bytes.Buffer
		if err := run(args, &out, &errs); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"generic", "hosters' own", "≥ 98 %", "today's big senders", "wilma.example.com", "1 of 3", "missed"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		if markdown != strings.HasPrefix(out.String(), "| names |") {
			t.Errorf("markdown %t, and it is\n%.200s", markdown, out.String())
		}
	}
}

// What a list holds does not get to the terminal as it is, and does not make the table wide.
func TestTableHolds(t *testing.T) {
	folder := t.TempDir()
	for _, s := range lists {
		text := strings.Repeat("wilma-fred.", 20) + "barney-" + strings.Repeat("betty", 9) + ".example\nx\x1b[2J\u202e.example.org\n" +
			"host-192-0-2-1.dyn." + strings.Repeat("x", 60) + ".example\n"
		if err := os.WriteFile(filepath.Join(folder, s.list), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{}, {"--errors", "generic.tsv"}} {
		var out, errs bytes.Buffer
		if err := run(append(args, "--corpus", folder), &out, &errs); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > 120 && len(args) == 0 {
				t.Errorf("%d columns: %s", n, l)
			}
			for _, r := range strings.TrimSuffix(l, "\n") {
				if r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) {
					t.Errorf("%U in %q", r, l)
				}
			}
		}
		if !strings.Contains(out.String(), `x\x1b[2J`) {
			t.Errorf("no line on the odd name:\n%s", out.String())
		}
	}
}

func TestMissing(t *testing.T) {
	var out, errs bytes.Buffer
	err := run([]string{"--corpus", filepath.Join(made, "nowhere")}, &out, &errs)
	if err == nil || !strings.HasPrefix(err.Error(), "there is no corpus at testdata/corpus/nowhere; say where it is: make names CORPUS=FOLDER") {
		t.Errorf("%v", err)
	}
	if n := strings.Count(out.String(), "not there"); n != len(lines)-2 || !strings.Contains(out.String(), bigSenders) {
		t.Errorf("%d lists are not there:\n%s", n, out.String())
	}

	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(made)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(folder, "real-mx.tsv"))
	os.WriteFile(filepath.Join(folder, "real-2002.tsv"), []byte("# none\n"), 0o600)
	os.WriteFile(filepath.Join(folder, "generic.tsv"), []byte("mx.example.org\nmx.example.org\t192.0.2\n"), 0o600)
	out.Reset()
	err = run([]string{"--corpus", folder}, &out, &errs)
	for _, want := range []string{"real-mx.tsv: no such file", "real-2002.tsv holds no names", "generic.tsv, line 2: ParseAddr"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if strings.Count(out.String(), "not there") != 3 || !strings.Contains(out.String(), "hosters' own") {
		t.Errorf("the others are not measured:\n%s", out.String())
	}
}

func TestErrors(t *testing.T) {
	var out, errs bytes.Buffer
	if err := run([]string{"--corpus", made, "--errors", "real-2002.tsv"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "adsl-192-0-2-41.example.net\t192.0.2.41\taccess\t") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q", out.String())
	}
	for _, list := range []string{"received-2002.tsv", ""} {
		out.Reset()
		err := run([]string{"--corpus", made, "--errors=" + list}, &out, &errs)
		if (list == "") != (err == nil) {
			t.Errorf("%q: %v", list, err)
		}
	}
	for _, args := range [][]string{{"list"}, {"--corpse"}} {
		if err := run(args, &out, &errs); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
