package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate/check"
)

var update = flag.Bool("update", false, "write the golden files and docs/config.md anew")

// berlin is a time zone with a past, whatever the machine has.
var berlin = time.FixedZone("CET", 3600)

func options(environ ...string) Options {
	return Options{
		Checks: []string{
			"authenticated", "bad-helo", "client-mx", "fcrdns", "generic-name", "greylist", "helo-dns", "helo-matches",
			"helo-syntax", "dnsbl", "no-ptr", "spf-from", "spf-helo",
		},
		Presets:   []string{"lenient", "rfc", "strict", "balanced", "hardline"},
		Protocols: []string{"postfix", "milter", "exim", "nginx", "http"},
		Environ:   environ,
		Location:  berlin,
	}
}

func parse(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := Parse("helogate.toml", []byte(text), options(environ...))
	if err != nil {
		t.Fatalf("%s:\n%v", text, err)
	}
	return c
}

// TestBad holds each bad file to its message: the file NAME.err beside it.
func TestBad(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.toml")
	if len(files) < 40 {
		t.Fatalf("only %d bad files", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse("helogate.toml", data, options())
			if err == nil {
				t.Fatalf("it is not refused:\n%s", c)
			}
			got := err.Error() + "\n"
			checkPrintable(t, got)
			golden(t, strings.TrimSuffix(file, ".toml")+".err", got)
		})
	}
}

// TestLongLines: of a line of a megabyte the part around the mistake is shown, and letters are not cut in two.
func TestLongLines(t *testing.T) {
	ascii := `"a.example", `
	wide := strings.Repeat("ü", 300)
	var all strings.Builder
	for _, text := range []string{
		"[own]\nnames = [" + strings.Repeat(ascii, 80000) + `"*.example", ` + strings.Repeat(ascii, 100) + "]\n",
		"[policy]\npreset = \"strict\" # " + wide + "\n[exempt]\n# " + wide,
		"[policy]\nbad_helo = [\"" + wide + "\", 5, \"" + wide + "\"]\n",
		"[policy]\npreset = \"" + strings.Repeat("x", 1<<20) + "\"\n",
		"[policy]\n" + strings.Repeat("x", 1<<20) + " = 1\n",
		"[policy]\npreset = \"" + wide + "\"\n",
		strings.Repeat("[", 20000),
		"a = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		strings.Repeat("a.", 5000) + "b = 1",
	} {
		_, err := Parse("helogate.toml", []byte(text), options())
		if err == nil {
			t.Fatalf("%.100s is taken", text)
		}
		all.WriteString(err.Error() + "\n")
	}
	checkPrintable(t, all.String())
	golden(t, "testdata/long-lines.err", all.String())
}

// TestNothingKnown: a caller that knows no checks has none taken.
func TestNothingKnown(t *testing.T) {
	_, err := Parse("helogate.toml", []byte("[policy]\npreset = \"x\"\nchecks = { fcrdns = \"note\" }"), Options{})
	if err == nil || strings.Count(err.Error(), "; none are known") != 2 {
		t.Errorf("%v", err)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nand %s has\n%s", got, file, want)
	}
}

// checkPrintable wants nothing that a terminal could take for a command, and lines that can be read.
func checkPrintable(t *testing.T, s string) {
	t.Helper()
	for line := range strings.Lines(s) {
		if len(line) > 1500 {
			t.Errorf("a line of %d bytes: %.100s", len(line), line)
		}
	}
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("the byte %#x in %q", c, s)
		}
	}
}

// TestGood reads the good files, and what is written of them.
func TestGood(t *testing.T) {
	files, _ := filepath.Glob("testdata/good/*.toml")
	for _, file := range append(files, "example.toml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			c, err := Load(file, options())
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, c)
		})
	}
}

// roundTrip wants the configuration that was written to be that which is read back.
func roundTrip(t *testing.T, c *Config) {
	t.Helper()
	text := c.String()
	back, err := Parse("shown.toml", []byte(text), options())
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	if !equal(c, back) {
		t.Fatalf("%s\nis read back as\n%s", text, back)
	}
}

func equal(a, b *Config) bool {
	x, y := *a, *b
	x.origin, y.origin = origin{}, origin{}
	return reflect.DeepEqual(x, y)
}

func TestEmptyIsDefault(t *testing.T) {
	for _, text := range []string{
		"", "\n", "# nothing", "\xef\xbb\xbf", "\xef\xbb\xbf# so\r\n\r\n", "[own]\n[policy]\n[policy.checks]\n[dns]\n[log]\n",
		"exempt = []\nlisten = []\n[own]\nnames = []\n",
	} {
		if c := parse(t, text); !equal(c, Default()) {
			t.Errorf("%q is\n%s", text, c)
		}
	}
	roundTrip(t, Default())
}

// TestDefaultIsValid: the strict decoder must take what Default says.
func TestDefaultIsValid(t *testing.T) {
	if got, want := parse(t, Default().String()).String(), Default().String(); strip(got) != strip(want) {
		t.Errorf("%s\n%s", got, want)
	}
}

// strip drops where settings come from.
func strip(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, " #")
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "no.toml"), options()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(t.TempDir(), options()); err == nil {
		t.Error("a directory was read")
	}
	if c, err := Load("", options("HELOGATE_MODE=enforce")); err != nil || c.Mode != Enforce {
		t.Errorf("the environment alone: %v", err)
	}
	file := filepath.Join(t.TempDir(), "large.toml")
	if err := os.WriteFile(file, make([]byte, largest+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, options()); err == nil || !strings.Contains(err.Error(), "larger than 16MiB") {
		t.Errorf("%v", err)
	}
	if _, err := Load("/dev/zero", options()); err == nil {
		t.Error("/dev/zero was read")
	}
}

// TestUntilInLocalTime: nil means the machine's time zone.
func TestUntilInLocalTime(t *testing.T) {
	opt := options()
	opt.Location = nil
	c, err := Parse("helogate.toml", []byte("[[exempt]]\nname = \"a.example\"\nuntil = 2027-06-30\n"), opt)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Exempt[0].Until, time.Date(2027, 7, 1, 0, 0, 0, 0, time.Local); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func names(texts ...string) (out []check.NamePattern) { return all(parseName, texts) }

func mailboxes(texts ...string) (out []check.MailboxPattern) { return all(parseMailbox, texts) }

func all[T any](parse func(string) (T, error), texts []string) (out []T) {
	for _, text := range texts {
		one, err := parse(text)
		if err != nil {
			panic(err)
		}
		out = append(out, one)
	}
	return out
}
