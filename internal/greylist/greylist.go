// Package greylist answers questions of the kind helogate.Greylisted from a store: it notes each attempt, and lets those who
// have come again often enough pass at once (RFC 6647 section 4).
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

// A Book is a helogate.Asker for the kind helogate.Greylisted. It is safe for concurrent use.
type Tracker struct{ Config }

// New returns a book.
func New(c Config) *Tracker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tracker{c}
}

var otherKind = &helogate.Answer{Status: helogate.TempFail, Note: "no question about a greylist"}

// Known never knows: an attempt is to be noted.
func (b *Tracker) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

// Ask notes an attempt, and returns what is known of it. A store that fails is a TempFail.
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

// Peek returns what is known of an attempt, and notes nothing.
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

// returned returns the record of a client that has come again so often that it passes at once.
func (b *Tracker) returned(ctx context.Context, client string, now time.Time) (state.Record, bool, error) {
	if b.Times.AutoPass <= 0 {
		return state.Record{}, false, nil
	}
	r, found, err := b.Store.Get(ctx, state.Returned, client, now)
	return r, found && r.Count >= int64(b.Times.AutoPass), err
}

// answer says since when a client or an attempt is known, and since when it passes.
func answer(r state.Record) *helogate.Answer {
	a := &helogate.Answer{Status: helogate.OK, Values: []string{"first " + stamp(r.First)}}
	if r.Bucket == state.Returned {
		a.Note = fmt.Sprintf("came again %d times", r.Count)
		r.Passed = r.First
	}
	if !r.Passed.IsZero() {
		a.Values = append(a.Values, "passed "+stamp(r.Passed))
	}
	return a
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func failed(err error) *helogate.Answer {
	note := "the store: " + printable.Text(err.Error(), 200)
	if errors.Is(err, context.DeadlineExceeded) {
		note = "the store does not answer in time"
	}
	return &helogate.Answer{Status: helogate.TempFail, Note: note}
}
