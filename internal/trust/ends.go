package trust

import (
	"container/heap"
	"time"
)

// ends holds the records with the one that ends first at the front, so that what is over is found without a look at the
// rest, whenever somebody comes by.
type ends []*record

func (e *ends) add(r *record)    { heap.Push((*byEnd)(e), r) }
func (e *ends) remove(r *record) { heap.Remove((*byEnd)(e), r.place) }
func (e ends) replace(old, by *record) {
	by.place, e[old.place] = old.place, by
	heap.Fix((*byEnd)(&e), by.place)
}

// byEnd is ends as package heap wants it.
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

// expire forgets what is over. It needs the lock.
func (s *Store) expire(now time.Time) {
	for len(s.ends) > 0 && !now.Before(s.ends[0].Until) {
		r := s.ends[0]
		s.ends.remove(r)
		s.drop(r)
	}
	s.shrink()
}

func (s *Store) drop(r *record) {
	delete(s.records, r.Address.String())
	s.size.Store(int64(len(s.records)))
}

// leastRoom is what need not be given back.
const leastRoom = 1024

// shrink makes the room anew when most of it is empty: a map keeps what it once needed.
func (s *Store) shrink() {
	n := len(s.records)
	if s.peak < leastRoom || n > s.peak/4 {
		return
	}
	records := make(map[string]*record, n)
	for key, r := range s.records {
		records[key] = r
	}
	s.records, s.ends, s.peak = records, append(make(ends, 0, n), s.ends...), n
}
