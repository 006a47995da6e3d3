package trust

import (
	"container/heap"
	"time"
)

// expiryQueue has the records with the one that ends first at the front, so that expired records are found without a
// look at the others.
type expiryQueue []*record

func (e *expiryQueue) add(r *record)    { heap.Push((*byEnd)(e), r) }
func (e *expiryQueue) remove(r *record) { heap.Remove((*byEnd)(e), r.place) }
func (e expiryQueue) replace(old, by *record) {
	by.place, e[old.place] = old.place, by
	heap.Fix((*byEnd)(&e), by.place)
}

// byEnd is an expiryQueue with the methods of heap.Interface.
type byEnd []*record

func (e byEnd) Len() int           { return len(e) }
func (e byEnd) Less(i, j int) bool { return e[i].Until.Before(e[j].Until) }
func (e byEnd) Swap(i, j int)      { e[i], e[j] = e[j], e[i]; e[i].place, e[j].place = i, j }

func (e *byEnd) Push(r any) {
	r.(*record).place = len(*e)
	*e = append(*e, r.(*record))
}

func (e *byEnd) Pop() any {
	last := len(*e) - 1
	r := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return r
}

// expire removes expired records. The caller holds the lock.
func (s *Store) expire(now time.Time) {
	for len(s.expiries) > 0 && !now.Before(s.expiries[0].Until) {
		r := s.expiries[0]
		s.expiries.remove(r)
		s.drop(r)
	}
	s.shrink()
}

func (s *Store) drop(r *record) {
	delete(s.records, r.Address.String())
	s.size.Store(int64(len(s.records)))
}

// leastRoom is the number of records below which memory is not given back.
const leastRoom = 1024

// shrink allocates smaller structures when most of their room is empty: a map never shrinks.
func (s *Store) shrink() {
	n := len(s.records)
	if s.peak < leastRoom || n > s.peak/4 {
		return
	}
	records := make(map[string]*record, n)
	for key, r := range s.records {
		records[key] = r
	}
	s.records, s.expiries, s.peak = records, append(make(expiryQueue, 0, n), s.expiries...), n
}
