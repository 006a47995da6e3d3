// Package engine is the running service between doors and judge: it gives each door its policy and the askers, keeps the
// sessions with what is held until RCPT, sees that a judgement ends in time, and writes a line of log for each verdict.
package engine

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Config is what an engine needs.
type Config struct {
	Ask    helogate.Asker
	Log    *slog.Logger
	Budget time.Duration    // of a judgement, for all its lookups; 0 is 8s
	Now    func() time.Time // the time that verdicts are judged at; nil is time.Now
	// Rejected is told of each client that is rejected, not on trial, once a session: fifty recipients are one try. That it
	// hammers is no reason: who sends steadily would be shut out for ever. It must not wait. May be nil.
	Rejected func(client netip.Addr, at time.Time)
	// Muffle says whether a line of log is worth writing about a client that hammers, and how many were not before it. May be
	// nil: all are.
	Muffle func(client netip.Addr, at time.Time) (unsaid int, say bool)
	// Seen is shown every verdict, before the door has it; it may keep it, and must not wait. May be nil.
	Seen func(*helogate.Record)
}

// An Engine judges for doors.
type Engine struct {
	Config
	sessions    *sessions
	warnPrivate sync.Once
	panics      atomic.Uint64 // of checks, since the start
	counts      counts
}

// New returns an engine. It has no policy; each gate brings its own.
func New(c Config) *Engine {
	if c.Budget == 0 {
		c.Budget = 8 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{Config: c, sessions: newSessions(c.Now())}
}

// Rules are what a gate judges by; they may be exchanged while it judges.
type Rules struct {
	Policy   *helogate.Policy
	For      []Exception    // the first that matches is judged by in place of Policy
	RejectAt helogate.Stage // the earliest stage at which a client is told no
	Headers  header.Options // what a client that is let in has added to its message
	Record   bool           // whether rulings have the whole verdict, for a door that shows it
}

// An Exception is a policy for some recipients.
type Exception struct {
	Name    string // for the log
	Matches func(recipient string) bool
	Policy  *helogate.Policy
}

// of returns the policy for a recipient, and the name of the exception that it is.
func (r *Rules) of(f *helogate.Facts) (*helogate.Policy, string) {
	if f.Stage >= helogate.Rcpt {
		for i := range r.For {
			if e := &r.For[i]; e.Matches(f.Recipient) {
				return e.Policy, e.Name
			}
		}
	}
	return r.Policy, ""
}

// A Gate is the engine as one door sees it.
type Gate struct {
	engine *Engine
	rules  atomic.Pointer[Rules]
}

// Gate returns a gate with its rules.
func (e *Engine) Gate(r Rules) *Gate {
	g := &Gate{engine: e}
	g.SetRules(r)
	return g
}

// SetRules exchanges the rules; judgements under way end by the old ones.
func (g *Gate) SetRules(r Rules) {
	r.Policy = g.engine.own(r.Policy, &r)
	r.For = slices.Clone(r.For)
	for i := range r.For {
		r.For[i].Policy = g.engine.own(r.For[i].Policy, &r)
	}
	g.rules.Store(&r)
}

// own returns the policy with what this engine wants of it. A header tells reasons from which nothing follows.
func (e *Engine) own(policy *helogate.Policy, r *Rules) *helogate.Policy {
	p := *policy
	p.Budget, p.Terse = e.Budget, e.Seen == nil && !r.Record && !r.Headers.AuthenticationResults
	p.Report = e.fault
	return &p
}

// fault logs a mistake in a check or an Asker; the verdict has it as a temperror.
func (e *Engine) fault(f helogate.Fault) {
	where := slog.String("check", f.Check)
	if f.Check == "" {
		where = slog.String("question", f.Question.Kind.String()+" "+printable.Text(f.Question.Name, maxLogged))
	}
	e.Log.Error("a fault in a check or a lookup; please report this", where, "faults", e.panics.Add(1), "cause", f.Cause,
		"facts", string((&helogate.Record{Facts: f.Facts}).AppendJSON(nil)), "stack", string(f.Stack))
}

// Judge rules on a client, whose connection the door names in Facts.Session. It is a response.Judge.
func (g *Gate) Judge(ctx context.Context, f helogate.Facts) response.Response {
	if f.Session == "" {
		return new(Session).Judge(ctx, g, f)
	}
	return g.engine.sessions.get(f.Session, g.engine.Now()).Judge(ctx, g, f)
}

// rule judges and says what is to be done now: what is not yet to be told to the client is held.
func (g *Gate) rule(ctx context.Context, s *Session, f helogate.Facts) response.Response {
	e, rules := g.engine, g.rules.Load()
	began := e.Now()
	if f.Time.IsZero() {
		f.Time = began
	}
	policy, exception := rules.of(&f)
	v := policy.Judge(ctx, f, e.Ask)
	if ctx.Err() != nil {
		return response.Response{} // the door is being closed: no answer is made up
	}
	r := response.Response{Do: v.Action, Reply: v.Reply}
	if v.Action == helogate.Greylist {
		r.Do = helogate.Defer
	}
	held := r.Do.Refuses() && !mayTell(v.Action, f.Stage, rules.RejectAt)
	if held {
		r = response.Response{Do: helogate.Continue}
	}
	judged := policy.Judged(f)
	if (r.Do == helogate.Reject || r.Do == helogate.Drop) && e.Rejected != nil && v.By != hammering && s.firstRejection() {
		e.Rejected(judged.Client, f.Time)
	}
	if !r.Do.Refuses() && f.Stage >= helogate.Mail { // before MAIL there is no message to add to
		r.Headers = header.Make(&judged, &v, rules.Headers)
	}
	e.counts.add(&f, &v, held)
	if rules.Record {
		r.Record = &helogate.Record{Facts: f, Verdict: v}
	}
	if e.Seen != nil {
		e.Seen(&helogate.Record{Facts: f, Verdict: v})
	}
	e.warn(&judged, &v)
	e.logVerdict(&f, judged.Client, &v, exception, held, began)
	return r
}

// mayTell reports whether a refusal may be told at a stage: none before the stage that the administrator set, no deferral
// before MAIL, since RFC 5321 section 4.3.2 lists no 4yz but 421 for a connection and for HELO, and no greylisting before
// RCPT, where it is known who tries to send to whom.
func mayTell(d helogate.Do, s, rejectAt helogate.Stage) bool {
	switch d {
	case helogate.Greylist:
		return s >= helogate.Rcpt
	case helogate.Defer:
		return s >= max(rejectAt, helogate.Mail)
	}
	return s >= rejectAt
}

// warn says once that a client has a private address that is not among our networks: an exemption was forgotten, or a
// proxy hides who the clients are.
func (e *Engine) warn(f *helogate.Facts, v *helogate.Verdict) {
	if hostname.IsPrivate(f.Client) && !f.Client.IsLoopback() && f.Auth == "" && v.Trial.Action != helogate.Accept {
		e.warnPrivate.Do(func() {
			e.Log.Warn("a client has a private address, which DNS says nothing of: if it is ours, name its network in own.networks; "+
				"if it is a proxy, let it pass on the client's address. This is said once.", "client", f.Client.String())
		})
	}
}

// hammering is the line of clients that are answered at once, and are worth a line of log a minute.
const hammering = "hammering"

const maxLogged = 255 // bytes of a client's text in a line of log

// logVerdict writes one line: what a person looks for at night. All of the client's text is made printable.
func (e *Engine) logVerdict(f *helogate.Facts, judged netip.Addr, v *helogate.Verdict, exception string, held bool, began time.Time) {
	ctx, now := context.Background(), e.Now()
	if !e.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	unsaid := 0
	if v.By == hammering && v.Action.Refuses() && e.Muffle != nil {
		var say bool
		if unsaid, say = e.Muffle(judged, now); !say {
			return
		}
	}
	var room [20]slog.Attr
	attrs := append(room[:0],
		slog.String("id", v.ID),
		slog.String("stage", f.Stage.String()),
		slog.String("client", f.Client.String()),
		slog.String("helo", printable.Text(f.Helo, maxLogged)))
	if f.Origin.Client.IsValid() {
		attrs = append(attrs, slog.String("origin", f.Origin.Client.String()), slog.String("origin_helo", printable.Text(f.Origin.Helo, maxLogged)))
	}
	if f.Stage >= helogate.Mail {
		attrs = append(attrs, slog.String("from", printable.Text(f.Sender, maxLogged)))
	}
	if f.Stage >= helogate.Rcpt {
		attrs = append(attrs, slog.String("to", printable.Text(f.Recipient, maxLogged)))
	}
	if exception != "" {
		attrs = append(attrs, slog.String("policy", exception))
	}
	attrs = append(attrs, slog.String("action", v.Action.String()))
	if v.By != "" {
		attrs = append(attrs, slog.String("by", v.By))
	}
	if held {
		attrs = append(attrs, slog.Bool("held", true))
	}
	if v.Trial.Action != v.Action || v.Trial.By != v.By {
		attrs = append(attrs, slog.String("would", v.Trial.Action.String()), slog.String("would_by", v.Trial.By))
	}
	attrs = append(attrs, slog.Int("suspicion", v.Trial.Suspicion)) // what is on trial counts: in shadow mode all is
	if failed := list(v.Findings, helogate.Fail, helogate.SoftFail); failed != "" {
		attrs = append(attrs, slog.String("failed", failed))
	}
	if unsure := list(v.Findings, helogate.TempError, helogate.PermError); unsure != "" {
		attrs = append(attrs, slog.String("unsure", unsure))
	}
	if why := reason(v); why != "" {
		attrs = append(attrs, slog.String("why", why))
	}
	if unsaid > 0 {
		attrs = append(attrs, slog.Int("unsaid", unsaid))
	}
	attrs = append(attrs, slog.Duration("took", now.Sub(began).Round(time.Microsecond)))
	line := slog.NewRecord(now, slog.LevelInfo, "verdict", 0) // without the caller's place, which is always this one
	line.AddAttrs(attrs...)
	_ = e.Log.Handler().Handle(ctx, line) // what cannot be logged has nowhere to be said
}

// list names the checks with one of two outcomes, in policy order.
func list(found []helogate.Finding, a, b helogate.Outcome) string {
	var buf [256]byte
	out := buf[:0]
	for i := range found {
		if o := found[i].Outcome; o == a || o == b {
			if len(out) > 0 {
				out = append(out, ',')
			}
			out = append(out, found[i].Check...)
		}
	}
	return string(out)
}

// reason is what the deciding line found, or the one that would decide.
func reason(v *helogate.Verdict) string {
	by := v.By
	if by == "" {
		by = v.Trial.By
	}
	why := ""
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Check == by && f.Outcome != helogate.None { // a rule on the suspicion may find nothing but for what is on trial
			return f.Why
		}
		if by == helogate.BySuspicion && f.Action.Do == helogate.Suspect && len(why) < maxLogged {
			why += "; " + f.Why
		}
	}
	return strings.TrimPrefix(why, "; ")
}
