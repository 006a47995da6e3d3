package state_test

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// limitFiles has no file of this process grow beyond a size, as a full disk does.
func limitFiles(size uint64) {
	signal.Ignore(syscall.SIGXFSZ)
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		fatal(err)
	}
	l.Cur = min(size, l.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		fatal(err)
	}
}

// fullDisk writes until it cannot, and goes on when there is room again. It says what happens.
func fullDisk(path string) {
	log := newLog()
	s, err := state.OpenSQLite(state.SQLiteConfig{Path: path, CommitEvery: time.Millisecond, Log: log.Logger})
	if err != nil {
		fatal(err)
	}
	attempt := func(i int) error {
		_, err := s.Attempt(context.Background(), fmt.Sprint(i), noon, greylist)
		return err
	}
	for i := range 1000 {
		if err := attempt(i); err != nil {
			fatal(err)
		}
	}
	limitFiles(1)
	failed := 0
	for i := 1000; failed < 20; i++ {
		switch err := attempt(i); {
		case err != nil:
			if failed++; failed == 1 {
				fmt.Println("first:", err)
			}
		case failed > 0 || i > 1_000_000:
			fatal(errors.New("answered what cannot be kept"))
		}
	}
	limitFiles(1 << 40)
	for i := range 100 {
		if err := attempt(7777777 + i); err != nil {
			fatal(err)
		}
	}
	fmt.Println("close:", s.Close())
	fmt.Print(log.String())
}

// On a full disk, no client is greylisted and then forgotten: the store returns an error until there is room.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	_, lines := child(t, "full disk", path)
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
	}
	got := said.String()
	if !strings.Contains(got, "first: state: "+path) || !strings.Contains(got, "close: <nil>") || strings.Count(got, "level=ERROR") != 1 ||
		strings.Count(got, "the store can be written again") != 1 || strings.Count(got, "\n") != 4 {
		t.Error(got)
	}
	s := open(t, state.SQLiteConfig{Path: path})
	for _, i := range []int{0, 500, 7777777} {
		if _, found, err := s.Get(t.Context(), state.Greylist, fmt.Sprint(i), noon); !found || err != nil {
			t.Errorf("%d: %t, %v", i, found, err)
		}
	}
	records := int64(0)
	for _, err := range s.All(t.Context(), noon) {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if n := count(t, s, state.Greylist); n != records {
		t.Errorf("%d are counted, and %d are there", n, records)
	}
}

// asNobody runs do with the file permissions of another user.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if syscall.Getuid() != 0 {
		do()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0) //nolint:errcheck // it was the user before
	do()
}

func TestMayNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	mustClose(t, open(t, state.SQLiteConfig{Path: path}))
	if err := syscall.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		for _, p := range []string{path, filepath.Join(filepath.Dir(path), "new.db")} {
			s, err := state.OpenSQLite(state.SQLiteConfig{Path: p})
			if err == nil {
				s.Close()
			}
			if got := fmt.Sprint(err); p == path && !strings.Contains(got, "permission denied: the user of helogate must own the file") || !strings.Contains(got, p) {
				t.Error(got)
			}
		}
	})
}
