package helogate

import (
	"context"
	"sync"
	"time"
)

// maxQuestions of a judgement: nobody's DNS may keep us busy for longer. The last try reads at most so many; the next
// one is a tempfail, by position, so that timing has no part in it. So many are asked ahead of need at the most, too:
// past that, only the first that is open is asked, one at a time, for that one is needed.
const maxQuestions = 200

var tooMany = &Answer{Status: TempFail, Note: "not asked: more than 200 questions"}

// world is what one judgement knows. Only more waits, and only more starts goroutines.
type world struct {
	ask     Asker
	try     int
	known   []known
	used    []int // indices of known, in the order in which this try first read them
	open    []Question
	folded  []bool // room for judgement.folded
	sent    int
	flying  map[Question]bool
	answers chan QA
	late    bool            // the budget is spent, or the caller's context has ended
	budget  time.Duration   // 0: none
	ctx     context.Context // ends when the judgement does; begins with its first wait, for most have none
	cancel  context.CancelFunc
}

type known struct {
	QA
	try int // the last try that read it
}

var worlds = sync.Pool{New: func() any { return &world{known: make([]known, 0, 64), used: make([]int, 0, 64)} }}

func newWorld(ask Asker, budget time.Duration) *world {
	w := worlds.Get().(*world)
	w.ask, w.budget = ask, budget
	return w
}

// free ends the wait of questions that nobody needs any more; their answers still reach the asker's own cache.
func (w *world) free() {
	if w.cancel != nil {
		w.cancel()
	}
	clear(w.known)
	*w = world{known: w.known[:0], used: w.used[:0], open: w.open[:0], folded: w.folded}
	worlds.Put(w)
}

func (w *world) begin() { w.try, w.used, w.open = w.try+1, w.used[:0], w.open[:0] }

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
	if len(w.used) >= maxQuestions {
		return tooMany
	}
	if !w.flying[q] {
		a, ok := w.ask.Known(q)
		if !ok && w.late {
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
		if len(w.used) >= maxQuestions {
			return tooMany
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
		w.answers, w.flying = make(chan QA, 16), map[Question]bool{}
		if w.budget > 0 {
			w.ctx, w.cancel = context.WithTimeout(ctx, w.budget)
		} else {
			w.ctx, w.cancel = context.WithCancel(ctx)
		}
	}
	w.send()
	select {
	case qa := <-w.answers:
		w.learn(qa)
		for len(w.answers) > 0 {
			w.learn(<-w.answers)
		}
	case <-w.ctx.Done(): // a time-out is an answer too: it is recorded
		w.late = true
		for q := range w.flying {
			w.learn(QA{q, &Answer{Status: TempFail, Note: noTime}})
		}
	}
}

func (w *world) send() {
	for _, q := range w.open {
		if w.flying[q] || w.sent >= maxQuestions && len(w.flying) > 0 {
			continue
		}
		w.flying[q] = true
		w.sent++
		go func(ctx context.Context, ask Asker, answers chan<- QA) {
			select {
			case answers <- QA{q, ask.Ask(ctx, q)}:
			case <-ctx.Done():
			}
		}(w.ctx, w.ask, w.answers)
	}
	w.open = w.open[:0]
}

func (w *world) learn(qa QA) {
	delete(w.flying, qa.Question)
	w.known = append(w.known, known{QA: qa})
}
