package helogate

import (
	"fmt"
	"time"
)

// A Line of a policy says what the outcomes of a check mean. An outcome that On does not name is noted; a temperror that
// it does not name is a defer where an outcome would refuse, points in Verdict.Possible where one would suspect, and a
// note elsewhere, so that no failure of DNS is ever a rejection and no bot gains by breaking its own.
type Line struct {
	Check Check
	On    map[Outcome]Action
}

// Thresholds say what suspicion leads to. Zero is never.
type Thresholds struct {
	GreylistAt int // greylist when Possible reaches it
	RejectAt   int // reject when Suspicion reaches it, defer when Possible does
}

// A Policy is a list of lines in order. It is safe for concurrent use; nobody writes to it once it judges.
type Policy struct {
	Thresholds
	// Exhaustive runs every line even when all is decided, for a person who wants to see it all. The verdict is the same, with
	// more findings and more evidence.
	Exhaustive bool
	// Terse leaves out the words of findings from which nothing follows, for who would not read them: a tenth of the time of
	// a verdict goes into them. The verdict is the same.
	Terse bool
	// Budget is how long a judgement may wait for answers, all together. 0: as long as the caller's context lasts.
	Budget time.Duration
	// URL of a page about verdicts, for the replies; "{id}" in it stands for the verdict's.
	URL string
	// Texts are what replies say in place of what was found and the remedy, by the name of the check or of its family, "suspicion", "greylist",
	// or "defer" for what DNS did not answer; Placeholders may stand in them.
	Texts map[string]string
	// Footer ends every reply. Placeholders may stand in it.
	Footer string
	// ByOrigin reports whether a client is a forwarder that is to be judged by Facts.Origin, which it is believed in. May be nil.
	ByOrigin func(*Facts) bool
	// Panicked is told of a check that panicked, with the facts it did so on; the check's outcome is a temperror. May be nil.
	Panicked func(check string, f Facts, cause any, stack []byte)

	lines    []line
	byName   map[string]int   // indices of lines
	families map[string][]int // indices of lines that share a name with others
	tiers    [Probe + 1][]int // indices of lines
	turns    [OnDefer + 1]int // the line of each other turn, from 1; 0 where there is none
	trial    bool             // a line is on trial
}

// line is a Line made ready.
type line struct {
	Line
	on      [7]Action  // by Outcome.index
	can     [2]ability // what its outcomes can do: in force, and if what is on trial were
	onTrial bool       // nothing it does is in force
	hidden  bool       // ignored: run only for a line that asks what it finds
}

// ability is the most that the outcomes of a line can do.
type ability struct {
	accepts bool
	vouches int // points
}

// NewPolicy makes a policy of lines. Two lines with one name, an unknown outcome, and an action that a line cannot take
// are errors.
func NewPolicy(t Thresholds, lines ...Line) (*Policy, error) {
	if t.GreylistAt < 0 || t.RejectAt < 0 {
		return nil, fmt.Errorf("a threshold below zero: greylist_at %d, reject_at %d", t.GreylistAt, t.RejectAt)
	}
	p := &Policy{Thresholds: t, byName: map[string]int{}, families: map[string][]int{}}
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[l.Check.Name] {
			return nil, fmt.Errorf("check %q is in the policy twice", l.Check.Name)
		}
		seen[l.Check.Name] = true
		if c := l.Check; c.Name == "" || c.Run == nil || c.Cost < Local || c.Cost > Probe || c.Turn < InTier || c.Turn > OnDefer {
			return nil, fmt.Errorf("check %q is not whole: it needs a name, a function, a cost and a turn", c.Name)
		}
		made, err := makeLine(l)
		if err != nil {
			return nil, fmt.Errorf("check %q: %w", l.Check.Name, err)
		}
		made.hidden = made.ignored()
		if err := p.place(&made); err != nil {
			return nil, err
		}
		if made.hidden {
			continue
		}
		for _, a := range made.on {
			p.trial = p.trial || a.Trial
		}
	}
	return p, nil
}

// place puts a line behind those that are there.
func (p *Policy) place(l *line) error {
	at, c := len(p.lines), &l.Check
	p.lines = append(p.lines, *l)
	p.byName[c.Name] = at
	if c.Family != "" {
		p.families[c.Family] = append(p.families[c.Family], at)
	}
	switch {
	case c.Turn != InTier && p.turns[c.Turn] > 0:
		return fmt.Errorf("check %q has the turn that %q has", c.Name, p.lines[p.turns[c.Turn]-1].Check.Name)
	case c.Turn != InTier:
		p.turns[c.Turn] = at + 1
	case !l.hidden:
		p.tiers[c.Cost] = append(p.tiers[c.Cost], at)
	}
	return nil
}

// inTurn returns the place of the line of a turn, and whether there is one.
func (p *Policy) inTurn(t Turn) (int, bool) { return p.turns[t] - 1, p.turns[t] > 0 }

func makeLine(l Line) (line, error) {
	m := line{Line: l}
	for o, a := range l.On {
		i := o.index()
		if i < 0 {
			return m, fmt.Errorf("%q is no outcome: %v", o, Outcomes)
		}
		if o == TempError && (a.Do == Reject || a.Do == Drop) {
			return m, fmt.Errorf("%s on temperror: no failure of DNS may reject, say defer", a)
		}
		if a.Do == Continue {
			return m, fmt.Errorf("%q is no action of a line", a.Do)
		}
		m.on[i] = a
	}
	if _, said := l.On[TempError]; !said {
		m.on[TempError.index()] = m.onTempError()
	}
	for i := range m.on {
		if m.on[i].Do == "" {
			m.on[i].Do = Note
		}
	}
	m.weigh()
	return m, nil
}

// weigh finds what the line can do, and whether any of it is in force.
func (m *line) weigh() {
	inForce, onTrial := false, false
	for i, a := range m.on {
		if a.Do == Note || a.Do == Ignore {
			m.on[i].Trial = false
			continue
		}
		inForce, onTrial = inForce || !a.Trial, onTrial || a.Trial
		for track := range m.can {
			if can := &m.can[track]; track == trial || !a.Trial {
				can.accepts = can.accepts || a.Do == Accept
				if a.Do == Vouch {
					can.vouches = max(can.vouches, a.Points)
				}
			}
		}
	}
	m.onTrial = onTrial && !inForce
}

// follows reports whether an outcome is more than a note.
func (m *line) follows(o Outcome) bool {
	i := o.index()
	return i < 0 || m.on[i].Do != Note && m.on[i].Do != Ignore
}

// onTempError is what a temperror does where the policy is silent: what would refuse defers, and the dearest suspicion is
// possible. A note where there is neither: no voucher and no list is missed.
func (m *line) onTempError() Action {
	out := Action{Do: Note}
	if m.Check.Dispensable {
		return out
	}
	for _, a := range m.on {
		switch {
		case a.Do.Refuses() && (out.Do != Defer || out.Trial):
			out = Action{Do: Defer, Trial: a.Trial}
		case a.Do == Suspect && out.Do != Defer && (out.Do == Note || out.Trial && !a.Trial || out.Trial == a.Trial && a.Points > out.Points):
			out = a // in force before on trial, and the dearest
		}
	}
	return out
}

// ignored reports whether no outcome is to be heard of.
func (m *line) ignored() bool {
	if len(m.On) == 0 {
		return false
	}
	for _, a := range m.On {
		if a.Do != Ignore {
			return false
		}
	}
	return true
}

// Lines returns the lines that the policy runs, in order.
func (p *Policy) Lines() []Line {
	var out []Line
	for i := range p.lines {
		if !p.lines[i].hidden {
			out = append(out, p.lines[i].Line)
		}
	}
	return out
}

// OnTrial returns the policy with every line on trial: it judges as p does, and lets everything through.
func (p *Policy) OnTrial() *Policy {
	q := *p
	q.lines = make([]line, len(p.lines))
	for i, l := range p.lines {
		on := make(map[Outcome]Action, len(l.On))
		for o, a := range l.On {
			a.Trial = true
			on[o] = a
		}
		l.On, l.can = on, [2]ability{}
		for j := range l.on {
			l.on[j].Trial = true
		}
		l.weigh()
		l.onTrial = true // what is only noted, too: a trial asks no more than enforcing would
		q.lines[i] = l
	}
	q.trial = true
	return &q
}
