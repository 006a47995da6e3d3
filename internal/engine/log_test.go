package engine

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/logline"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/testlog"
)

var update = flag.Bool("update", false, "write the golden files anew")

const logZone = `
	192.0.2.1        PTR  mx.example.org
	mx.example.org   A    192.0.2.1
	example.org      MX   10 mx.example.org
	192.0.2.3        PTR  tempfail
	bot.example.org  A    198.51.100.9`

// logClients are the clients of the golden logs, in their order.
var logClients = []struct {
	mode                   string // the preset, "shadow" before it for a dry run
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
	{"balanced", helogate.Rcpt, "192.0.2.2", "192.0.2.2", "jane@example.org", "john@example.net", "", ""},             // and sent
	{"balanced", helogate.Rcpt, "192.0.2.2", "bot.example.org", "jane@example.org", "john@example.net", "", ""},       // score
	{"strict", helogate.Rcpt, "192.0.2.3", "mx.example.org", "jane@example.org", "john@example.net", "", ""},          // unsure
	{"shadow balanced", helogate.Rcpt, "192.0.2.2", "localhost", "jane@example.org", "john@example.net", "", ""},      // would
	{"shadow balanced", helogate.Rcpt, "192.0.2.1", "mx.example.org", "jane@example.org", "john@example.net", "", ""}, // would not
	{"hardline", helogate.Rcpt, "2001:db8::1", "a\x1b[2J\nlevel=INFO msg=verdict", "<x>\x00@e", "\xff\xfe@e", "", ""}, // hostile
	{"hardline", helogate.Rcpt, "2001:db8::1", strings.Repeat("\u202e=\" ", 2000), "jane@example.org", "é@e", "", ""}, // 10 KB
	{"balanced", helogate.Rcpt, "192.0.2.1", "", "jane@example.org", "john@example.net", "", ""},
	{"balanced", helogate.Rcpt, "192.0.2.3", "mx.example.org", "jane@example.org", "john@example.net", "", ""}, // max_score
	{"balanced", helogate.Rcpt, "192.0.2.2", "dyn-192-0-2-2.example", "", "john@example.net", "", ""},          // score rejects
	{"shadow balanced", helogate.Rcpt, "192.0.2.2", "dyn-192-0-2-2.example", "", "john@example.net", "", ""},   // would
}

func TestLog(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var log testlog.Buffer
			verdicts := &VerdictLog{Out: &log, JSON: format == "json"}
			e := New(Config{
				Ask: helogate.MustZone(logZone), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
				Observers: []Observer{verdicts.Observer()},
			})
			for _, c := range logClients {
				mode, shadow := strings.CutPrefix(c.mode, "shadow ")
				p := preset(t, mode, check.Settings{})
				if shadow {
					p = p.DryRun()
				}
				f := helogate.Facts{Stage: c.stage, Client: netip.MustParseAddr(c.client), Helo: c.helo, Sender: c.from,
					Recipient: c.to, Auth: c.auth}
				if c.helo != "" {
					f.Verb = "EHLO"
				}
				e.Endpoint(here, Rules{Policy: p, RejectAt: helogate.Rcpt}).Judge(t.Context(), f)
			}
			verdicts.Limit = func(netip.Addr, time.Time) (int, bool) { return 7, true }
			verdicts.seen(everyKey())
			got := log.String()
			if clean(got) {
				t.Errorf("the log holds what a terminal must not see: %q", got)
			}
			if n := strings.Count(got, "\n"); n != len(logClients)+1 {
				t.Errorf("%d verdicts have %d lines", len(logClients)+1, n)
			}
			for l := range strings.Lines(got) {
				if len(l) > 4096 {
					t.Errorf("a line of %d bytes", len(l))
				}
			}
			golden(t, filepath.Join("testdata", "log."+format), tidy(got))
		})
	}
}

// everyKey is an event whose line has every key that a line may have.
func everyKey() *Event {
	return &Event{
		Facts: helogate.Facts{
			Stage: helogate.Rcpt, Client: netip.MustParseAddr("198.51.100.7"), Helo: "list.example.org", Sender: "jane@example.org",
			Recipient: "john@example.net", Origin: helogate.Origin{Client: netip.MustParseAddr("192.0.2.1"), Helo: "mx.example.org"},
		},
		Verdict: helogate.Verdict{
			ID:       "0123456789abc",
			Decision: helogate.Decision{Action: helogate.Reject, By: hammering, MaxScore: 2},
			DryRun:   helogate.Decision{Action: helogate.Drop, By: "a-rule", Score: 3, MaxScore: 5},
			Findings: []helogate.Finding{
				{Check: hammering, Outcome: helogate.Fail, Effect: helogate.Effect{Action: helogate.Reject}, Why: "192.0.2.1 was rejected 10 times in an hour"},
				{Check: "rdns", Outcome: helogate.TempError, Effect: helogate.Effect{Action: helogate.AddScore, Score: 2}, Why: "PTR of 192.0.2.1: timeout"},
				{Check: "a-rule", Outcome: helogate.Fail, Effect: helogate.Effect{Action: helogate.Drop, DryRun: true}},
			},
		},
		Listener: here, Policy: "for 2", Held: true, At: noon, Took: 1240 * time.Microsecond,
	}
}

// tidy is a log without what is another each time.
func tidy(log string) string {
	log = regexp.MustCompile(`(?m)^time=[^ ]+ |"time":"[^"]*",`).ReplaceAllString(log, "")
	return verdictName.ReplaceAllString(log, "${1}ID")
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

// TestLogLimit: of a client that hammers the log has a line only when the limit allows one, with how many were
// suppressed.
func TestLogLimit(t *testing.T) {
	hammers := failing
	hammers.Name = "hammering"
	var log testlog.Buffer
	n := 0
	verdicts := &VerdictLog{Out: &log, Limit: func(client netip.Addr, at time.Time) (int, bool) {
		if client.String() != "192.0.2.1" || !at.Equal(noon) {
			t.Errorf("limited by %s, %s", client, at)
		}
		n++
		return 7, n == 2
	}}
	e := New(Config{
		Ask: helogate.MustZone(""), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon },
		Observers: []Observer{verdicts.Observer()},
	})
	for _, c := range []struct {
		check  helogate.Check
		action string
		times  int
		want   string // in each line
	}{
		{failing, "reject", 2, "by=failing"},
		{hammers, "would reject", 2, "would_by=hammering"},
		{hammers, "reject", 3, "suppressed=7 duration_ms="}, // one line of three
	} {
		was := strings.Count(log.String(), "\n")
		for range c.times {
			e.Endpoint(here, Rules{Policy: mustPolicy(line(c.check, c.action))}).Judge(t.Context(), spammer(helogate.Rcpt))
		}
		lines := c.times
		if c.check.Name == "hammering" && c.action == "reject" {
			lines = 1
		}
		if got := strings.Count(log.String(), "\n") - was; got != lines || !strings.Contains(lastLine(log.String()), c.want) {
			t.Errorf("%s %s: %d lines, want %d:\n%s", c.action, c.check.Name, got, lines, log.String())
		}
	}
}

// bySlog writes the line of an event by slog, attribute by attribute.
func bySlog(h slog.Handler, e *Event) error {
	f, v := &e.Facts, &e.Verdict
	r := slog.NewRecord(e.At, slog.LevelInfo, "verdict", 0)
	text := func(key, value string) { r.AddAttrs(slog.String(key, value)) }
	raw := func(key, value string) { text(key, printable.Text(value, maxLogged)) }
	given := func(key, value string) {
		if value != "" {
			text(key, value)
		}
	}
	text("id", v.ID)
	text("stage", f.Stage.String())
	given("listener", e.Listener.Address)
	text("client", f.Client.String())
	raw("helo", f.Helo)
	if f.Origin.Client.IsValid() {
		text("origin", f.Origin.Client.String())
		raw("origin_helo", f.Origin.Helo)
	}
	if f.Stage >= helogate.Mail {
		raw("from", f.Sender)
	}
	if f.Stage >= helogate.Rcpt {
		raw("to", f.Recipient)
	}
	given("policy", e.Policy)
	text("action", v.Action.String())
	given("by", v.By)
	if e.Held {
		r.AddAttrs(slog.Bool("held", true))
	}
	if v.DryRun.Action != v.Action || v.DryRun.By != v.By {
		text("would", v.DryRun.Action.String())
		text("would_by", v.DryRun.By)
	}
	r.AddAttrs(slog.Int("score", v.DryRun.Score))
	if v.DryRun.MaxScore > v.DryRun.Score {
		r.AddAttrs(slog.Int("max_score", v.DryRun.MaxScore))
	}
	list := func(key string, items []string) {
		if key == "reasons" && len(items) > 0 {
			r.AddAttrs(slog.Any(key, reasonList(items)))
		} else if len(items) > 0 {
			r.AddAttrs(slog.Any(key, logline.List(items)))
		}
	}
	var failed, unsure []string
	for _, one := range v.Findings {
		switch one.Outcome {
		case helogate.Fail, helogate.SoftFail:
			failed = append(failed, one.Check)
		case helogate.TempError, helogate.PermError:
			unsure = append(unsure, one.Check)
		}
	}
	list("failed", failed)
	list("unsure", unsure)
	list("reasons", appendReasons(nil, v))
	r.AddAttrs(slog.Any("duration_ms", logline.Millis(e.Took)))
	return h.Handle(context.Background(), r)
}

// A reasonList is a list with "; " between its items.
type reasonList []string

func (l reasonList) MarshalText() ([]byte, error) { return []byte(strings.Join(l, "; ")), nil }
func (l reasonList) MarshalJSON() ([]byte, error) { return logline.List(l).MarshalJSON() }

// TestReasons: the reasons are those of the findings that decided, each once.
func TestReasons(t *testing.T) {
	fail, temp, none := helogate.Fail, helogate.TempError, helogate.None
	by := func(by string, action helogate.Action, score, most int) helogate.Decision {
		return helogate.Decision{By: by, Action: action, Score: score, MaxScore: most}
	}
	one := func(check string, outcome helogate.Outcome, effect, why string) helogate.Finding {
		e, err := helogate.ParseEffect(effect)
		if err != nil {
			t.Fatal(err)
		}
		return helogate.Finding{Check: check, Outcome: outcome, Effect: e, Why: why}
	}
	score, nothing := helogate.ByScore, by("", helogate.Continue, 0, 0)
	for _, c := range []struct {
		name         string
		real, dryRun helogate.Decision
		found        []helogate.Finding
		want         string
	}{
		{"nothing decided", nothing, nothing, []helogate.Finding{one("a", fail, "note", "A")}, ""},
		{"one check", by("b", helogate.Reject, 3, 3), by("b", helogate.Reject, 3, 3),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", fail, "reject", "B"), one("c", fail, "reject", "C")}, "B"},
		{"a check that found nothing", by("b", helogate.Accept, 0, 0), by("b", helogate.Accept, 0, 0), []helogate.Finding{one("b", none, "note", "B")}, ""},
		{"the score", by(score, helogate.Reject, 6, 6), by(score, helogate.Reject, 6, 6),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", fail, "score -1", "B"), one("c", fail, "note", "C"), one("d", fail, "score 4", "D")}, "A|D"},
		{"the same reason twice", by(score, helogate.Reject, 6, 6), by(score, helogate.Reject, 6, 6),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", fail, "score 3", "A")}, "A"},
		{"the score, and a dry run", by(score, helogate.Greylist, 3, 3), by("b", helogate.Reject, 5, 5),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", fail, "would reject", "B"), one("c", fail, "would score 2", "C")}, "A"},
		{"a dry run alone", nothing, by("b", helogate.Reject, 0, 0),
			[]helogate.Finding{one("a", fail, "would score 2", "A"), one("b", fail, "would reject", "B")}, "B"},
		{"the score of a dry run", nothing, by(score, helogate.Reject, 5, 5),
			[]helogate.Finding{one("a", fail, "would score 2", "A"), one("b", fail, "score 3", "B")}, "A|B"},
		{"a failure that leaves the score open", by(score, helogate.Defer, 3, 6), by(score, helogate.Defer, 3, 6),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", temp, "score 3", "B")}, "A|B"},
		{"a failure that does not matter", by(score, helogate.Reject, 6, 8), by(score, helogate.Reject, 6, 8),
			[]helogate.Finding{one("a", fail, "score 6", "A"), one("b", temp, "score 2", "B")}, "A"},
		{"more than there is room for", by(score, helogate.Reject, 6, 6), by(score, helogate.Reject, 6, 6),
			[]helogate.Finding{one("a", fail, "score 3", "A"), one("b", fail, "score 3", strings.Repeat("B", maxReasons)), one("c", fail, "score 3", "C")}, "A|..."},
	} {
		v := &helogate.Verdict{Decision: c.real, DryRun: c.dryRun, Findings: c.found}
		if got := strings.Join(appendReasons(nil, v), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestLogAsSlog: whatever an event holds, its line is what slog makes of it, byte for byte.
func TestLogAsSlog(t *testing.T) {
	text := rapid.OneOf(rapid.StringN(0, 20, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "a", "exempt", "a rule", `"="`, `\`}))
	outcome, do := rapid.SampledFrom(helogate.Outcomes), rapid.SampledFrom([]helogate.Action{helogate.Continue, helogate.Reject, helogate.AddScore})
	addr := rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%e0")})
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.SampledFrom([]string{"", "one", "two", helogate.ByScore})
		e := &Event{
			Facts: helogate.Facts{
				Stage: helogate.Stage(rapid.IntRange(0, 3).Draw(t, "stage")), Client: addr.Draw(t, "client"), Helo: text.Draw(t, "helo"),
				Sender: text.Draw(t, "sender"), Recipient: text.Draw(t, "recipient"),
				Origin: helogate.Origin{Client: addr.Draw(t, "origin"), Helo: text.Draw(t, "origin's helo")},
			},
			Verdict: helogate.Verdict{
				ID:       text.Draw(t, "id"),
				Decision: helogate.Decision{Action: do.Draw(t, "action"), By: by.Draw(t, "by")},
				DryRun:   helogate.Decision{Action: do.Draw(t, "would"), By: by.Draw(t, "would by"), Score: rapid.Int().Draw(t, "score"), MaxScore: rapid.IntRange(0, 9).Draw(t, "max score")},
			},
			Listener: Listener{Address: text.Draw(t, "listener")}, Policy: text.Draw(t, "policy"), Held: rapid.Bool().Draw(t, "held"), At: noon.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "at"))),
			Took: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "took")),
		}
		for _, name := range []string{"one", "two", text.Draw(t, "name")} {
			e.Verdict.Findings = append(e.Verdict.Findings, helogate.Finding{
				Check: name, Outcome: outcome.Draw(t, "outcome"), Effect: helogate.Effect{Action: do.Draw(t, "does")},
				Why: rapid.StringMatching("[ -~]{1,40}").Draw(t, "why"),
			})
		}
		for _, json := range []bool{false, true} {
			var want, got bytes.Buffer
			h := slog.Handler(slog.NewTextHandler(&want, nil))
			if json {
				h = slog.NewJSONHandler(&want, nil)
			}
			if err := bySlog(h, e); err != nil {
				t.Fatal(err)
			}
			(&VerdictLog{Out: &got, JSON: json}).seen(e)
			if got.String() != want.String() {
				t.Fatalf("%s, and slog writes\n%s", got.String(), want.String())
			}
		}
	})
}
