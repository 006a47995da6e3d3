package engine

import (
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/logline"
	"github.com/helogate/helogate/internal/printable"
)

// A VerdictLog writes one log line for each verdict. Text of the client is made printable. docs/logs.md lists the keys.
type VerdictLog struct {
	Out  io.Writer // takes a line by one Write, and must not block
	JSON bool      // lines as slog.JSONHandler writes them; else as slog.TextHandler does
	// Limit is asked before the line of a client that is rejected for hammering: whether to write the line now, and how
	// many such lines were suppressed before it. nil: every line is written.
	Limit func(client netip.Addr, at time.Time) (suppressed int, write bool)
}

// Observer returns the observer that writes the lines.
func (l *VerdictLog) Observer() Observer { return Observer{Name: "log", Seen: l.seen} }

// hammering is the check whose rejections are answered without lookups, and logged once a minute a client.
const hammering = "hammering"

const (
	maxLogged  = 255  // bytes of a client's text in a log line
	maxReasons = 1024 // bytes of the reasons in a log line
)

var lines = sync.Pool{New: func() any { return new(logline.Line) }}

func (l *VerdictLog) seen(e *Event) {
	suppressed := 0
	if v := &e.Verdict; v.By == hammering && v.Action.Refuses() && l.Limit != nil {
		var write bool
		if suppressed, write = l.Limit(e.Client(), e.At); !write {
			return
		}
	}
	line := lines.Get().(*logline.Line)
	defer lines.Put(line)
	line.Begin(l.JSON, e.At, slog.LevelInfo, "verdict")
	logFacts(line, e)
	logDecision(line, e)
	if suppressed > 0 {
		line.Int("suppressed", suppressed)
	}
	line.Millis("duration_ms", e.Took)
	_, _ = l.Out.Write(line.End()) // an error of the log cannot be logged
}

// logFacts adds the client, the envelope, and the policy that was used.
func logFacts(line *logline.Line, e *Event) {
	f := &e.Facts
	line.Text("id", e.Verdict.ID)
	line.Text("stage", f.Stage.String())
	if e.Listener.Address != "" {
		line.Text("listener", e.Listener.Address)
	}
	line.Addr("client", f.Client)
	line.Text("helo", printable.Text(f.Helo, maxLogged))
	if f.Origin.Client.IsValid() {
		line.Addr("origin", f.Origin.Client)
		line.Text("origin_helo", printable.Text(f.Origin.Helo, maxLogged))
	}
	if f.Stage >= helogate.Mail {
		line.Text("from", printable.Text(f.Sender, maxLogged))
	}
	if f.Stage >= helogate.Rcpt {
		line.Text("to", printable.Text(f.Recipient, maxLogged))
	}
	if e.Policy != "" {
		line.Text("policy", e.Policy)
	}
}

// logDecision adds what was decided, and why.
func logDecision(line *logline.Line, e *Event) {
	v := &e.Verdict
	line.Text("action", v.Action.String())
	if v.By != "" {
		line.Text("by", v.By)
	}
	if e.Held {
		line.Bool("held", true)
	}
	if v.DryRun.Action != v.Action || v.DryRun.By != v.By {
		line.Text("would", v.DryRun.Action.String())
		line.Text("would_by", v.DryRun.By)
	}
	line.Int("score", v.DryRun.Score) // dry-run effects included: in shadow mode there are no others
	if v.DryRun.MaxScore > v.DryRun.Score {
		line.Int("max_score", v.DryRun.MaxScore)
	}
	logChecks(line, "failed", v.Findings, helogate.Fail, helogate.SoftFail)
	logChecks(line, "unsure", v.Findings, helogate.TempError, helogate.PermError)
	var room [16]string
	if reasons := appendReasons(room[:0], v); len(reasons) > 0 {
		line.List("reasons", "; ", reasons)
	}
}

// logChecks lists the checks with one of two outcomes, in policy order, if there are any.
func logChecks(line *logline.Line, key string, found []helogate.Finding, a, b helogate.Outcome) {
	var room [24]string
	names := room[:0]
	for i := range found {
		if o := found[i].Outcome; o == a || o == b {
			names = append(names, found[i].Check)
		}
	}
	if len(names) > 0 {
		line.List(key, ",", names)
	}
}

// appendReasons appends what the deciding findings say, each reason once: of what is enforced, or, where that decided
// nothing, of the dry run. Reasons beyond maxReasons bytes become one "...".
func appendReasons(reasons []string, v *helogate.Verdict) []string {
	d, dryRun := &v.Decision, false
	if d.By == "" {
		d, dryRun = &v.DryRun, true
	}
	size := 0
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Why == "" || !decided(f, d, dryRun) || slices.Contains(reasons, f.Why) {
			continue
		}
		if size += len(f.Why); size > maxReasons {
			return append(reasons, "...")
		}
		reasons = append(reasons, f.Why)
	}
	return reasons
}

// decided reports whether a finding is one that a decision was made by: that of the deciding check, or for the score
// every one that adds to it. A DNS failure only makes the score uncertain, so it is one only where that matters.
func decided(f *helogate.Finding, d *helogate.Decision, dryRun bool) bool {
	switch {
	case d.By != helogate.ByScore:
		return f.Check == d.By && f.Outcome != helogate.None
	case !f.Effect.RaisesScore() || f.Effect.DryRun && !dryRun:
		return false
	case f.Outcome == helogate.TempError:
		return d.Action != helogate.Reject && d.MaxScore > d.Score
	}
	return true
}
