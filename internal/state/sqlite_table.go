package state

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"time"
)

// A table is the records in SQLite, for the one goroutine that has the connection.
type table struct {
	path string
	most int64 // records
	*conn

	load, loadTwo, insert, update, some, survey, remove, tally, setTally stmt

	inside bool                   // a transaction is open
	counts [numberOfBuckets]int64 // of records, while it is
	stored [numberOfBuckets]int64 // and when it began
	now    int64                  // the latest time that a caller passed, in milliseconds
	full   bool                   // a record found no room since the last sweep
	swept  place                  // how far the sweep is
}

const numberOfBuckets = 4

// name is what to call the store in an error.
func (t *table) name() string {
	if t.path == "" {
		return "the store in memory"
	}
	return t.path
}

// prepare prepares the statements. Their values have no number, for the driver makes a text of it each time.
func (t *table) prepare() (err error) {
	for _, s := range []struct {
		stmt  *stmt
		query string
	}{
		{&t.load, `SELECT kind, first, last, passed, count, value, expires FROM records WHERE kind = ? AND key = ?`},
		{&t.loadTwo, `SELECT kind, first, last, passed, count, value, expires FROM records WHERE kind = ? AND key = ? UNION ALL
			SELECT kind, first, last, passed, count, value, expires FROM records WHERE kind = ? AND key = ?`},
		{&t.insert, `INSERT INTO records (first, last, passed, count, value, expires, kind, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`},
		{&t.update, `UPDATE records SET first = ?, last = ?, passed = ?, count = ?, value = ?, expires = ? WHERE kind = ? AND key = ?`},
		{&t.some, `SELECT kind, first, last, passed, count, value, expires, key FROM records WHERE kind = ? AND key >= ? ORDER BY key LIMIT ?`},
		{&t.survey, `SELECT count(*), coalesce(sum(expires <= ?), 0), max(key) FROM
			(SELECT key, expires FROM records WHERE kind = ? AND key >= ? ORDER BY key LIMIT ?)`},
		{&t.remove, `DELETE FROM records WHERE kind = ? AND key >= ? AND key <= ? AND expires <= ?`},
		{&t.tally, `SELECT kind, records FROM counts`},
		{&t.setTally, `UPDATE counts SET records = ? WHERE kind = ?`},
	} {
		if *s.stmt, err = t.conn.prepare(s.query); err != nil {
			return err
		}
	}
	return nil
}

// A row is a record as it is stored: times in Unix milliseconds, and 0 is none.
type row struct {
	there                        bool // in the table, be it over or not
	kind                         int
	key                          []byte
	first, last, passed, expires int64
	count                        int64
	value                        []byte
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func newRow(bucket Bucket, key string) row {
	return row{kind: slices.Index(Buckets, bucket) + 1, key: []byte(key), value: []byte{}}
}

func (r *row) record() Record {
	return Record{
		Bucket: Buckets[r.kind-1], Key: string(r.key), First: instant(r.first), Last: instant(r.last), Passed: instant(r.passed),
		Count: r.count, Value: string(r.value), Expires: instant(r.expires),
	}
}

func (r *row) over(now time.Time) bool { return milli(now) >= r.expires }

// take fills in what load and some select.
func (r *row) take(v []driver.Value) {
	r.there = true
	r.first, r.last, r.passed, r.count = integer(v[1]), integer(v[2]), integer(v[3]), integer(v[4])
	r.value = blob(v[5])
	r.expires = integer(v[6])
}

// blob are bytes that came of SQLite, or go there: it takes nil for NULL, and gives it for none.
func blob(v driver.Value) []byte {
	if b, ok := v.([]byte); ok && b != nil {
		return b
	}
	return []byte{}
}

// integer is a number that came of SQLite, which keeps a column's type only while no other program writes: of anything
// else it is 0, and a record that is over is begun anew.
func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

// attempt applies the greylist's rules to the row of an attempt that is noted. It reports whether the attempt is the
// first retry that passes.
func (r *row) attempt(rules Times) (again bool) {
	switch {
	case r.expires == 0: // it has just begun
		r.expires = r.first + rules.Window.Milliseconds()
	case r.passed == 0 && r.last-r.first >= rules.Delay.Milliseconds():
		r.passed, again = r.last, true
	}
	if r.passed != 0 {
		r.expires = r.last + rules.Pass.Milliseconds()
	}
	return again
}

// attempt is Attempt of Store.
func (t *table) attempt(key string, now time.Time, rules Times) (Record, error) {
	if err := check(Greylist, key); err != nil {
		return Record{}, err
	}
	tried, client := newRow(Greylist, key), newRow(Returned, Client(key))
	if err := t.findTwo(&tried, &client, rules.AutoPass > 0); err != nil {
		return Record{}, err
	}
	pass := func(r *row) { r.expires = r.last + rules.Pass.Milliseconds() }
	if rules.AutoPass > 0 && client.there && !client.over(now) && client.count >= int64(rules.AutoPass) {
		if milli(now)-client.last <= rules.renew().Milliseconds() {
			return client.record(), nil
		}
		return t.note(&client, now, pass)
	}
	again := false
	r, err := t.note(&tried, now, func(r *row) { again = r.attempt(rules) })
	if err == nil && again && rules.AutoPass > 0 {
		_, err = t.note(&client, now, pass)
	}
	return r, err
}

// find loads a row, if it is there.
func (t *table) find(r *row) error {
	_, err := t.load.first(r.take, int64(r.kind), r.key)
	return err
}

// findTwo loads two rows of different kinds at once, or the first alone.
func (t *table) findTwo(a, b *row, both bool) error {
	if !both {
		return t.find(a)
	}
	return t.loadTwo.each(func(v []driver.Value) {
		if integer(v[0]) == int64(a.kind) {
			a.take(v)
		} else {
			b.take(v)
		}
	}, int64(a.kind), a.key, int64(b.kind), b.key)
}

// note notes a record that was looked for. Where there is none or it is over, one begins, whose expires is 0 until end
// sets it.
func (t *table) note(r *row, now time.Time, end func(*row)) (Record, error) {
	t.now = milli(now)
	if !r.there || r.over(now) {
		*r = row{there: r.there, kind: r.kind, key: r.key, value: []byte{}, first: t.now}
	}
	r.last = t.now
	r.count++
	end(r)
	return r.record(), t.save(r)
}

// noteKey is Note of Store.
func (t *table) noteKey(bucket Bucket, key string, now time.Time, keep time.Duration) (Record, error) {
	if err := check(bucket, key); err != nil {
		return Record{}, err
	}
	r := newRow(bucket, key)
	if err := t.find(&r); err != nil {
		return Record{}, err
	}
	return t.note(&r, now, func(r *row) { r.expires = r.last + keep.Milliseconds() })
}

func (t *table) put(rec Record) error {
	if err := check(rec.Bucket, rec.Key); err != nil {
		return err
	}
	if rec.Expires.IsZero() {
		return fmt.Errorf("%w: it has no expiry", ErrRecord)
	}
	r := newRow(rec.Bucket, rec.Key)
	if err := t.find(&r); err != nil {
		return err
	}
	r.first, r.last, r.passed, r.expires = milli(rec.First), milli(rec.Last), milli(rec.Passed), milli(rec.Expires)
	r.count, r.value = rec.Count, []byte(rec.Value)
	return t.save(&r)
}

func (t *table) save(r *row) error {
	s := t.update
	if !r.there {
		if s = t.insert; t.total() >= t.most {
			t.full = true
			return fmt.Errorf("%w: %s has %d records, which is the limit", ErrFull, t.name(), t.most)
		}
	}
	n, err := s.run(r.first, r.last, r.passed, r.count, r.value, r.expires, int64(r.kind), r.key)
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows were written in place of one", n)
	}
	if err == nil && !r.there {
		t.counts[r.kind-1]++
	}
	return err
}

// get returns a record, nil if there is none.
func (t *table) get(bucket Bucket, key string, now time.Time) (*Record, error) {
	if err := check(bucket, key); err != nil {
		return nil, err
	}
	r := newRow(bucket, key)
	if err := t.find(&r); err != nil || !r.there || r.over(now) {
		return nil, err
	}
	rec := r.record()
	return &rec, nil
}

// A place is one in the order of the table: a kind, and the least key.
type place struct {
	kind int
	key  []byte
}

// after is the place behind a key.
func after(bucket int, key []byte) place { return place{bucket, append(slices.Clone(key), 0)} }

// A page is some rows in order, and where those after them begin.
type page struct {
	rows []row
	next place
}

const pageRows = 500

func (t *table) page(at place) (p page, err error) {
	err = t.some.each(func(v []driver.Value) {
		r := row{kind: at.kind}
		r.take(v)
		r.key = blob(v[7])
		p.rows = append(p.rows, r)
	}, int64(at.kind), blob(at.key), int64(pageRows))
	if len(p.rows) < pageRows {
		p.next = place{kind: at.kind + 1}
	} else {
		p.next = after(at.kind, p.rows[pageRows-1].key)
	}
	return p, err
}

func (t *table) stats() (Stats, error) {
	counts := t.counts
	if !t.inside {
		var err error
		if counts, err = t.readCounts(); err != nil {
			return Stats{}, err
		}
	}
	pages, err := t.number("PRAGMA page_count")
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Records: map[Bucket]int64{}, Bytes: pages * pageSize}
	for i, n := range counts {
		st.Records[Buckets[i]] = n
	}
	return st, nil
}

func (t *table) total() (n int64) {
	for _, c := range t.counts {
		n += c
	}
	return n
}

func (t *table) readCounts() (counts [numberOfBuckets]int64, err error) {
	err = t.tally.each(func(v []driver.Value) {
		if i := integer(v[0]); i >= 1 && i <= numberOfBuckets {
			counts[i-1] = integer(v[1])
		}
	})
	return counts, err
}
