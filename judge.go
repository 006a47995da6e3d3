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

// Judge judges a client by the facts that are known so far. It waits for answers at most as long as ctx and
// Policy.Budget allow. The verdict is always complete: a missing answer is a tempfail in it.
//
// Judge tries with the answers that are known, asks for the missing ones, and tries again. The last try has all answers
// that it read, so its verdict is a function of facts and answers, and does not depend on timing.
func (p *Policy) Judge(ctx context.Context, f Facts, ask Asker) Verdict {
	f = p.Judged(f)
	if !f.Client.IsValid() { // nothing can be judged; the caller logs that
		return Verdict{ID: verdictID(&f, nil), Decision: Decision{Action: Continue}, DryRun: Decision{Action: Continue}}
	}
	j := newJudgement(p, f, ask)
	defer j.free()
	for {
		v, open := j.try()
		if open == nil {
			j.report()
			return v
		}
		j.await(ctx, open)
	}
}

// Judged returns the facts that Judge uses: those of the client, or of the origin, if the client is a forwarder that
// ByOrigin believes. Login and earlier HELO names are the forwarder's, and so are left out then.
func (p *Policy) Judged(f Facts) Facts {
	f.Client = f.Client.Unmap().WithZone("")
	if p.ByOrigin == nil || !f.Origin.Client.IsValid() {
		return f
	}
	return p.byOrigin(f)
}

// byOrigin is a function of its own, since its facts escape to the heap.
func (p *Policy) byOrigin(f Facts) Facts {
	if !p.ByOrigin(&f) {
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
	answers  answers
	readings [2]reading
	now      *reading  // the one that is running; Case.Score is its score
	outcomes []Outcome // by line, of this try; 0 where the line was not evaluated
	counted  []bool    // by line: whether a reading evaluated it, and not only another line
	found    []foundBy // the findings for the verdict, in the order of evaluation
	stack    []int     // the lines that are being evaluated: each asks for the outcome of the next
	circles  [][]int   // lines that asked for their own outcome in this try, with those in between
	faults   []Fault   // of the checks in this try
}

// foundBy is a finding and the index of its line.
type foundBy struct {
	line int
	Finding
}

var judgements = sync.Pool{New: func() any { return new(judgement) }}

func newJudgement(p *Policy, f Facts, ask Asker) *judgement {
	j := judgements.Get().(*judgement)
	j.policy = p
	j.answers.start(ask, f.Client, p.budget())
	j.Case = Case{Facts: f, answers: &j.answers, omitReasons: p.OmitReasons, judged: j, spare: j.spare}
	j.outcomes = slices.Grow(j.outcomes[:0], len(p.lines))[:len(p.lines)]
	j.counted = slices.Grow(j.counted[:0], len(p.lines))[:len(p.lines)]
	return j
}

func (j *judgement) free() {
	memo, spare := j.memo, j.spare
	j.answers.end()
	clear(j.found)
	*j = judgement{
		answers: j.answers, outcomes: j.outcomes[:0], counted: j.counted[:0], found: j.found[:0], stack: j.stack[:0],
	}
	if memo != nil {
		spare = memo
	}
	j.spare = spare
	judgements.Put(j)
}

// openLine is a line that waits for an answer, and the reading that it was evaluated for.
type openLine struct {
	line    int
	reading *reading
}

// try evaluates the policy with the answers that are known, in each reading. It returns the lines that wait for an
// answer, or, if none does, the verdict.
func (j *judgement) try() (v Verdict, open []openLine) {
	j.answers.begin()
	j.faults, j.circles, j.found = nil, nil, j.found[:0]
	clear(j.outcomes)
	clear(j.counted)
	for which := range j.policy.readings() {
		j.now = &j.readings[which]
		*j.now = reading{judgement: j, effects: j.policy.effects[which]}
		for _, i := range j.now.read() {
			open = append(open, openLine{i, j.now})
		}
	}
	if open != nil {
		return v, open
	}
	v = j.conclude()
	if j.policy.RunAll {
		open = j.evaluateRest()
		v.Findings, v.Asked = withoutReplies(j.findings()), j.answers.asked()
	}
	return v, open
}

// await asks until none of the lines waits for an answer. Their findings are discarded.
func (j *judgement) await(ctx context.Context, open []openLine) {
	for len(open) > 0 {
		j.answers.waitOne(ctx)
		open = slices.DeleteFunc(open, func(o openLine) bool {
			j.now = o.reading
			j.evaluate(o.line)
			return !j.pending
		})
	}
}

// evaluateRest evaluates the lines that no reading needed, for Policy.RunAll.
func (j *judgement) evaluateRest() (open []openLine) {
	for i := range j.policy.lines {
		l := &j.policy.lines[i]
		if l.ignored || l.Check.Phase != Main || l.Check.Needs > j.Stage ||
			l.Check.UsesScore && (open != nil || j.outcomes[i] != 0) {
			continue
		}
		j.evaluate(i)
		j.counted[i] = !j.pending
		if j.pending {
			open = append(open, openLine{i, j.now})
		}
	}
	return open
}

// evaluate returns the outcome of a line. It runs the check once in a try, since its finding is a function of facts and
// answers. A check that reads the score runs once for each reading; the verdict has the finding of the first. If the
// check read an answer that is pending, j.pending is set, and the outcome has no meaning.
func (j *judgement) evaluate(i int) Outcome {
	l := &j.policy.lines[i]
	j.pending = false
	again := j.outcomes[i] != 0
	if again && !l.Check.UsesScore {
		return j.outcomes[i]
	}
	if o := j.now.byScore[i]; o != 0 {
		return o
	}
	j.firstTempFail, j.line = nil, l
	j.stack = append(j.stack, i)
	f := j.run(l)
	j.stack = j.stack[:len(j.stack)-1]
	if j.pending {
		return 0
	}
	if j.circleOf(i) >= 0 {
		f = Finding{Outcome: TempError, Why: "the check asks for its own outcome"}
	}
	if f.Outcome < None || f.Outcome > PermError {
		f.Outcome = None
	}
	if t := j.firstTempFail; t != nil && f.Outcome != l.Check.Conclusive {
		why := printable.Text(fmt.Sprintf("%s of %s: %s", t.Kind, t.Name, t.Note), maxWhy)
		f = Finding{Outcome: TempError, Why: why, Entry: f.Entry, Ref: f.Ref}
	}
	if l.Check.UsesScore {
		j.now.noteByScore(i, f.Outcome)
	}
	if again {
		return f.Outcome
	}
	j.outcomes[i] = f.Outcome
	if !j.omitReasons || f.Outcome > Pass || l.hasEffect(f.Outcome) { // see Policy.OmitReasons
		f.Check = l.Check.Name
		j.found = append(j.found, foundBy{i, f})
	}
	return f.Outcome
}

// run runs the check of a line. A check that panics is a temperror.
func (j *judgement) run(l *line) (f Finding) {
	defer func() {
		if cause := recover(); cause != nil && !j.pending {
			j.faults = append(j.faults, Fault{Check: l.Check.Name, Facts: j.Facts, Cause: cause, Stack: debug.Stack()})
			j.firstTempFail = nil
			f = Finding{Outcome: TempError, Why: printable.Text(fmt.Sprint("the check panicked: ", cause), maxWhy)}
		}
	}()
	return l.Check.Run(&j.Case)
}

// outcomeFor evaluates a line for another one that asks for its outcome. That alone gives the line no effect. Lines
// that ask for each other in a circle are all in temperror, whichever comes first.
func (j *judgement) outcomeFor(i int) Outcome {
	if at := slices.Index(j.stack, i); at >= 0 {
		j.closeCircle(i, at)
		return TempError
	}
	firstTempFail, line := j.firstTempFail, j.line
	outcome := j.evaluate(i)
	j.firstTempFail, j.line = firstTempFail, line
	if n := j.circleOf(i); n >= 0 { // the circle may include lines that are being evaluated
		if at := slices.IndexFunc(j.stack, func(s int) bool { return slices.Contains(j.circles[n], s) }); at >= 0 {
			j.circles[n] = append(j.circles[n], j.stack[at:]...)
		}
	}
	return outcome
}

// closeCircle notes that the line at an index of the stack has asked for its own outcome.
func (j *judgement) closeCircle(i, at int) {
	var names []string
	for _, n := range j.stack[at:] {
		names = append(names, j.policy.lines[n].Check.Name)
	}
	cause := errors.New("the check asks for its own outcome: " + strings.Join(append(names, names[0]), ", "))
	j.faults = append(j.faults, Fault{Check: names[0], Facts: j.Facts, Cause: cause})
	if n := j.circleOf(i); n >= 0 {
		j.circles[n] = append(j.circles[n], j.stack[at:]...)
		return
	}
	j.circles = append(j.circles, slices.Clone(j.stack[at:]))
}

// circleOf returns the index of the circle that a line is in, or -1.
func (j *judgement) circleOf(i int) int {
	return slices.IndexFunc(j.circles, func(c []int) bool { return slices.Contains(c, i) })
}

// conclude makes the verdict from the findings.
func (j *judgement) conclude() Verdict {
	p := j.policy
	v := Verdict{Asked: j.answers.asked(), Decision: j.readings[enforced].decide(), Findings: j.findings(), Policy: p.id}
	v.ID = verdictID(&j.Facts, v.Asked)
	v.DryRun = v.Decision
	if p.hasDryRun {
		v.DryRun = j.readings[dryRun].decide()
		v.Would = would(v.Findings, v.Decision, v.DryRun)
	}
	if v.Action.Refuses() || v.Action == Greylist {
		v.Reply = p.reply(&j.Facts, &v)
	}
	withoutReplies(v.Findings)
	return v
}

// withoutReplies takes the reply's texts from findings, once the reply is worded: a record does not have them.
func withoutReplies(found []Finding) []Finding {
	for i := range found {
		found[i].Reply = ""
	}
	return found
}

// findings returns the findings in the order of the policy, with their effects. A line that was evaluated only for
// another line has the effect Note.
func (j *judgement) findings() []Finding {
	slices.SortFunc(j.found, func(a, b foundBy) int { return a.line - b.line })
	out := make([]Finding, 0, len(j.found))
	for i := range j.found {
		f := &j.found[i]
		f.Effect = Effect{Action: Note}
		if j.counted[f.line] {
			f.Effect = j.policy.lines[f.line].on[f.Outcome]
		}
		if !j.omitReasons || f.Effect.Action != Note || f.Outcome > Pass {
			out = append(out, f.Finding)
		}
	}
	return out
}
