package helogate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// A Line of a policy is a check and the effects of its outcomes. An outcome that On does not have is Note. A temperror
// that it does not have is Defer if another outcome refuses, a score in Decision.MaxScore if another outcome adds to
// the score, and else Note. So no DNS failure is a rejection, and no bot gains by breaking its own DNS.
type Line struct {
	Check Check
	On    map[Outcome]Effect
}

// Thresholds are the scores at which a policy acts; 0 is never. They are part of Policy.ID: do not change those of a
// policy.
type Thresholds struct {
	GreylistAt int // greylist when MaxScore reaches it
	RejectAt   int // reject when Score reaches it, defer when only MaxScore does
}

// A Policy is a list of lines in order. It is safe for concurrent use once its fields are set.
type Policy struct {
	Thresholds
	// RunAll runs every line even after the decision, for a complete report. The decision is the same; the verdict has
	// more findings and more evidence.
	RunAll bool
	// OmitReasons saves the time for what a log line does not need: findings of none, neutral and pass without an
	// effect are left out, and so are the texts of other findings without an effect. The decision is the same.
	OmitReasons bool
	// Budget is how long a judgement waits for answers in total, whatever Asker.Ask does. 0 is DefaultBudget; below 0
	// only the caller's context ends the wait.
	Budget time.Duration
	// RejectAtStage is the earliest stage at which a Session rejects. NewPolicy sets Rcpt: before that, the recipient
	// and a login are not known, so an exemption by these would come too late.
	RejectAtStage Stage
	// URL is the address of a page about refusals, for the replies; "{id}" in it stands for the verdict's ID.
	URL string
	// Texts replace what replies say is wrong, the remedy and where to ask. The key is the name of a check or of its
	// family, "score", "greylist", or "defer" for DNS failures. Placeholders can stand in them.
	Texts map[string]string
	// Footer ends every reply, in place of where to ask. Placeholders can stand in it.
	Footer string
	// ByOrigin reports whether a client is a forwarder whose mail is judged by Facts.Origin. It may be nil.
	ByOrigin func(*Facts) bool
	// Report is called with each fault of a check or an Asker in a judgement. It must not panic. It may be nil.
	Report func(Fault)

	lines     []line
	byName    map[string]int   // indices of lines
	families  map[string][]int // indices of lines, by family
	tiers     [Probe + 1][]int // indices of lines
	phases    [OnDefer + 1]int // the line of each later phase, from 1; 0 if there is none
	effects   [2][]effects     // by reading and line
	preset    string
	id        string
	hasDryRun bool // a line has a dry-run action
}

// line is a Line with its effects worked out.
type line struct {
	Line
	on      [PermError + 1]Effect // by outcome
	ignored bool                  // evaluated only for another line that asks for its outcome
}

// effects are what a line does in one reading of the policy.
type effects struct {
	on      [PermError + 1]Effect // by outcome; none of them is a dry run
	accepts bool                  // an outcome accepts
	off     bool                  // no outcome has an effect in this reading, but one has in the other: it is not evaluated
	credit  int                   // the most that an outcome takes off the score
}

// NewPolicy makes a policy of lines. It returns an error for two lines with one name, an unknown outcome, and an action
// that an outcome cannot have.
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
			return nil, fmt.Errorf("check %q is not complete: it needs a name, a function, a cost and a phase", c.Name)
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

// DefaultBudget is how long a judgement waits for answers if Policy.Budget is 0.
const DefaultBudget = 8 * time.Second

func (p *Policy) budget() time.Duration {
	if p.Budget == 0 {
		return DefaultBudget
	}
	return p.Budget
}

// FromPreset returns a copy of the policy that carries the name of the preset it was made from. It does not load a
// preset. The name is part of the copy's ID and changes no decision.
func (p *Policy) FromPreset(name string) *Policy {
	q := *p
	q.preset = name
	q.id = q.hash()
	return &q
}

// ID returns 64 bits of SHA-256 over the preset's name, the thresholds, and the check of each line with its Settings,
// stage, cost and effects.
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

// place appends a line.
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
		return fmt.Errorf("check %q has the same phase as %q", c.Name, p.lines[p.phases[c.Phase]-1].Check.Name)
	case c.Phase != Main:
		p.phases[c.Phase] = at + 1
	case !l.ignored:
		p.tiers[c.Cost] = append(p.tiers[c.Cost], at)
	}
	p.hasDryRun = p.hasDryRun || !l.ignored && slices.ContainsFunc(l.on[:], func(a Effect) bool { return a.DryRun })
	return nil
}

// inPhase returns the index of the line of a later phase, and whether there is one.
func (p *Policy) inPhase(t Phase) (int, bool) { return p.phases[t] - 1, p.phases[t] > 0 }

func makeLine(l Line) (line, error) {
	m := line{Line: l}
	for o, a := range l.On {
		if o < None || o > PermError {
			return m, fmt.Errorf("%s is not an outcome: %v", o, Outcomes)
		}
		if o == TempError && (a.Action == Reject || a.Action == Drop) {
			return m, fmt.Errorf("%s on temperror: no DNS failure may reject, write defer", a)
		}
		if a.Action == Continue {
			return m, fmt.Errorf("%q is not an action of a check", a.Action)
		}
		if err := a.checkScore(); err != nil {
			return m, err
		}
		m.on[o] = a
	}
	if _, set := l.On[TempError]; !set {
		m.on[TempError] = m.onTempError()
	}
	for i, a := range m.on {
		switch a.Action {
		case Unset:
			m.on[i].Action = Note
		case Note, Ignore: // a dry run of nothing is nothing
			m.on[i].DryRun = false
		}
	}
	m.ignored = m.isIgnored()
	return m, nil
}

// effects returns what the line does in a reading. A dry-run action has its effect in the dry-run reading, and is Note
// in the enforced one.
func (m *line) effects(which int) effects {
	e := effects{on: m.on}
	dry, effective := false, false
	for i, a := range m.on {
		if a.DryRun {
			dry = true
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
	e.off = dry && !effective
	return e
}

// hasEffect reports whether an outcome is more than a note.
func (m *line) hasEffect(o Outcome) bool {
	return o < None || o > PermError || m.on[o].Action != Note && m.on[o].Action != Ignore
}

// onTempError returns the effect of a temperror for which the policy has none: Defer if an outcome refuses, else the
// highest score that an outcome adds, else Note.
func (m *line) onTempError() Effect {
	out := Effect{Action: Note}
	if m.Check.FailOpen {
		return out
	}
	for _, a := range m.on {
		switch {
		case a.Action.Refuses() && (out.Action != Defer || out.DryRun):
			out = Effect{Action: Defer, DryRun: a.DryRun}
		case a.RaisesScore() && out.Action != Defer &&
			(out.Action == Note || out.DryRun && !a.DryRun || out.DryRun == a.DryRun && a.Score > out.Score):
			out = a // enforced before dry-run, and the highest
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

// Lines returns the lines that are not ignored, in order.
func (p *Policy) Lines() []Line {
	var out []Line
	for i := range p.lines {
		if !p.lines[i].ignored {
			out = append(out, p.lines[i].Line)
		}
	}
	return out
}

// DryRun returns the policy with all actions as a dry run: it evaluates as p does, and accepts everything.
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
			e.off = which == enforced // also a line that only notes: a dry run asks no more questions than enforcing
			q.effects[which][i] = e
		}
	}
	return &q
}
