package hammering

import "net/netip"

// key is a client: an IPv4 address mapped into IPv6, or the /64 of an IPv6 address.
type key [16]byte

func keyOf(client netip.Addr) (key, bool) {
	if !client.IsValid() {
		return key{}, false
	}
	k := key(client.As16())
	if !client.Unmap().Is4() {
		clear(k[8:])
	}
	return k, true
}

// recent holds a value by client, in the order in which they were touched. The zero value is empty.
type recent[V any] struct {
	entries map[key]*entry[V]
	ends    entry[V] // next is the oldest, last the youngest; a ring, so that no end is a special case
}

type entry[V any] struct {
	value      V
	key        key
	next, last *entry[V]
}

func (r *recent[V]) size() int { return len(r.entries) }

// get returns the value of a client, nil if it has none.
func (r *recent[V]) get(k key) *V {
	if e := r.entries[k]; e != nil {
		return &e.value
	}
	return nil
}

// touch returns the value of a client, which is now the youngest: made anew if it had none.
func (r *recent[V]) touch(k key) *V {
	if r.entries == nil {
		r.entries = map[key]*entry[V]{}
		r.ends.next, r.ends.last = &r.ends, &r.ends
	}
	e := r.entries[k]
	if e == nil {
		e = &entry[V]{key: k}
		r.entries[k] = e
	} else {
		e.unlink()
	}
	e.last, e.next = r.ends.last, &r.ends
	e.last.next, e.next.last = e, e
	return &e.value
}

// oldest returns the value that was not touched for longest. There must be one.
func (r *recent[V]) oldest() *V { return &r.ends.next.value }

func (r *recent[V]) dropOldest() {
	e := r.ends.next
	e.unlink()
	delete(r.entries, e.key)
}

func (e *entry[V]) unlink() { e.last.next, e.next.last = e.next, e.last }
