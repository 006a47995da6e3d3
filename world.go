package helogate

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// maxQuestions of a judgement to the client's DNS: it may not keep us busy for longer. The last try reads at most so many;
// the next one is a tempfail, by position, so that timing has no part in it. So many are asked ahead of need at the most,
// too: past that, only the first that is open is asked, one at a time, for that one is needed. What the client's DNS does not
// answer does not count: he must not be able to use up what we ask of the lists and of our own memory.
const maxQuestions = 200

// reserve is the time that our own memory has to answer when the budget is spent, for a client whose DNS takes long must
// neither be deferred for ever nor be spared the greylist.
const reserve = 2 * time.Second

var tooMany = &Answer{Status: TempFail, Note: "not asked: more than 200 questions"}

// world is what one judgement knows. Only more waits, and only more starts goroutines.
type world struct {
	ask     Asker
	client  netip.Addr // who is judged
	try     int
	known   []known
	used    []int // indices of known, in the order in which this try first read them
	counted int   // those of them that count towards maxQuestions
	open    []Question
	folded  []bool // room for judgement.folded
	sent    int
	flying  map[Question]bool
	answers chan QA
	late    bool            // the budget is spent, or the caller's context has ended
	spent   bool            // and so is the reserve
	budget  time.Duration   // 0: none
	ctx     context.Context // ends when the judgement does; begins with its first wait, for most have none
	cancel  context.CancelFunc
	own     context.Context // that of questions to our own memory; nil until there is one
	ownEnds context.CancelFunc
}

type known struct {
	QA
	try int // the last try that read it
}

var worlds = sync.Pool{New: func() any { return &world{known: make([]known, 0, 64), used: make([]int, 0, 64)} }}

func newWorld(ask Asker, client netip.Addr, budget time.Duration) *world {
	w := worlds.Get().(*world)
	w.ask, w.client, w.budget = ask, client, budget
	return w
}

// free ends the wait of questions that nobody needs any more; their answers still reach the asker's own cache.
func (w *world) free() {
	if w.cancel != nil {
		w.cancel()
	}
	if w.ownEnds != nil {
		w.ownEnds()
	}
	clear(w.known)
	*w = world{known: w.known[:0], used: w.used[:0], open: w.open[:0], folded: w.folded}
	worlds.Put(w)
}

func (w *world) begin() { w.try, w.used, w.open, w.counted = w.try+1, w.used[:0], w.open[:0], 0 }

// noneFolded returns room for two tracks of n lines, all false.
func (w *world) noneFolded(n int) [2][]bool {
	if len(w.folded) < 2*n {
		w.folded = make([]bool, 2*n)
	}
	clear(w.folded)
	return [2][]bool{w.folded[:n], w.folded[n : 2*n]}
}

// answer returns nil while there is none.
func (w *world) answer(q Question) *Answer {
	for i := range w.known {
		if k := &w.known[i]; k.Name == q.Name && k.Kind == q.Kind {
			return w.use(i)
		}
	}
	if q.Kind.counts() && w.counted >= maxQuestions {
		return tooMany
	}
	if !w.flying[q] {
		a, ok := w.ask.Known(q)
		if !ok && w.late && (w.spent || !q.Kind.ours()) {
			a, ok = &Answer{Status: TempFail, Note: noTime}, true
		}
		if ok {
			w.known = append(w.known, known{QA: QA{q, a}})
			return w.use(len(w.known) - 1)
		}
	}
	w.open = append(w.open, q)
	return nil
}

func (w *world) use(i int) *Answer {
	k := &w.known[i]
	if k.try != w.try {
		if k.Kind.counts() {
			if w.counted >= maxQuestions {
				return tooMany
			}
			w.counted++
		}
		k.try, w.used = w.try, append(w.used, i)
	}
	return k.Answer
}

func (w *world) asked() Evidence {
	out := make(Evidence, len(w.used))
	for i, j := range w.used {
		out[i] = w.known[j].QA
	}
	return out
}

const noTime = "no answer in time"

// more asks the open questions that are not on their way yet, and waits for at least one answer.
func (w *world) more(ctx context.Context) {
	if w.ctx == nil {
		ctx = context.WithValue(ctx, clientKey{}, w.client)
		w.answers, w.flying = make(chan QA, 16), map[Question]bool{}
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
	case qa := <-w.answers:
		w.learn(qa)
		for len(w.answers) > 0 {
			w.learn(<-w.answers)
		}
	case <-budget:
		w.late = true
		w.ended(func(k Kind) bool { return !k.ours() })
	case <-reserved:
		w.spent = true
		w.ended(Kind.ours)
	}
}

// ended gives up questions. A time-out is an answer too: it is recorded.
func (w *world) ended(of func(Kind) bool) {
	for q := range w.flying {
		if of(q.Kind) {
			w.learn(QA{q, &Answer{Status: TempFail, Note: noTime}})
		}
	}
}

// send asks. The questions to our own memory have what is left of the budget, and the reserve.
func (w *world) send(ctx context.Context) {
	for _, q := range w.open {
		if w.flying[q] || q.Kind.counts() && w.sent >= maxQuestions && len(w.flying) > 0 {
			continue
		}
		w.flying[q] = true
		until := w.ctx
		switch {
		case q.Kind.ours():
			until = w.reserved(ctx)
		case q.Kind.counts():
			w.sent++
		}
		go func(ctx context.Context, ask Asker, answers chan<- QA) {
			select {
			case answers <- QA{q, ask.Ask(ctx, q)}:
			case <-ctx.Done():
			}
		}(until, w.ask, w.answers)
	}
	w.open = w.open[:0]
}

// reserved is the context of questions to our own memory.
func (w *world) reserved(ctx context.Context) context.Context {
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

// clientKey is of a value of the context that an Asker has.
type clientKey struct{}

// ClientOf returns the client that a judgement asks for, from the context of Asker.Ask; false where nobody is judged.
func ClientOf(ctx context.Context) (client netip.Addr, ok bool) {
	client, ok = ctx.Value(clientKey{}).(netip.Addr)
	return client, ok && client.IsValid()
}

func (w *world) learn(qa QA) {
	delete(w.flying, qa.Question)
	w.known = append(w.known, known{QA: qa})
}
