package helogate

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/helogate/helogate/internal/printable"
)

// Judge judges what the client has shown so far. It waits for answers no longer than ctx lasts, nor than Policy.Budget.
// The verdict is always whole: what could not be learnt is in it as a tempfail.
//
// It tries with what is known, asks what is missing, and tries again. The last try saw every answer that it read: its
// verdict is a function of facts and answers, and timing has no part in it.
func (p *Policy) Judge(ctx context.Context, f Facts, ask Asker) Verdict {
	f = p.Judged(f)
	if !f.Client.IsValid() { // nothing can be judged; a door says so in its log
		return Verdict{ID: verdictID(&f, nil), Decision: Decision{Action: Continue}, Trial: Decision{Action: Continue}}
	}
	j := judgement{policy: p, world: newWorld(ask, f.Client, p.Budget)}
	j.Case = Case{Facts: f, world: j.world, terse: p.Terse, judged: &j}
	defer j.world.free()
	for {
		missing := j.try()
		if missing == nil {
			return j.verdict()
		}
		j.gather(ctx, missing)
	}
}

// Judged returns whom Judge judges: the client, or in place of a forwarder that is believed the origin that it names. Login
// and earlier greetings are the forwarder's own.
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
	policy *Policy
	world  *world
	tracks [2]track
	found  []Finding // by line; Check is "" where the line has not run
	aside  []Finding // by line, of those that another line asked for by Case.Found; nil where none did
	folded [2][]bool // by track and line: whether the track has heard it
	done   Verdict   // if Exhaustive: without the lines that no track wanted
	panics []func()  // reports of the checks that panicked in this try
	track  int       // of which Case.Suspicion tells
}

// try judges tier by tier: a dearer one runs while nothing is decided, or to hear who may let the client in. It returns
// the lines that have an open question, or nil when all is known.
func (j *judgement) try() (missing []int) {
	p := j.policy
	j.world.begin()
	j.tracks, j.panics = [2]track{}, nil
	if j.found == nil {
		j.found = make([]Finding, len(p.lines))
	} else {
		clear(j.found)
		clear(j.aside)
	}
	j.folded = j.world.noneFolded(len(p.lines))
	for cost, tier := range p.tiers {
		if Cost(cost) == Probe {
			if missing = j.settle(); missing != nil {
				return missing
			}
		}
		was := j.rejected()
		if missing = j.run(tier, was); missing != nil {
			return missing
		}
		// Somebody vouched, and what had seemed decided is not: whoever was passed over is heard after all.
		if is := j.rejected(); was[force] && !is[force] || was[trial] && !is[trial] {
			for _, tier := range p.tiers[:cost+1] {
				if missing = j.run(tier, is); missing != nil {
					return missing
				}
			}
		}
	}
	if len(p.tiers[Probe]) > 0 {
		if missing = j.settle(); missing != nil {
			return missing
		}
	}
	if p.Exhaustive {
		j.done = j.conclude(slices.Clone(j.found))
		return j.runRest()
	}
	return nil
}

func (j *judgement) rejected() [2]bool {
	return [2]bool{j.tracks[force].rejected(j.policy), j.tracks[trial].rejected(j.policy)}
}

// run runs the lines of a tier that are wanted and folds what they find, in the order of the policy.
func (j *judgement) run(tier []int, rejected [2]bool) (missing []int) {
	for _, i := range tier {
		l := &j.policy.lines[i]
		if l.Check.Needs > j.Stage {
			continue
		}
		inForce := !l.onTrial && !j.folded[force][i] && j.tracks[force].wants(l, rejected[force], force)
		onTrial := j.policy.trial && !j.folded[trial][i] && j.tracks[trial].wants(l, rejected[trial], trial)
		if !inForce && !onTrial || l.Check.ReadsSuspicion && missing != nil {
			continue
		}
		found, tried := j.hear(i)
		if j.void {
			missing = append(missing, i)
			continue
		}
		if missing != nil { // this try is lost; what it still reads is asked ahead
			if found.Action.Do == Accept && !found.Action.Trial {
				break
			}
			continue
		}
		j.found[i] = found
		if inForce {
			j.tracks[force].fold(l, found.Outcome, force)
			j.folded[force][i] = true
		}
		if onTrial {
			j.tracks[trial].fold(l, tried.Outcome, trial)
			j.folded[trial][i] = true
		}
	}
	return missing
}

// settle hears the lines that have their turn where it has come to a deferral or a greylisting: whether the first is
// to be had out, and whether the client has proved that it retries.
func (j *judgement) settle() (missing []int) {
	for which := range j.tracks {
		t := &j.tracks[which]
		if which == trial && !j.policy.trial {
			continue
		}
		if i := j.atTurn(OnDefer, t.onlyFailed(j.policy)); i >= 0 && !t.forgiven {
			found, known := j.inTurn(i, &missing)
			t.forgiven = known && found.Outcome == Pass
		}
		if missing != nil {
			continue
		}
		j.prove(t, which, &missing)
		d := t.decide(j.policy).Action
		t.held = d == Greylist || d == Defer
	}
	return missing
}

// prove hears whether a client that is to be greylisted has proved that it retries. That nobody can say lets it in.
func (j *judgement) prove(t *track, which int, missing *[]int) {
	i, there := j.policy.inTurn(OnGreylist)
	if !there || t.proved || j.policy.lines[i].Check.Needs > j.Stage {
		return
	}
	l := &j.policy.lines[i]
	d := t.decide(j.policy).Action
	everybody := l.on[Fail.index()].Do == Greylist && (!l.on[Fail.index()].Trial || which == trial)
	switch {
	case d != Greylist && (d != Continue || !everybody):
		return
	case l.hidden: // greylisting is off
		t.proved = true
		return
	}
	found, known := j.inTurn(i, missing)
	switch {
	case !known:
	case found.Outcome != Fail:
		t.proved = true
	case t.greylist == "" && d == Continue:
		t.greylist = l.Check.Name
	}
}

// atTurn returns the line of a turn that has come and can be heard at this stage, or -1.
func (j *judgement) atTurn(t Turn, come bool) int {
	i, there := j.policy.inTurn(t)
	if !there || !come || j.policy.lines[i].hidden || j.policy.lines[i].Check.Needs > j.Stage {
		return -1
	}
	return i
}

// inTurn hears a line in its turn, or adds it to those that miss an answer.
func (j *judgement) inTurn(i int, missing *[]int) (found Finding, known bool) {
	found, _ = j.hear(i)
	if j.void {
		*missing = append(*missing, i)
		return found, false
	}
	j.found[i] = found
	return found, true
}

// hear finds what a line finds, and what it would if all that is on trial were in force: the same but for a line that reads
// the suspicion, which is judged anew whenever it is heard.
func (j *judgement) hear(i int) (found, tried Finding) {
	l := &j.policy.lines[i]
	if !l.Check.ReadsSuspicion {
		j.void = false
		if found = j.found[i]; found.Check == "" {
			found = j.examine(i)
		}
		return found, found
	}
	if l.onTrial { // nothing of it is in force
		j.track = trial
		found = j.examine(i)
		return found, found
	}
	j.track = force
	found = j.examine(i)
	if j.void || j.tracks[force].sameInterval(&j.tracks[trial]) {
		return found, found
	}
	j.track = trial
	return found, j.examine(i)
}

// runRest runs what no track wanted, and folds none of it.
func (j *judgement) runRest() (missing []int) {
	for i := range j.policy.lines {
		l := &j.policy.lines[i]
		if l.hidden || l.Check.Turn != InTier || l.Check.Needs > j.Stage || j.found[i].Check != "" || l.Check.ReadsSuspicion && missing != nil {
			continue
		}
		found, _ := j.hear(i)
		if j.void {
			missing = append(missing, i)
			continue
		}
		j.found[i] = found
	}
	return missing
}

// gather asks until none of the lines has an open question. What they find meanwhile is thrown away.
func (j *judgement) gather(ctx context.Context, open []int) {
	for len(open) > 0 {
		j.world.more(ctx)
		still := open[:0]
		for _, i := range open {
			if j.hear(i); j.void {
				still = append(still, i)
			}
		}
		open = still
	}
}

// lookUp finds what a line finds, for another line: what the line says of it is not folded.
func (j *judgement) lookUp(i int) Finding {
	if j.found[i].Check != "" {
		return j.found[i]
	}
	if j.aside == nil {
		j.aside = make([]Finding, len(j.found))
	}
	if j.aside[i].Check == "" {
		c := &j.Case
		doubt, line := c.doubt, c.line
		if found := j.examine(i); !c.void {
			j.aside[i] = found
		}
		c.doubt, c.line = doubt, line
	}
	return j.aside[i]
}

// examine runs the check of a line. If it read what is not answered yet, j.void is set and the finding is worth nothing.
func (j *judgement) examine(i int) (found Finding) {
	l, c := &j.policy.lines[i], &j.Case
	if j.aside != nil && j.aside[i].Check != "" {
		c.void = false
		return j.aside[i]
	}
	c.doubt, c.void, c.line = nil, false, l
	defer func() {
		if cause := recover(); cause != nil && !c.void {
			found = j.panicked(l, cause)
		}
	}()
	found = l.Check.Run(c)
	if c.void {
		return found
	}
	found.Check = l.Check.Name
	if found.Outcome.index() < 0 {
		found.Outcome = None
	}
	if c.doubt != nil && found.Outcome != l.Check.Finds {
		found.Outcome, found.Code, found.Retry = TempError, "", 0
		found.Why = printable.Text(fmt.Sprintf("%s of %s: %s", c.doubt.Kind, c.doubt.Name, c.doubt.Note), maxWhy)
	}
	found.Action = l.on[found.Outcome.index()]
	return found
}

func (j *judgement) panicked(l *line, cause any) Finding {
	if report := j.policy.Panicked; report != nil {
		stack := debug.Stack()
		j.panics = append(j.panics, func() { report(l.Check.Name, j.Facts, cause, stack) })
	}
	return Finding{
		Check: l.Check.Name, Outcome: TempError, Action: l.on[TempError.index()],
		Why: printable.Text(fmt.Sprint("the check panicked: ", cause), maxWhy),
	}
}

// verdict is what the last try came to.
func (j *judgement) verdict() Verdict {
	for _, report := range j.panics {
		report()
	}
	if !j.policy.Exhaustive {
		return j.conclude(j.found)
	}
	v := j.done
	j.noteAside(j.found)
	v.Findings, v.Asked = j.found, j.world.asked()
	v.Findings = slices.DeleteFunc(v.Findings, func(f Finding) bool { return f.Check == "" })
	return v
}

// noteAside adds what was found for other lines alone, for they rest on it.
func (j *judgement) noteAside(found []Finding) {
	for i := range j.aside {
		if found[i].Check == "" && j.aside[i].Check != "" {
			found[i] = j.aside[i]
			found[i].Action = Action{Do: Note}
		}
	}
}

// conclude makes the verdict of what was found so far, in whose place it leaves it.
func (j *judgement) conclude(found []Finding) Verdict {
	p := j.policy
	j.noteAside(found)
	v := Verdict{Asked: j.world.asked(), Decision: j.tracks[force].decide(p)}
	v.ID = verdictID(&j.Facts, v.Asked)
	v.Findings = slices.DeleteFunc(found, func(f Finding) bool { return f.Check == "" })
	v.Trial = v.Decision
	if p.trial {
		v.Trial = j.tracks[trial].decide(p)
		v.Would = would(v.Findings, v.Decision, v.Trial)
	}
	if v.Action.Refuses() || v.Action == Greylist {
		v.Reply = p.reply(&j.Facts, &v)
	}
	return v
}
