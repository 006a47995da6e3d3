package state

import "database/sql/driver"

// begin opens the transaction. It fails where another process has one open.
func (t *table) begin() (err error) {
	if err = t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t.inside = true
	if t.counts, err = t.readCounts(); err != nil {
		t.rollback()
	}
	t.stored = t.counts
	return err
}

// commit ends the transaction.
func (t *table) commit() error {
	for i, n := range t.counts {
		if n == t.stored[i] {
			continue
		}
		if _, err := t.setTally.run(n, int64(i+1)); err != nil {
			return err
		}
	}
	err := t.exec("COMMIT")
	if err == nil {
		t.inside = false
	}
	return err
}

// rollback gives up what the transaction has done. SQLite may have done so already, and calls that an error.
func (t *table) rollback() {
	t.exec("ROLLBACK") //nolint:errcheck // nothing is open afterwards, whatever it says
	t.inside = false
}

// How much of the table is looked at for what is over, in order, with each commit: so many rows, and so many more for
// each operation. So a flood that doubled the table has had all of it looked at. A row takes a fraction of a
// microsecond.
const (
	sweepLeast  = 200
	sweepEach   = 2
	sweepFull   = 20_000 // when a record has found no room
	sweepIdle   = 2000   // now and then, while there is no write
	sweepAtOnce = 500    // in one statement
)

// A slice is a part of the table, in order.
type slice struct {
	from place
	last []byte // the key at its end
	seen int    // rows
	over int64  // and how many of them are over
	next place
}

// look looks at so many rows from where the last look ended.
func (t *table) look(rows int) (s slice, err error) {
	s.from = t.swept
	_, err = t.survey.first(func(v []driver.Value) {
		s.seen, s.over = int(integer(v[0])), integer(v[1])
		s.last, _ = v[2].([]byte)
	}, t.now, int64(s.from.kind), blob(s.from.key), int64(rows))
	if s.next = after(s.from.kind, s.last); s.seen < rows {
		s.next = place{kind: s.from.kind%len(Buckets) + 1}
	}
	return s, err
}

// clear removes what is over from a slice, within a transaction.
func (t *table) clear(s slice) error {
	t.swept = s.next
	if s.over == 0 {
		return nil
	}
	n, err := t.remove.run(int64(s.from.kind), blob(s.from.key), blob(s.last), t.now)
	t.counts[s.from.kind-1] -= n
	return err
}

// sweep looks at so many rows, or more where there was no room, and removes what is over.
func (t *table) sweep(rows int) error {
	if t.full {
		rows, t.full = max(rows, sweepFull), false
	}
	rows = int(min(int64(rows), t.total()))
	for rows > 0 {
		s, err := t.look(min(rows, sweepAtOnce))
		if err == nil {
			err = t.clear(s)
		}
		if err != nil {
			return err
		}
		rows -= max(s.seen, 1)
	}
	return nil
}
