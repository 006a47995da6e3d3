package state

import (
	"context"
	"iter"
	"time"
)

// All is that of Store; the limit is for each record, and what its reader does with it takes as long as it takes.
func (g *Breaker) All(ctx context.Context, now time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := ctx.Err()
		if err == nil {
			err = g.enter()
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		inner, cancel := context.WithCancel(ctx) // no slot: there is one export at a time
		defer cancel()
		records := make(chan pair)
		go func() {
			defer close(records)
			for r, err := range g.store.All(inner, now) {
				select {
				case records <- pair{r, err}:
				case <-inner.Done():
					return
				}
			}
		}()
		g.pass(ctx, records, yield)
	}
}

type pair struct {
	Record
	err error
}

// pass yields what comes, until that ends, or the reader has enough.
func (g *Breaker) pass(ctx context.Context, records <-chan pair, yield func(Record, error) bool) {
	limit := time.NewTimer(g.limit)
	defer limit.Stop()
	for {
		var p pair
		more := true
		select {
		case p, more = <-records:
		case <-limit.C:
			p.err = g.late()
		case <-ctx.Done():
			p.err = ctx.Err()
		}
		if err := ctx.Err(); err != nil && (p.err != nil || !more) { // no fault of the store
			yield(Record{}, err)
			return
		}
		if p.err != nil || !more {
			g.finished(p.err)
		}
		if !more || !yield(p.Record, p.err) || p.err != nil {
			return
		}
		limit.Reset(g.limit)
	}
}
