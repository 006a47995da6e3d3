// Package engine is the running service between listeners and judge. It gives each listener its policy and the askers,
// keeps the sessions with refusals that are held until RCPT, limits how long a judgement takes, and passes each
// verdict, as one Event, to the observers.
package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
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
	// Observers are shown each verdict, in this order.
	Observers []Observer
}

// An Engine judges for listeners.
type Engine struct {
	Config
	sessions  sessions
	panics    atomic.Uint64 // faults of checks and lookups, since the start
	faulty    sync.Map      // when the log last had a fault of a check or a kind of question, by its name
	observers *observers
}

// New returns an engine. It has no policy: each Endpoint brings its own. The caller must Close the engine if an
// observer has a queue.
func New(c Config) *Engine {
	if c.Budget == 0 {
		c.Budget = 8 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{Config: c, sessions: newSessions(), observers: newObservers(c.Observers, c.Log)}
}

// Close waits until observers with a queue have seen all verdicts, but not longer than ctx. The caller must not judge
// any more.
func (e *Engine) Close(ctx context.Context) error { return e.observers.close(ctx) }

// Observers returns how the observers fare.
func (e *Engine) Observers() []ObserverStats { return e.observers.stats() }

// Panics returns the number of faults of checks and lookups since the start.
func (e *Engine) Panics() uint64 { return e.panics.Load() }

// Rules are what an endpoint judges by. They can be exchanged while it judges.
type Rules struct {
	Policy   *helogate.Policy
	For      []Exception    // the first that matches is judged by in place of Policy
	RejectAt helogate.Stage // the earliest stage at which a client is refused
	Headers  header.Options // what is added to the message of an accepted client

	record bool // whether responses have the whole verdict
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

// An Endpoint is the engine as one listener uses it.
type Endpoint struct {
	engine   *Engine
	listener Listener
	rules    atomic.Pointer[[2]Rules] // without the whole verdict in the response, and with it
}

// Endpoint returns the endpoint of a listener, with its rules.
func (e *Engine) Endpoint(l Listener, r Rules) *Endpoint {
	g := &Endpoint{engine: e, listener: l}
	g.SetRules(r)
	return g
}

// SetRules exchanges the rules; judgements under way end by the old ones.
func (g *Endpoint) SetRules(r Rules) {
	g.rules.Store(&[2]Rules{g.engine.prepareRules(r, false), g.engine.prepareRules(r, true)})
}

func (e *Engine) prepareRules(r Rules, record bool) Rules {
	r.record = record
	r.Policy = e.prepare(r.Policy, &r)
	r.For = slices.Clone(r.For)
	for i := range r.For {
		r.For[i].Policy = e.prepare(r.For[i].Policy, &r)
	}
	return r
}

// prepare returns a copy of the policy with the settings of this engine. Authentication-Results needs the reasons of
// findings that have no effect, too.
func (e *Engine) prepare(policy *helogate.Policy, r *Rules) *helogate.Policy {
	p := *policy
	p.Budget, p.OmitReasons = e.Budget, !e.observers.readReasons() && !r.record && !r.Headers.AuthenticationResults
	p.Report, p.RejectAtStage = e.fault, r.RejectAt
	return &p
}

// fault counts a mistake in a check or an Asker, which the verdict has as a temperror, and logs it: one a minute of
// each check and each kind of question, for a client may be able to cause it as often as it likes.
func (e *Engine) fault(f helogate.Fault) {
	n, now := e.panics.Add(1), e.Now()
	name, where := f.Check, slog.String("check", f.Check)
	if f.Check == "" {
		name = f.Question.Kind.String()
		where = slog.String("question", name+" "+printable.Text(f.Question.Name, maxLogged))
	}
	if last, ok := e.faulty.Swap(name, now); ok && now.Sub(last.(time.Time)) < logEvery {
		e.faulty.Store(name, last)
		return
	}
	e.Log.Error("a fault in a check or a lookup; please report this", where, "faults", n, "cause", f.Cause,
		"facts", string((&helogate.Record{Facts: f.Facts}).AppendJSON(nil)), "stack", string(f.Stack))
}

// Judge judges a client. The listener names the connection in Facts.Session. It is a response.Judge.
func (g *Endpoint) Judge(ctx context.Context, f helogate.Facts) response.Response {
	return g.named(ctx, f, &g.rules.Load()[0])
}

// JudgeWhole is Judge, with the whole verdict in the response, for a listener that shows it.
func (g *Endpoint) JudgeWhole(ctx context.Context, f helogate.Facts) response.Response {
	return g.named(ctx, f, &g.rules.Load()[1])
}

func (g *Endpoint) named(ctx context.Context, f helogate.Facts, rules *Rules) response.Response {
	s := new(session)
	if f.Session != "" {
		s = g.engine.sessions.get(f.Session, g.engine.Now())
	}
	return g.judge(ctx, s, f, rules)
}

// judge judges a stage of a session, decides what the listener does now, and passes the verdict to the observers.
func (g *Endpoint) judge(ctx context.Context, s *session, f helogate.Facts, rules *Rules) response.Response {
	e := g.engine
	began := e.Now()
	if f.Time.IsZero() {
		f.Time = began
	}
	policy, exception := rules.of(&f)
	event := events.Get().(*Event)
	defer event.free()
	reply, record := s.Judge(ctx, policy, f, e.Ask)
	if ctx.Err() != nil {
		return response.Response{} // the listener is being closed: no answer is made up
	}
	event.Facts, event.Verdict, event.Listener, event.Policy = record.Facts, record.Verdict, g.listener, exception
	event.Judged = policy.Judged(record.Facts)
	event.At = e.Now()
	event.Took = event.At.Sub(began)
	if f.Stage == helogate.Connect {
		s.rejected.Store(false) // an earlier connection from the same port has ended
	}
	r := event.response(rules, reply)
	event.Rejected = (r.Action == helogate.Reject || r.Action == helogate.Drop) && event.Verdict.By != hammering && !s.rejected.Swap(true)
	e.observers.show(event)
	return r
}

// response returns what the listener does now, by the rules of its endpoint. reply is nil if the client gets none at
// this stage.
func (e *Event) response(rules *Rules, reply *helogate.Reply) response.Response {
	v, stage := &e.Verdict, e.Facts.Stage
	r := response.Response{ID: v.ID, Action: v.Action}
	switch {
	case reply == nil && (v.Action.Refuses() || v.Action == helogate.Greylist):
		e.Held, r.Action = true, helogate.Continue
	case v.Action == helogate.Greylist:
		r.Action = helogate.Defer
	}
	if reply != nil {
		r.Reply = *reply
	}
	if !r.Action.Refuses() && stage >= helogate.Mail { // before MAIL there is no message
		r.Headers = header.Make(&e.Judged, v, rules.Headers)
	}
	if rules.record {
		r.Record = e.Record()
	}
	return r
}
