// Package statetest holds any store of records to what [state.Store] promises. Each store runs it in its own tests.
package statetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/helogate/helogate/internal/state"
)

// An Option is what a store can do more, or what it needs.
type Option func(*suite)

// Shared has the suite hold two stores on the same data, empty at first, to what is promised to several processes.
func Shared(open func(t *testing.T) (a, b state.Store)) Option {
	return func(s *suite) { s.openTwo = open }
}

// Start is the time at which the suite begins; the default is now. Every record of the suite lives for a minute or
// more, and its clock goes forward, so that a store whose server has a clock of its own can pass.
func Start(at time.Time) Option {
	return func(s *suite) { s.start = at }
}

type suite struct {
	open    func(t *testing.T) state.Store
	openTwo func(t *testing.T) (a, b state.Store)
	start   time.Time
}

// Run holds the stores that open gives to the promises of state.Store. Each must be empty; open closes them at the end
// of the test, where the test has not done it.
func Run(t *testing.T, open func(t *testing.T) state.Store, opts ...Option) {
	s := &suite{open: open, start: time.Now()}
	for _, o := range opts {
		o(s)
	}
	s.start = s.start.UTC().Truncate(time.Millisecond)
	tests := []promise{
		{"attempt", s.attempt},
		{"attempt in a window that is over", s.tooLate},
		{"attempt after the end", s.afterTheEnd},
		{"attempt with a clock behind", s.clockBehind},
		{"auto pass", s.autoPass},
		{"auto pass of hours", s.autoPassOfHours},
		{"note", s.note},
		{"put and get", s.putAndGet},
		{"put over what is over", s.putOver},
		{"kinds", s.kinds},
		{"keys", s.keys},
		{"what cannot be", s.refused},
		{"milliseconds", s.milliseconds},
		{"all", s.all},
		{"stats", s.stats},
		{"at once", s.atOnce},
		{"ended contexts", s.endedContexts},
		{"after close", s.afterClose},
		{"model", s.model},
	}
	if s.openTwo != nil {
		tests = append(tests, promise{"two stores", s.two}, promise{"two stores at once", s.twoAtOnce})
	}
	for _, p := range tests {
		t.Run(p.name, p.test)
	}
}

type promise struct {
	name string
	test func(*testing.T)
}

// times are the rules of the greylist in the suite.
var times = state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour}

// at is a time of the suite.
func (s *suite) at(d time.Duration) time.Time { return s.start.Add(d) }

// tell writes a record as a test can state it, its times as from the start of the suite.
func (s *suite) tell(r state.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %d", r.Bucket, r.Key, r.Count)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"first", r.First}, {"last", r.Last}, {"passed", r.Passed}, {"expires", r.Expires}} {
		switch {
		case t.at.IsZero():
		case t.at.Location() != time.UTC:
			fmt.Fprintf(&b, " %s in %s", t.name, t.at.Location())
		default:
			fmt.Fprintf(&b, " %s %s", t.name, t.at.Sub(s.start))
		}
	}
	if r.Value != "" {
		fmt.Fprintf(&b, " %q", r.Value)
	}
	return b.String()
}

func (s *suite) try(t *testing.T, store state.Store, key string, at time.Duration, want string) {
	t.Helper()
	r, err := store.Attempt(t.Context(), key, s.at(at), times)
	if got := s.tell(r); err != nil || got != want {
		t.Errorf("attempt at %s: %s, %v; want %s", at, got, err, want)
	}
}

// get wants a record, or none where want is empty.
func (s *suite) get(t *testing.T, store state.Store, kind state.Bucket, key string, at time.Duration, want string) {
	t.Helper()
	r, found, err := store.Get(t.Context(), kind, key, s.at(at))
	got := ""
	if found {
		got = s.tell(r)
	}
	if err != nil || got != want {
		t.Errorf("get at %s: %q, %v; want %q", at, got, err, want)
	}
}

func put(t *testing.T, store state.Store, r state.Record) {
	t.Helper()
	if err := store.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func (s *suite) attempt(t *testing.T) {
	store := s.open(t)
	s.get(t, store, state.Greylist, "k", 0, "")
	s.try(t, store, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	s.try(t, store, "k", time.Minute, `greylist "k" 2 first 0s last 1m0s expires 24h0m0s`)
	s.try(t, store, "k", 5*time.Minute-time.Millisecond, `greylist "k" 3 first 0s last 4m59.999s expires 24h0m0s`)
	s.try(t, store, "k", 5*time.Minute, `greylist "k" 4 first 0s last 5m0s passed 5m0s expires 864h5m0s`)
	s.get(t, store, state.Greylist, "k", 5*time.Minute, `greylist "k" 4 first 0s last 5m0s passed 5m0s expires 864h5m0s`)
	s.try(t, store, "k", time.Hour, `greylist "k" 5 first 0s last 1h0m0s passed 5m0s expires 865h0m0s`)
	s.try(t, store, "k", 865*time.Hour-time.Millisecond, `greylist "k" 6 first 0s last 864h59m59.999s passed 5m0s expires 1728h59m59.999s`)
	s.try(t, store, "other", time.Hour, `greylist "other" 1 first 1h0m0s last 1h0m0s expires 25h0m0s`)
}

func (s *suite) tooLate(t *testing.T) {
	store := s.open(t)
	s.try(t, store, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	s.get(t, store, state.Greylist, "k", 24*time.Hour-time.Millisecond, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	s.get(t, store, state.Greylist, "k", 24*time.Hour, "")
	s.try(t, store, "k", 24*time.Hour, `greylist "k" 1 first 24h0m0s last 24h0m0s expires 48h0m0s`)
	s.try(t, store, "in time", 0, `greylist "in time" 1 first 0s last 0s expires 24h0m0s`)
	s.try(t, store, "in time", 24*time.Hour-time.Millisecond,
		`greylist "in time" 2 first 0s last 23h59m59.999s passed 23h59m59.999s expires 887h59m59.999s`)
}

func (s *suite) afterTheEnd(t *testing.T) {
	store := s.open(t)
	s.try(t, store, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	s.try(t, store, "k", time.Hour, `greylist "k" 2 first 0s last 1h0m0s passed 1h0m0s expires 865h0m0s`)
	s.get(t, store, state.Greylist, "k", 865*time.Hour, "")
	s.try(t, store, "k", 865*time.Hour, `greylist "k" 1 first 865h0m0s last 865h0m0s expires 889h0m0s`)
	s.try(t, store, "k", 865*time.Hour+5*time.Minute, `greylist "k" 2 first 865h0m0s last 865h5m0s passed 865h5m0s expires 1729h5m0s`)
}

// The clocks of two MX hosts differ.
func (s *suite) clockBehind(t *testing.T) {
	store := s.open(t)
	s.try(t, store, "k", time.Minute, `greylist "k" 1 first 1m0s last 1m0s expires 24h1m0s`)
	r, err := store.Attempt(t.Context(), "k", s.at(0), times)
	if err != nil || r.Count != 2 || !r.Passed.IsZero() || !r.First.Equal(s.at(time.Minute)) || !r.Expires.Equal(s.at(24*time.Hour+time.Minute)) {
		t.Errorf("%s, %v", s.tell(r), err)
	}
}

func (s *suite) note(t *testing.T) {
	store := s.open(t)
	note := func(key string, at, keep time.Duration, want string) {
		t.Helper()
		r, err := store.Note(t.Context(), state.Returned, key, s.at(at), keep)
		if got := s.tell(r); err != nil || got != want {
			t.Errorf("note at %s: %s, %v; want %s", at, got, err, want)
		}
		s.get(t, store, state.Returned, key, at, want)
	}
	note("k", 0, time.Hour, `returned "k" 1 first 0s last 0s expires 1h0m0s`)
	note("k", time.Hour-time.Millisecond, time.Hour, `returned "k" 2 first 0s last 59m59.999s expires 1h59m59.999s`)
	note("k", time.Hour, time.Minute, `returned "k" 3 first 0s last 1h0m0s expires 1h1m0s`)
	s.get(t, store, state.Returned, "k", time.Hour+time.Minute, "")
	note("k", time.Hour+time.Minute, time.Hour, `returned "k" 1 first 1h1m0s last 1h1m0s expires 2h1m0s`)

	put(t, store, state.Record{Bucket: state.Returned, Key: "v", First: s.at(0), Last: s.at(0), Passed: s.at(0), Count: 41, Value: "kept", Expires: s.at(time.Hour)})
	note("v", time.Minute, time.Hour, `returned "v" 42 first 0s last 1m0s passed 0s expires 1h1m0s "kept"`)
	note("v", 2*time.Hour, time.Hour, `returned "v" 1 first 2h0m0s last 2h0m0s expires 3h0m0s`)
}

func (s *suite) putAndGet(t *testing.T) {
	store := s.open(t)
	put(t, store, state.Record{Bucket: state.Callout, Key: "k", Value: "found", Expires: s.at(time.Hour)})
	s.get(t, store, state.Callout, "k", 0, `callout "k" 0 expires 1h0m0s "found"`)
	s.get(t, store, state.Callout, "k", time.Hour, "")

	whole := state.Record{
		Bucket: state.Greylist, Key: "k", First: s.at(1 * time.Second), Last: s.at(2 * time.Second), Passed: s.at(3 * time.Second),
		Count: 1 << 60, Value: "\x00\xff \n\"{}", Expires: s.at(100 * 365 * 24 * time.Hour),
	}
	put(t, store, whole)
	got, found, err := store.Get(t.Context(), state.Greylist, "k", s.at(0))
	if diff := cmp.Diff(whole, got); diff != "" || !found || err != nil {
		t.Errorf("%t, %v\n%s", found, err, diff)
	}
	put(t, store, state.Record{Bucket: state.Greylist, Key: "k", Count: 2, Expires: s.at(time.Hour)}) // nothing of the one before is left
	s.get(t, store, state.Greylist, "k", 0, `greylist "k" 2 expires 1h0m0s`)

	long := state.Record{Bucket: state.Callout, Key: "long", Value: strings.Repeat("\x00ü", 8<<10), Expires: s.at(time.Hour)}
	put(t, store, long)
	if got, _, err := store.Get(t.Context(), state.Callout, "long", s.at(0)); err != nil || got.Value != long.Value {
		t.Errorf("a value of %d bytes has %d, %v", len(long.Value), len(got.Value), err)
	}

	put(t, store, state.Record{Bucket: state.Greylist, Key: "waits", First: s.at(0), Last: s.at(0), Count: 1, Expires: s.at(24 * time.Hour)})
	s.try(t, store, "waits", 5*time.Minute, `greylist "waits" 2 first 0s last 5m0s passed 5m0s expires 864h5m0s`)
	put(t, store, state.Record{Bucket: state.Greylist, Key: "passes", First: s.at(0), Last: s.at(0), Passed: s.at(0), Count: 9, Expires: s.at(24 * time.Hour)})
	s.try(t, store, "passes", time.Minute, `greylist "passes" 10 first 0s last 1m0s passed 0s expires 864h1m0s`)
}

func (s *suite) putOver(t *testing.T) {
	store := s.open(t)
	s.try(t, store, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	put(t, store, state.Record{Bucket: state.Greylist, Key: "k", First: s.at(25 * time.Hour), Count: 7, Expires: s.at(26 * time.Hour)})
	s.get(t, store, state.Greylist, "k", 25*time.Hour, `greylist "k" 7 first 25h0m0s expires 26h0m0s`)
	put(t, store, state.Record{Bucket: state.Greylist, Key: "k", Count: 8, Expires: s.at(-time.Hour)}) // over when it is put
	s.get(t, store, state.Greylist, "k", 25*time.Hour, "")
	s.try(t, store, "k", 25*time.Hour, `greylist "k" 1 first 25h0m0s last 25h0m0s expires 49h0m0s`)
}

func (s *suite) kinds(t *testing.T) {
	store := s.open(t)
	for i, kind := range state.Buckets {
		put(t, store, state.Record{Bucket: kind, Key: "k", Count: int64(i), Expires: s.at(time.Hour)})
	}
	for i, kind := range state.Buckets {
		s.get(t, store, kind, "k", 0, fmt.Sprintf("%s \"k\" %d expires 1h0m0s", kind, i))
	}
}

// oddKeys are keys that a store may confuse, cut or refuse.
var oddKeys = []string{
	"", " ", "\x00", "a", "a\x00", "a\x00b", "A", "\xff", "\xff\xfe", "\xc3", "ü", "u\u0308", "%00", "%", "{k}", "{", "}", "'; --", "\"", "\r\n",
	"*", "k?", "[a]", strings.Repeat("x", state.MaxKey), strings.Repeat("x", state.MaxKey-1) + "y", strings.Repeat("\xff", state.MaxKey),
	strings.Repeat("\x00", state.MaxKey), strings.Repeat("\x00", state.MaxKey-1), strings.Repeat("ü", state.MaxKey/2),
}

func (s *suite) keys(t *testing.T) {
	store := s.open(t)
	for i, key := range oddKeys {
		s.get(t, store, state.Callout, key, 0, "")
		put(t, store, state.Record{Bucket: state.Callout, Key: key, Count: int64(i), Expires: s.at(time.Hour)})
		s.try(t, store, key, 0, fmt.Sprintf("greylist %q 1 first 0s last 0s expires 24h0m0s", key))
		if _, err := store.Note(t.Context(), state.Returned, key, s.at(0), time.Hour); err != nil {
			t.Error(err)
		}
	}
	for i, key := range oddKeys {
		s.get(t, store, state.Callout, key, 0, fmt.Sprintf("callout %q %d expires 1h0m0s", key, i))
		s.get(t, store, state.Greylist, key, 0, fmt.Sprintf("greylist %q 1 first 0s last 0s expires 24h0m0s", key))
	}
	seen := map[string]int{}
	for _, r := range s.everything(t, store, 0) {
		seen[r.Key]++
	}
	for _, key := range oddKeys {
		if seen[key] != 3 {
			t.Errorf("%q is there %d times", key, seen[key])
		}
	}
}

func (s *suite) refused(t *testing.T) {
	store, long := s.open(t), strings.Repeat("x", state.MaxKey+1)
	fails := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	_, err := store.Attempt(t.Context(), long, s.at(0), times)
	fails("attempt of a long key", err)
	_, err = store.Note(t.Context(), state.Returned, long, s.at(0), time.Hour)
	fails("note of a long key", err)
	_, err = store.Note(t.Context(), "gossip", "k", s.at(0), time.Hour)
	fails("note of an unknown kind", err)
	_, _, err = store.Get(t.Context(), state.Returned, long, s.at(0))
	fails("get of a long key", err)
	_, _, err = store.Get(t.Context(), "gossip", "k", s.at(0))
	fails("get of an unknown kind", err)
	fails("put of a long key", store.Put(t.Context(), state.Record{Bucket: state.Callout, Key: long, Expires: s.at(time.Hour)}))
	fails("put of an unknown kind", store.Put(t.Context(), state.Record{Bucket: "gossip", Key: "k", Expires: s.at(time.Hour)}))
	fails("put of no end", store.Put(t.Context(), state.Record{Bucket: state.Callout, Key: "k"}))
	if left := s.everything(t, store, 0); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func (s *suite) milliseconds(t *testing.T) {
	store := s.open(t)
	berlin := time.FixedZone("CET", 3600)
	odd := func(d time.Duration) time.Time { return s.at(d + 999*time.Microsecond + 999).In(berlin) }
	r, err := store.Attempt(t.Context(), "k", odd(0), times)
	if got := s.tell(r); err != nil || got != `greylist "k" 1 first 0s last 0s expires 24h0m0s` {
		t.Errorf("attempt: %s, %v", got, err)
	}
	r, err = store.Attempt(t.Context(), "k", odd(5*time.Minute-time.Millisecond), times)
	if got := s.tell(r); err != nil || got != `greylist "k" 2 first 0s last 4m59.999s expires 24h0m0s` {
		t.Errorf("attempt: %s, %v", got, err)
	}
	r, err = store.Note(t.Context(), state.Returned, "k", odd(0), time.Hour)
	if got := s.tell(r); err != nil || got != `returned "k" 1 first 0s last 0s expires 1h0m0s` {
		t.Errorf("note: %s, %v", got, err)
	}
	put(t, store, state.Record{Bucket: state.Callout, Key: "k", First: odd(0), Last: odd(time.Millisecond), Passed: odd(2 * time.Millisecond), Expires: odd(time.Hour)})
	s.get(t, store, state.Callout, "k", 0, `callout "k" 0 first 0s last 1ms passed 2ms expires 1h0m0s`)
	if _, found, err := store.Get(t.Context(), state.Callout, "k", odd(time.Hour-time.Millisecond)); !found || err != nil {
		t.Errorf("it ends early: %v", err)
	}
	if _, found, err := store.Get(t.Context(), state.Callout, "k", odd(time.Hour)); found || err != nil {
		t.Errorf("it ends late: %v", err)
	}
}

// everything is what All yields, in the order of kinds and keys.
func (s *suite) everything(t fataler, store state.Store, at time.Duration) []state.Record {
	t.Helper()
	var list []state.Record
	for r, err := range store.All(context.Background(), s.at(at)) {
		if err != nil {
			t.Fatalf("all: %v", err)
		}
		list = append(list, r)
	}
	sortRecords(list)
	return list
}

// fataler is a test, or one of the many of a property.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func sortRecords(list []state.Record) {
	slices.SortFunc(list, func(a, b state.Record) int {
		return strings.Compare(string(a.Bucket)+" "+a.Key, string(b.Bucket)+" "+b.Key)
	})
}

func (s *suite) all(t *testing.T) {
	store := s.open(t)
	if list := s.everything(t, store, 0); len(list) > 0 {
		t.Fatalf("the store that is opened has %v", list)
	}
	const each = 700 // more than a page of any store
	var want []state.Record
	for i := range each {
		for _, kind := range state.Buckets {
			r := state.Record{Bucket: kind, Key: fmt.Sprint("k", i), First: s.at(0), Last: s.at(time.Second), Count: int64(i), Value: "v", Expires: s.at(time.Hour)}
			if i%10 == 0 {
				r.Expires = s.at(time.Minute)
			} else {
				want = append(want, r)
			}
			put(t, store, r)
		}
	}
	if n := len(s.everything(t, store, time.Minute-time.Millisecond)); n != each*len(state.Buckets) {
		t.Errorf("%d records before the end of some", n)
	}
	sortRecords(want)
	if diff := cmp.Diff(want, s.everything(t, store, time.Minute)); diff != "" {
		t.Error(diff)
	}
	if list := s.everything(t, store, time.Hour); len(list) > 0 {
		t.Errorf("over, and yielded: %d", len(list))
	}
	// A reader may stop early, and may write meanwhile.
	n := 0
	for r, err := range store.All(t.Context(), s.at(0)) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 10 {
			break
		}
		if _, err := store.Note(t.Context(), r.Bucket, r.Key, s.at(0), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	s.try(t, store, "after", 0, `greylist "after" 1 first 0s last 0s expires 24h0m0s`)
}

func (s *suite) stats(t *testing.T) {
	store := s.open(t)
	for i := range 30 {
		put(t, store, state.Record{Bucket: state.Buckets[i%3], Key: fmt.Sprint(i), Expires: s.at(time.Hour)})
		put(t, store, state.Record{Bucket: state.Buckets[i%3], Key: fmt.Sprint(i), Expires: s.at(time.Hour)})
	}
	st, err := store.Stats(t.Context(), s.at(0))
	if err != nil || st.Bytes == 0 || st.Bytes < -1 {
		t.Errorf("%+v, %v", st, err)
	}
	for i, kind := range state.Buckets {
		want := int64(10)
		if i == 3 {
			want = 0
		}
		if st.Records != nil && st.Records[kind] != want {
			t.Errorf("%s: %d records", kind, st.Records[kind])
		}
	}
}
