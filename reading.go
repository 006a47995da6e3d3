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

// A reading evaluates a policy in one of the two ways. It knows nothing of dry runs: effects has what each line does.
type reading struct {
	*judgement
	effects []effects // by line

	accepts, rejects, defers, greylists string // the first line with this action
	defersByPolicy                      string // the first line that defers by an outcome other than temperror
	rejectAction                        Action // Reject or Drop
	raised, uncertainRaise              int    // added to the score: known, and possible by temperrors
	credit, maybeCredit                 int    // taken off the score: known, and possible by temperrors
	acceptUnknown                       bool   // a line that might accept is in temperror
	deferExpired                        bool   // the grace period for DNS failures is over: temperrors are notes
	retried                             bool   // the client has retried, or the store cannot say

	byScore map[int]Outcome // outcomes of this reading, for lines whose checks read the score
}

func (r *reading) noteByScore(i int, o Outcome) {
	if r.byScore == nil {
		r.byScore = map[int]Outcome{}
	}
	r.byScore[i] = o
}

// read evaluates the lines tier by tier: a more expensive tier only while nothing is decided, or for lines that may
// still accept. Before it asks another mail server, it resolves a deferral or a greylisting. It returns the lines that
// wait for an answer, or nil at the end.
func (r *reading) read() (open []int) {
	for cost := range r.policy.tiers {
		if Cost(cost) == Probe {
			if open := r.resolve(); open != nil {
				return open
			}
			if a := r.decide().Action; a == Greylist || a == Defer { // the client has to retry anyway
				return nil
			}
		}
		if open := r.tier(Cost(cost)); open != nil || r.accepts != "" {
			return open
		}
	}
	return r.resolve()
}

// tier evaluates the lines of a tier in the order of the policy: this order decides, and not the order of answers.
func (r *reading) tier(cost Cost) (open []int) {
	decided := r.decided(cost)
	for _, i := range r.policy.tiers[cost] {
		c, e := &r.policy.lines[i].Check, &r.effects[i]
		switch {
		case e.off || c.Needs > r.Stage, decided && !e.accepts:
			continue
		case c.UsesScore && (decided || open != nil): // the score would lack lines
			continue
		}
		outcome := r.evaluate(i)
		switch {
		case r.pending:
			open = append(open, i)
			continue
		case open == nil:
			r.apply(i, outcome)
		} // else this try has failed, and the line was evaluated only to ask its questions early
		if e.accepts && e.on[outcome].Action == Accept {
			break
		}
	}
	return open
}

// decided reports whether only a line that accepts can still change the decision: a line rejects, or the score does,
// and no line of this or a later tier can lower it enough.
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

// resolve evaluates the lines of the later phases: whether a deferral for temperrors has expired, and whether a
// greylisted client has retried. If the store cannot say, the client is not greylisted.
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

// phase evaluates the line of a later phase. The outcome is None if the line is ignored, and absent if there is none at
// this stage.
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

// greylistsAll returns the line that greylists every client, "" if there is none at this stage.
func (r *reading) greylistsAll() string {
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
			r.uncertainRaise += a.Score // a DNS failure never raises the lower end of the score
		} else {
			r.raised += a.Score
		}
	}
}

// score returns the lower and the upper end of the score. A credit that a temperror leaves open counts as given for the
// lower end, even after the grace period: otherwise a DNS failure could reject.
func (r *reading) score() (least, most int) {
	uncertain := r.uncertainRaise
	if r.deferExpired {
		uncertain = 0
	}
	return max(0, r.raised-r.credit-r.maybeCredit), max(0, r.raised+uncertain-r.credit)
}

// ByScore is Decision.By where no single line decides.
const ByScore = "score"

// decide returns the decision of the lines that have been evaluated.
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
		if by := r.greylistsAll(); by != "" {
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
