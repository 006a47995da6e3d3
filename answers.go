package helogate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"
)

// maxQuestions is how many questions a judgement asks the client's DNS, at most, to bound its work. The last try reads
// that many answers; the next one is a tempfail, by position, so that timing has no part in it. That many are also sent
// in advance, at most: past that, only the first open question is sent, one at a time, since that one is needed.
// Questions to lists and stores do not count, so that a client cannot use them up.
const maxQuestions = 200

// reserve is the time that the local stores have to answer after the budget is spent. Otherwise a client with slow DNS
// would be deferred without end, or would avoid the greylist.
const reserve = 2 * time.Second

var tooMany = &Answer{Status: TempFail, Note: "not asked: more than 200 questions"}

// answers are the answers that one judgement knows. Only waitOne waits and starts goroutines.
type answers struct {
	ask      Asker
	client   netip.Addr // of the judgement
	try      int
	known    []known
	tags     []uint32 // of known, to find a question faster
	used     []int    // indices of known, in the order in which this try read them first
	counted  int      // those of them that count towards maxQuestions
	open     []Question
	sent     int
	inFlight map[Question]bool
	answers  chan result
	late     bool            // the budget is spent, or the caller's context has ended
	spent    bool            // and so is the reserve
	budget   time.Duration   // below 0: none
	ctx      context.Context // from the first wait, if there is one, to the end of the judgement
	cancel   context.CancelFunc
	own      context.Context // for questions to local stores; nil until there is one
	ownEnds  context.CancelFunc
	faults   []Fault // of the Asker
}

type known struct {
	QA
	try int // the last try that read it
}

// result is the answer to a question; fault is nil unless the Asker is at fault.
type result struct {
	QA
	fault *Fault
}

func (w *answers) start(ask Asker, client netip.Addr, budget time.Duration) {
	w.ask, w.client, w.budget = ask, client, budget
}

// end stops waiting for answers that are no longer needed. They still reach the Asker's cache.
func (w *answers) end() {
	if w.cancel != nil {
		w.cancel()
	}
	if w.ownEnds != nil {
		w.ownEnds()
	}
	clear(w.known)
	clear(w.open)
	*w = answers{known: w.known[:0], tags: w.tags[:0], used: w.used[:0], open: w.open[:0]}
}

func (w *answers) begin() { w.try, w.used, w.open, w.counted = w.try+1, w.used[:0], w.open[:0], 0 }

// answer returns the answer to a question, or nil while there is none.
func (w *answers) answer(q Question) *Answer {
	tag := tagOf(q)
	for i, t := range w.tags {
		if t == tag && w.known[i].Question == q {
			return w.use(i)
		}
	}
	if q.Kind.traits().client && w.counted >= maxQuestions {
		return tooMany
	}
	if !w.inFlight[q] {
		a, ok := w.atHand(q)
		if !ok && w.late && (w.spent || !q.Kind.traits().reserve) {
			a, ok = &Answer{Status: TempFail, Note: noTime}, true
		}
		if ok {
			w.know(QA{q, a})
			return w.use(len(w.known) - 1)
		}
	}
	w.open = append(w.open, q)
	return nil
}

func (w *answers) know(qa QA) {
	w.known, w.tags = append(w.known, known{QA: qa}), append(w.tags, tagOf(qa.Question))
}

// tagOf returns a cheap hash of a question.
func tagOf(q Question) uint32 {
	n := len(q.Name)
	if n == 0 {
		return uint32(q.Kind)
	}
	return uint32(q.Kind) | uint32(n)<<8 ^ uint32(q.Name[0])<<16 ^ uint32(q.Name[n-1])<<24
}

func (w *answers) use(i int) *Answer {
	k := &w.known[i]
	if k.try != w.try {
		if k.Kind.traits().client {
			if w.counted >= maxQuestions {
				return tooMany
			}
			w.counted++
		}
		k.try, w.used = w.try, append(w.used, i)
	}
	return k.Answer
}

func (w *answers) asked() Evidence {
	out := make(Evidence, len(w.used))
	for i, j := range w.used {
		out[i] = w.known[j].QA
	}
	return out
}

const noTime = "no answer in time"

// waitOne sends the open questions that are not sent yet, and waits for at least one answer.
func (w *answers) waitOne(ctx context.Context) {
	if w.ctx == nil {
		ctx = context.WithValue(ctx, clientKey{}, w.client)
		w.answers, w.inFlight = make(chan result, 16), map[Question]bool{}
		if w.budget > 0 {
			w.ctx, w.cancel = context.WithTimeout(ctx, w.budget)
		} else {
			w.ctx, w.cancel = context.WithCancel(ctx)
		}
	}
	w.send(ctx)
	var budget, reserved <-chan struct{}
	if !w.late {
		budget = w.ctx.Done()
	}
	if w.own != nil && !w.spent {
		reserved = w.own.Done()
	}
	select {
	case r := <-w.answers:
		w.learn(r)
		for len(w.answers) > 0 {
			w.learn(<-w.answers)
		}
	case <-budget:
		w.late = true
		w.ended(false)
	case <-reserved:
		w.spent = true
		w.ended(true)
	}
}

// ended gives up the questions with a reserve, or those without. A timeout is an answer too, and is recorded.
func (w *answers) ended(reserve bool) {
	for q := range w.inFlight {
		if q.Kind.traits().reserve == reserve {
			w.learn(result{QA: QA{q, &Answer{Status: TempFail, Note: noTime}}})
		}
	}
}

// send sends the open questions. Those to local stores have the rest of the budget and the reserve.
func (w *answers) send(ctx context.Context) {
	for _, q := range w.open {
		if w.inFlight[q] || q.Kind.traits().client && w.sent >= maxQuestions && len(w.inFlight) > 0 {
			continue
		}
		w.inFlight[q] = true
		until := w.ctx
		switch {
		case q.Kind.traits().reserve:
			until = w.reserved(ctx)
		case q.Kind.traits().client:
			w.sent++
		}
		go func(ctx context.Context, ask Asker, answers chan<- result) {
			select {
			case answers <- safely(ctx, ask, q):
			case <-ctx.Done():
			}
		}(until, w.ask, w.answers)
	}
	w.open = w.open[:0]
}

// reserved returns the context of questions to local stores.
func (w *answers) reserved(ctx context.Context) context.Context {
	if w.own == nil {
		end, has := w.ctx.Deadline()
		if !has {
			w.own = w.ctx
			return w.own
		}
		if now := time.Now(); end.Before(now) {
			end = now
		}
		w.own, w.ownEnds = context.WithDeadline(context.WithValue(ctx, clientKey{}, w.client), end.Add(reserve))
	}
	return w.own
}

// clientKey is the key of the client in the context of Asker.Ask.
type clientKey struct{}

// ClientOf returns the client of the judgement that asks, from the context of Asker.Ask; false outside a judgement.
func ClientOf(ctx context.Context) (client netip.Addr, ok bool) {
	client, ok = ctx.Value(clientKey{}).(netip.Addr)
	return client, ok && client.IsValid()
}

func (w *answers) learn(r result) {
	delete(w.inFlight, r.Question)
	w.know(r.QA)
	if r.fault != nil {
		w.faults = append(w.faults, *r.fault)
	}
}

// safely asks. An Asker that panics or returns no answer gives a tempfail: its fault must not cost the verdict or the
// process.
func safely(ctx context.Context, ask Asker, q Question) (r result) {
	r.Question = q
	defer func() {
		if cause := recover(); cause != nil {
			r.Answer, r.fault = panicked, &Fault{Question: q, Cause: cause, Stack: debug.Stack()}
		}
	}()
	r.Answer = ask.Ask(ctx, q)
	if cause := wrong(r.Answer); cause != nil {
		r.Answer, r.fault = noAnswer, &Fault{Question: q, Cause: cause}
	}
	return r
}

// atHand returns the answer that the Asker has at hand, with the same care as safely.
func (w *answers) atHand(q Question) (a *Answer, ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			a, ok = panicked, true
			w.faults = append(w.faults, Fault{Question: q, Cause: cause, Stack: debug.Stack()})
		}
	}()
	a, ok = w.ask.Known(q)
	if !ok {
		return nil, false
	}
	if cause := wrong(a); cause != nil {
		a = noAnswer
		w.faults = append(w.faults, Fault{Question: q, Cause: cause})
	}
	return a, true
}

// The answers of an Asker at fault. They are recorded like any other, since a replay has no Asker that fails.
var (
	panicked = &Answer{Status: TempFail, Note: "the asker panicked"}
	noAnswer = &Answer{Status: TempFail, Note: "the asker gave no answer"}
)

// wrong returns an error for an answer that breaks the contract of Asker.
func wrong(a *Answer) error {
	switch {
	case a == nil:
		return errors.New("the asker gave no answer: nil")
	case a.Status > NotAsked:
		return fmt.Errorf("the asker gave no answer: its status is %s", a.Status)
	}
	return nil
}
