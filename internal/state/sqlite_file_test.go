package state_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func mustPut(t testing.TB, s state.Store, key string, ends time.Time) {
	t.Helper()
	if err := s.Put(t.Context(), state.Record{Bucket: state.Callout, Key: key, Expires: ends}); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, s state.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s state.Store, bucket state.Bucket) int64 {
	t.Helper()
	st, err := s.Stats(context.Background(), noon)
	if err != nil {
		t.Fatal(err)
	}
	return st.Records[bucket]
}

// What was answered is there when the store is opened again, whatever the name of the file is, and only its owner can
// read it.
func TestReopened(t *testing.T) {
	for _, name := range []string{"state.db", "odd ?mode=memory#%41", "file:x", "ü'\""} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, state.SQLiteConfig{Path: path})
		was, err := s.Attempt(t.Context(), "k", noon, greylist)
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"", "-wal", "-shm"} {
			if is, err := os.Stat(path + end); err != nil || is.Mode() != 0o600 {
				t.Errorf("%s: mode %s, %v", end, is.Mode(), err)
			}
		}
		mustClose(t, s)
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("beside it: %v", left)
		}
		s = open(t, state.SQLiteConfig{Path: path})
		got, found, err := s.Get(t.Context(), state.Greylist, "k", noon)
		if got != was || !found || err != nil {
			t.Errorf("%s: %v, %t, %v; was %v", name, got, found, err, was)
		}
		if n := count(t, s, state.Greylist); n != 1 {
			t.Errorf("%d records counted", n)
		}
		mustClose(t, s)
	}
}

// If several processes create the same file at once, one makes the tables.
func TestBegunAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := state.OpenSQLite(state.SQLiteConfig{Path: path})
			if err == nil {
				_, err = s.Attempt(t.Context(), "k", noon, greylist)
				err = errors.Join(err, s.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r, _, err := open(t, state.SQLiteConfig{Path: path}).Get(t.Context(), state.Greylist, "k", noon)
	if err != nil || r.Count != 8 {
		t.Errorf("%v, %v", r, err)
	}
}

// script makes a database with SQLite itself.
func script(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCannotOpen(t *testing.T) {
	dir := t.TempDir()
	write := func(text string, m fs.FileMode) func(string) {
		return func(p string) {
			if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(p, m); err != nil { // whatever the umask is
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		make func(path string)
		want string
	}{
		{"none/state.db", func(string) {}, "no such file or directory: create its directory"},
		{"file/state.db", func(p string) { write("x", 0o600)(filepath.Dir(p)) }, "not a directory"},
		{"text", write(strings.Repeat("once upon a time ", 100), 0o600), "is not an SQLite database"},
		{"short", write("once upon a time", 0o600), "is not an SQLite database"},
		{"open", write("", 0o620), "has mode 0620, so other users can write to it: chmod 600 it"},
		{"directory", func(p string) { os.Mkdir(p, 0o700) }, "is a directory"},
		{"device", func(p string) { os.Symlink(os.DevNull, p) }, "is no file (D"},
		{"another", func(p string) { script(t, p, "CREATE TABLE mail (x)") }, "it is the database of another program"},
		{"versioned", func(p string) { script(t, p, "PRAGMA user_version = 7") }, "it is the database of another program"},
		{"newer", func(p string) {
			mustClose(t, open(t, state.SQLiteConfig{Path: p}))
			script(t, p, "PRAGMA user_version = 2")
		}, "it was made by a newer helogate (schema 2, this one has 1)"},
		{"nul\x00", func(string) {}, "invalid argument"},
	} {
		path := filepath.Join(dir, c.name)
		c.make(path)
		s, err := state.OpenSQLite(state.SQLiteConfig{Path: path})
		if err == nil {
			mustClose(t, s)
		}
		if got := fmt.Sprint(err); !strings.Contains(got, c.want) || !strings.Contains(got, path) {
			t.Errorf("%q: %s; want %s", c.name, got, c.want)
		}
	}
}

// One that is damaged is an error, and no panic.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, state.SQLiteConfig{Path: path})
	for i := range 5000 {
		mustPut(t, s, fmt.Sprint(i), noon)
	}
	mustClose(t, s)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	is, _ := f.Stat()
	for at := int64(2048); at < is.Size(); at += 2048 {
		f.WriteAt([]byte(strings.Repeat("\xff", 64)), at) //nolint:errcheck // it is a mess anyway
	}
	f.Close()
	s, err = state.OpenSQLite(state.SQLiteConfig{Path: path})
	if err == nil {
		_, err = s.Attempt(t.Context(), "k", noon, greylist)
		s.Close()
	}
	if got := fmt.Sprint(err); !strings.Contains(got, path+" is damaged") || !strings.Contains(got, "move it away") {
		t.Error(got)
	}
}

// What is over goes without a cron: with what is written after it.
func TestSweep(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "state.db")} {
		s := open(t, state.SQLiteConfig{Path: path, CommitEvery: time.Millisecond})
		const many = 600
		for i := range many {
			mustPut(t, s, fmt.Sprint("over", i), noon)
			mustPut(t, s, fmt.Sprint("not over", i), noon.Add(48*time.Hour))
		}
		if n := count(t, s, state.Callout); n != 2*many {
			t.Fatalf("%d records", n)
		}
		rounds := 0
		for ; count(t, s, state.Callout) > many; rounds++ {
			if rounds > 20*many {
				t.Fatalf("%d records are left", count(t, s, state.Callout))
			}
			if _, err := s.Attempt(t.Context(), fmt.Sprint(rounds), noon.Add(time.Hour), greylist); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("gone after %d operations", rounds)
		for i := range many {
			if _, found, err := s.Get(t.Context(), state.Callout, fmt.Sprint("not over", i), noon.Add(time.Hour)); !found || err != nil {
				t.Fatalf("%d is gone: %v", i, err)
			}
		}
		if n := count(t, s, state.Callout); n != many {
			t.Errorf("%d records", n)
		}
		mustClose(t, s)
	}
}

// A flood of new records ends at the most there may be; those that are there go on, and what is over makes room.
func TestFull(t *testing.T) {
	log, clock := newLog(), noon
	s := open(t, state.SQLiteConfig{Max: 100, CommitEvery: time.Millisecond, Log: log.Logger})
	attempt := func(i int) error {
		_, err := s.Attempt(t.Context(), fmt.Sprint(i), clock, greylist)
		return err
	}
	for i := range 100 {
		if err := attempt(i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		if err := attempt(1000 + i); err == nil || !strings.Contains(err.Error(), "no room: the store in memory has 100 records, which is the limit") {
			t.Error(err)
		}
		if err := attempt(i); err != nil {
			t.Errorf("one that is there: %v", err)
		}
	}
	clock = clock.Add(25 * time.Hour)
	for i := 2000; attempt(i) != nil; i++ {
		if i > 1_000_000 {
			t.Fatal("what is over makes no room")
		}
		if err := attempt(0); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	if got := log.String(); strings.Count(got, "the store is full") != 1 || strings.Count(got, "has room again") != 1 {
		t.Error(got)
	}
}

// Text in place of a number, written into the file by hand, spoils that record only, not the service.
func TestSpoiltRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, state.SQLiteConfig{Path: path})
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	mustPut(t, s, "k", now.Add(time.Hour))
	mustClose(t, s)
	script(t, path, `UPDATE records SET first = 'long ago', last = 1.5, count = x'00', expires = 'never'`)
	s = open(t, state.SQLiteConfig{Path: path})
	defer mustClose(t, s)
	if r, found, err := s.Get(t.Context(), state.Greylist, "k", now); found || err != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := s.Attempt(t.Context(), "k", now, greylist); err != nil || !r.First.Equal(now) || r.Count != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
