package statetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// calls are all methods but Close, each an error or none.
func (s *suite) calls(store state.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"attempt": func(ctx context.Context) error { _, err := store.Attempt(ctx, "k", s.at(0), times); return err },
		"note": func(ctx context.Context) error {
			_, err := store.Note(ctx, state.Deferred, "k", s.at(0), time.Hour)
			return err
		},
		"get": func(ctx context.Context) error {
			_, _, err := store.Get(ctx, state.Greylist, "k", s.at(0))
			return err
		},
		"put": func(ctx context.Context) error {
			return store.Put(ctx, state.Record{Bucket: state.Callout, Key: "k", Expires: s.at(time.Hour)})
		},
		"all": func(ctx context.Context) error {
			for _, err := range store.All(ctx, s.at(0)) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"stats": func(ctx context.Context) error { _, err := store.Stats(ctx, s.at(0)); return err },
	}
}

// quick is far more than any error takes, however busy the machine is.
const quick = 5 * time.Second

func (s *suite) fails(t *testing.T, store state.Store, ctx context.Context) {
	t.Helper()
	for name, call := range s.calls(store) {
		began := time.Now()
		if call(ctx) == nil {
			t.Errorf("%s: no error", name)
		}
		if d := time.Since(began); d > quick {
			t.Errorf("%s took %s", name, d)
		}
	}
}

func (s *suite) endedContexts(t *testing.T) {
	store := s.open(t)
	for i := range 10 {
		put(t, store, state.Record{Bucket: state.Callout, Key: fmt.Sprint(i), Expires: s.at(time.Hour)})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.fails(t, store, ended)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	s.fails(t, store, late)
	// In the middle of a reading, too.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range store.All(ctx, s.at(0)) {
		if last != nil {
			t.Error("a pair after the error")
		}
		cancel()
		last = err
	}
	if last == nil {
		t.Error("all: no error when the context ended while it was read")
	}
	for name, call := range s.calls(store) { // and the store is well
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (s *suite) afterClose(t *testing.T) {
	store := s.open(t)
	s.try(t, store, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.fails(t, store, t.Context())
	store.Close() // once more does no harm
}
