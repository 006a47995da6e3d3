// Package greylist answers questions of the kind helogate.Greylisted from a store. It records each attempt, and passes
// clients that have retried often enough at once (RFC 6647 section 4).
package greylist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/state"
)

// Config is the rules of a greylist.
type Config struct {
	Store state.Store
	Times state.Times
	Now   func() time.Time // nil is time.Now
}

// A Tracker is a helogate.Asker for the kind helogate.Greylisted. It is safe for concurrent use.
type Tracker struct{ Config }

// New returns a tracker.
func New(c Config) *Tracker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tracker{c}
}

var otherKind = &helogate.Answer{Status: helogate.TempFail, Note: "no question about a greylist"}

// Known never knows an answer, since each attempt must be recorded.
func (b *Tracker) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

// Ask records an attempt, and returns its record. If the store fails, the status is TempFail.
func (b *Tracker) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind != helogate.Greylisted {
		return otherKind
	}
	r, err := b.Store.Attempt(ctx, state.Shorten(q.Name), b.Now(), b.Times)
	if err != nil {
		return failed(err)
	}
	return answer(r)
}

// Peek returns the record of an attempt, and records nothing.
func (b *Tracker) Peek(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind != helogate.Greylisted {
		return otherKind
	}
	now, key := b.Now(), state.Shorten(q.Name)
	r, ok, err := b.returned(ctx, state.Client(key), now)
	if err == nil && !ok {
		r, ok, err = b.Store.Get(ctx, state.Greylist, key, now)
	}
	switch {
	case err != nil:
		return failed(err)
	case !ok:
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	return answer(r)
}

// returned returns the record of a client that has retried so often that it passes at once.
func (b *Tracker) returned(ctx context.Context, client string, now time.Time) (state.Record, bool, error) {
	if b.Times.AutoPass <= 0 {
		return state.Record{}, false, nil
	}
	r, found, err := b.Store.Get(ctx, state.Returned, client, now)
	return r, found && r.Count >= int64(b.Times.AutoPass), err
}

// answer returns since when a client or an attempt is known, and since when it passes.
func answer(r state.Record) *helogate.Answer {
	a := &helogate.Answer{Status: helogate.OK, Values: []string{"first " + timestamp(r.First)}}
	if r.Bucket == state.Returned {
		a.Note = fmt.Sprintf("retried %d times", r.Count)
		r.Passed = r.First
	}
	if !r.Passed.IsZero() {
		a.Values = append(a.Values, "passed "+timestamp(r.Passed))
	}
	return a
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func failed(err error) *helogate.Answer {
	note := "store error: " + printable.Text(err.Error(), 200)
	if errors.Is(err, context.DeadlineExceeded) {
		note = "the store did not answer in time"
	}
	return &helogate.Answer{Status: helogate.TempFail, Note: note}
}
