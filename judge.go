package helogate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/helogate/helogate/internal/printable"
)

// Judge judges what the client has shown so far. It waits for answers no longer than ctx lasts, nor than Policy.Budget.
// The verdict is always whole: what could not be learnt is in it as a tempfail.
//
// It tries with what is known, asks what is missing, and tries again. The last try saw every answer that it read: its
// verdict is a function of facts and answers, and timing has no part in it.
func (p *Policy) Judge(ctx context.Context, f Facts, ask Asker) Verdict {
	f = p.Judged(f)
	if !f.Client.IsValid() { // nothing can be judged; the caller says so in its log
		return Verdict{ID: verdictID(&f, nil), Decision: Decision{Action: Continue}, Trial: Decision{Action: Continue}}
	}
	j := newJudgement(p, f, ask)
	defer j.free()
	for {
		v, open := j.try()
		if open == nil {
			j.report()
			return v
		}
		j.gather(ctx, open)
	}
}

// Judged returns the facts that Judge judges: those of the client, or, for a forwarder that ByOrigin believes, those of
// the origin that it names. Login and earlier greetings are the forwarder's own.
func (p *Policy) Judged(f Facts) Facts {
	f.Client = f.Client.Unmap().WithZone("")
	if p.ByOrigin == nil || !f.Origin.Client.IsValid() || !p.ByOrigin(&f) {
		return f
	}
	f.Client, f.Helo, f.Verb, f.Earlier, f.Auth = f.Origin.Client.Unmap().WithZone(""), f.Origin.Helo, "", nil, ""
	f.Origin = Origin{}
	return f
}

// A judgement is one run of Judge.
type judgement struct {
	Case
	policy   *Policy
	world    world
	readings [2]reading
	now      *reading  // the one that is under way: Case.Suspicion is its score
	found    []Finding // by line, of this try; Check is "" where the line was not evaluated
	stack    []int     // the lines that are being evaluated: one, and those whose outcomes it asks for
	circle   []int     // the lines that asked for their own outcome in this try
	faults   []Fault   // of the checks in this try
}

var judgements = sync.Pool{New: func() any { return new(judgement) }}

func newJudgement(p *Policy, f Facts, ask Asker) *judgement {
	j := judgements.Get().(*judgement)
	j.policy = p
	j.world.start(ask, f.Client, p.budget())
	j.Case = Case{Facts: f, world: &j.world, terse: p.Terse, judged: j}
	j.found = slices.Grow(j.found[:0], len(p.lines))[:len(p.lines)]
	return j
}

func (j *judgement) free() {
	j.world.end()
	clear(j.found)
	*j = judgement{world: j.world, found: j.found[:0], stack: j.stack[:0], circle: j.circle[:0]}
	judgements.Put(j)
}

// try reads the policy with the answers that there are, in each way. It returns the lines that wait for an answer; if
// none does, the verdict.
func (j *judgement) try() (v Verdict, open []int) {
	j.world.begin()
	if j.world.try > 1 { // before the first try all is clear
		j.faults, j.circle = nil, j.circle[:0]
		clear(j.found)
	}
	for which := range j.policy.readings() {
		j.now = &j.readings[which]
		*j.now = reading{judgement: j, effects: j.policy.effects[which]}
		for _, i := range j.now.read() {
			if !slices.Contains(open, i) {
				open = append(open, i)
			}
		}
	}
	if open != nil {
		return v, open
	}
	v = j.conclude()
	if j.policy.Exhaustive {
		open = j.evaluateRest()
		v.Findings, v.Asked = j.findings(), j.world.asked()
	}
	return v, open
}

// gather asks until none of the lines waits for an answer. What they find meanwhile is thrown away.
func (j *judgement) gather(ctx context.Context, open []int) {
	for len(open) > 0 {
		j.world.more(ctx)
		open = slices.DeleteFunc(open, func(i int) bool { j.evaluate(i); return !j.pending })
	}
}

// evaluateRest evaluates the lines that no reading needed, for a person who wants to see them all.
func (j *judgement) evaluateRest() (open []int) {
	for i := range j.policy.lines {
		l := &j.policy.lines[i]
		if l.ignored || l.Check.Turn != InTier || l.Check.Needs > j.Stage ||
			l.Check.ReadsSuspicion && (open != nil || j.found[i].Check != "") {
			continue
		}
		if j.evaluate(i); j.pending {
			open = append(open, i)
		} else {
			j.counts(i)
		}
	}
	return open
}

// evaluate returns what a line finds. It runs the check once in a try, since what that finds is a function of facts and
// answers; a check that reads the suspicion runs once for each reading. If the check read what is not answered yet,
// j.pending is set and the finding is worth nothing.
func (j *judgement) evaluate(i int) *Finding {
	l, f := &j.policy.lines[i], &j.found[i]
	j.pending = false
	if f.Check != "" {
		if !l.Check.ReadsSuspicion {
			return f
		}
		f = new(Finding) // the verdict shows the finding of the first reading
	}
	j.firstTempFail, j.line = nil, l
	j.stack = append(j.stack, i)
	j.run(l, f)
	j.stack = j.stack[:len(j.stack)-1]
	if j.pending {
		*f = Finding{}
		return f
	}
	if slices.Contains(j.circle, i) {
		*f = Finding{Outcome: TempError, Why: "the check asks for its own outcome"}
	}
	f.Check, f.Action = l.Check.Name, Action{}
	if f.Outcome < None || f.Outcome > PermError {
		f.Outcome = None
	}
	if t := j.firstTempFail; t != nil && f.Outcome != l.Check.Finds {
		why := printable.Text(fmt.Sprintf("%s of %s: %s", t.Kind, t.Name, t.Note), maxWhy)
		*f = Finding{Check: l.Check.Name, Outcome: TempError, Why: why, Entry: f.Entry, Ref: f.Ref}
	}
	return f
}

// run runs the check of a line. A check that panics is a temperror.
func (j *judgement) run(l *line, f *Finding) {
	defer func() {
		if cause := recover(); cause != nil && !j.pending {
			j.faults = append(j.faults, Fault{Check: l.Check.Name, Facts: j.Facts, Cause: cause, Stack: debug.Stack()})
			j.firstTempFail = nil
			*f = Finding{Outcome: TempError, Why: printable.Text(fmt.Sprint("the check panicked: ", cause), maxWhy)}
		}
	}()
	*f = l.Check.Run(&j.Case)
}

// outcomeFor evaluates a line for another one, which asks for its outcome: that alone has no effect. Lines
// that ask for each other in a circle are all in temperror, whichever of them came first.
func (j *judgement) outcomeFor(i int) Outcome {
	if at := slices.Index(j.stack, i); at >= 0 {
		var names []string
		for _, n := range j.stack[at:] {
			names = append(names, j.policy.lines[n].Check.Name)
		}
		j.circle = append(j.circle, j.stack[at:]...)
		cause := errors.New("the check asks for its own outcome: " + strings.Join(append(names, names[0]), ", "))
		j.faults = append(j.faults, Fault{Check: names[0], Facts: j.Facts, Cause: cause})
		return TempError
	}
	firstTempFail, line := j.firstTempFail, j.line
	outcome := j.evaluate(i).Outcome
	j.firstTempFail, j.line = firstTempFail, line
	return outcome
}

// counts notes what the policy makes of what a line found.
func (j *judgement) counts(i int) {
	f := &j.found[i]
	f.Action = j.policy.lines[i].on[f.Outcome]
}

// conclude makes the verdict of what was found.
func (j *judgement) conclude() Verdict {
	p := j.policy
	v := Verdict{Asked: j.world.asked(), Decision: j.readings[enforced].decide(), Findings: j.findings(), Policy: p.id}
	v.ID = verdictID(&j.Facts, v.Asked)
	v.Trial = v.Decision
	if p.trial {
		v.Trial = j.readings[dryRun].decide()
		v.Would = would(v.Findings, v.Decision, v.Trial)
	}
	if v.Action.Refuses() || v.Action == Greylist {
		v.Reply = p.reply(&j.Facts, &v)
	}
	return v
}

// findings returns what the lines found that were evaluated, in the order of the policy.
func (j *judgement) findings() []Finding {
	n := 0
	for i := range j.found {
		f := &j.found[i]
		if f.Action.Do == Unset {
			f.Action.Do = Note // evaluated for another line alone
		}
		if j.shows(f) {
			n++
		}
	}
	out := make([]Finding, 0, n)
	for i := range j.found {
		if j.shows(&j.found[i]) {
			out = append(out, j.found[i])
		}
	}
	return out
}

// shows reports whether a finding stands in the verdict: see Policy.Terse.
func (j *judgement) shows(f *Finding) bool {
	return f.Check != "" && !(j.terse && f.Action.Do == Note && f.Outcome <= Pass)
}
