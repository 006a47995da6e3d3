package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Sessions measures what is no single request and answer: workers each do one session after the other, as long as
// Duration lasts or until so many were done, and each counts with the time that it took.
type Sessions struct {
	Workers  int // 32 if zero
	Count    int
	Duration time.Duration

	// Begin makes what one worker does: a session, the n-th of all. end is called when the worker stops, and may be
	// nil.
	Begin func() (session func(n int) error, end func(), err error)
}

// SessionsResult is what was measured.
type SessionsResult struct {
	Elapsed time.Duration
	Done    int
	Latency Histogram
}

// PerSecond is how many sessions there were a second.
func (r *SessionsResult) PerSecond() float64 { return float64(r.Done) / r.Elapsed.Seconds() }

// String says it in a line.
func (r *SessionsResult) String() string {
	return fmt.Sprintf("%.0f/s: %d in %s; latency p50 %s, p99 %s, max %s", r.PerSecond(), r.Done, r.Elapsed.Round(time.Millisecond),
		r.Latency.Quantile(0.5).Round(time.Microsecond), r.Latency.Quantile(0.99).Round(time.Microsecond), r.Latency.Max().Round(time.Microsecond))
}

// Do measures. The first session that fails ends it, with its error.
func (s Sessions) Do(ctx context.Context) (SessionsResult, error) {
	if s.Workers <= 0 {
		s.Workers = 32
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var over atomic.Bool
	defer context.AfterFunc(ctx, func() { over.Store(true) })()
	if s.Duration > 0 {
		defer time.AfterFunc(s.Duration, func() { over.Store(true) }).Stop()
	}
	var taken atomic.Int64
	results := make([]SessionsResult, s.Workers)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range results {
		wg.Go(func() {
			if err := s.work(&results[i], &taken, &over); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	all := SessionsResult{Elapsed: time.Since(began)}
	for i := range results {
		all.Done += results[i].Done
		all.Latency.Add(&results[i].Latency)
	}
	return all, context.Cause(ctx)
}

func (s *Sessions) work(r *SessionsResult, taken *atomic.Int64, over *atomic.Bool) error {
	session, end, err := s.Begin()
	if end != nil {
		defer end()
	}
	if err != nil {
		return err
	}
	for !over.Load() {
		n := int(taken.Add(1)) - 1
		if s.Count > 0 && n >= s.Count {
			return nil
		}
		began := time.Now()
		if err := session(n); err != nil {
			return fmt.Errorf("session %d: %w", n, err)
		}
		r.Latency.Record(time.Since(began))
		r.Done++
	}
	return nil
}
