package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	failuresToDown = 3           // in a row, and nothing done for a while before, and the store is down
	aWhile         = time.Second // for one node of a cluster may fail, and the others do what they are asked
	tryEvery       = time.Second // how often one operation tries it again
	mostAtOnce     = 64          // operations in the store, hanging ones included; others wait
)

// ErrDown says that the store has failed several times in a row, and is not asked.
var ErrDown = errors.New("the store is down")

// Breaker is a store with a time limit and a circuit breaker.
type Breaker struct {
	store Store
	limit time.Duration
	log   *slog.Logger
	now   func() time.Time
	slots chan struct{} // one for each operation that runs

	mu     sync.Mutex
	health Health
	row    int       // failures since the last success
	good   time.Time // when that was
	next   time.Time // when to try again
	missed int64     // operations that failed or were not tried, when it went down
}

// Health is the state of a store.
type Health struct {
	Down   time.Time // since when it is down; zero where it is not
	Last   error     // the last error, also after the store works again; nil if there was none
	Failed int64     // operations that failed, or took too long
	Denied int64     // operations that were not tried, since the store was down
}

// NewBreaker bounds every operation of a store by a time limit, even if the store ignores its context; All has the
// limit for each record. After three failures in a row, and a second without a success, the store is down: that is
// logged once, and every operation fails at once, except one a second that tries whether the store works again.
// ErrFull, ErrRecord and the end of the caller's own context are not failures.
func NewBreaker(s Store, limit time.Duration, log *slog.Logger, now func() time.Time) *Breaker {
	return &Breaker{store: s, limit: limit, log: log, now: now, slots: make(chan struct{}, mostAtOnce)}
}

// Health returns the state of the store.
func (g *Breaker) Health() Health {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.health
}

// enter returns an error if the store must not be asked now.
func (g *Breaker) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.health.Down.IsZero() {
		now := g.now()
		if now.Before(g.next) {
			g.health.Denied++
			return fmt.Errorf("%w since %s: %w", ErrDown, g.health.Down.UTC().Format(time.RFC3339), g.health.Last)
		}
		g.next = now.Add(g.limit + tryEvery) // or sooner, when this one has ended
	}
	return nil
}

// finished counts how an operation ended.
func (g *Breaker) finished(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && !errors.Is(err, ErrFull) && !errors.Is(err, ErrRecord) {
		g.health.Failed++
		g.failed(err)
		return
	}
	g.row, g.good = 0, g.now()
	if !g.health.Down.IsZero() {
		g.log.Info("the store works again", "down_since", g.health.Down.UTC().Format(time.RFC3339), "missed", g.health.Failed+g.health.Denied-g.missed)
		g.health.Down = time.Time{}
	}
}

// failed counts a failure. It needs the lock.
func (g *Breaker) failed(err error) {
	g.health.Last = err
	g.row++
	now := g.now()
	g.next = now.Add(tryEvery)
	if g.row < failuresToDown || now.Sub(g.good) < aWhile || !g.health.Down.IsZero() {
		return
	}
	g.health.Down = now
	g.missed = g.health.Failed + g.health.Denied - int64(g.row)
	g.log.Error("the store is down: greylisting and callouts have no effect until it works again", "error", err)
}

func (g *Breaker) late() error {
	return fmt.Errorf("state: the store did not answer within %s", g.limit)
}

// bounded does one operation, and waits for it no longer than the limit.
func bounded[T any](ctx context.Context, g *Breaker, do func(context.Context) (T, error)) (T, error) {
	type answer struct {
		got T
		err error
	}
	var a answer
	if err := ctx.Err(); err != nil {
		return a.got, err
	}
	if err := g.enter(); err != nil {
		return a.got, err
	}
	inner, cancel := context.WithTimeout(ctx, g.limit)
	done := make(chan answer, 1)
	select {
	case g.slots <- struct{}{}:
		go func() {
			defer cancel()
			defer func() { <-g.slots }()
			got, err := do(inner)
			done <- answer{got, err}
		}()
	case <-inner.Done():
		cancel()
	}
	select {
	case a = <-done:
	case <-inner.Done():
		select {
		case a = <-done: // at the last moment
		default:
			a.err = g.late()
		}
	}
	if a.err != nil && ctx.Err() != nil { // no fault of the store: the caller waits no longer
		var none T
		return none, ctx.Err()
	}
	g.finished(a.err)
	return a.got, a.err
}

// Attempt is that of Store.
func (g *Breaker) Attempt(ctx context.Context, key string, now time.Time, t Times) (Record, error) {
	return bounded(ctx, g, func(ctx context.Context) (Record, error) { return g.store.Attempt(ctx, key, now, t) })
}

// Note is that of Store.
func (g *Breaker) Note(ctx context.Context, bucket Bucket, key string, now time.Time, keep time.Duration) (Record, error) {
	return bounded(ctx, g, func(ctx context.Context) (Record, error) { return g.store.Note(ctx, bucket, key, now, keep) })
}

// Get is that of Store.
func (g *Breaker) Get(ctx context.Context, bucket Bucket, key string, now time.Time) (r Record, found bool, err error) {
	p, err := bounded(ctx, g, func(ctx context.Context) (*Record, error) {
		r, found, err := g.store.Get(ctx, bucket, key, now)
		if err != nil || !found {
			return nil, err
		}
		return &r, nil
	})
	if err != nil || p == nil {
		return Record{}, false, err
	}
	return *p, true, nil
}

// Put is that of Store.
func (g *Breaker) Put(ctx context.Context, r Record) error {
	_, err := bounded(ctx, g, func(ctx context.Context) (struct{}, error) { return struct{}{}, g.store.Put(ctx, r) })
	return err
}

// Stats is that of Store.
func (g *Breaker) Stats(ctx context.Context, now time.Time) (Stats, error) {
	return bounded(ctx, g, func(ctx context.Context) (Stats, error) { return g.store.Stats(ctx, now) })
}

// closeLimit is for a store that has a lot to write.
const closeLimit = 10 * time.Second

// Close is that of Store, and waits for it no longer than 10 seconds, or the limit if that is more.
func (g *Breaker) Close() error {
	done := make(chan error, 1)
	go func() { done <- g.store.Close() }()
	limit := max(g.limit, closeLimit)
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("state: the store was not closed within %s", limit)
	}
}
