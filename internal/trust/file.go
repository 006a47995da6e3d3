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

// How long after a change the file is written, so that a thousand logins in a second are one write. A write that fails is
// tried again later.
const (
	saveDelay  = time.Second
	retryDelay = 30 * time.Second
)

// A file keeps a store over a restart: a line of JSON for each entry. It is always whole, for it is written beside and then
// renamed.
type file struct {
	path    string
	log     *slog.Logger
	entries func() []Entry // what there is to write
	dirty   atomic.Bool    // there is what the file does not hold
	wake    chan struct{}  // a place for one
	stop    chan struct{}
	done    chan struct{}
}

// open reads the file, and begins to keep it.
func (s *Store) open(path string, log *slog.Logger) error {
	f := &file{
		path: path, log: log, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		entries: func() []Entry {
			s.mu.RLock()
			defer s.mu.RUnlock()
			return s.entries()
		},
	}
	if err := safe(path); err != nil {
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
	go f.keep()
	return nil
}

// changed has the file written shortly.
func (s *Store) changed() {
	if s.file == nil {
		return
	}
	s.file.dirty.Store(true)
	select {
	case s.file.wake <- struct{}{}:
	default: // it is awake
	}
}

// keep writes the file shortly after each change, until close. It takes at most a tenth of the time for it, however large
// the file is.
func (f *file) keep() {
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
			f.log.Error("who is trusted cannot be written down, and would be forgotten by a restart", "error", err)
		case err == nil && failed:
			f.log.Info("who is trusted is written down again", "file", f.path)
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

// save writes the file, if there is anything new.
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

// write puts a file in the place of another: whoever reads it, after a crash too, finds the one or the other.
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

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
