package statetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// crowd makes attempts from many goroutines, all at first ones of the same few keys, and holds the records to agree.
func (s *suite) crowd(t *testing.T, stores ...state.Store) {
	const keys, each = 20, 16
	type answer struct {
		r   state.Record
		err error
	}
	answers := make([][]answer, keys)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for k := range keys {
		answers[k] = make([]answer, each)
		for i := range each {
			wg.Go(func() {
				<-begin
				r, err := stores[i%len(stores)].Attempt(t.Context(), fmt.Sprint("k", k), s.at(time.Duration(i)*time.Millisecond), times)
				answers[k][i] = answer{r, err}
			})
		}
	}
	close(begin)
	wg.Wait()
	for k := range keys {
		counts := make([]bool, each+1)
		for _, a := range answers[k] {
			if a.err != nil {
				t.Fatal(a.err)
			}
			if !a.r.First.Equal(answers[k][0].r.First) || !a.r.Passed.IsZero() || !a.r.Expires.Equal(a.r.First.Add(times.Window)) {
				t.Errorf("of attempts at once: %s and %s", s.tell(a.r), s.tell(answers[k][0].r))
			}
			if a.r.Count < 1 || a.r.Count > each || counts[a.r.Count] {
				t.Errorf("a second time, or out of range: %s", s.tell(a.r))
				continue
			}
			counts[a.r.Count] = true
		}
		for _, store := range stores {
			counted := func() bool {
				r, found, err := store.Get(t.Context(), state.Greylist, fmt.Sprint("k", k), s.at(0))
				if !found && len(stores) == 1 || err != nil {
					t.Fatalf("after %d attempts: found %t, %v", each, found, err)
				}
				return r.Count == each
			}
			if len(stores) > 1 {
				eventually(t, counted)
			} else if !counted() {
				t.Errorf("attempts of k%d are not all counted", k)
			}
		}
	}
}

func (s *suite) atOnce(t *testing.T) { s.crowd(t, s.open(t)) }

func (s *suite) twoAtOnce(t *testing.T) {
	a, b := s.openTwo(t)
	s.crowd(t, a, b)
}

// eventually asks until the answer is there, for stores may show to each other what is written a moment later.
func eventually(t *testing.T, ask func() (ok bool)) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ask(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a record of one store does not show in the other")
		}
	}
}

func (s *suite) two(t *testing.T) {
	a, b := s.openTwo(t)
	s.try(t, a, "k", 0, `greylist "k" 1 first 0s last 0s expires 24h0m0s`)
	s.try(t, b, "k", time.Minute, `greylist "k" 2 first 0s last 1m0s expires 24h0m0s`)
	s.try(t, a, "k", 5*time.Minute, `greylist "k" 3 first 0s last 5m0s passed 5m0s expires 864h5m0s`)
	s.try(t, b, "k", time.Hour, `greylist "k" 4 first 0s last 1h0m0s passed 5m0s expires 865h0m0s`)
	put(t, b, state.Record{Bucket: state.Callout, Key: "k", Value: "b", Expires: s.at(time.Hour)})
	eventually(t, func() bool {
		r, found, err := a.Get(t.Context(), state.Callout, "k", s.at(0))
		if err != nil {
			t.Fatal(err)
		}
		return found && r.Value == "b"
	})
	if list := s.everything(t, a, 0); len(list) != 2 {
		t.Errorf("%d records", len(list))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	s.try(t, b, "k", 2*time.Hour, `greylist "k" 5 first 0s last 2h0m0s passed 5m0s expires 866h0m0s`)
}
