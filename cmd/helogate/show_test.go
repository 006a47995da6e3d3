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

// verdictOf judges a client whose verdict has all that can be printed.
func verdictOf(t *testing.T) *helogate.Record {
	t.Helper()
	p, err := check.NewPolicy("balanced", check.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	f := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "mx.example.org",
		Sender: "jane@flaky.example", Recipient: "john@example.net"}
	return &helogate.Record{Facts: f, Verdict: p.Judge(t.Context(), f, helogate.MustZone(`
		192.0.2.1      PTR dsl-192-0-2-1.example.org
		dsl-192-0-2-1.example.org A 192.0.2.1
		mx.example.org A   192.0.2.1
		flaky.example  MX  tempfail`))}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestColours: a person sees colours, and but for them the same lines as a pipe.
func TestColours(t *testing.T) {
	r := verdictOf(t)
	var plain, coloured bytes.Buffer
	if err := printVerdict(&plain, r, false); err != nil {
		t.Fatal(err)
	}
	if err := printVerdict(&coloured, r, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Errorf("colours in a pipe: %q", plain.String())
	}
	if got := colours.ReplaceAllString(coloured.String(), ""); got != plain.String() {
		t.Errorf("in colour, it says\n%s\nand in a pipe\n%s", got, plain.String())
	}
	for _, c := range []struct{ what, want string }{
		{"the verdict, deferred", "\x1b[33;1mdefer\x1b[0m by sender-domain"},
		{"what fails", "\x1b[31mfail     \x1b[0m generic-name"},
		{"what cannot be told", "\x1b[33mtemperror\x1b[0m sender-domain"},
		{"what passes", "\x1b[32mpass     \x1b[0m rdns"},
		{"what says nothing", "\x1b[2mnone     \x1b[0m submission"},
		{"a failure of DNS", "\x1b[33mtempfail\x1b[0m"},
	} {
		if !strings.Contains(coloured.String(), c.want) {
			t.Errorf("%s is not %q in\n%q", c.what, c.want, coloured.String())
		}
	}
}

// TestInColour: only on a terminal, and not where the person does not want it (https://no-color.org).
func TestInColour(t *testing.T) {
	tty := terminal(t)
	_, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	for _, c := range []struct {
		name string
		env  env
		want bool
	}{
		{"a terminal", env{stdout: tty, environ: []string{"TERM=xterm"}}, true},
		{"NO_COLOR", env{stdout: tty, environ: []string{"NO_COLOR=1"}}, false},
		{"NO_COLOR empty is not set", env{stdout: tty, environ: []string{"NO_COLOR="}}, true},
		{"a dumb terminal", env{stdout: tty, environ: []string{"TERM=dumb"}}, false},
		{"a pipe", env{stdout: pipe, environ: []string{"TERM=xterm"}}, false},
		{"no file", env{stdout: &bytes.Buffer{}}, false},
	} {
		if got := inColour(&c.env); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
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
