package callout

import (
	"sync"
	"time"

	"github.com/helogate/helogate"
)

// memory is what was found lately, of addresses and of domains. It has two halves of a fixed size: what is new goes into the
// young one, which becomes the old one when it is full. So it is bounded, and what is lost is in the store.
type memory struct {
	half int // the most entries in each half

	mu         sync.RWMutex // guards what follows
	young, old map[string]remembered
}

type remembered struct {
	answer *helogate.Answer
	until  time.Time // the first instant at which it is over
}

// get returns what is remembered of a key, nil if nothing.
func (m *memory) get(key string, now time.Time) *helogate.Answer {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, half := range [...]map[string]remembered{m.young, m.old} {
		if r, ok := half[key]; ok {
			if now.Before(r.until) {
				return r.answer
			}
			return nil
		}
	}
	return nil
}

// put remembers an answer for a key, in place of what is there.
func (m *memory) put(key string, a *helogate.Answer, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= m.half {
		m.old, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = map[string]remembered{}
	}
	m.young[key] = remembered{a, until}
}
