package engine

import (
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/logline"
	"github.com/helogate/helogate/internal/printable"
)

// A VerdictLog writes a line of log for each verdict: what a person looks for at night. All of the client's text is
// made printable.
type VerdictLog struct {
	Out  io.Writer // takes a line by one Write, and must not wait
	JSON bool      // as slog.JSONHandler; else as slog.TextHandler
	// Muffle says whether a line is worth writing about a client that hammers, and how many were not before it. nil:
	// all are.
	Limit func(client netip.Addr, at time.Time) (unsaid int, say bool)
}

// Observer returns what is shown verdicts.
func (l *VerdictLog) Observer() Observer { return Observer{Name: "log", Seen: l.seen} }

// hammering is the line of clients that are answered at once, and are worth a line of log a minute.
const hammering = "hammering"

const maxLogged = 255 // bytes of a client's text in a line of log

var lines = sync.Pool{New: func() any { return new(logline.Line) }}

func (l *VerdictLog) seen(e *Event) {
	unsaid := 0
	if v := &e.Verdict; v.By == hammering && v.Action.Refuses() && l.Limit != nil {
		var say bool
		if unsaid, say = l.Limit(e.Client(), e.At); !say {
			return
		}
	}
	line := lines.Get().(*logline.Line)
	defer lines.Put(line)
	line.Begin(l.JSON, e.At, slog.LevelInfo, "verdict")
	logFacts(line, e)
	logDecision(line, e)
	if unsaid > 0 {
		line.Int("unsaid", unsaid)
	}
	line.Duration("took", e.Took.Round(time.Microsecond))
	_, _ = l.Out.Write(line.End()) // what cannot be logged has nowhere to be said
}

// logFacts says who was judged, by which policy.
func logFacts(line *logline.Line, e *Event) {
	f := &e.Facts
	line.Text("id", e.Verdict.ID)
	line.Text("stage", f.Stage.String())
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

// logDecision says what was decided, and why.
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
	line.Int("score", v.DryRun.Score) // what is on trial counts: in shadow mode all is
	logChecks(line, "failed", v.Findings, helogate.Fail, helogate.SoftFail)
	logChecks(line, "unsure", v.Findings, helogate.TempError, helogate.PermError)
	logReason(line, v)
}

// logChecks names the checks with one of two outcomes, in policy order, if there are any.
func logChecks(line *logline.Line, key string, found []helogate.Finding, a, b helogate.Outcome) {
	var room [256]byte
	out := room[:0]
	for i := range found {
		if o := found[i].Outcome; o == a || o == b {
			if len(out) > 0 {
				out = append(out, ',')
			}
			out = append(out, found[i].Check...)
		}
	}
	if len(out) > 0 {
		line.Bytes(key, out)
	}
}

// logReason says what the deciding line found, or the one that would decide, if it says why.
func logReason(line *logline.Line, v *helogate.Verdict) {
	by := v.By
	if by == "" {
		by = v.DryRun.By
	}
	var room [512]byte
	why := room[:0]
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Check == by && f.Outcome != helogate.None { // a rule on the score may find nothing but for what is on trial
			if f.Why != "" {
				line.Text("why", f.Why)
			}
			return
		}
		if by == helogate.ByScore && f.Effect.RaisesScore() && len(why) < maxLogged {
			if len(why) > 0 {
				why = append(why, "; "...)
			}
			why = append(why, f.Why...)
		}
	}
	if len(why) > 0 {
		line.Bytes("why", why)
	}
}
