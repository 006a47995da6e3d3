package greylist

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/state"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func memory(t *testing.T) state.Store {
	t.Helper()
	s, err := state.OpenSQLite(state.SQLiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func question(name string) helogate.Question {
	return helogate.Question{Kind: helogate.Greylisted, Name: name}
}

func said(a *helogate.Answer) string {
	return fmt.Sprint(a.Status, " ", strings.Join(a.Values, ", "))
}

// TestBook is a story of attempts: when, who, and what is answered.
func TestBook(t *testing.T) {
	now := noon
	b := New(Config{Store: memory(t), Times: state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour, AutoPass: 2},
		Now: func() time.Time { return now }})
	ctx := t.Context()
	for _, step := range []struct {
		after time.Duration // since noon
		peek  bool
		name  string
		want  string
	}{
		{0, true, "a.example s r", "nxdomain "},
		{0, false, "a.example s r", "ok first 2026-03-01T12:00:00Z"},
		{time.Minute, true, "a.example s r", "ok first 2026-03-01T12:00:00Z"},
		{4 * time.Minute, false, "a.example s r", "ok first 2026-03-01T12:00:00Z"},
		{5 * time.Minute, false, "a.example s r", "ok first 2026-03-01T12:00:00Z, passed 2026-03-01T12:05:00Z"},
		{6 * time.Minute, false, "a.example s r", "ok first 2026-03-01T12:00:00Z, passed 2026-03-01T12:05:00Z"}, // counts once
		{7 * time.Minute, false, "a.example s other", "ok first 2026-03-01T12:07:00Z"},
		{13 * time.Minute, false, "a.example s other", "ok first 2026-03-01T12:07:00Z, passed 2026-03-01T12:13:00Z"},
		// It has come again twice: whatever it sends passes, and nothing is noted of it.
		{14 * time.Minute, true, "a.example new new", "ok first 2026-03-01T12:05:00Z, passed 2026-03-01T12:05:00Z"},
		{14 * time.Minute, false, "a.example new new", "ok first 2026-03-01T12:05:00Z, passed 2026-03-01T12:05:00Z"},
		{14 * time.Minute, false, "b.example new new", "ok first 2026-03-01T12:14:00Z"},
		// And as long as it sends, it does.
		{30 * 24 * time.Hour, false, "a.example new new", "ok first 2026-03-01T12:05:00Z, passed 2026-03-01T12:05:00Z"},
		{60 * 24 * time.Hour, false, "a.example new new", "ok first 2026-03-01T12:05:00Z, passed 2026-03-01T12:05:00Z"},
		{97 * 24 * time.Hour, false, "a.example new new", "ok first 2026-06-06T12:00:00Z"},
		// Who comes too late begins anew.
		{97*24*time.Hour + 25*time.Hour, false, "a.example new new", "ok first 2026-06-07T13:00:00Z"},
	} {
		now = noon.Add(step.after)
		var a *helogate.Answer
		if step.peek {
			a = b.Peek(ctx, question(step.name))
		} else {
			a = b.Ask(ctx, question(step.name))
		}
		if said(a) != step.want {
			t.Errorf("after %s, %s: %s, want %s", step.after, step.name, said(a), step.want)
		}
	}
	if _, known := b.Known(question("a.example new new")); known {
		t.Error("it knows without noting")
	}
	if a := b.Ask(ctx, helogate.Question{Kind: helogate.A, Name: "a.example"}); a.Status != helogate.TempFail {
		t.Errorf("%+v", a)
	}
}

// Without an automatic pass each attempt stands for itself.
func TestNoAutoPass(t *testing.T) {
	now := noon
	store := memory(t)
	b := New(Config{Store: store, Times: state.Times{Delay: time.Minute, Window: time.Hour, Pass: time.Hour}, Now: func() time.Time { return now }})
	for i := range 3 {
		q := question(fmt.Sprint("a.example s ", i))
		b.Ask(t.Context(), q)
		now = now.Add(time.Minute)
		b.Ask(t.Context(), q)
	}
	if _, found, err := store.Get(t.Context(), state.Returned, "a.example", now); found || err != nil {
		t.Error(found, err)
	}
}

// broken is a store that fails.
type broken struct {
	state.Store
	err error
}

func (b broken) Get(context.Context, state.Bucket, string, time.Time) (state.Record, bool, error) {
	return state.Record{}, false, b.err
}

func (b broken) Attempt(context.Context, string, time.Time, state.Times) (state.Record, error) {
	return state.Record{}, b.err
}

// A store that fails is a tempfail: nobody waits for it.
func TestStoreFails(t *testing.T) {
	for err, want := range map[error]string{
		errors.New("out of \x1bpaper"): "store error: out of \\x1bpaper",
		context.DeadlineExceeded:       "the store did not answer in time",
	} {
		b := New(Config{Store: broken{err: err}, Times: state.Times{AutoPass: 1}})
		for _, ask := range []func(context.Context, helogate.Question) *helogate.Answer{b.Ask, b.Peek} {
			if a := ask(t.Context(), question("a b c")); a.Status != helogate.TempFail || a.Note != want {
				t.Errorf("%+v, want %s", a, want)
			}
		}
	}
}
