package main

// What would change a verdict. Nothing here is guessed: each answer comes from judging the same facts on the same
// evidence by a policy of which one check is assumed to pass, or to which a score is added.

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// A change is an assumption under which the client gets another action.
type change struct {
	pass     []string // these checks pass, or rules do not match
	answered bool     // they are all checks whose lookups failed
	add      int      // so much is added to the score
	then     helogate.Decision
	open     bool // then is not known: it depends on lookups that were not made
}

// whatIf judges a record again under assumptions.
type whatIf struct {
	ctx    context.Context
	policy *helogate.Policy
	record *helogate.Record
	ask    helogate.Asker
}

// newWhatIf prepares questions about a record, which the policy has judged. What is not in the record's evidence is
// asked of rest; an assumption that needs a lookup which rest does not make has an open end.
func newWhatIf(ctx context.Context, p *helogate.Policy, r *helogate.Record, rest helogate.Asker) *whatIf {
	q := *p
	q.RunAll, q.Report = false, nil
	return &whatIf{ctx, &q, r, atHand{r.Asked, rest}}
}

// atHand answers from evidence, and what that does not have from rest. An Overlay would not ask rest about what
// leaves a trace; here, rest is sure to leave none.
type atHand struct {
	evidence helogate.Evidence
	rest     helogate.Asker
}

func (a atHand) asker(q helogate.Question) helogate.Asker {
	if answer, _ := a.evidence.Known(q); answer.Status == helogate.NotAsked {
		return a.rest
	}
	return a.evidence
}

// Known returns what is at hand.
func (a atHand) Known(q helogate.Question) (*helogate.Answer, bool) { return a.asker(q).Known(q) }

// Ask returns the answer of the evidence, or asks the rest.
func (a atHand) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	return a.asker(q).Ask(ctx, q)
}

// remembered are the kinds of what the service remembers of clients and lists.
var remembered = []helogate.Kind{helogate.Trust, helogate.Hammering, helogate.Suspended, helogate.Greylisted, helogate.Deferred}

// byMemory asks memory about what the service remembers, and rest about all else.
func byMemory(memory, rest helogate.Asker) helogate.ByKind {
	askers := helogate.ByKind{helogate.AnyKind: rest}
	for _, kind := range remembered {
		askers[kind] = memory
	}
	return askers
}

// nothingRemembered is the memory of a service that has seen no client yet.
type nothingRemembered struct{}

func (nothingRemembered) Known(helogate.Question) (*helogate.Answer, bool) {
	return &helogate.Answer{Status: helogate.NXDomain}, true
}

func (n nothingRemembered) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := n.Known(q)
	return a
}

// changes returns what would change the action. For a client that is refused or greylisted: each check that alone
// does so if it passes, the best first. If none does: all checks whose lookups failed, or the deciding checks one
// after the other. For a client that continues: what has to be added to its score to greylist and to reject it. An
// accepted client has none: no other check can change that.
func (w *whatIf) changes() []change {
	switch w.record.Action {
	case helogate.Accept:
		return nil
	case helogate.Continue:
		return w.distances()
	}
	if alone := w.singles(); len(alone) > 0 {
		return alone
	}
	if c, ok := w.answered(); ok {
		return []change{c}
	}
	if c, ok := w.together(); ok {
		return []change{c}
	}
	return nil
}

// singles returns the checks each of which changes the action if it passes.
func (w *whatIf) singles() (out []change) {
	for i := range w.record.Findings {
		if f := &w.record.Findings[i]; mendable(f) {
			if c, changed := w.pass(f.Check); changed {
				out = append(out, c)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b change) int {
		return cmp.Or(cmp.Compare(severity(a), severity(b)), cmp.Compare(a.then.MaxScore, b.then.MaxScore))
	})
	return out
}

// answered assumes that the lookups which failed are answered, and that their checks pass. Checks that would accept the
// client then are assumed not to.
func (w *whatIf) answered() (c change, ok bool) {
	accepting := map[string]bool{}
	for _, l := range w.policy.Lines() {
		accepting[l.Check.Name] = accepts(&l)
	}
	var names []string
	for i := range w.record.Findings {
		if f := &w.record.Findings[i]; f.Outcome == helogate.TempError && !accepting[f.Check] {
			names = append(names, f.Check)
		}
	}
	if len(names) == 0 {
		return c, false
	}
	c, ok = w.pass(names...)
	c.answered = true
	return c, ok && !c.open
}

// together assumes of the check that decides that it passes, then of the one that decides then, and so on until the
// action is another.
func (w *whatIf) together() (c change, ok bool) {
	at := w.record.Verdict
	for {
		next := w.decisive(&at, c.pass)
		if next == "" {
			return c, false
		}
		names := append(c.pass, next)
		var changed bool
		if c, changed = w.pass(names...); changed {
			return c, true
		}
		at = w.judge(names)
	}
}

// decisive returns the check that decides a verdict, or adds most to the score that does.
func (w *whatIf) decisive(v *helogate.Verdict, but []string) (name string) {
	if v.By != helogate.ByScore {
		if slices.Contains(but, v.By) {
			return ""
		}
		return v.By
	}
	most := 0
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Effect.RaisesScore() && !f.Effect.DryRun && f.Effect.Score > most && !slices.Contains(but, f.Check) {
			name, most = f.Check, f.Effect.Score
		}
	}
	return name
}

// mendable reports whether a finding could be better.
func mendable(f *helogate.Finding) bool {
	switch f.Outcome {
	case helogate.SoftFail, helogate.Fail, helogate.TempError, helogate.PermError:
		return true
	}
	return f.Effect.Action.Refuses() || f.Effect.Action == helogate.Greylist || f.Effect.RaisesScore()
}

// pass assumes that checks pass, and reports whether the action is another then.
func (w *whatIf) pass(names ...string) (c change, changed bool) {
	v := w.judge(names)
	c = change{pass: names, then: v.Decision}
	if v.Action != helogate.Reject && v.Action != helogate.Drop { // which no lookup could take back, but for one that accepts
		c.open = slices.ContainsFunc(v.Asked, w.isOpen)
	}
	return c, c.open || !sameAction(v.Action, w.record.Action)
}

// sameAction reports whether two actions are the same for the client: a drop is a rejection that closes the connection.
func sameAction(a, b helogate.Action) bool {
	rejects := []helogate.Action{helogate.Reject, helogate.Drop}
	return a == b || slices.Contains(rejects, a) && slices.Contains(rejects, b)
}

func (w *whatIf) judge(passing []string) helogate.Verdict {
	var lines []helogate.Line
	for _, l := range w.policy.Lines() {
		if slices.Contains(passing, l.Check.Name) {
			lines = append(lines, assumed(l))
		}
	}
	return w.with(lines...)
}

// with judges by the policy with these lines.
func (w *whatIf) with(lines ...helogate.Line) helogate.Verdict {
	p, err := w.policy.With(lines...)
	if err != nil { // the lines are those of a policy, with other functions
		panic(err)
	}
	return p.Judge(w.ctx, w.record.Facts, w.ask)
}

// assumed returns a line whose check finds nothing wrong.
func assumed(l helogate.Line) helogate.Line {
	outcome := helogate.Pass
	if hasNoPass(l.Check.Name, l.Check.Family) {
		outcome = helogate.None
	}
	l.Check.Run = func(*helogate.Case) helogate.Finding { return helogate.Finding{Outcome: outcome} }
	l.Check.UsesScore = false
	return l
}

// hasNoPass reports whether a check says none where nothing is wrong, as rules and blocklists do.
func hasNoPass(name, family string) bool {
	return family == "dnsbl" || family == "rhsbl" || family == "" && isRuleName(name)
}

// isRuleName reports whether a line that is alone in its family is a [[rule]].
func isRuleName(name string) bool {
	return !slices.Contains(check.Names(), name) && !strings.Contains(name, ":")
}

// distances returns what would have to be added to the score for another action, and then for a rejection.
func (w *whatIf) distances() (out []change) {
	most := max(w.policy.GreylistAt, w.policy.RejectAt)
	if most == 0 {
		return nil
	}
	for _, l := range w.policy.Lines() { // what checks take off has to be added, too
		credit := 0
		for _, e := range l.On {
			if e.LowersScore() {
				credit = max(credit, -e.Score)
			}
		}
		most += credit
	}
	seen := map[helogate.Action]bool{w.record.Action: true}
	for n := 1; n <= min(most, maxAdded); n++ {
		if v := w.add(n); !seen[v.Action] {
			seen[v.Action] = true
			out = append(out, change{add: n, then: v.Decision})
		}
	}
	return out
}

// maxAdded is the highest score that one line may add.
const maxAdded = 1000

func (w *whatIf) add(n int) helogate.Verdict {
	return w.with(helogate.Line{
		Check: helogate.Check{Name: "what if", Run: func(*helogate.Case) helogate.Finding { return helogate.Finding{Outcome: helogate.Fail} }},
		On:    map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.AddScore, Score: n}},
	})
}

// severity orders changes: the best for the client first, and those that are not known last.
func severity(c change) int {
	if c.open {
		return 10
	}
	return slices.Index([]helogate.Action{
		helogate.Accept, helogate.Continue, helogate.Greylist, helogate.Defer, helogate.Reject, helogate.Drop,
	}, c.then.Action)
}

// isOpen reports whether a lookup that the record has no answer of was not made, or has failed.
func (w *whatIf) isOpen(qa helogate.QA) bool {
	if qa.Status != helogate.NotAsked && qa.Status != helogate.TempFail {
		return false
	}
	known, _ := w.record.Asked.Known(qa.Question)
	return known.Status == helogate.NotAsked
}
