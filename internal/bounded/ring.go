package bounded

// A ring has entries in the order of their last use.
type ring[K comparable, V any] struct {
	n    int
	ends links[K, V] // next is the oldest, last the most recently used
}

// links are an entry's place in a ring.
type links[K comparable, V any] struct {
	of         *ring[K, V]
	is         *entry[K, V] // nil at the ends
	next, last *links[K, V]
}

func (r *ring[K, V]) init() { r.ends.next, r.ends.last = &r.ends, &r.ends }

// oldest returns the least recently used entry, nil if there is none.
func (r *ring[K, V]) oldest() *entry[K, V] { return r.ends.next.is }

// join appends an entry to a ring, as its most recently used.
func (l *links[K, V]) join(r *ring[K, V], e *entry[K, V]) {
	l.of, l.is = r, e
	l.last, l.next = r.ends.last, &r.ends
	l.last.next, r.ends.last = l, l
	r.n++
}

// leave removes an entry from its ring.
func (l *links[K, V]) leave() {
	l.last.next, l.next.last = l.next, l.last
	l.of.n--
}
