package trust

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// The file is written this long after a change, so that a thousand logins in a second are one write. A write that fails
// is tried again after retryDelay.
const (
	saveDelay  = time.Second
	retryDelay = 30 * time.Second
)

// A file keeps the entries of a store across restarts: a line of JSON for each entry. It is always whole, because it is
// written under another name and then renamed.
type file struct {
	path    string
	log     *slog.Logger
	entries func() []Entry // returns the entries to write
	dirty   atomic.Bool    // the file lacks a change
	wake    chan struct{}  // has room for one
	stop    chan struct{}
	done    chan struct{}
}

// open reads the file, and starts to write changes to it.
func (s *Store) open(path string, log *slog.Logger) error {
	f := &file{
		path: path, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		entries: func() []Entry {
			s.mu.RLock()
			defer s.mu.RUnlock()
			return s.entries()
		},
	}
	if err := checkFile(path); err != nil {
		return err
	}
	damaged, err := s.load(path, log)
	if err != nil {
		return err
	}
	s.file = f
	if damaged {
		s.changed()
	}
	go f.run()
	return nil
}

// changed schedules a write of the file.
func (s *Store) changed() {
	if s.file == nil {
		return
	}
	s.file.dirty.Store(true)
	select {
	case s.file.wake <- struct{}{}:
	default: // one is scheduled
	}
}

// run writes the file shortly after each change, until close. It spends at most a tenth of the time on writes, however
// large the file is.
func (f *file) run() {
	defer close(f.done)
	delay, failed := saveDelay, false
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		select {
		case <-time.After(delay):
		case <-f.stop:
			return
		}
		began := time.Now()
		err := f.save()
		delay = max(saveDelay, 10*time.Since(began))
		switch {
		case err != nil && !failed:
			f.log.Error("the file of trusted addresses cannot be written; a restart would lose them", "error", err)
		case err == nil && failed:
			f.log.Info("the file of trusted addresses is written again", "file", f.path)
		}
		if failed = err != nil; failed {
			delay = retryDelay
			select {
			case f.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (f *file) close() error {
	close(f.stop)
	<-f.done
	return f.save()
}

// save writes the file if there is a change.
func (f *file) save() error {
	if !f.dirty.Swap(false) {
		return nil
	}
	if err := write(f.path, f.entries()); err != nil {
		f.dirty.Store(true)
		return fmt.Errorf("trust: %w", err)
	}
	return nil
}

// write replaces the file in one step: a reader finds the old or the new one, also after a crash.
func write(path string, entries []Entry) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // its mode is 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 64<<10)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for i := range entries {
		if err := enc.Encode(&entries[i]); err != nil {
			return err
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
