package statetest

import (
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// autoPass is a story of clients, some of which pass at once in the end.
func (s *suite) autoPass(t *testing.T) {
	store, rules := s.open(t), state.Times{Delay: 5 * time.Minute, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour, AutoPass: 2}
	const day = 24 * time.Hour
	for _, step := range []struct {
		at   time.Duration
		key  string
		want string
	}{
		{0, "c a", `greylist "c a" 1 first 0s last 0s expires 24h0m0s`},
		{5 * time.Minute, "c a", `greylist "c a" 2 first 0s last 5m0s passed 5m0s expires 864h5m0s`},
		{5 * time.Minute, "c a", `greylist "c a" 3 first 0s last 5m0s passed 5m0s expires 864h5m0s`}, // at once, too, it counts once
		{6 * time.Minute, "c a", `greylist "c a" 4 first 0s last 6m0s passed 5m0s expires 864h6m0s`},
		{7 * time.Minute, "c b", `greylist "c b" 1 first 7m0s last 7m0s expires 24h7m0s`},
		{12 * time.Minute, "c b", `greylist "c b" 2 first 7m0s last 12m0s passed 12m0s expires 864h12m0s`}, // the second
		{13 * time.Minute, "c c", `returned "c" 2 first 5m0s last 12m0s expires 864h12m0s`},
		{13 * time.Minute, "c", `returned "c" 2 first 5m0s last 12m0s expires 864h12m0s`},
		{13 * time.Minute, "cc c", `greylist "cc c" 1 first 13m0s last 13m0s expires 24h13m0s`},
		{day + 12*time.Minute, "c d", `returned "c" 2 first 5m0s last 12m0s expires 864h12m0s`},
		{day + 12*time.Minute + time.Millisecond, "c d", `returned "c" 3 first 5m0s last 24h12m0.001s expires 888h12m0.001s`},
		{2*day + 12*time.Minute + time.Millisecond, "c d", `returned "c" 3 first 5m0s last 24h12m0.001s expires 888h12m0.001s`},
		{37*day + 12*time.Minute, "c d", `returned "c" 4 first 5m0s last 888h12m0s expires 1752h12m0s`},
		{73*day + 12*time.Minute, "c d", `greylist "c d" 1 first 1752h12m0s last 1752h12m0s expires 1776h12m0s`}, // it is over
	} {
		r, err := store.Attempt(t.Context(), step.key, s.at(step.at), rules)
		if got := s.tell(r); err != nil || got != step.want {
			t.Errorf("attempt of %q at %s: %s, %v; want %s", step.key, step.at, got, err, step.want)
		}
	}
	s.get(t, store, state.Greylist, "c c", 13*time.Minute, "") // a client that passes at once leaves no attempt
}

// autoPassOfHours is a client whose note ends within a day: it is renewed after half of its time.
func (s *suite) autoPassOfHours(t *testing.T) {
	store, rules := s.open(t), state.Times{Pass: 10 * time.Hour, AutoPass: 1}
	put(t, store, state.Record{Bucket: state.Returned, Key: "c", First: s.at(0), Last: s.at(0), Count: 1, Expires: s.at(10 * time.Hour)})
	put(t, store, state.Record{Bucket: state.Returned, Key: "imported", Count: 1, Expires: s.at(10 * time.Hour)})
	for _, step := range []struct {
		at   time.Duration
		key  string
		want string
	}{
		{5 * time.Hour, "c a", `returned "c" 1 first 0s last 0s expires 10h0m0s`},
		{5*time.Hour + time.Millisecond, "c a", `returned "c" 2 first 0s last 5h0m0.001s expires 15h0m0.001s`},
		{time.Hour, "imported a", `returned "imported" 2 last 1h0m0s expires 11h0m0s`},
	} {
		r, err := store.Attempt(t.Context(), step.key, s.at(step.at), rules)
		if got := s.tell(r); err != nil || got != step.want {
			t.Errorf("attempt of %q at %s: %s, %v; want %s", step.key, step.at, got, err, step.want)
		}
	}
}
