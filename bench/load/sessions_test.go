package load

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	var done, ended atomic.Int64
	s := Sessions{Workers: 4, Count: 100, Begin: func() (func(int) error, func(), error) {
		return func(int) error { done.Add(1); return nil }, func() { ended.Add(1) }, nil
	}}
	r, err := s.Do(t.Context())
	if err != nil || r.Done != 100 || done.Load() != 100 || ended.Load() != 4 || r.PerSecond() <= 0 {
		t.Errorf("%+v, %v, %d done, %d ended", r, err, done.Load(), ended.Load())
	}
	broken := errors.New("broken")
	s.Begin = func() (func(int) error, func(), error) {
		return func(n int) error {
			if n == 50 {
				return broken
			}
			return nil
		}, nil, nil
	}
	if _, err := s.Do(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
	s.Count, s.Duration = 0, 10*time.Millisecond
	s.Begin = func() (func(int) error, func(), error) { return func(int) error { return nil }, nil, nil }
	if r, err := s.Do(t.Context()); err != nil || r.Done == 0 || r.Elapsed < s.Duration {
		t.Errorf("%+v, %v", r, err)
	}
}
