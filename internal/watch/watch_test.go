package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watching returns a watcher of paths, and the calls of Changed.
func watching(t *testing.T, quiet time.Duration, paths ...string) (*Watcher, chan bool) {
	t.Helper()
	calls := make(chan bool, 100)
	w, err := New(Config{Changed: func() { calls <- true }, Quiet: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Set(paths); err != nil {
		t.Fatal(err)
	}
	return w, calls
}

func await(t *testing.T, calls chan bool, what string) {
	t.Helper()
	select {
	case <-calls:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nobody was told", what)
	}
}

// In a list of steps: "w NAME TEXT" writes, "r NAME NEW" renames, "d NAME" removes all, "m NAME" makes a directory,
// "l NAME TO" makes a link, "x NAME TO" exchanges one for another in one step, "c NAME" changes the mode.
func do(t *testing.T, dir string, steps string) {
	t.Helper()
	for step := range strings.SplitSeq(steps, ";") {
		f := append(strings.Fields(step), "", "")
		name := filepath.Join(dir, f[1])
		var err error
		switch f[0] {
		case "w":
			err = os.WriteFile(name, []byte(f[2]), 0o600)
		case "r":
			err = os.Rename(name, filepath.Join(dir, f[2]))
		case "d":
			err = os.RemoveAll(name)
		case "m":
			err = os.MkdirAll(name, 0o700)
		case "l":
			err = os.Symlink(f[2], name)
		case "x":
			if err = os.Symlink(f[2], name+".new"); err == nil {
				err = os.Rename(name+".new", name)
			}
		case "c":
			err = os.Chmod(name, 0o400)
		}
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
}

// Every change of what the path leads to is told, and what follows it too: no watch is lost on the way.
func TestChanges(t *testing.T) {
	for _, c := range []struct{ name, before, watch, change, again string }{
		{"written in place", "w f old", "f", "w f new", "w f newer"},
		{"renamed over, as editors do", "w f old", "f", "w f~ new;r f~ f", "w f~ newer;r f~ f"},
		{"moved away and written", "w f old", "f", "r f f.bak;w f new", "r f f.bak;w f newer"},
		{"removed", "w f old", "f", "d f", "w f back"},
		{"made", "", "f", "w f new", "d f"},
		{"made with its directory", "", "sub/sub/f", "m sub/sub;w sub/sub/f new", "w sub/sub/f newer"},
		{"its directory made anew", "m sub;w sub/f old", "sub/f", "d sub;m sub;w sub/f new", "w sub/f newer"},
		{"its directory exchanged", "m sub;w sub/f old;m new;w new/f new", "sub/f", "r sub gone;r new sub", "w sub/f newer"},
		{"a ConfigMap", "m ..1;w ..1/f old;l ..data ..1;l f ..data/f", "f", "m ..2;w ..2/f new;x ..data ..2;d ..1",
			"m ..3;w ..3/f newer;x ..data ..3;d ..2"},
		{"a release", "m rel/1;w rel/1/f old;m rel/2;w rel/2/f new;l current rel/1", "current/f", "x current rel/2", "w rel/2/f newer"},
		{"behind a link", "m far;w far/f old;l f far/f", "f", "w far/f new", "w far/f~ newer;r far/f~ far/f"},
		{"the link", "m far;w far/f old;w far/g new;l f far/f", "f", "x f far/g", "w far/g newer"},
		{"a link to nothing", "l f far/f", "f", "m far;w far/f new", "w far/f newer"},
		{"a link to itself", "l f f", "f", "d f;w f new", "w f newer"},
		{"a link upwards", "m sub;w f old;l sub/g ../f", "sub/g", "w f new", "w f newer"},
		{"made readable", "w f old", "f", "c f", "w f~ new;r f~ f"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			do(t, dir, c.before)
			_, calls := watching(t, 20*time.Millisecond, filepath.Join(dir, c.watch))
			do(t, dir, c.change)
			settle(t, calls)
			do(t, dir, c.again)
			await(t, calls, "the second change")
		})
	}
}

// settle waits for the calls of a change of several steps, which a slow machine may have told in several.
func settle(t *testing.T, calls chan bool) {
	t.Helper()
	await(t, calls, "the change")
	for {
		select {
		case <-calls:
		case <-time.After(100 * time.Millisecond): // five times the quiet
			return
		}
	}
}

// A directory that comes into being while the watch moves to the one above it is followed as well. That is a matter of
// moments, so it is tried often.
func TestExchangedOften(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "m sub;w sub/f old")
	file := filepath.Join(dir, "sub/f")
	read := make(chan string, 10_000)
	w, err := New(Config{Quiet: time.Millisecond, Changed: func() {
		text, _ := os.ReadFile(file) // none is read as empty
		read <- string(text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Set([]string{file}); err != nil {
		t.Fatal(err)
	}
	for n := range 500 {
		do(t, dir, fmt.Sprintf("m new;w new/f new%d;r sub gone%[1]d;r new sub", n))
		awaitText(t, read, fmt.Sprintf("new%d", n))
		do(t, dir, fmt.Sprintf("w sub/f newer%d", n))
		awaitText(t, read, fmt.Sprintf("newer%d", n))
	}
}

// awaitText waits until a text has been read.
func awaitText(t *testing.T, read chan string, want string) {
	t.Helper()
	late, got := time.After(20*time.Second), "nothing"
	for got != want {
		select {
		case got = <-read:
		case <-late:
			t.Fatalf("%q was read last, and %q never", got, want)
		}
	}
}

// Ten writes in a row are told once.
func TestQuiet(t *testing.T) {
	dir := t.TempDir()
	_, calls := watching(t, 300*time.Millisecond, filepath.Join(dir, "f"), filepath.Join(dir, "g"))
	for range 5 {
		do(t, dir, "w f x;w g x")
	}
	await(t, calls, "ten writes")
	do(t, dir, "w f xx")
	await(t, calls, "one more")
	if len(calls) > 0 {
		t.Errorf("told %d times more than there was to tell", len(calls))
	}
}

// What else happens in the directory is nobody's business.
func TestOthers(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "w f x;m sub")
	w, calls := watching(t, time.Millisecond, filepath.Join(dir, "f"))
	do(t, dir, "w g x;r g h;w sub/f x;d sub")
	if w.check() {
		t.Error("f is said to be another")
	}
	do(t, dir, "w f xx")
	await(t, calls, "f")
}

func TestSet(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "m a;m b;w a/f x;w b/f x")
	w, calls := watching(t, time.Millisecond, filepath.Join(dir, "a/f"))
	if err := w.Set([]string{filepath.Join(dir, "b/f")}); err != nil {
		t.Fatal(err)
	}
	if l := w.kernel.WatchList(); slices.Contains(l, filepath.Join(dir, "a")) || !slices.Contains(l, filepath.Join(dir, "b")) {
		t.Errorf("watched are %v", l)
	}
	do(t, dir, "w a/f xx")
	if w.check() {
		t.Error("what is watched no more is told")
	}
	do(t, dir, "w b/f xx")
	await(t, calls, "the new one")
	if err := w.Set(nil); err != nil || len(w.kernel.WatchList()) != 0 {
		t.Errorf("nothing to watch: %v, %v", err, w.kernel.WatchList())
	}
}

// A reload exchanges the paths from within.
func TestSetFromChanged(t *testing.T) {
	dir := t.TempDir()
	told := make(chan bool, 10)
	var w *Watcher
	ready := make(chan bool)
	w, err := New(Config{Quiet: time.Millisecond, Changed: func() {
		<-ready
		if err := w.Set([]string{filepath.Join(dir, "g")}); err != nil {
			t.Error(err)
		}
		told <- true
	}})
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	defer w.Close()
	if err := w.Set([]string{filepath.Join(dir, "f")}); err != nil {
		t.Fatal(err)
	}
	do(t, dir, "w f x")
	await(t, told, "f")
	do(t, dir, "w g x")
	await(t, told, "g")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error("a second Close:", err)
	}
}

// What is edited while Changed reads the files, and before it calls Set, is told as well: else an edit is never read.
func TestEditDuringChanged(t *testing.T) {
	for _, c := range []struct{ name, before, watch, edit, want string }{
		{"written in place", "w f old", "f", "w f newest", "newest"},
		{"renamed over", "w f old", "f", "w f~ newest;r f~ f", "newest"},
		{"removed", "w f old", "f", "d f", ""},
		{"its directory exchanged", "m sub;w sub/f old;m new;w new/f newest", "sub/f", "r sub gone;r new sub", "newest"},
		{"a ConfigMap", "m ..1;w ..1/f old;l ..data ..1;l f ..data/f", "f", "m ..2;w ..2/f newest;x ..data ..2;d ..1", "newest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			do(t, dir, c.before)
			file := filepath.Join(dir, c.watch)
			read, ready := make(chan string, 10), make(chan bool)
			var w *Watcher
			first := true
			w, err := New(Config{Quiet: 20 * time.Millisecond, Changed: func() {
				<-ready
				text, _ := os.ReadFile(file) // none is read as empty
				if first {
					do(t, dir, c.edit)
					first = false
				}
				if err := w.Set([]string{file}); err != nil {
					t.Error(err)
				}
				read <- string(text)
			}})
			if err != nil {
				t.Fatal(err)
			}
			close(ready)
			defer w.Close()
			if err := w.Set([]string{file}); err != nil {
				t.Fatal(err)
			}
			do(t, dir, "w "+c.watch+" newer")
			awaitText(t, read, c.want)
		})
	}
}

// A path relative to the directory of the start means the same later.
func TestRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, calls := watching(t, time.Millisecond, "f")
	do(t, dir, "w f x")
	await(t, calls, "a relative path")
}
