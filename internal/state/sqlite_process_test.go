package state_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/testlog"
)

// The children are this test binary; the environment selects their part.
func TestMain(m *testing.M) {
	if what := os.Getenv("STATE_TEST_CHILD"); what != "" {
		children[what](os.Getenv("STATE_TEST_PATH"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var children = map[string]func(path string){"writer": writer, "flood": flood, "full disk": fullDisk}

type bookLogger struct {
	*testlog.Buffer
	*slog.Logger
}

func newLog() bookLogger {
	b := new(testlog.Buffer)
	return bookLogger{b, slog.New(slog.NewTextHandler(b, nil))}
}

func fatal(err error) {
	fmt.Println("error:", err)
	os.Exit(1)
}

const childCommits = 50 * time.Millisecond

// writer attempts number after number, and says when each was answered, until it is killed.
func writer(path string) {
	s, err := state.OpenSQLite(state.SQLiteConfig{Path: path, CommitEvery: childCommits})
	if err != nil {
		fatal(err)
	}
	for i := 0; ; i++ {
		if _, err := s.Attempt(context.Background(), fmt.Sprint(i), noon, greylist); err != nil {
			fatal(err)
		}
		fmt.Println(i, time.Now().UnixMicro())
	}
}

// flood keeps the store busy without a pause, from many goroutines, until it is killed.
func flood(path string) {
	s, err := state.OpenSQLite(state.SQLiteConfig{Path: path})
	if err != nil {
		fatal(err)
	}
	for g := range 8 {
		go func() {
			for i := 0; ; i++ {
				if _, err := s.Attempt(context.Background(), fmt.Sprint(g, i%1000), noon, greylist); err != nil {
					fatal(err)
				}
			}
		}()
	}
	for {
		fmt.Println("flooded")
		time.Sleep(time.Second)
	}
}

// child starts one, and gives the lines that it says.
func child(t *testing.T, what, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "STATE_TEST_CHILD="+what, "STATE_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// answers reads for so long what a writer says: at which time each number was answered.
func answers(t *testing.T, lines *bufio.Scanner, long time.Duration) (at []time.Time) {
	t.Helper()
	for len(at) == 0 || at[len(at)-1].Sub(at[0]) <= long {
		var i int
		var micro int64
		if !lines.Scan() {
			t.Fatal("the child has ended")
		}
		if _, err := fmt.Sscan(lines.Text(), &i, &micro); err != nil || i != len(at) {
			t.Fatalf("the child says %q", lines.Text())
		}
		at = append(at, time.UnixMicro(micro))
	}
	return at
}

// What was answered before the last commit interval is there after kill -9, and the file is whole.
func TestKilled(t *testing.T) {
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "state.db")
		cmd, lines := child(t, "writer", path)
		at := answers(t, lines, time.Duration(round+4)*childCommits*3/2)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() //nolint:errcheck // it was killed

		s := open(t, state.SQLiteConfig{Path: path})
		n := int(count(t, s, state.Greylist))
		// While it commits it answers no caller, so that what is lost was answered within an interval, and what a timer
		// is late.
		const slack = childCommits + 100*time.Millisecond
		last := at[len(at)-1]
		for i := range at {
			_, found, err := s.Get(t.Context(), state.Greylist, fmt.Sprint(i), noon)
			if found != (i < n) || err != nil {
				t.Fatalf("%d of %d: found %t, %v", i, n, found, err)
			}
			if !found && last.Sub(at[i]) > slack {
				t.Fatalf("%d was answered %s before the last, and is gone", i, last.Sub(at[i]))
			}
		}
		t.Logf("%d were answered, %d are there", len(at), n)
		if n == 0 || len(at) == 0 {
			t.Error("nothing was written")
		}
		mustClose(t, s)
	}
}

// An export works while another process writes, and an import gets its turn.
func TestBesideAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	_, lines := child(t, "writer", path)
	answers(t, lines, 4*childCommits)
	go func() {
		for lines.Scan() {
		}
	}()
	s := open(t, state.SQLiteConfig{Path: path})
	n := 0
	for r, err := range s.All(t.Context(), noon) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Bucket == state.Greylist {
			n++
		}
	}
	if n == 0 {
		t.Error("nothing exported")
	}
	mustClose(t, s)
	began := time.Now()
	for i := range 5 { // the lock is got each time anew
		s := open(t, state.SQLiteConfig{Path: path})
		mustPut(t, s, fmt.Sprint("imported", i), noon.Add(time.Hour))
		mustClose(t, s)
	}
	t.Logf("5 turns took %s", time.Since(began))
}

// A process that has always more to write lets another have its turn, which it would hardly get by luck.
func TestBesideAFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	_, lines := child(t, "flood", path)
	if !lines.Scan() || lines.Text() != "flooded" {
		t.Fatalf("the child says %q", lines.Text())
	}
	for i := range 10 { // without a turn, one in a few would find it locked for five seconds
		s := open(t, state.SQLiteConfig{Path: path})
		mustPut(t, s, fmt.Sprint("imported", i), noon.Add(time.Hour))
		mustClose(t, s)
	}
}
