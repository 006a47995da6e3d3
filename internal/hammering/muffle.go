package hammering

import (
	"net/netip"
	"sync"
	"time"
)

// A Muffle tells which of many lines about one client are to be logged: the first, and then one a minute, with how many were
// left out. The zero value is ready. It is safe for concurrent use, and remembers 50,000 clients at the most; what was left
// out of a client that it forgets is not told.
type Muffle struct {
	mu      sync.Mutex
	clients recent[muffled]
}

type muffled struct {
	said time.Time // the last that was to be logged
	left int       // out since
}

const (
	between = time.Minute
	// idle is how long a client that is quiet is remembered: what it has left out is told if it comes back.
	idle = time.Hour
)

// Say reports whether a line about a client is to be logged now, and how many were left out since the last that was.
func (m *Muffle) Say(client netip.Addr, at time.Time) (left int, say bool) {
	k, ok := keyOf(client)
	if !ok {
		return 0, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.clients.size() > 0 && at.Sub(m.clients.oldest().said) >= idle {
		m.clients.dropOldest()
	}
	c := m.clients.touch(k)
	if m.clients.size() > defaultMax {
		m.clients.dropOldest()
	}
	if !c.said.IsZero() && at.Sub(c.said) < between {
		c.left++
		return c.left, false
	}
	left, c.left, c.said = c.left, 0, at
	return left, true
}
