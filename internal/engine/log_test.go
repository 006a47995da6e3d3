package engine

import (
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files anew")

const logZone = `
	192.0.2.1        PTR  mx.example.org
	mx.example.org   A    192.0.2.1
	example.org      MX   10 mx.example.org
	192.0.2.3        PTR  tempfail
	bot.example.org  A    198.51.100.9`

// logClients are what the golden logs tell of, in their order.
var logClients = []struct {
	mode                   string // the preset, "shadow" before it for a trial
	stage                  helogate.Stage
	client, helo, from, to string
	auth                   string
	earlier                string
}{
	{"balanced", helogate.Connect, "192.0.2.1", "", "", "", "", ""},
	{"balanced", helogate.Helo, "192.0.2.1", "mx.example.org", "", "", "", ""},
	{"balanced", helogate.Mail, "192.0.2.1", "mx.example.org", "", "", "", ""},
	{"balanced", helogate.Rcpt, "192.0.2.1", "mx.example.org", "jane@example.org", "john@example.net", "", ""},
	{"balanced", helogate.Rcpt, "192.0.2.1", "mx.example.org", "jane@example.org", "john@example.net", "jane", ""},
	{"balanced", helogate.Helo, "192.0.2.2", "192.0.2.2", "", "", "", ""},                                             // held
	{"balanced", helogate.Rcpt, "192.0.2.2", "192.0.2.2", "jane@example.org", "john@example.net", "", ""},             // and told
	{"balanced", helogate.Rcpt, "192.0.2.2", "bot.example.org", "jane@example.org", "john@example.net", "", ""},       // suspicion
	{"strict", helogate.Rcpt, "192.0.2.3", "mx.example.org", "jane@example.org", "john@example.net", "", ""},          // unsure
	{"shadow balanced", helogate.Rcpt, "192.0.2.2", "localhost", "jane@example.org", "john@example.net", "", ""},      // would
	{"shadow balanced", helogate.Rcpt, "192.0.2.1", "mx.example.org", "jane@example.org", "john@example.net", "", ""}, // would not
	{"hardline", helogate.Rcpt, "2001:db8::1", "a\x1b[2J\nlevel=INFO msg=verdict", "<x>\x00@e", "\xff\xfe@e", "", ""}, // hostile
	{"hardline", helogate.Rcpt, "2001:db8::1", strings.Repeat("\u202e=\" ", 2000), "jane@example.org", "é@e", "", ""}, // 10 KB
	{"balanced", helogate.Rcpt, "192.0.2.1", "", "jane@example.org", "john@example.net", "", ""},
}

func TestLog(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var log testlog.Book
			h := slog.Handler(slog.NewTextHandler(&log, quiet))
			if format == "json" {
				h = slog.NewJSONHandler(&log, quiet)
			}
			e := New(Config{Ask: helogate.MustZone(logZone), Log: slog.New(h), Now: func() time.Time { return noon }})
			for _, c := range logClients {
				mode, shadow := strings.CutPrefix(c.mode, "shadow ")
				p := preset(t, mode, check.Settings{})
				if shadow {
					p = p.OnTrial()
				}
				f := helogate.Facts{Stage: c.stage, Client: netip.MustParseAddr(c.client), Helo: c.helo, Sender: c.from,
					Recipient: c.to, Auth: c.auth}
				if c.helo != "" {
					f.Verb = "EHLO"
				}
				e.Gate(Rules{Policy: p, RejectAt: helogate.Rcpt}).Judge(t.Context(), f)
			}
			got := log.String()
			if clean(got) {
				t.Errorf("the log holds what a terminal must not see: %q", got)
			}
			if n := strings.Count(got, "\n"); n != len(logClients) {
				t.Errorf("%d verdicts have %d lines", len(logClients), n)
			}
			for l := range strings.Lines(got) {
				if len(l) > 4096 {
					t.Errorf("a line of %d bytes", len(l))
				}
			}
			golden(t, filepath.Join("testdata", "log."+format), verdictName.ReplaceAllString(got, "${1}ID"))
		})
	}
}

// verdictName is a verdict's name: it hangs on all that was asked, and a new check gives others.
var verdictName = regexp.MustCompile(`(\bid"?[=:]"?)[0-9a-z]{13}`)

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, file, got, string(want))
}

// TestLogLevel: who asks for warnings alone gets no line a verdict.
func TestLogLevel(t *testing.T) {
	b := newBench("")
	var log testlog.Book
	b.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b.Gate(Rules{Policy: mustPolicy(line(failing, "reject"))}).Judge(t.Context(), spammer(helogate.Rcpt))
	if log.String() != "" {
		t.Errorf("the log says %s", log.String())
	}
}
