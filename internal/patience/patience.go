// Package patience answers questions of the kind helogate.Deferred: since when a client is deferred for DNS failures,
// and whether the local resolver fails. The check patience ends deferrals by it, after the DNS failure grace period.
package patience

import (
	"context"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
	"github.com/helogate/helogate/internal/state"
)

// Config configures a Tracker.
type Config struct {
	Store        state.Store
	Limit        time.Duration                // the grace period
	ResolverDown func() (why string, is bool) // whether the local resolver fails; nil is never
	Now          func() time.Time             // nil is time.Now
}

// A Tracker is a helogate.Asker for the kind helogate.Deferred. It is safe for concurrent use. While its store fails it
// keeps records in memory: otherwise no grace period would end while both DNS and the store are down.
type Tracker struct {
	Config
	spare *bounded.Map[string, time.Time] // first times, while the store fails
}

const maxSpare = 50_000

// New returns a tracker.
func New(c Config) *Tracker {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Tracker{Config: c, spare: bounded.New[string, time.Time](maxSpare, c.Limit+quiet)}
}

// quiet is how long after the last deferral a record expires: a client retries for days, with hours in between.
const quiet = 24 * time.Hour

var otherKind = &helogate.Answer{Status: helogate.TempFail, Note: "no question about a deferral"}

// Known only knows whether the local resolver fails. Otherwise the deferral must be recorded.
func (b *Tracker) Known(q helogate.Question) (*helogate.Answer, bool) {
	if why, is := b.isResolverDown(); is && q.Kind == helogate.Deferred {
		return &helogate.Answer{Status: helogate.OK, Values: []string{"resolver-down " + why}}, true
	}
	return nil, false
}

// Ask records a deferral, and returns when the first one was.
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

// Peek returns when the first deferral was, and records nothing.
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

func (b *Tracker) isResolverDown() (string, bool) {
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
