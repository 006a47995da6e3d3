package helogate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// A Line of a policy says what the outcomes of a check mean. An outcome that On does not name is noted; a temperror that
// it does not name is a defer where an outcome would refuse, points in Verdict.Possible where one would suspect, and a
// note elsewhere, so that no failure of DNS is ever a rejection and no bot gains by breaking its own.
type Line struct {
	Check Check
	On    map[Outcome]Effect
}

// Thresholds say what score leads to. Zero is never. Those of a policy are part of its ID: NewPolicy takes them, and they
// stay as they are.
type Thresholds struct {
	GreylistAt int // greylist when Possible reaches it
	RejectAt   int // reject when Score reaches it, defer when Possible does
}

// A Policy is a list of lines in order. It is safe for concurrent use; nobody writes to it once it judges.
type Policy struct {
	Thresholds
	// Exhaustive runs every line even when all is decided, for a person who wants to see it all. The verdict is the same, with
	// more findings and more evidence.
	RunAll bool
	// Terse leaves out what a server that writes a line of log does not need, and saves the time that it takes: findings of
	// none, neutral and pass that have no effect, and the words of all other findings that have none. The verdict is the same.
	OmitReasons bool
	// Budget is how long a judgement may wait for answers, all together: no Asker.Ask can hang it. 0 is DefaultBudget; below 0
	// the judgement waits as long as the caller's context lasts.
	Budget time.Duration
	// RejectAtStage is the earliest stage at which a Session refuses. NewPolicy sets Rcpt: before, nobody knows whether the
	// client will log in, nor for which recipients its mail is, so an exemption by these would come too late.
	RejectAtStage Stage
	// URL of a page about verdicts, for the replies; "{id}" in it stands for the verdict's.
	URL string
	// Texts are what replies say in place of what was found and the remedy, by the name of the check or of its family, "score", "greylist",
	// or "defer" for what DNS did not answer; Placeholders may stand in them.
	Texts map[string]string
	// Footer ends every reply. Placeholders may stand in it.
	Footer string
	// ByOrigin reports whether a client is a forwarder that is to be judged by Facts.Origin, which it is believed in. May be nil.
	ByOrigin func(*Facts) bool
	// Report is called with each fault of a check or an Asker that a judgement met before it ended. It must not panic. May be
	// nil.
	Report func(Fault)

	lines     []line
	byName    map[string]int   // indices of lines
	families  map[string][]int // indices of lines that share a name with others
	tiers     [Probe + 1][]int // indices of lines
	phases    [OnDefer + 1]int // the line of each other turn, from 1; 0 where there is none
	effects   [2][]effects     // by reading and line
	preset    string
	id        string
	hasDryRun bool // a line is on trial
}

// line is a Line made ready.
type line struct {
	Line
	on      [PermError + 1]Effect // by outcome
	ignored bool                  // evaluated only for another line that asks for its outcome
}

// effects are what a line does in one reading of the policy.
type effects struct {
	on      [PermError + 1]Effect // by outcome; none of them is on trial
	accepts bool                  // an outcome accepts
	off     bool                  // no outcome has an effect in this reading, though one has in the other: it is not evaluated
	credit  int                   // the most points that an outcome takes off
}

// NewPolicy makes a policy of lines. Two lines with one name, an unknown outcome, and an action that a line cannot take
// are errors.
func NewPolicy(t Thresholds, lines ...Line) (*Policy, error) {
	if t.GreylistAt < 0 || t.RejectAt < 0 {
		return nil, fmt.Errorf("a threshold below zero: greylist_at %d, reject_at %d", t.GreylistAt, t.RejectAt)
	}
	p := &Policy{Thresholds: t, RejectAtStage: Rcpt, byName: map[string]int{}, families: map[string][]int{}}
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[l.Check.Name] {
			return nil, fmt.Errorf("check %q is in the policy twice", l.Check.Name)
		}
		seen[l.Check.Name] = true
		if c := l.Check; c.Name == "" || c.Run == nil || c.Cost < Local || c.Cost > Probe || c.Phase < Main || c.Phase > OnDefer {
			return nil, fmt.Errorf("check %q is not whole: it needs a name, a function, a cost and a turn", c.Name)
		}
		made, err := makeLine(l)
		if err != nil {
			return nil, fmt.Errorf("check %q: %w", l.Check.Name, err)
		}
		if err := p.place(&made); err != nil {
			return nil, err
		}
	}
	p.id = p.hash()
	return p, nil
}

// DefaultBudget is how long a judgement waits for answers where Policy.Budget is 0.
const DefaultBudget = 8 * time.Second

func (p *Policy) budget() time.Duration {
	if p.Budget == 0 {
		return DefaultBudget
	}
	return p.Budget
}

// FromPreset returns the policy with the name of the preset that it was made from, which is part of its ID.
func (p *Policy) FromPreset(name string) *Policy {
	q := *p
	q.preset = name
	q.id = q.hash()
	return &q
}

// ID names the policy: 64 bits of SHA-256 over the preset's name, the thresholds, and each line's check, with its Settings,
// stage, cost and actions.
func (p *Policy) ID() string { return p.id }

func (p *Policy) hash() string {
	var b []byte
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	str(p.preset)
	b = binary.AppendVarint(b, int64(p.GreylistAt))
	b = binary.AppendVarint(b, int64(p.RejectAt))
	for i := range p.lines {
		l := &p.lines[i]
		str(l.Check.Name)
		str(l.Check.Settings)
		b = append(b, byte(l.Check.Needs), byte(l.Check.Cost), byte(l.Check.Phase))
		for _, a := range l.on {
			str(a.String())
		}
	}
	return shortHash(b)
}

// place puts a line behind those that are there.
func (p *Policy) place(l *line) error {
	at, c := len(p.lines), &l.Check
	p.lines = append(p.lines, *l)
	for which := range p.effects {
		p.effects[which] = append(p.effects[which], l.effects(which))
	}
	p.byName[c.Name] = at
	if c.Family != "" {
		p.families[c.Family] = append(p.families[c.Family], at)
	}
	switch {
	case c.Phase != Main && p.phases[c.Phase] > 0:
		return fmt.Errorf("check %q has the turn that %q has", c.Name, p.lines[p.phases[c.Phase]-1].Check.Name)
	case c.Phase != Main:
		p.phases[c.Phase] = at + 1
	case !l.ignored:
		p.tiers[c.Cost] = append(p.tiers[c.Cost], at)
	}
	p.hasDryRun = p.hasDryRun || !l.ignored && slices.ContainsFunc(l.on[:], func(a Effect) bool { return a.DryRun })
	return nil
}

// inTurn returns the place of the line of a turn, and whether there is one.
func (p *Policy) inPhase(t Phase) (int, bool) { return p.phases[t] - 1, p.phases[t] > 0 }

func makeLine(l Line) (line, error) {
	m := line{Line: l}
	for o, a := range l.On {
		if o < None || o > PermError {
			return m, fmt.Errorf("%s is no outcome: %v", o, Outcomes)
		}
		if o == TempError && (a.Action == Reject || a.Action == Drop) {
			return m, fmt.Errorf("%s on temperror: no failure of DNS may reject, say defer", a)
		}
		if a.Action == Continue {
			return m, fmt.Errorf("%q is no action of a line", a.Action)
		}
		if err := a.checkScore(); err != nil {
			return m, err
		}
		m.on[o] = a
	}
	if _, said := l.On[TempError]; !said {
		m.on[TempError] = m.onTempError()
	}
	for i, a := range m.on {
		switch a.Action {
		case Unset:
			m.on[i].Action = Note
		case Note, Ignore: // there is nothing to try
			m.on[i].DryRun = false
		}
	}
	m.ignored = m.isIgnored()
	return m, nil
}

// effects returns what the line does in a reading: an action on trial is its own in the dry run, and a note else.
func (m *line) effects(which int) effects {
	e := effects{on: m.on}
	trial, effective := false, false
	for i, a := range m.on {
		if a.DryRun {
			trial = true
			e.on[i].DryRun = false
			if which == enforced {
				e.on[i] = Effect{Action: Note}
			}
		}
		switch e.on[i].Action {
		case Note, Ignore:
			continue
		case Accept:
			e.accepts = true
		case AddScore:
			e.credit = max(e.credit, -a.Score)
		}
		effective = true
	}
	e.off = trial && !effective
	return e
}

// follows reports whether an outcome is more than a note.
func (m *line) hasEffect(o Outcome) bool {
	return o < None || o > PermError || m.on[o].Action != Note && m.on[o].Action != Ignore
}

// onTempError is what a temperror does where the policy is silent: what would refuse defers, and the dearest score is
// possible. A note where there is neither: no voucher and no list is missed.
func (m *line) onTempError() Effect {
	out := Effect{Action: Note}
	if m.Check.FailOpen {
		return out
	}
	for _, a := range m.on {
		switch {
		case a.Action.Refuses() && (out.Action != Defer || out.DryRun):
			out = Effect{Action: Defer, DryRun: a.DryRun}
		case a.RaisesScore() && out.Action != Defer && (out.Action == Note || out.DryRun && !a.DryRun || out.DryRun == a.DryRun && a.Score > out.Score):
			out = a // in force before on trial, and the dearest
		}
	}
	return out
}

// isIgnored reports whether every outcome is ignored.
func (m *line) isIgnored() bool {
	if len(m.On) == 0 {
		return false
	}
	for _, a := range m.On {
		if a.Action != Ignore {
			return false
		}
	}
	return true
}

// Lines returns the lines that the policy runs, in order.
func (p *Policy) Lines() []Line {
	var out []Line
	for i := range p.lines {
		if !p.lines[i].ignored {
			out = append(out, p.lines[i].Line)
		}
	}
	return out
}

// OnTrial returns the policy with every line on trial: it judges as p does, and lets everything through.
func (p *Policy) DryRun() *Policy {
	q := *p
	q.lines = make([]line, len(p.lines))
	for i, l := range p.lines {
		on := make(map[Outcome]Effect, len(l.On))
		for o, a := range l.On {
			a.DryRun = true
			on[o] = a
		}
		l.On = on
		for j := range l.on {
			l.on[j].DryRun = l.on[j].Action != Note && l.on[j].Action != Ignore
		}
		q.lines[i] = l
	}
	q.hasDryRun = true
	q.id = q.hash()
	for which := range q.effects {
		q.effects[which] = make([]effects, len(q.lines))
		for i := range q.lines {
			e := q.lines[i].effects(which)
			e.off = which == enforced // a line that only notes, too: a dry run asks no more than enforcing does
			q.effects[which][i] = e
		}
	}
	return &q
}
