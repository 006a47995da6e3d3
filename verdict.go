package helogate

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync"
)

// A Decision is what is done with a client, and why.
type Decision struct {
	Action    Do     // continue, accept, greylist, defer, reject or drop
	By        string // the deciding line, or "suspicion"; "" for continue
	Suspicion int    // what is known against the client, what can vouch for it taken off
	Possible  int    // and what temperrors leave open: the other end of the interval
}

// A Verdict is what Policy.Judge finds: a function of facts and evidence.
type Verdict struct {
	ID string // of facts and evidence: the same judgement has the same name
	Decision
	Trial    Decision  // what it were if the lines on trial were in force; the same if none is
	Would    []string  // lines on trial that would have refused, "suspicion" for the sum; nil if Trial lets the client in
	Reply    Reply     // for the door; zero if the client is let in
	Findings []Finding // in policy order
	Asked    Evidence  // in order of first use
}

// The two ways in which a policy is read at once: what is in force, and that with what is on trial.
const (
	force = 0
	trial = 1
)

// track is how one reading of the policy stands.
type track struct {
	accept, reject, deferred, greylist string // the first line that says so
	firm                               string // the first that defers for what it found, not for what could not be found
	rejects                            Do     // Reject or Drop
	known, open                        int    // points of suspicion, and those that temperrors leave open
	vouched, mayVouch                  int    // points off, and those that temperrors leave open
	unheard                            bool   // a line that might accept is in temperror
	forgiven                           bool   // patience has ended: temperrors are notes
	proved                             bool   // greylisting has had its say, and lets the client in
	held                               bool   // greylisted or deferred: nothing dearer is asked
}

// fold adds what a line found.
func (t *track) fold(l *line, o Outcome, which int) {
	a, can := l.on[o.index()], l.can[which]
	if o == TempError {
		t.mayVouch += can.vouches
		t.unheard = t.unheard || can.accepts
	}
	if a.Trial && which == force {
		return
	}
	first := func(by *string) {
		if *by == "" {
			*by = l.Check.Name
		}
	}
	switch a.Do {
	case Accept:
		first(&t.accept)
	case Reject, Drop:
		if t.reject == "" {
			t.rejects = a.Do
		}
		first(&t.reject)
	case Defer:
		first(&t.deferred)
		if o != TempError {
			first(&t.firm)
		}
	case Greylist:
		first(&t.greylist)
	case Suspect:
		if o == TempError {
			t.open += a.Points // a failure of DNS is never held against anybody for sure
		} else {
			t.known += a.Points
		}
	case Vouch:
		t.vouched += a.Points
	}
}

// interval is the suspicion: at least, and at most. What voucher did not answer is never forgotten: else a failure of DNS
// could reject after all.
func (t *track) interval() (least, most int) {
	open := t.open
	if t.forgiven {
		open = 0
	}
	return max(0, t.known-t.vouched-t.mayVouch), max(0, t.known+open-t.vouched)
}

func (t *track) sameInterval(u *track) bool {
	a, b := t.interval()
	c, d := u.interval()
	return a == c && b == d
}

// BySuspicion is Decision.By where no single line decided.
const BySuspicion = "suspicion"

func (t *track) decide(p *Policy) Decision {
	least, most := t.interval()
	d := Decision{Suspicion: least, Possible: most}
	deferred := t.deferred
	if t.forgiven {
		deferred = t.firm
	}
	switch {
	case t.accept != "":
		d.Action, d.By = Accept, t.accept
	case t.reject != "":
		d.Action, d.By = t.rejects, t.reject
	case p.RejectAt > 0 && least >= p.RejectAt:
		d.Action, d.By = Reject, BySuspicion
	case deferred != "":
		d.Action, d.By = Defer, deferred
	case p.RejectAt > 0 && most >= p.RejectAt:
		d.Action, d.By = Defer, BySuspicion
	case t.proved:
		d.Action = Continue
	case t.greylist != "":
		d.Action, d.By = Greylist, t.greylist
	case p.GreylistAt > 0 && most >= p.GreylistAt:
		d.Action, d.By = Greylist, BySuspicion
	default:
		d.Action = Continue
	}
	if t.unheard && (d.Action == Reject || d.Action == Drop) {
		d.Action = Defer
	}
	return d
}

// onlyFailed reports whether the track comes to a deferral that it would not come to if temperrors were notes.
func (t *track) onlyFailed(p *Policy) bool {
	if t.decide(p).Action != Defer {
		return false
	}
	u := *t
	u.forgiven = true
	return u.decide(p).Action != Defer
}

// rejected reports whether nothing but a line that lets in can change the end.
func (t *track) rejected(p *Policy) bool {
	least, _ := t.interval()
	return t.reject != "" || p.RejectAt > 0 && least >= p.RejectAt
}

// wants reports whether the track still needs the line. rejected is how it stood when the tier began: within a tier
// every line is heard, so that the order of the policy decides and not which answer came first.
func (t *track) wants(l *line, rejected bool, which int) bool {
	switch {
	case t.accept != "":
		return false
	case l.Check.Cost == Probe && t.held: // it has to come again anyway, and nobody else is bothered before
		return false
	case !rejected:
		return true
	case l.Check.ReadsSuspicion: // the sum lacks the lines that were passed over: worse would count for less
		return false
	case t.reject != "": // no vouching undoes what a line rejects
		return l.can[which].accepts
	}
	return l.can[which].accepts || l.can[which].vouches > 0
}

// would names the lines on trial that refuse.
func would(found []Finding, real, trial Decision) (out []string) {
	if !trial.Action.Refuses() {
		return nil
	}
	for i := range found {
		if a := found[i].Action; a.Trial && a.Do.Refuses() {
			out = append(out, found[i].Check)
		}
	}
	if trial.By == BySuspicion && trial.Action != real.Action {
		out = append(out, BySuspicion)
	}
	return out
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// verdictID names a judgement: 64 bits of SHA-256 over the facts, without the door's name for the session, and what was
// answered, without TTLs and notes. It is fit for a reply, a log and a URL: 13 letters and digits.
func verdictID(f *Facts, asked Evidence) string {
	buf := idBuffers.Get().(*[]byte)
	b := (*buf)[:0]
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = append(b, byte(f.Stage))
	b = binary.BigEndian.AppendUint64(b, uint64(f.Time.UnixNano()))
	b, _ = f.Client.AppendBinary(b)
	b, _ = f.Server.AppendBinary(b)
	for _, s := range [...]string{f.Verb, f.Helo, f.Sender, f.Recipient, f.Auth} {
		str(s)
	}
	b = binary.AppendUvarint(b, uint64(len(f.Earlier)))
	for _, s := range f.Earlier {
		str(s)
	}
	for i := range asked {
		str(string(asked[i].Kind))
		str(asked[i].Name)
		str(string(asked[i].Status))
		b = binary.AppendUvarint(b, uint64(len(asked[i].Values)))
		for _, v := range asked[i].Values {
			str(v)
		}
	}
	sum := sha256.Sum256(b)
	*buf = b
	idBuffers.Put(buf)
	var id [13]byte
	idEncoding.Encode(id[:], sum[:8])
	return string(id[:])
}
