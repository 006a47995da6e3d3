// Package patience answers questions of the kind helogate.Deferred: since when a client is deferred for failures of DNS, and
// whether it is our own resolver that fails.
package patience

import (
	"context"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
	"github.com/helogate/helogate/internal/state"
)

// Config is what a book needs.
type Config struct {
	Store        state.Store
	Limit        time.Duration                // how long anybody is deferred
	ResolverDown func() (why string, is bool) // whether our own resolver fails; nil is never
	Now          func() time.Time             // nil is time.Now
}

// A Book is a helogate.Asker for the kind helogate.Deferred. It is safe for concurrent use. While its store fails it
// remembers by itself: else nobody's patience would end while both DNS and store are out.
type Tracker struct {
	Config
	spare *bounded.Map[string, time.Time] // first times, while the store fails
}

const maxSpare = 50_000

// New returns a book.
func New(c Config) *Tracker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tracker{Config: c, spare: bounded.New[string, time.Time](maxSpare, c.Limit+quiet)}
}

// quiet is how long after the last deferral a client is forgotten: it retries for days, and hours apart.
const quiet = 24 * time.Hour

var otherKind = &helogate.Answer{Status: helogate.TempFail, Note: "no question about a deferral"}

// Known knows only that our own resolver fails: else a deferral is to be noted.
func (b *Tracker) Known(q helogate.Question) (*helogate.Answer, bool) {
	if why, is := b.sick(); is && q.Kind == helogate.Deferred {
		return &helogate.Answer{Status: helogate.OK, Values: []string{"resolver-down " + why}}, true
	}
	return nil, false
}

// Ask notes a deferral, and returns since when there have been some.
func (b *Tracker) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind != helogate.Deferred {
		return otherKind
	}
	if a, ok := b.Known(q); ok {
		return a
	}
	now := b.Now().UTC().Truncate(time.Millisecond)
	r, err := b.Store.Note(ctx, state.Deferred, state.Shorten(q.Name), now, b.Limit+quiet)
	if err != nil {
		return first(b.remember(q.Name, now))
	}
	return first(r.First)
}

// Peek returns what is known, and notes nothing.
func (b *Tracker) Peek(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind != helogate.Deferred {
		return otherKind
	}
	if a, ok := b.Known(q); ok {
		return a
	}
	r, found, err := b.Store.Get(ctx, state.Deferred, state.Shorten(q.Name), b.Now())
	if err != nil || !found {
		return &helogate.Answer{Status: helogate.NXDomain}
	}
	return first(r.First)
}

func (b *Tracker) sick() (string, bool) {
	if b.ResolverDown == nil {
		return "", false
	}
	return b.ResolverDown()
}

// remember is Note without a store.
func (b *Tracker) remember(name string, now time.Time) (since time.Time) {
	b.spare.Use(name, now, func(first *time.Time, made bool) {
		if made {
			*first = now
		}
		since = *first
	})
	return since
}

func first(at time.Time) *helogate.Answer {
	return &helogate.Answer{Status: helogate.OK, Values: []string{"first " + at.UTC().Format(time.RFC3339Nano)}}
}
