package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/helogate/helogate/internal/state"
)

const transferHeader = `{"helogate":"state","version":1,"at":"2026-11-21T09:00:00.000Z"}` + "\n"

func TestExport(t *testing.T) {
	s := open(t, state.SQLiteConfig{})
	for _, r := range []state.Record{
		{Bucket: state.Greylist, Key: "192.0.2.0/24 jane@example.org bob@example.net", First: morning.Add(-time.Hour), Last: morning, Passed: morning, Count: 2, Expires: morning.Add(36 * 24 * time.Hour)},
		{Bucket: state.Callout, Key: "caf\xe9", Value: "\xff", Expires: morning.Add(time.Millisecond)},
		{Bucket: state.Callout, Key: "", Value: "refused: \"no\"", Count: 0, Expires: morning.Add(time.Hour)},
		{Bucket: state.Deferred, Key: "over", Expires: morning},
	} {
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	n, err := state.Export(t.Context(), s, morning, &b)
	if n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines[1:])
	want := []string{
		transferHeader,
		"",
		`{"kind":"callout","key":"","count":0,"value":"refused: \"no\"","expires":"2026-11-21T10:00:00.000Z"}` + "\n",
		`{"kind":"callout","key_base64":"Y2Fm6Q==","count":0,"value_base64":"/w==","expires":"2026-11-21T09:00:00.001Z"}` + "\n",
		`{"kind":"greylist","key":"192.0.2.0/24 jane@example.org bob@example.net","first":"2026-11-21T08:00:00.000Z","last":"2026-11-21T09:00:00.000Z",` +
			`"passed":"2026-11-21T09:00:00.000Z","count":2,"expires":"2026-12-27T09:00:00.000Z"}` + "\n",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if _, err := state.Export(t.Context(), s, morning, full{}); err == nil {
		t.Error("nobody is told that the disk is full")
	}
	s.Close()
	if _, err := state.Export(t.Context(), s, morning, io.Discard); !errors.Is(err, state.ErrClosed) {
		t.Errorf("of a closed store: %v", err)
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestImportErrors(t *testing.T) {
	const good = `{"kind":"returned","key":"a","count":1,"expires":"2026-11-21T10:00:00Z"}` + "\n"
	greylist := func(rest string) string { return transferHeader + good + `{"kind":"greylist",` + rest + "\n" + good }
	for _, c := range []struct {
		name, text string
		n          int
		want       string
	}{
		{"empty", "", 0, "line 1: the file is empty: it is not an export of helogate state"},
		{"no header", good, 0, `line 1: it must be the header, {"helogate":"state","version":1}: this is no export of helogate state`},
		{"something else", "root:x:0:0\n", 0, `line 1: it must be the header, {"helogate":"state","version":1}: this is no export of helogate state`},
		{"another header", `{"helogate":"journal","version":1}`, 0, `line 1: it must be the header, {"helogate":"state","version":1}: this is no export of helogate state`},
		{"a later version", `{"helogate":"state","version":2}`, 0, "line 1: the export is of version 2, and this helogate reads version 1: import it with the helogate that wrote it, or a later one"},
		{"no JSON", transferHeader + good + "nonsense\n", 1, "line 3: invalid character 'o' in literal null (expecting 'u')"},
		{"cut off", transferHeader + good + good[:20], 1, "line 3: the line is incomplete: was the export cut off?"},
		{"two in a line", transferHeader + strings.TrimSpace(good) + good, 0, "line 2: there is more than one record in the line"},
		{"unknown setting", greylist(`"key":"b","colour":"red"}`), 1, `line 3: json: unknown field "colour"`},
		{"no key", greylist(`"first":"2026-11-21T09:00:00Z","expires":"2026-11-21T10:00:00Z"}`), 1, "line 3: key is missing"},
		{"two keys", greylist(`"key":"b","key_base64":"YQ==","expires":"2026-11-21T10:00:00Z"}`), 1, "line 3: key and key_base64: only one is allowed"},
		{"two values", greylist(`"key":"b","value":"b","value_base64":"YQ==","expires":"2026-11-21T10:00:00Z"}`), 1, "line 3: value and value_base64: only one is allowed"},
		{"no first", greylist(`"key":"b","expires":"2026-11-21T10:00:00Z"}`), 1, "line 3: first is missing: the greylist needs it"},
		{"no end", greylist(`"key":"b","first":"2026-11-21T09:00:00Z"}`), 1, "line 3: expires is missing"},
		{"no time", greylist(`"key":"b","first":"yesterday","expires":"2026-11-21T10:00:00Z"}`), 1, `line 3: first: "yesterday" is no time, as 2026-11-21T09:00:00.000Z is`},
		{"a negative count", greylist(`"key":"b","count":-1,"first":"2026-11-21T09:00:00Z","expires":"2026-11-21T10:00:00Z"}`), 1, "line 3: count -1 is negative"},
		{"no kind", transferHeader + `{"key":"b","expires":"2026-11-21T10:00:00Z"}`, 0, "line 2: kind is missing"},
		{"unknown kind", transferHeader + `{"kind":"gossip","key":"b","expires":"2026-11-21T10:00:00Z"}`, 0, `kind "gossip"`},
		{"a long key", transferHeader + `{"kind":"callout","key":"` + strings.Repeat("x", 513) + `","expires":"2026-11-21T10:00:00Z"}`, 0, "a key of 513 bytes"},
		{"a long line", transferHeader + good + strings.Repeat("x", 5<<20), 1, "line 3: it is longer than 4 MiB, the limit of a record"},
	} {
		n, skipped, err := state.Import(t.Context(), open(t, state.SQLiteConfig{}), morning, strings.NewReader(c.text))
		if n != c.n || skipped != 0 || err == nil || !strings.HasPrefix(err.Error(), "import: line ") || !strings.Contains(err.Error(), c.want) ||
			!strings.HasSuffix(err.Error(), fmt.Sprintf("; %d records were imported before", c.n)) {
			t.Errorf("%s: %d, %d, %v\nwant %s", c.name, n, skipped, err, c.want)
		}
	}
	n, _, err := state.Import(t.Context(), open(t, state.SQLiteConfig{}), morning,
		io.MultiReader(strings.NewReader(transferHeader+good), iotest.ErrReader(errors.New("the disk is gone"))))
	if fmt.Sprint(n, err) != "1 import: line 3: the disk is gone; 1 records were imported before" {
		t.Error(n, err)
	}
}

// Blank lines, other zones and finer times are no error; what is over is not kept.
func TestImport(t *testing.T) {
	s := open(t, state.SQLiteConfig{})
	n, skipped, err := state.Import(t.Context(), s, morning, strings.NewReader(transferHeader+`
{"kind":"greylist","key":"a","first":"2026-11-21T09:30:00.0019+01:00","last":"2026-11-21T08:31:00Z","count":2,"expires":"2026-11-21T09:00:00.001Z"}

{"kind":"callout","key_base64":"/w==","value_base64":"AA==","count":0,"expires":"2026-11-21T10:00:00Z"}
{"kind":"deferred","key":"over","count":2,"expires":"2026-11-21T09:00:00Z"}`))
	if n != 2 || skipped != 1 || err != nil {
		t.Errorf("%d, %d, %v", n, skipped, err)
	}
	want := []state.Record{
		{Bucket: state.Callout, Key: "\xff", Value: "\x00", Expires: morning.Add(time.Hour)},
		{Bucket: state.Greylist, Key: "a", First: morning.Add(time.Millisecond - 30*time.Minute), Last: morning.Add(-29 * time.Minute), Count: 2, Expires: morning.Add(time.Millisecond)},
	}
	if diff := cmp.Diff(want, allOf(t, s)); diff != "" {
		t.Error(diff)
	}
}

func allOf(t fataler, s state.Store) (list []state.Record) {
	t.Helper()
	for r, err := range s.All(context.Background(), morning) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b state.Record) int { return strings.Compare(string(a.Bucket)+a.Key, string(b.Bucket)+b.Key) })
	return list
}

type fataler interface {
	Helper()
	Fatal(...any)
}

// A store that fails ends an import, whoever else is at work.
func TestImportStoreFails(t *testing.T) {
	var b strings.Builder
	b.WriteString(transferHeader)
	for i := range 5000 {
		fmt.Fprintf(&b, `{"kind":"returned","key":"%d","count":1,"expires":"2026-11-21T10:00:00Z"}`+"\n", i)
	}
	closed := open(t, state.SQLiteConfig{})
	closed.Close()
	n, _, err := state.Import(t.Context(), closed, morning, strings.NewReader(b.String()))
	if n != 0 || !errors.Is(err, state.ErrClosed) || !strings.HasPrefix(err.Error(), "import: line ") {
		t.Errorf("%d, %v", n, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, _, err := state.Import(ended, open(t, state.SQLiteConfig{}), morning, strings.NewReader(b.String())); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
}

// An import over records that are there.
func TestImportOver(t *testing.T) {
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	grey := func(first, last, passed int, count int64, expires int) state.Record {
		r := state.Record{Bucket: state.Greylist, Key: "k", First: at(first), Last: at(last), Count: count, Expires: at(expires)}
		if passed != 0 {
			r.Passed = at(passed)
		}
		return r
	}
	callout := func(last, expires int, value string) state.Record {
		return state.Record{Bucket: state.Callout, Key: "k", First: at(last), Last: at(last), Value: value, Count: 1, Expires: at(expires)}
	}
	for _, c := range []struct {
		name       string
		a, b, want state.Record
	}{
		{"the same", grey(-9, -9, 0, 1, 9), grey(-9, -9, 0, 1, 9), grey(-9, -9, 0, 1, 9)},
		{"both wait", grey(-9, -2, 0, 3, 9), grey(-8, -1, 0, 2, 10), grey(-9, -1, 0, 3, 10)},
		{"one passes", grey(-20, -10, -10, 2, 900), grey(-8, -1, 0, 1, 10), grey(-20, -1, -10, 2, 900)},
		{"both pass", grey(-20, -10, -10, 2, 900), grey(-30, -5, -5, 9, 905), grey(-30, -5, -10, 9, 905)},
		{"a callout", callout(-10, 900, "found"), callout(-5, 30, "refused"), callout(-5, 30, "refused")},
	} {
		for _, pair := range [][2]state.Record{{c.a, c.b}, {c.b, c.a}} {
			from, to := open(t, state.SQLiteConfig{}), open(t, state.SQLiteConfig{})
			for s, r := range map[state.Store]state.Record{from: pair[0], to: pair[1]} {
				if err := s.Put(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // twice is as good as once
				transfer(t, from, to)
				if diff := cmp.Diff([]state.Record{c.want}, allOf(t, to)); diff != "" {
					t.Errorf("%s: %s", c.name, diff)
				}
			}
		}
	}
}

func transfer(t fataler, from, to state.Store) (n int) {
	t.Helper()
	var b bytes.Buffer
	if _, err := state.Export(context.Background(), from, morning, &b); err != nil {
		t.Fatal(err)
	}
	n, skipped, err := state.Import(context.Background(), to, morning, &b)
	if err != nil || skipped != 0 {
		t.Fatal(n, skipped, err)
	}
	return n
}

// Whatever a store has, another has after an export and an import, from SQLite to Redis and back. Several records of
// one key in an export become one, in whatever order they stand.
func TestTransferAll(t *testing.T) {
	embedded := open(t, state.SQLiteConfig{Path: filepath.Join(t.TempDir(), "state.db")})
	m := miniredis.RunT(t)
	shared := openRedis(t, state.RedisConfig{Servers: []string{m.Addr()}, Now: func() time.Time { return morning }})
	rapid.Check(t, func(t *rapid.T) {
		m.FlushAll()
		old := allOf(t, embedded)
		for range rapid.IntRange(0, 20).Draw(t, "records") {
			if err := embedded.Put(context.Background(), drawRecord(t)); err != nil {
				t.Fatal(err)
			}
		}
		want := allOf(t, embedded)
		if n := transfer(t, embedded, shared); n != len(want) || n < len(old) {
			t.Fatalf("%d of %d records", n, len(want))
		}
		if diff := cmp.Diff(want, allOf(t, shared)); diff != "" {
			t.Fatal(diff)
		}
		transfer(t, shared, embedded)
		if diff := cmp.Diff(want, allOf(t, embedded)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func drawRecord(t *rapid.T) state.Record {
	at := func(name string) time.Time {
		return morning.Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(t, name)) * time.Millisecond)
	}
	r := state.Record{
		Bucket: rapid.SampledFrom(state.Buckets).Draw(t, "kind"), Key: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "key")),
		First: at("first"), Last: at("last"), Count: rapid.Int64Range(0, 1<<50).Draw(t, "count"),
		Value: string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value")), Expires: morning.Add(time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "expires")) * time.Millisecond),
	}
	if rapid.Bool().Draw(t, "passes") {
		r.Passed = at("passed")
	}
	return r
}

// Of two records of one key the same becomes, whichever is there first, and once more changes nothing.
func TestTogether(t *testing.T) {
	from, to := open(t, state.SQLiteConfig{}), open(t, state.SQLiteConfig{})
	put := func(t *rapid.T, s state.Store, r state.Record) {
		if err := s.Put(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRecord(t), drawRecord(t)
		a.Key = "k"
		b.Bucket, b.Key = a.Bucket, a.Key
		var got []state.Record
		for _, order := range [][]state.Record{{a, b}, {b, a, b, a}} {
			put(t, to, order[0])
			for _, r := range order[1:] {
				put(t, from, r)
				transfer(t, from, to)
			}
			r, _, err := to.Get(context.Background(), a.Bucket, a.Key, morning)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Fatal(diff)
		}
		for _, s := range []state.Store{from, to} { // of this kind there is none for the next
			r := a
			r.Expires = morning.Add(-time.Hour)
			put(t, s, r)
		}
	})
}

// BenchmarkImport is the way of a record from a file into SQLite.
func BenchmarkImport(b *testing.B) {
	from := open(b, state.SQLiteConfig{})
	fill(b, from, uint64(b.N))
	var file bytes.Buffer
	now := time.Unix(1795251671, 0)
	if _, err := state.Export(b.Context(), from, now, &file); err != nil {
		b.Fatal(err)
	}
	from.Close()
	to := open(b, state.SQLiteConfig{Path: filepath.Join(b.TempDir(), "state.db")})
	b.SetBytes(int64(file.Len() / b.N))
	b.ResetTimer()
	if n, _, err := state.Import(b.Context(), to, now, &file); n != b.N || err != nil {
		b.Fatal(n, err)
	}
}

// FuzzImport is for any bytes: an import ends, says which line is wrong, and what it took can be exported and imported
// again.
func FuzzImport(f *testing.F) {
	f.Add([]byte(transferHeader + `{"kind":"greylist","key":"a","first":"2026-11-21T09:30:00+01:00","count":2,"expires":"2026-11-21T10:00:00.001Z"}`))
	f.Add([]byte(transferHeader + `{"kind":"callout","key_base64":"/w==","value_base64":"AA==","passed":"0000-01-01T00:00:00Z","expires":"9999-12-31T23:59:59Z"}`))
	f.Add([]byte(`{"helogate":"state","version":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := open(t, state.SQLiteConfig{})
		n, _, err := state.Import(t.Context(), s, morning, bytes.NewReader(text))
		if err != nil && !strings.HasPrefix(err.Error(), "import: line ") {
			t.Error(err)
		}
		all := allOf(t, s)
		if len(all) > n {
			t.Errorf("%d records of %d lines", len(all), n)
		}
		again := open(t, state.SQLiteConfig{})
		transfer(t, s, again)
		if diff := cmp.Diff(all, allOf(t, again)); diff != "" {
			t.Error(diff)
		}
	})
}
