package helogate

// The two ways to read a policy: as it is enforced, and as if its dry-run actions were enforced, too.
const (
	enforced = 0
	dryRun   = 1
)

// readings returns in how many ways the policy is read.
func (p *Policy) readings() int {
	if p.hasDryRun {
		return 2
	}
	return 1
}

// A reading is one way through a policy. It knows nothing of dry runs: effects tells it what each line does.
type reading struct {
	*judgement
	effects []effects // by line

	accepts, rejects, defers, greylists string // the first line that says so
	defersByPolicy                      string // the first line that defers for what it found, not for a temperror
	rejectAction                        Action // Reject or Drop
	points, maybePoints                 int    // of score: known, and left open by temperrors
	credit, maybeCredit                 int    // points off: known, and left open by temperrors
	acceptUnknown                       bool   // a line that might accept is in temperror
	deferExpired                        bool   // the grace period has ended: temperrors are notes
	retried                             bool   // the client has proved that it retries, or nobody can say

	byScore map[int]Outcome // of the lines whose checks read the score: that of this reading
}

func (r *reading) noteByScore(i int, o Outcome) {
	if r.byScore == nil {
		r.byScore = map[int]Outcome{}
	}
	r.byScore[i] = o
}

// read evaluates the lines tier by tier. A dearer tier is evaluated while nothing is decided, or for the lines that may
// still accept; before it bothers another mail server, it resolves a deferral and a greylisting. It returns the lines
// that wait for an answer, or nil at the end.
func (r *reading) read() (open []int) {
	for cost := range r.policy.tiers {
		if Cost(cost) == Probe {
			if open := r.resolve(); open != nil {
				return open
			}
			if a := r.decide().Action; a == Greylist || a == Defer { // the client has to come again anyway
				return nil
			}
		}
		if open := r.tier(Cost(cost)); open != nil || r.accepts != "" {
			return open
		}
	}
	return r.resolve()
}

// tier evaluates the lines of a tier in the order of the policy, so that this order decides, and not which answer came
// first.
func (r *reading) tier(cost Cost) (open []int) {
	decided := r.decided(cost)
	for _, i := range r.policy.tiers[cost] {
		c, e := &r.policy.lines[i].Check, &r.effects[i]
		switch {
		case e.off || c.Needs > r.Stage, decided && !e.accepts:
			continue
		case c.UsesScore && (decided || open != nil): // the sum would lack lines
			continue
		}
		outcome := r.evaluate(i)
		switch {
		case r.pending:
			open = append(open, i)
			continue
		case open == nil:
			r.apply(i, outcome)
		} // else this try is lost, and the line was evaluated only to ask ahead
		if e.accepts && e.on[outcome].Action == Accept {
			break
		}
	}
	return open
}

// decided reports whether only a line that accepts can still change the end: a line rejects, or the score does and
// no line of this tier or a dearer one can take enough points off.
func (r *reading) decided(cost Cost) bool {
	if r.rejects != "" {
		return true
	}
	least, _ := r.score()
	at := r.policy.RejectAt
	if at == 0 || least < at {
		return false
	}
	for _, tier := range r.policy.tiers[cost:] {
		for _, i := range tier {
			if r.policy.lines[i].Check.Needs <= r.Stage {
				least -= r.effects[i].credit
			}
		}
	}
	return least >= at
}

// resolve evaluates the lines of the later phases: whether a deferral for temperrors has expired, and whether a client
// that is to be greylisted has proved that it retries. A store that cannot say greylists nobody.
func (r *reading) resolve() (open []int) {
	if !r.deferExpired && r.onlyTempErrorsDefer() {
		outcome, open := r.phase(OnDefer, Fail)
		if open != nil {
			return open
		}
		r.deferExpired = outcome == Pass
	}
	if r.decide().Action != Greylist {
		return nil
	}
	outcome, open := r.phase(OnGreylist, Fail)
	if open != nil {
		return open
	}
	r.retried = outcome != Fail
	return nil
}

// phase evaluates the line of a later phase: None where it is ignored, and absent where there is none at this stage.
func (r *reading) phase(t Phase, absent Outcome) (outcome Outcome, open []int) {
	i, ok := r.policy.inPhase(t)
	switch {
	case !ok || r.policy.lines[i].Check.Needs > r.Stage:
		return absent, nil
	case r.policy.lines[i].ignored:
		return None, nil
	}
	outcome = r.evaluate(i)
	if r.pending {
		return absent, []int{i}
	}
	r.counted[i] = true
	return outcome, nil
}

// greylistsEverybody returns the line that has every client greylisted, "" if there is none at this stage.
func (r *reading) greylistsEverybody() string {
	i, ok := r.policy.inPhase(OnGreylist)
	if !ok || r.policy.lines[i].Check.Needs > r.Stage || r.effects[i].on[Fail].Action != Greylist {
		return ""
	}
	return r.policy.lines[i].Check.Name
}

// apply adds the outcome of a line.
func (r *reading) apply(i int, o Outcome) {
	r.counted[i] = true
	name, e := r.policy.lines[i].Check.Name, &r.effects[i]
	if o == TempError {
		r.maybeCredit += e.credit
		r.acceptUnknown = r.acceptUnknown || e.accepts
	}
	first := func(by *string) {
		if *by == "" {
			*by = name
		}
	}
	switch a := e.on[o]; a.Action {
	case Accept:
		first(&r.accepts)
	case Reject, Drop:
		if r.rejects == "" {
			r.rejectAction = a.Action
		}
		first(&r.rejects)
	case Defer:
		first(&r.defers)
		if o != TempError {
			first(&r.defersByPolicy)
		}
	case Greylist:
		first(&r.greylists)
	case AddScore:
		if a.Score < 0 {
			r.credit -= a.Score
		} else if o == TempError {
			r.maybePoints += a.Score // a failure of DNS is never held against a client for sure
		} else {
			r.points += a.Score
		}
	}
}

// score returns the score: at least, and at most. What a temperror may have taken off stays open even when the grace
// period has ended: else a failure of DNS could reject after all.
func (r *reading) score() (least, most int) {
	maybe := r.maybePoints
	if r.deferExpired {
		maybe = 0
	}
	return max(0, r.points-r.credit-r.maybeCredit), max(0, r.points+maybe-r.credit)
}

// ByScore is Decision.By where no single line decided.
const ByScore = "score"

// decide returns what the lines that were evaluated come to.
func (r *reading) decide() Decision {
	p := r.policy
	least, most := r.score()
	d := Decision{Action: Continue, Score: least, MaxScore: most}
	defers := r.defers
	if r.deferExpired {
		defers = r.defersByPolicy
	}
	switch {
	case r.accepts != "":
		d.Action, d.By = Accept, r.accepts
	case r.rejects != "":
		d.Action, d.By = r.rejectAction, r.rejects
	case p.RejectAt > 0 && least >= p.RejectAt:
		d.Action, d.By = Reject, ByScore
	case defers != "":
		d.Action, d.By = Defer, defers
	case p.RejectAt > 0 && most >= p.RejectAt:
		d.Action, d.By = Defer, ByScore
	case r.retried:
	case r.greylists != "":
		d.Action, d.By = Greylist, r.greylists
	case p.GreylistAt > 0 && most >= p.GreylistAt:
		d.Action, d.By = Greylist, ByScore
	default:
		if by := r.greylistsEverybody(); by != "" {
			d.Action, d.By = Greylist, by
		}
	}
	if r.acceptUnknown && (d.Action == Reject || d.Action == Drop) {
		d.Action = Defer
	}
	return d
}

// onlyTempErrorsDefer reports whether there is a deferral that there would not be if temperrors were notes.
func (r *reading) onlyTempErrorsDefer() bool {
	if r.decide().Action != Defer {
		return false
	}
	u := *r
	u.deferExpired = true
	return u.decide().Action != Defer
}
