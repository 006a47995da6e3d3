// Package watch reports that a file has changed, in whatever way: written in place, renamed over as editors and package
// managers do, or behind a symbolic link that now points elsewhere, as when Kubernetes replaces a ConfigMap.
//
// It watches directories, since a watch on a file follows the file when it is renamed away. Events of the kernel
// (inotify and the like) only say when to look; the file itself shows whether it is another. Where the kernel sends no
// events, as for a write by another host on NFS, no change is seen.
package watch

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// defaultQuiet is how long the files must be unchanged before a change is reported: an upgrade that writes ten files is
// one change.
const defaultQuiet = 500 * time.Millisecond

// Config is what a watcher needs.
type Config struct {
	Changed func()        // called when files have changed and are quiet again; never twice at a time
	Quiet   time.Duration // how long they must be quiet; 0 is 500ms
	Log     *slog.Logger  // for failures of the kernel's watches; nil discards them
}

// A Watcher watches files. It is safe for concurrent use; Changed may call Set.
type Watcher struct {
	config Config
	kernel *fsnotify.Watcher
	stale  chan struct{} // a file has changed, perhaps without an event of the kernel
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu   sync.Mutex // guards what follows
	seen map[string]state
	last error // why a directory is not watched
}

// state identifies one content of a file. The zero state means that there is no file.
type state struct {
	size       int64
	mode       fs.FileMode
	changed    time.Time
	dev, inode uint64
}

// New begins to watch no files. An error is that the kernel has no more watches to give.
func New(c Config) (*Watcher, error) {
	kernel, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w (the limits are in /proc/sys/fs/inotify)", err)
	}
	if c.Quiet == 0 {
		c.Quiet = defaultQuiet
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{
		config: c, kernel: kernel, stale: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		seen: map[string]state{},
	}
	go w.run()
	return w, nil
}

// Close ends the watch, and waits until Changed has returned; so Changed must not call it.
func (w *Watcher) Close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.done
	return w.kernel.Close()
}

// Set sets the files to watch; they need not exist. For a file that was watched already, each change since the last
// report counts, also one during Changed: a Changed that reads the files and then calls Set misses nothing. For a new
// file, earlier changes do not count. An error names a directory that cannot be watched; the others are watched.
func (w *Watcher) Set(paths []string) error {
	seen := make(map[string]state, len(paths))
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return fmt.Errorf("watch %s: %w", p, err)
		}
		seen[abs] = state{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.seen
	w.seen = seen
	err := w.follow() // before look, so that a later change has an event
	for p := range seen {
		is := look(p)
		was, watched := before[p]
		if !watched {
			was = is
		}
		if seen[p] = was; is != was {
			w.lookAgain()
		}
	}
	return err
}

// lookAgain has run look at the files, since events may be lost with a directory that is no longer watched.
func (w *Watcher) lookAgain() {
	select {
	case w.stale <- struct{}{}:
	default: // it will
	}
}

// run waits for events of the kernel, and then until the files are quiet.
func (w *Watcher) run() {
	defer close(w.done)
	quiet := time.NewTimer(0)
	<-quiet.C
	defer quiet.Stop()
	for {
		select {
		case <-w.stop:
			return
		case _, ok := <-w.kernel.Events:
			if !ok {
				return
			}
			w.drain()
			if w.check() {
				quiet.Reset(w.config.Quiet)
			}
		case <-w.stale:
			if w.check() {
				quiet.Reset(w.config.Quiet)
			}
		case err := <-w.kernel.Errors: // events were lost: look at all files
			w.config.Log.Warn("events of changed files were lost: changes may be noticed late", "error", err)
			if w.check() {
				quiet.Reset(w.config.Quiet)
			}
		case <-quiet.C:
			w.config.Changed()
		}
	}
}

// drain discards further events that are waiting: one look covers all of them.
func (w *Watcher) drain() {
	for {
		select {
		case _, ok := <-w.kernel.Events:
			if !ok {
				return
			}
		default:
			return
		}
	}
}

// check looks whether a file is another one, and follows those that have moved.
func (w *Watcher) check() (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.follow(); err != nil && w.last == nil {
		w.config.Log.Warn("a file can no longer be watched; run helogate reload after a change", "error", err)
		w.last = err
	} else if err == nil {
		w.last = nil
	}
	for p, was := range w.seen {
		if is := look(p); is != was {
			w.seen[p], changed = is, true
		}
	}
	return changed
}

// look returns the state of the file that a path leads to.
func look(path string) state {
	is, err := os.Stat(path)
	if err != nil {
		return state{}
	}
	s := state{size: is.Size(), mode: is.Mode(), changed: is.ModTime()}
	if st, ok := is.Sys().(*syscall.Stat_t); ok {
		s.dev, s.inode = uint64(st.Dev), st.Ino
	}
	return s
}

// follow watches the directories on the way to each file, and no others. While it adds a watch, a link may change
// without an event, so it repeats until the way is the one that is watched.
func (w *Watcher) follow() (first error) {
	const most = 10 // attempts: a further change of the directories has an event anyway
	var watched map[string]bool
	for range most {
		want := map[string]bool{}
		for p := range w.seen {
			way(p, want)
		}
		if watched != nil && maps.Equal(want, watched) {
			break
		}
		first, watched = w.watch(want), want
	}
	return first
}

// watch watches these directories alone.
func (w *Watcher) watch(want map[string]bool) (first error) {
	for _, dir := range w.kernel.WatchList() {
		if !want[dir] {
			_ = w.kernel.Remove(dir) // it may be gone by itself
		}
	}
	for dir := range want {
		// Again, too: by now it may be another directory of that name.
		if err := w.kernel.Add(dir); err != nil && first == nil {
			first = fmt.Errorf("watch %s: %w", dir, err)
		}
	}
	return first
}

// way adds the directories in which a change can make path another file: those of the symbolic links on the way, and
// that of the file. If the way ends early, it adds the last directory that exists.
func way(path string, dirs map[string]bool) {
	at, rest := "/", parts(path)
	const most = 40 // links, as in the kernel
	for links := 0; len(rest) > 0 && links < most; {
		next := filepath.Join(at, rest[0])
		if rest[0] == ".." {
			next = filepath.Dir(at)
		}
		rest = rest[1:]
		is, err := os.Lstat(next)
		if err != nil {
			break
		}
		if is.Mode().Type() != fs.ModeSymlink {
			if len(rest) > 0 {
				at = next
			}
			continue
		}
		links++
		dirs[at] = true
		to, err := os.Readlink(next)
		if err != nil {
			break
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		rest = append(parts(to), rest...)
	}
	dirs[at] = true
}

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}
