package state

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"
)

// ErrFull is that a store has as many records as it may have; those that are there can still be noted.
var ErrFull = errors.New("no room")

const (
	defaultCommit = 500 * time.Millisecond
	defaultMax    = 10_000_000
)

// SQLiteConfig is what an embedded store needs. The zero value is one in memory alone.
type SQLiteConfig struct {
	Path        string        // the file; "" keeps all in memory, until Close
	CommitEvery time.Duration // how long what was answered may wait to be written; 0 is 500 ms
	Max         int64         // records at the most, of all kinds; 0 is 10,000,000, some 120 bytes of disk each
	Log         *slog.Logger  // for losses, and a full store; nil logs nothing
}

// sqlite is a store in a file of SQLite, or in memory. One goroutine, the keeper, has the only connection: it does what
// it is asked within a transaction that stays open for a while, and answers before that is committed. So an answer
// costs no write to the disk, and what was answered within the last CommitEvery may be forgotten when the process is
// killed: then a client waits once more.
//
// A crash of the machine loses somewhat more, what was not yet synced to the disk (synchronous = NORMAL), and never
// harms the file.
type sqlite struct {
	path    string
	jobs    chan *job
	closing chan struct{} // closed by Close
	ended   chan struct{} // closed when the keeper has gone
	closed  error         // what the keeper said when it went

	closeOnce sync.Once
}

// A job is something to do on the connection.
type job struct {
	ctx    context.Context
	writes bool
	do     func(*table) error
	done   chan error // a place for one
}

// OpenSQLite opens a store in a file, or begins one: the file is then its owner's alone. Several processes may have the
// same file open, and agree; each waits while another has not committed what it wrote. An error names the file.
func OpenSQLite(c SQLiteConfig) (Store, error) {
	if c.CommitEvery <= 0 {
		c.CommitEvery = defaultCommit
	}
	if c.Max <= 0 {
		c.Max = defaultMax
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	t, err := openTable(c.Path, c.Max)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	s := &sqlite{path: c.Path, jobs: make(chan *job, 256), closing: make(chan struct{}), ended: make(chan struct{})}
	k := &writer{table: t, log: c.Log.With("file", t.name()), every: c.CommitEvery}
	go func() {
		defer close(s.ended)
		s.closed = k.run(s.jobs, s.closing)
	}()
	return s, nil
}

// call has the writer run do, and returns its result.
func call[T any](ctx context.Context, s *sqlite, writes bool, do func(*table) (T, error)) (T, error) {
	got := new(T) // the writer's until it is done: it may run do after the caller has gone
	j := &job{ctx: ctx, writes: writes, done: make(chan error, 1), do: func(t *table) (err error) {
		*got, err = do(t)
		return err
	}}
	err := s.wait(j)
	if err != nil {
		var none T
		return none, fmt.Errorf("state: %w", err)
	}
	return *got, nil
}

func (s *sqlite) wait(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	select {
	case s.jobs <- j:
	case <-j.ctx.Done():
		return j.ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-j.ctx.Done():
		return j.ctx.Err()
	case <-s.ended:
	}
	select {
	case err := <-j.done: // among the last that it did
		return err
	default:
		return ErrClosed
	}
}

func (s *sqlite) Attempt(ctx context.Context, key string, now time.Time, rules Times) (Record, error) {
	return call(ctx, s, true, func(t *table) (Record, error) { return t.attempt(key, now, rules) })
}

func (s *sqlite) Note(ctx context.Context, bucket Bucket, key string, now time.Time, keep time.Duration) (Record, error) {
	return call(ctx, s, true, func(t *table) (Record, error) {
		return t.noteKey(bucket, key, now, keep)
	})
}

func (s *sqlite) Get(ctx context.Context, bucket Bucket, key string, now time.Time) (r Record, found bool, err error) {
	p, err := call(ctx, s, false, func(t *table) (*Record, error) { return t.get(bucket, key, now) })
	if p == nil {
		return Record{}, false, err
	}
	return *p, true, nil
}

func (s *sqlite) Put(ctx context.Context, r Record) error {
	_, err := call(ctx, s, true, func(t *table) (struct{}, error) { return struct{}{}, t.put(r) })
	return err
}

// All reads page by page: so the service works on during an export of a million records.
func (s *sqlite) All(ctx context.Context, now time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		at := place{kind: 1}
		for at.kind <= len(Buckets) {
			page, err := call(ctx, s, false, func(t *table) (page, error) { return t.page(at) })
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range page.rows {
				if err := ctx.Err(); err != nil {
					yield(Record{}, fmt.Errorf("state: %w", err))
					return
				}
				if !r.over(now) && !yield(r.record(), nil) {
					return
				}
			}
			at = page.next
		}
	}
}

func (s *sqlite) Stats(ctx context.Context, _ time.Time) (Stats, error) {
	st, err := call(ctx, s, false, (*table).stats)
	if err == nil && s.path != "" {
		for _, end := range []string{"-wal", "-shm"} {
			if is, err := os.Stat(s.path + end); err == nil {
				st.Bytes += is.Size()
			}
		}
	}
	return st, err
}

func (s *sqlite) Close() error {
	s.closeOnce.Do(func() { close(s.closing) })
	<-s.ended
	if s.closed != nil {
		return fmt.Errorf("state: %w", s.closed)
	}
	return nil
}
