package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"
	"time"
)

// Export writes the records that are not over at now as JSON lines, the header first, and returns how many.
// docs/state.md says what a line has. After an error, what is written is not whole.
func Export(ctx context.Context, s Store, now time.Time, w io.Writer) (n int, err error) {
	b := bufio.NewWriterSize(w, 64<<10)
	if err := writeLine(b, newHeader(now)); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	for r, err := range s.All(ctx, now) {
		if err == nil {
			err = writeLine(b, newLine(r))
		}
		if err != nil {
			return n, errors.Join(fmt.Errorf("export: after %d records: %w", n, err), b.Flush())
		}
		n++
	}
	if err := b.Flush(); err != nil {
		return n, fmt.Errorf("export: %w", err)
	}
	return n, nil
}

// importers is how many records are imported at once: a store answers many as quickly as one.
const importers = 32

// Import keeps the records of an export, but for those that are over at now, which are skipped. Where the store has a
// record of a key, the two become one that is as far on as either, so that nothing is lost: neither by importing twice,
// nor by importing into a store that is in use.
//
// A line that is wrong ends it, with an error that has its number; the records of the lines before it are then kept.
func Import(ctx context.Context, s Store, now time.Time, r io.Reader) (n, skipped int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	crew := newCrew(ctx, s, now, cancel)
	skipped, err = readLines(r, func(number int, r Record) (over bool) {
		if !now.Before(r.Expires) {
			return true
		}
		crew.give(ctx, task{number, r})
		return false
	}, func() bool { return ctx.Err() != nil })
	n = crew.finish()
	if stopped := context.Cause(ctx); stopped != nil {
		err = stopped // which came first: what is read after it is not kept
	}
	if err != nil {
		return n, skipped, fmt.Errorf("import: %w; %d records were imported before", err, n)
	}
	return n, skipped, nil
}

// A crew keeps records, many at once. Those of one key go to the same hand, one after the other.
type crew struct {
	seed  maphash.Seed
	hands []chan task
	kept  []int // by each hand
	wg    sync.WaitGroup
}

type task struct {
	number int // of the line
	Record
}

// newCrew starts one. The first error goes to fail.
func newCrew(ctx context.Context, s Store, now time.Time, fail func(error)) *crew {
	c := &crew{seed: maphash.MakeSeed(), hands: make([]chan task, importers), kept: make([]int, importers)}
	for i := range c.hands {
		c.hands[i] = make(chan task, 64)
		c.wg.Go(func() {
			for t := range c.hands[i] {
				if ctx.Err() != nil {
					continue // drain the channel, so that no sender blocks
				}
				if err := keep(ctx, s, now, t.Record); err != nil {
					fail(fmt.Errorf("line %d: %w", t.number, err))
					continue
				}
				c.kept[i]++
			}
		})
	}
	return c
}

func (c *crew) give(ctx context.Context, t task) {
	hand := c.hands[maphash.String(c.seed, string(t.Bucket)+t.Key)%importers]
	select {
	case hand <- t:
	case <-ctx.Done():
	}
}

// finish waits for what was given, and returns how many records were kept.
func (c *crew) finish() (n int) {
	for _, hand := range c.hands {
		close(hand)
	}
	c.wg.Wait()
	for _, kept := range c.kept {
		n += kept
	}
	return n
}

// keep puts a record together with what the store has of its key.
func keep(ctx context.Context, s Store, now time.Time, r Record) error {
	old, found, err := s.Get(ctx, r.Bucket, r.Key, now)
	if err != nil {
		return err
	}
	if found {
		if r = together(old, r); r == old {
			return nil
		}
	}
	return s.Put(ctx, r)
}

// together merges two records of a key, in either order. Of a callout it keeps the later result. Of the others it keeps
// the earlier First and Passed, and the later of all else: a client that passes keeps passing, and none waits longer.
func together(a, b Record) Record {
	if before(b, a) {
		a, b = b, a
	}
	if b.Bucket == Callout {
		return b
	}
	b.First, b.Passed = earlier(a.First, b.First), earlier(a.Passed, b.Passed)
	b.Count = max(a.Count, b.Count)
	if a.Expires.After(b.Expires) {
		b.Expires = a.Expires
	}
	return b
}

// before is an order of records of one key: when they were noted last, and then by all that they may differ in.
func before(a, b Record) bool {
	for _, c := range []int{
		a.Last.Compare(b.Last), a.Expires.Compare(b.Expires), a.First.Compare(b.First), a.Passed.Compare(b.Passed),
		int(max(-1, min(1, a.Count-b.Count))),
	} {
		if c != 0 {
			return c < 0
		}
	}
	return a.Value < b.Value
}

// earlier is the earlier of two times, where zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
