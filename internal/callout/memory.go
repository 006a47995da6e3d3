package callout

import (
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
)

// memory is what was found lately, of addresses and of domains. What it loses is in the store.
type memory struct {
	*bounded.Map[string, remembered]
}

type remembered struct {
	answer *helogate.Answer
	until  time.Time // the first instant at which it is over
}

func newMemory(most int) memory { return memory{bounded.New[string, remembered](most, keepDomain)} }

// get returns what is remembered of a key, nil if nothing.
func (m memory) get(key string, now time.Time) *helogate.Answer {
	if r, found := m.Get(key, now); found && now.Before(r.until) {
		return r.answer
	}
	return nil
}

// put remembers an answer for a key, and replaces the one before.
func (m memory) put(key string, a *helogate.Answer, now, until time.Time) {
	m.Use(key, now, func(r *remembered, _ bool) { *r = remembered{a, until} })
}
