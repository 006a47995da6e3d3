package dns

import (
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/helogate/helogate"
)

// An entry is what a flight brought. That of kind A also says whether the name is an alias, so that the question of kind
// CNAME costs neither a query nor an entry.
type entry struct {
	answer helogate.Answer
	alias  *helogate.Answer
	hold   time.Duration
}

// minHold is how long at least an answer is held. A TTL of zero is for "the transaction in progress" (RFC 1035 section
// 3.2.1), and ours is an SMTP dialogue, with several judgements in a second.
const minHold = time.Second

// of is the answer to a question of this kind.
func (e *entry) of(kind helogate.Kind) *helogate.Answer {
	if kind == helogate.CNAME {
		return e.alias
	}
	return &e.answer
}

// key is the question whose flight answers q.
func key(q helogate.Question) helogate.Question {
	if q.Kind == helogate.CNAME || q.Kind == helogate.Listing {
		q.Kind = helogate.A
	}
	return q
}

// A cache holds entries until their time is over, and never more than so many bytes of them. Which go first is otter's
// W-TinyLFU: a flood of addresses that are seen once does not drive out those that come every minute.
type cache struct {
	*otter.Cache[helogate.Question, *entry]
}

func newCache(bytes int64, now func() time.Time) (cache, error) {
	options := &otter.Options[helogate.Question, *entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       weigh,
		StatsRecorder: stats.NewCounter(),
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[helogate.Question, *entry]) time.Duration {
			return e.Value.hold
		}),
	}
	// Upkeep is done by whoever looks: a verdict whose answers are at hand costs no goroutine.
	options.Executor = func(upkeep func()) { upkeep() }
	if now != nil {
		options.Clock = clock(now)
	}
	c, err := otter.New(options)
	return cache{c}, err
}

// What an entry weighs in bytes besides its strings, found by measurement (TestCacheMemory): the node of the cache, its
// place in the hash table and the policy's queues, the entry itself; the second answer; a string's header, and what the
// allocator rounds up.
const (
	entryWeight  = 260
	aliasWeight  = 112
	stringWeight = 24
)

func weigh(q helogate.Question, e *entry) uint32 {
	w := entryWeight + len(q.Name) + answerWeight(&e.answer)
	if e.alias != nil {
		w += aliasWeight + answerWeight(e.alias)
	}
	return uint32(w)
}

func answerWeight(a *helogate.Answer) int {
	w := len(a.Note)
	for _, v := range a.Values {
		w += stringWeight + len(v)
	}
	return w
}

// clock makes a test's clock one for the cache. It does not tick: what is over is not seen, and is removed when there is
// work in the cache anyway.
type clock func() time.Time

func (c clock) NowNano() int64                      { return c().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }
