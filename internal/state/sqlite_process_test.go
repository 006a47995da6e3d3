package state_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/testlog"
)

// The children are this test binary, told by the environment what to be.
func TestMain(m *testing.M) {
	if what := os.Getenv("STATE_TEST_CHILD"); what != "" {
		children[what](os.Getenv("STATE_TEST_PATH"))
	}
	os.Exit(m.Run())
}

var children = map[string]func(path string){"writer": writer, "full disk": fullDisk}

type bookLogger struct {
	*testlog.Book
	*slog.Logger
}

func newLog() bookLogger {
	b := new(testlog.Book)
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
		if _, err := s.Attempt(noContext, fmt.Sprint(i), noon, greylist); err != nil {
			fatal(err)
		}
		fmt.Println(i, time.Now().UnixMicro())
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

// What was answered before the last commit interval is there after kill -9, and the file is whole.
func TestKilled(t *testing.T) {
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "state.db")
		cmd, lines := child(t, "writer", path)
		var at []time.Time // at which each number was answered
		for lines.Scan() {
			var i int
			var micro int64
			if _, err := fmt.Sscan(lines.Text(), &i, &micro); err != nil || i != len(at) {
				t.Fatalf("the child says %q", lines.Text())
			}
			at = append(at, time.UnixMicro(micro))
			if at[i].Sub(at[0]) > time.Duration(round+4)*childCommits*3/2 {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		cmd.Wait() //nolint:errcheck // it was killed

		s := open(t, state.SQLiteConfig{Path: path})
		n := int(count(t, s, state.Greylist))
		// A commit begins at the latest an interval after the first answer of its batch, and takes a while on a busy machine.
		const slack = childCommits + 100*time.Millisecond
		for i := range at {
			_, found, err := s.Get(t.Context(), state.Greylist, fmt.Sprint(i), noon)
			if found != (i < n) || err != nil {
				t.Fatalf("%d of %d: found %t, %v", i, n, found, err)
			}
			if !found && killed.Sub(at[i]) > slack {
				t.Fatalf("%d was answered %s before the kill, and is gone", i, killed.Sub(at[i]))
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
	for range 3000 { // some commits, and it goes on
		if !lines.Scan() || strings.HasPrefix(lines.Text(), "error") {
			t.Fatalf("the child says %q", lines.Text())
		}
	}
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
		if r.Kind == state.Greylist {
			n++
		}
	}
	if n == 0 {
		t.Error("nothing exported")
	}
	began := time.Now()
	for i := range 20 {
		mustPut(t, s, fmt.Sprint("imported", i), noon.Add(time.Hour))
		if i%5 == 4 {
			time.Sleep(2 * childCommits) // the lock is let go meanwhile, and must be got again
		}
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("20 records took %s", d)
	}
	mustClose(t, s)
}
