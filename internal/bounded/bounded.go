// Package bounded has a map for what strangers make us remember: who was rejected lately, which connection has said what.
// It never has more than so many entries, and what has come once does not push out what has come again: a flood of
// addresses that are seen once leaves those alone that are seen time and again.
package bounded

import (
	"sync"
	"time"
)

// A Map holds values by key. It is safe for concurrent use. It has no clock: the time is the caller's. When that goes back,
// entries may be gone early.
//
// An entry is new until it is used a second time, and then it is known. New and known ones have half of the room each, and
// where that is full, the one that was not used for longest goes.
type Map[K comparable, V any] struct {
	keep time.Duration
	room int // for new ones, and for known ones

	mu           sync.Mutex // guards what follows
	entries      map[K]*entry[K, V]
	fresh, known ring[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Time // since the last Use; zero is for ever
	links[K, V]
}

// New makes a map of so many entries at the most, at least 2, that keeps each for so long after its last Use; 0 is for ever.
func New[K comparable, V any](most int, keep time.Duration) *Map[K, V] {
	m := &Map[K, V]{keep: keep, room: max(1, most/2), entries: map[K]*entry[K, V]{}}
	m.fresh.init()
	m.known.init()
	return m
}

// Use has a function see and change the value of a key, which is kept anew from now on. A value that is not there, or not
// any more, begins as zero, and is made. The function must not use the map.
func (m *Map[K, V]) Use(key K, now time.Time, use func(v *V, made bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(key, now)
	made := e == nil
	if made {
		m.expire(now)
		e = &entry[K, V]{key: key}
		m.entries[key] = e
		m.put(e, &m.fresh)
	}
	if m.keep > 0 {
		e.until = now.Add(m.keep)
	}
	use(&e.value, made)
}

// Get returns the value of a key, if there is one. It is used by that, but kept no longer.
func (m *Map[K, V]) Get(key K, now time.Time) (v V, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.find(key, now); e != nil {
		return e.value, true
	}
	return v, false
}

// Len returns how many there are. It looks at each.
func (m *Map[K, V]) Len(now time.Time) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if !e.over(now) {
			n++
		}
	}
	return n
}

func (e *entry[K, V]) over(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }

// find returns an entry, which is known from now on; nil if there is none. One that is over goes.
func (m *Map[K, V]) find(key K, now time.Time) *entry[K, V] {
	e := m.entries[key]
	if e == nil {
		return nil
	}
	if e.over(now) {
		m.drop(e)
		return nil
	}
	e.leave()
	m.put(e, &m.known)
	return e
}

// put makes an entry the last one used of a ring, and has another one go if it is full.
func (m *Map[K, V]) put(e *entry[K, V], r *ring[K, V]) {
	if r.n >= m.room {
		m.drop(r.oldest())
	}
	e.join(r, e)
}

// expire drops what is over, as far as it was not used for longest.
func (m *Map[K, V]) expire(now time.Time) {
	for _, r := range [...]*ring[K, V]{&m.fresh, &m.known} {
		for e := r.oldest(); e != nil && e.over(now); e = r.oldest() {
			m.drop(e)
		}
	}
}

func (m *Map[K, V]) drop(e *entry[K, V]) {
	e.leave()
	delete(m.entries, e.key)
}
