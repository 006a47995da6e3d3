package statetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/helogate/helogate/internal/state"
	"pgregory.net/rapid"
)

// memory is what a store must answer like: the promises of state.Store, word by word.
type memory map[place]state.Record

type place struct {
	kind state.Bucket
	key  string
}

func (m memory) get(kind state.Bucket, key string, now time.Time) (state.Record, bool) {
	r, found := m[place{kind, key}]
	if !found || !now.Before(r.Expires) {
		return state.Record{}, false
	}
	return r, true
}

func (m memory) put(r state.Record) { m[place{r.Bucket, r.Key}] = r }

func (m memory) note(kind state.Bucket, key string, now time.Time, keep time.Duration) state.Record {
	r, found := m.get(kind, key, now)
	if !found {
		r = state.Record{Bucket: kind, Key: key, First: now}
	}
	r.Last, r.Expires = now, now.Add(keep)
	r.Count++
	m.put(r)
	return r
}

func (m memory) attempt(key string, now time.Time, t state.Times) state.Record {
	client := state.Client(key)
	if r, found := m.get(state.Returned, client, now); found && t.AutoPass > 0 && r.Count >= int64(t.AutoPass) {
		if now.Sub(r.Last) > min(24*time.Hour, t.Pass/2) {
			r = m.note(state.Returned, client, now, t.Pass)
		}
		return r
	}
	r, found := m.get(state.Greylist, key, now)
	if !found {
		r = state.Record{Bucket: state.Greylist, Key: key, First: now, Expires: now.Add(t.Window)}
	} else if r.Passed.IsZero() && now.Sub(r.First) >= t.Delay {
		r.Passed = now
		if t.AutoPass > 0 {
			m.note(state.Returned, client, now, t.Pass)
		}
	}
	if !r.Passed.IsZero() {
		r.Expires = now.Add(t.Pass)
	}
	r.Last = now
	r.Count++
	m.put(r)
	return r
}

// model lets random operations at random times do the same to a store and to the memory.
func (s *suite) model(t *testing.T) {
	store, run := s.open(t), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &walk{suite: s, store: store, memory: memory{}, now: s.start, prefix: fmt.Sprint(run, "/")}
		// The clock goes back from one walk to the next, and a store that removes what is over must hear of it before
		// it is given a record, which Put would not tell.
		if _, err := store.Note(context.Background(), state.Returned, m.prefix+"begins", m.now, time.Hour); err != nil {
			t.Fatal(err)
		}
		m.memory.note(state.Returned, m.prefix+"begins", m.now, time.Hour)
		steps := rapid.IntRange(1, 60).Draw(t, "steps")
		for range steps {
			m.now = m.now.Add(rapid.SampledFrom(passing).Draw(t, "passes"))
			m.step(t)
		}
		m.compare(t)
	})
}

// passing is how the clock goes: about the ends of things.
var passing = []time.Duration{
	0, 0, 0, time.Millisecond, time.Minute - time.Millisecond, time.Minute, 4 * time.Minute, 5*time.Minute - time.Millisecond, 5 * time.Minute, 59 * time.Minute,
	time.Hour - time.Millisecond, time.Hour, 24*time.Hour - time.Millisecond, 24 * time.Hour, 36 * 24 * time.Hour,
}

// A walk is one sequence of operations, on keys of its own.
type walk struct {
	*suite
	store  state.Store
	memory memory
	now    time.Time
	prefix string
}

func (w *walk) step(t *rapid.T) {
	ctx := context.Background()
	key := w.prefix + rapid.SampledFrom([]string{"", "a", "a ", "a b", "a b c", "b", "b }", "a\x00", "\xff"}).Draw(t, "key")
	kind := rapid.SampledFrom(state.Buckets).Draw(t, "kind")
	same := func(what string, got, want state.Record, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%s of %s %q at %s: %v\n%s", what, kind, key, w.now.Sub(w.start), err, diff)
		}
	}
	switch rapid.SampledFrom([]string{"attempt", "attempt", "attempt", "note", "put", "get"}).Draw(t, "operation") {
	case "attempt":
		rules := state.Times{
			Delay:  rapid.SampledFrom([]time.Duration{0, time.Minute, 5 * time.Minute}).Draw(t, "delay"),
			Window: rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "window"),
			Pass:   rapid.SampledFrom([]time.Duration{time.Minute, 2 * time.Hour, 36 * 24 * time.Hour}).Draw(t, "pass"),

			AutoPass: rapid.IntRange(0, 2).Draw(t, "auto pass"),
		}
		r, err := w.store.Attempt(ctx, key, w.now, rules)
		same("attempt", r, w.memory.attempt(key, w.now, rules), err)
	case "note":
		keep := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour}).Draw(t, "keep")
		r, err := w.store.Note(ctx, kind, key, w.now, keep)
		same("note", r, w.memory.note(kind, key, w.now, keep), err)
	case "put":
		r := w.draw(t, kind, key)
		w.memory.put(r)
		if err := w.store.Put(ctx, r); err != nil {
			t.Fatalf("put of %s: %v", w.tell(r), err)
		}
	case "get":
		want, there := w.memory.get(kind, key, w.now)
		r, found, err := w.store.Get(ctx, kind, key, w.now)
		if found != there {
			t.Fatalf("get of %s %q at %s: found %t, %v; want %t", kind, key, w.now.Sub(w.start), found, err, there)
		}
		if found {
			same("get", r, want, err)
		}
	}
}

// draw is a record to put. One that is over lives no longer than the suite promises, but one that began may end at any
// time.
func (w *walk) draw(t *rapid.T, kind state.Bucket, key string) state.Record {
	around := func(name string) time.Time {
		d := rapid.SampledFrom([]time.Duration{-time.Hour, -5 * time.Minute, -time.Millisecond, 0}).Draw(t, name)
		if rapid.Bool().Draw(t, "no "+name) {
			return time.Time{}
		}
		return w.now.Add(d)
	}
	return state.Record{
		Bucket: kind, Key: key, First: around("first"), Last: around("last"), Passed: around("passed"),
		Count:   rapid.Int64Range(0, 1<<40).Draw(t, "count"),
		Value:   rapid.SampledFrom([]string{"", "ok", "\x00\xff"}).Draw(t, "value"),
		Expires: w.now.Add(rapid.SampledFrom([]time.Duration{-time.Minute, 0, time.Minute, time.Hour}).Draw(t, "expires")),
	}
}

// compare holds everything that the store yields to what the memory has.
func (w *walk) compare(t *rapid.T) {
	var got, want []state.Record
	for _, r := range w.everything(t, w.store, w.now.Sub(w.start)) {
		if len(r.Key) >= len(w.prefix) && r.Key[:len(w.prefix)] == w.prefix {
			got = append(got, r)
		}
	}
	for p := range w.memory {
		if r, found := w.memory.get(p.kind, p.key, w.now); found {
			want = append(want, r)
		}
	}
	sortRecords(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s", diff)
	}
}
