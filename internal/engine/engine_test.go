package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/response"
	"github.com/helogate/helogate/internal/testlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests judge: a verdict's name hangs on it.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A bench is an engine, its log, and the facts that it judged.
type bench struct {
	*Engine
	log      testlog.Buffer
	verdicts VerdictLog
	counts   Counts
	now      time.Time
	seen     []*helogate.Record // not safe for concurrent judgements
	events   []*Event           // likewise
}

// here is the listener of gates.
var here = Listener{Protocol: "postfix", Address: "127.0.0.1:10040"}

func newBench(zone string) *bench {
	b := &bench{now: noon}
	b.verdicts.Out = &b.log
	log := slog.New(slog.NewTextHandler(&b.log, quiet))
	b.Engine = New(Config{
		Ask: helogate.MustZone(zone), Log: log, Now: func() time.Time { return b.now },
		Observers: []Observer{b.counts.Observer(), PrivateWarning(log), b.verdicts.Observer(), {
			Name: "test", Reasons: true, Seen: func(e *Event) { b.seen, b.events = append(b.seen, e.Record()), append(b.events, e.Clone()) },
		}},
	})
	return b
}

// quiet leaves out of a log what is another each time.
var quiet = &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		return slog.Attr{}
	case "took", "stack":
		a.Value = slog.StringValue("-")
	}
	return a
}}

// failing is a check that always fails.
var failing = helogate.Check{Name: "failing", Code: "5.7.1", Conclusive: helogate.Fail, Run: func(c *helogate.Case) helogate.Finding {
	return c.Fail("so it is")
}}

func line(c helogate.Check, actions ...string) helogate.Line {
	l := helogate.Line{Check: c, On: map[helogate.Outcome]helogate.Effect{}}
	for _, text := range actions {
		word, action, named := strings.Cut(text, "=")
		if !named {
			word, action = helogate.Fail.String(), text
		}
		outcome, err := helogate.ParseOutcome(word)
		if err != nil {
			panic(err)
		}
		a, err := helogate.ParseEffect(action)
		if err != nil {
			panic(err)
		}
		l.On[outcome] = a
	}
	return l
}

func mustPolicy(lines ...helogate.Line) *helogate.Policy {
	p, err := helogate.NewPolicy(helogate.Thresholds{}, lines...)
	if err != nil {
		panic(err)
	}
	return p
}

func preset(t *testing.T, name string, s check.Settings) *helogate.Policy {
	t.Helper()
	p, err := check.NewPolicy(name, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spammer is a client with nothing to say for itself.
func spammer(stage helogate.Stage) helogate.Facts {
	return helogate.Facts{Stage: stage, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: "mx.example.org",
		Sender: "jane@example.org", Recipient: "john@example.net", Session: "[192.0.2.1]:4711"}
}

// TestHolding: what the listener gets at each stage, by the stage from which clients may be told no and by the verdict
// (promise 10). A deferral is sent neither at connect nor at HELO: RFC 5321 section 4.3.2 has no 4yz for them.
func TestHolding(t *testing.T) {
	for _, row := range []string{
		// reject_at_stage, action: at connect, helo, mail, rcpt
		"connect reject   : reject 554, reject 550, reject 550, reject 550",
		"helo    reject   : continue,   reject 550, reject 550, reject 550",
		"mail    reject   : continue,   continue,   reject 550, reject 550",
		"rcpt    reject   : continue,   continue,   continue,   reject 550",
		"connect drop     : drop 554,   drop 550,   drop 550,   drop 550",
		"helo    drop     : continue,   drop 550,   drop 550,   drop 550",
		"mail    drop     : continue,   continue,   drop 550,   drop 550",
		"rcpt    drop     : continue,   continue,   continue,   drop 550",
		"connect defer    : continue,   continue,   defer 451,  defer 451",
		"helo    defer    : continue,   continue,   defer 451,  defer 451",
		"mail    defer    : continue,   continue,   defer 451,  defer 451",
		"rcpt    defer    : continue,   continue,   continue,   defer 451",
		"connect accept   : accept,     accept,     accept,     accept",
		"rcpt    accept   : accept,     accept,     accept,     accept",
		"connect note     : continue,   continue,   continue,   continue",
		"connect greylist : continue,   continue,   continue,   defer 451", // sender and recipient are known there
		"rcpt    greylist : continue,   continue,   continue,   defer 451",
	} {
		setting, want, _ := strings.Cut(row, ":")
		f := strings.Fields(setting)
		at, err := helogate.ParseStage(f[0])
		if err != nil {
			t.Fatal(err)
		}
		b := newBench("")
		endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, f[1])), RejectAt: at})
		for stage, want := range strings.Split(want, ",") {
			stage := helogate.Stage(stage)
			got := actionOf(endpoint.Judge(t.Context(), spammer(stage)))
			if want = strings.TrimSpace(want); got != want {
				t.Errorf("%s %s at %s: the listener gets %s, want %s", f[0], f[1], stage, got, want)
			}
			last := b.seen[len(b.seen)-1]
			held := strings.Contains(lastLine(b.log.String()), "held=true")
			if refuses := last.Action.Refuses() || last.Action == helogate.Greylist; held != (refuses && want == "continue") {
				t.Errorf("%s %s at %s: %s, and held=%v in the log", f[0], f[1], stage, last.Action, held)
			}
		}
	}
}

// TestRejected: a session is rejected once, and neither a dry run nor a refusal that is held rejects it.
func TestRejected(t *testing.T) {
	b := newBench("")
	endpoint := func(action string) *Endpoint {
		return b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, action)), RejectAt: helogate.Mail})
	}
	for i, c := range []struct {
		session, action string
		stage           helogate.Stage
		want            bool
	}{
		{"a", "reject", helogate.Helo, false}, // held
		{"a", "reject", helogate.Rcpt, true},
		{"a", "reject", helogate.Rcpt, false}, // fifty recipients are one try
		{"b", "would reject", helogate.Rcpt, false},
		{"b", "defer", helogate.Rcpt, false},
		{"b", "drop", helogate.Rcpt, true},
		{"", "reject", helogate.Rcpt, true},
		{"", "reject", helogate.Rcpt, true},
		{"a", "reject", helogate.Connect, false}, // another connection from the same port
		{"a", "reject", helogate.Rcpt, true},
	} {
		f := spammer(c.stage)
		f.Session = c.session
		endpoint(c.action).Judge(t.Context(), f)
		if got := b.events[len(b.events)-1].Rejected; got != c.want {
			t.Errorf("%d: %s at %s in session %q: rejected %v, want %v", i, c.action, c.stage, c.session, got, c.want)
		}
	}
}

func actionOf(r response.Response) string {
	if r.Reply.Code == 0 {
		return r.Action.String()
	}
	return fmt.Sprintf("%s %d", r.Action, r.Reply.Code)
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// TestHeldUntilAllowed: a refusal that is held at HELO is not sent to a client that authenticates or writes to
// postmaster.
func TestHeldUntilAllowed(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: preset(t, "hardline", check.Settings{}), RejectAt: helogate.Rcpt})
	f := spammer(helogate.Helo)
	f.Helo = "192.0.2.1"
	is := func(f helogate.Facts, want string) {
		t.Helper()
		if got := actionOf(endpoint.Judge(t.Context(), f)); got != want {
			t.Errorf("%s: the listener gets %s, want %s", f.Stage, got, want)
		}
	}
	is(f, "continue")
	if b.seen[0].Action != helogate.Drop {
		t.Fatalf("the verdict at HELO is %s, want drop", b.seen[0].Action)
	}
	f.Stage = helogate.Rcpt
	is(f, "drop 550")
	f.Auth = "jane"
	is(f, "accept")
	f.Auth, f.Recipient = "", "postmaster@example.net"
	is(f, "accept")
}

// TestShadow: the client is not refused, and the log has what would have been.
func TestShadow(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "reject")).DryRun(), RejectAt: helogate.Connect})
	for stage := helogate.Connect; stage <= helogate.Rcpt; stage++ {
		if got := endpoint.Judge(t.Context(), spammer(stage)); got.Action != helogate.Continue || got.Reply.Code != 0 {
			t.Errorf("%s: the listener gets %+v", stage, got)
		}
		if got := lastLine(b.log.String()); !strings.Contains(got, "action=continue would=reject would_by=failing") ||
			strings.Contains(got, "held") || !strings.Contains(got, `reasons="so it is"`) {
			t.Errorf("%s: the log says %s", stage, got)
		}
	}
}

// TestPanic: a check that panics is a temperror, logged with its facts, and the engine lives (promise 8).
func TestPanic(t *testing.T) {
	broken := helogate.Check{Name: "broken", Code: "5.7.1", Run: func(c *helogate.Case) helogate.Finding {
		if c.Helo == "trigger\n\x1b[2J" {
			panic("an index\nout of range")
		}
		return c.Pass("fine")
	}}
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(broken, "reject")), RejectAt: helogate.Rcpt})
	f := spammer(helogate.Helo)
	f.Helo = "trigger\n\x1b[2J"
	for _, c := range []struct {
		stage helogate.Stage
		want  string
	}{{helogate.Helo, "continue"}, {helogate.Rcpt, "defer 451"}} {
		f.Stage = c.stage
		if got := actionOf(endpoint.Judge(t.Context(), f)); got != c.want {
			t.Errorf("a panic at %s: the listener gets %s, want %s", c.stage, got, c.want)
		}
	}
	log := b.log.String()
	for _, want := range []string{`level=ERROR msg="a fault in a check or a lookup; please report this" check=broken`, `\"client\":\"192.0.2.1\"`,
		`trigger\\u000a\\u001b[2J`, `unsure=broken`, "stack="} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
	if n := strings.Count(log, "level=ERROR"); n != 1 || b.Panics() != 2 {
		t.Errorf("two panics of a minute are logged %d times, counted %d times", n, b.Panics())
	}
	b.now = b.now.Add(time.Minute)
	endpoint.Judge(t.Context(), f)
	if n := strings.Count(b.log.String(), "level=ERROR"); n != 2 || !strings.Contains(b.log.String(), "faults=3") {
		t.Errorf("a minute later there are %d lines of three panics", n)
	}
	if clean(log) {
		t.Errorf("the log holds control bytes: %q", log)
	}
	if got := actionOf(endpoint.Judge(t.Context(), spammer(helogate.Rcpt))); got != "continue" {
		t.Errorf("the next client: %s", got)
	}
}

// clean reports whether a log holds what a terminal must not see.
func clean(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return (r < ' ' || r > '~') && r != '\n' })
}

// mute is a resolver that never answers.
type mute struct{ asked chan struct{} }

func (mute) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

func (m mute) Ask(ctx context.Context, _ helogate.Question) *helogate.Answer {
	if m.asked != nil {
		m.asked <- struct{}{}
	}
	<-ctx.Done()
	return &helogate.Answer{Status: helogate.TempFail, Note: "cancelled"}
}

// TestBudget: a resolver that never answers costs a judgement its budget and no more, and the client is deferred.
func TestBudget(t *testing.T) {
	for _, c := range []struct{ budget, want time.Duration }{{3 * time.Second, 3 * time.Second}, {0, 8 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			var log testlog.Buffer
			e := New(Config{
				Ask: mute{}, Log: slog.New(slog.DiscardHandler), Budget: c.budget, Observers: []Observer{(&VerdictLog{Out: &log}).Observer()},
			})
			endpoint := e.Endpoint(here, Rules{Policy: mustPolicy(line(check.RDNS, "reject"), line(check.FCrDNS, "reject")), RejectAt: helogate.Rcpt})
			began := time.Now()
			got := endpoint.Judge(t.Context(), spammer(helogate.Rcpt))
			if took := time.Since(began); took != c.want {
				t.Errorf("a budget of %s: the verdict took %s", c.budget, took)
			}
			if actionOf(got) != "defer 450" || !strings.Contains(got.Reply.Text, "no answer for PTR of ") {
				t.Errorf("the listener gets %+v", got)
			}
			if want := fmt.Sprintf("duration_ms=%d\n", c.want.Milliseconds()); !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %s: %s", want, log.String())
			}
			if want := "time=" + began.UTC().Format(time.RFC3339); !strings.Contains(log.String(), want[:len("time=2000-01-01")]) {
				t.Errorf("the log has another time: %s", log.String())
			}
		})
	}
}

// TestCancelled: a listener that is closed by force gets no verdict, and nothing is logged.
func TestCancelled(t *testing.T) {
	b := newBench("")
	asked := make(chan struct{})
	b.Ask = mute{asked}
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(check.RDNS, "reject")), RejectAt: helogate.Rcpt})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if got := endpoint.Judge(ctx, spammer(helogate.Rcpt)); !cmp.Equal(got, response.Response{}) {
		t.Errorf("the listener gets %+v", got)
	}
	if len(b.seen) != 0 || b.log.String() != "" {
		t.Errorf("%d verdicts are shown, and the log says %s", len(b.seen), b.log.String())
	}
}

// TestPrivateClient: the log warns once of a client with a private address, unless it is a local one.
func TestPrivateClient(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note")), RejectAt: helogate.Rcpt})
	for _, c := range []struct {
		client, auth string
		warnings     int
	}{
		{"192.0.2.1", "", 0},
		{"127.0.0.1", "", 0},
		{"::1", "", 0},
		{"10.0.0.1", "jane", 0},
		{"10.0.0.1", "", 1},
		{"10.0.0.1", "", 1},
		{"fd00::1", "", 1},
	} {
		f := spammer(helogate.Rcpt)
		f.Client, f.Auth = netip.MustParseAddr(c.client), c.auth
		endpoint.Judge(t.Context(), f)
		if n := strings.Count(b.log.String(), "level=WARN"); n != c.warnings {
			t.Errorf("after %s %s: %d warnings, want %d", c.client, c.auth, n, c.warnings)
		}
	}
}

// TestLocalPrivateClient: there is no warning about a client in own.networks.
func TestLocalPrivateClient(t *testing.T) {
	b := newBench("")
	own := check.OwnNetwork(check.Own{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	accept := helogate.Line{Check: own, On: map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}}
	for _, p := range []*helogate.Policy{mustPolicy(accept), mustPolicy(accept).DryRun()} {
		f := spammer(helogate.Rcpt)
		f.Client = netip.MustParseAddr("10.1.1.1")
		b.Endpoint(here, Rules{Policy: p, RejectAt: helogate.Rcpt}).Judge(t.Context(), f)
	}
	if strings.Contains(b.log.String(), "level=WARN") {
		t.Errorf("a client of ours is warned of: %s", b.log.String())
	}
}

// TestTime: verdicts are judged at the engine's time; a listener has no clock.
func TestTime(t *testing.T) {
	b := newBench("")
	endpoint := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	for _, session := range []string{"", "[192.0.2.1]:4711"} {
		f := spammer(helogate.Rcpt)
		f.Session = session
		endpoint.Judge(t.Context(), f)
		if got := b.seen[len(b.seen)-1].Time; !got.Equal(noon) {
			t.Errorf("session %q: judged at %s", session, got)
		}
	}
}

// TestExchangedWhileJudging: every verdict is by one policy or the other, never by half of each.
func TestExchangedWhileJudging(t *testing.T) {
	e := New(Config{Ask: helogate.MustZone(""), Log: slog.New(slog.DiscardHandler)})
	strict := Rules{Policy: mustPolicy(line(failing, "reject")), RejectAt: helogate.Connect}
	mild := Rules{Policy: mustPolicy(line(failing, "defer")), RejectAt: helogate.Mail}
	endpoint := e.Endpoint(here, strict)
	var judges, admin sync.WaitGroup
	done := make(chan struct{})
	admin.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				endpoint.SetRules([...]Rules{mild, strict}[i%2])
			}
		}
	})
	for i := range 4 {
		judges.Go(func() {
			f := spammer(helogate.Mail)
			f.Session = fmt.Sprint("[192.0.2.1]:", i%2) // two judge for one session
			for range 300 {
				if got := actionOf(endpoint.Judge(context.Background(), f)); got != "reject 550" && got != "defer 451" {
					t.Errorf("the listener gets %s", got)
				}
			}
		})
	}
	judges.Wait()
	close(done)
	admin.Wait()
}

// TestGates: each listener has its own rules, and all share the sessions.
func TestGates(t *testing.T) {
	b := newBench("")
	strict := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "reject")), RejectAt: helogate.Rcpt})
	mild := b.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "note")), RejectAt: helogate.Rcpt})
	f := spammer(helogate.Rcpt)
	if a, b := actionOf(strict.Judge(t.Context(), f)), actionOf(mild.Judge(t.Context(), f)); a != "reject 550" || b != "continue" {
		t.Errorf("the listeners get %s and %s", a, b)
	}
}

// TestRulesAreCopied: the policy that was handed in is not written to: two gates may have been given the same.
func TestRulesAreCopied(t *testing.T) {
	p := mustPolicy(line(failing, "reject"))
	newBench("").Endpoint(here, Rules{Policy: p})
	if p.Budget != 0 || p.Report != nil {
		t.Error("the gate wrote to the policy that it was given")
	}
}

func diff(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
