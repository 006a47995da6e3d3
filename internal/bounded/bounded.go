// Package bounded has a map with a limited number of entries, for data about clients: which were rejected recently,
// what a connection has sent so far. Keys that occur once do not displace keys that occur again, so a flood of
// one-time addresses does not displace the regular ones.
package bounded

import (
	"sync"
	"time"
)

// A Map holds values by key. It is safe for concurrent use. It has no clock: the caller passes the time. If that goes
// back, entries may expire early.
//
// An entry is new until it is used a second time; from then on it is known. New and known entries have half of the
// capacity each. When a half is full, its least recently used entry is dropped.
type Map[K comparable, V any] struct {
	keep time.Duration
	room int // for new entries, and for known entries

	mu           sync.Mutex // guards the fields below
	entries      map[K]*entry[K, V]
	fresh, known ring[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Time // set by the last Use; zero is never
	links[K, V]
}

// New returns a map of at most most entries, at least 2. An entry expires keep after its last Use; 0 is never.
func New[K comparable, V any](most int, keep time.Duration) *Map[K, V] {
	m := &Map[K, V]{keep: keep, room: max(1, most/2), entries: map[K]*entry[K, V]{}}
	m.fresh.init()
	m.known.init()
	return m
}

// Use calls a function with the value of a key, which it may change, and extends its life. A missing or expired value
// is made, and is zero. The function must not use the map.
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

// Get returns the value of a key, if there is one. It counts as a use, but does not extend its life.
func (m *Map[K, V]) Get(key K, now time.Time) (v V, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.find(key, now); e != nil {
		return e.value, true
	}
	return v, false
}

// Len returns the number of entries that have not expired. It visits each.
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

// find returns an entry, which is known from now on, or nil if there is none. It drops an expired entry.
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

// put appends an entry to a ring as its most recently used, and drops the oldest one if the ring is full.
func (m *Map[K, V]) put(e *entry[K, V], r *ring[K, V]) {
	if r.n >= m.room {
		m.drop(r.oldest())
	}
	e.join(r, e)
}

// expire drops expired entries from the old ends of the rings.
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
