package dns

import (
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/helogate/helogate"
)

// An entry is the result of a lookup. An entry of kind A also says whether the name is an alias, so that a question
// of kind CNAME costs neither a query nor an entry.
type entry struct {
	answer helogate.Answer
	alias  *helogate.Answer
	hold   time.Duration
}

// minHold is the minimum time for which an answer is cached. A TTL of zero is for "the transaction in progress" (RFC
// 1035 section 3.2.1); an SMTP dialogue is one, with several judgements in a second.
const minHold = time.Second

// of returns the answer to a question of this kind.
func (e *entry) of(kind helogate.Kind) *helogate.Answer {
	if kind == helogate.CNAME {
		return e.alias
	}
	return &e.answer
}

// key returns the question whose lookup answers q.
func key(q helogate.Question) helogate.Question {
	if q.Kind == helogate.CNAME || q.Kind == helogate.Listing {
		q.Kind = helogate.A
	}
	return q
}

// A cache keeps entries until they expire, within a limit of bytes. otter evicts by W-TinyLFU: a flood of addresses
// that occur once does not evict those that come every minute.
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
	// The caller does the upkeep: a verdict from cached answers costs no goroutine.
	options.Executor = func(upkeep func()) { upkeep() }
	if now != nil {
		options.Clock = clock(now)
	}
	c, err := otter.New(options)
	return cache{c}, err
}

// The weight of an entry in bytes without its strings, as TestCacheMemory measures it: the node of the cache, its
// place in the hash table and the policy's queues, and the entry itself; the second answer; the header of a string,
// and what the allocator rounds up.
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

// clock is a test's clock for the cache. It does not tick: the cache ignores expired entries, and removes them when
// it is used.
type clock func() time.Time

func (c clock) NowNano() int64                      { return c().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }
