package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/state/statetest"
	"github.com/helogate/helogate/internal/testlog"
)

// moody is a store that fails, or hangs and does not look at its context, as the test sets it.
type moody struct {
	state.Store
	fails atomic.Pointer[error]
	hangs chan struct{} // until it is closed; nil does not
	asked atomic.Int64
}

func (m *moody) mood() error {
	m.asked.Add(1)
	if m.hangs != nil {
		<-m.hangs
	}
	if err := m.fails.Load(); err != nil {
		return *err
	}
	return nil
}

func (m *moody) Attempt(ctx context.Context, key string, now time.Time, t state.Times) (state.Record, error) {
	if err := m.mood(); err != nil {
		return state.Record{}, err
	}
	return m.Store.Attempt(ctx, key, now, t)
}

func (m *moody) Close() error {
	if err := m.mood(); err != nil {
		return err
	}
	return m.Store.Close()
}

func guard(t *testing.T, m *moody) (*state.Breaker, *testlog.Buffer) {
	m.Store = open(t, state.SQLiteConfig{})
	log := new(testlog.Buffer)
	return state.NewBreaker(m, 2*time.Second, slog.New(slog.NewTextHandler(log, nil)), time.Now), log
}

func try(t *testing.T, s state.Store, want string) {
	t.Helper()
	_, err := s.Attempt(t.Context(), "k", time.Now(), greylist)
	if got := fmt.Sprint(err); !strings.Contains(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
}

// What a guard gives is a store like any other.
func TestGuardIsAStore(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.Store {
		return state.NewBreaker(open(t, state.SQLiteConfig{}), time.Minute, slog.New(slog.DiscardHandler), time.Now)
	})
}

func TestGuardOfAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{}
		g, log := guard(t, m)
		defer g.Close()
		try(t, g, "<nil>")
		broken := errors.New("broken")
		m.fails.Store(&broken)
		try(t, g, "broken")
		try(t, g, "broken")
		if h := g.Health(); !h.Down.IsZero() || h.Failed != 2 || log.String() != "" {
			t.Errorf("after two failures: %+v\n%s", h, log)
		}
		m.fails.Store(nil)
		try(t, g, "<nil>") // so they were not three in a row
		m.fails.Store(&broken)
		for range 4 {
			try(t, g, "broken")
		}
		if !g.Health().Down.IsZero() {
			t.Error("it is down, and a moment ago it did what it was asked")
		}
		time.Sleep(time.Second)
		try(t, g, "broken")
		down := time.Now()
		asked := m.asked.Load()
		for range 100 {
			try(t, g, "the store is down since")
		}
		if m.asked.Load() != asked || time.Now() != down {
			t.Error("a store that is down is asked, or waited for")
		}
		if h := g.Health(); !h.Down.Equal(down) || h.Failed != 7 || h.Denied != 100 || h.Last != broken {
			t.Errorf("%+v", h)
		}
		for range 50 { // five seconds: one operation in each
			time.Sleep(100 * time.Millisecond)
			g.Attempt(t.Context(), "k", time.Now(), greylist)
		}
		if n := m.asked.Load() - asked; n != 5 {
			t.Errorf("tried %d times in five seconds", n)
		}
		m.fails.Store(nil)
		time.Sleep(time.Second)
		try(t, g, "<nil>")
		try(t, g, "<nil>")
		if h := g.Health(); !h.Down.IsZero() || h.Last != broken {
			t.Errorf("%+v", h)
		}
		if got := log.String(); strings.Count(got, "level=ERROR") != 1 || strings.Count(got, "level=") != 2 ||
			!strings.Contains(got, "the store is down") || !strings.Contains(got, "works again\" down_since=2000-01-01T00:00:01Z missed=155") {
			t.Error(got)
		}
	})
}

// A cluster with a node that fails does what the others can: it is not down.
func TestGuardOfAStoreThatFailsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{}
		g, log := guard(t, m)
		defer g.Close()
		broken := errors.New("broken")
		for range 100 {
			m.fails.Store(nil)
			try(t, g, "<nil>")
			time.Sleep(900 * time.Millisecond)
			m.fails.Store(&broken)
			for range 9 {
				try(t, g, "broken")
			}
		}
		if h := g.Health(); !h.Down.IsZero() || h.Failed != 900 || h.Denied != 0 || log.String() != "" {
			t.Errorf("%+v\n%s", h, log)
		}
	})
}

func TestGuardOfAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{hangs: make(chan struct{})}
		g, log := guard(t, m)
		defer g.Close()
		for range 3 {
			began := time.Now()
			try(t, g, "did not answer within 2s")
			if d := time.Since(began); d != 2*time.Second {
				t.Errorf("it took %s", d)
			}
		}
		for range 200 { // more than may hang
			time.Sleep(time.Second)
			g.Attempt(t.Context(), "k", time.Now(), greylist)
		}
		if n := m.asked.Load(); n > 64 {
			t.Errorf("%d operations hang", n)
		}
		try(t, g, "the store is down")
		if strings.Count(log.String(), "level=") != 1 {
			t.Error(log)
		}
		close(m.hangs)
		time.Sleep(time.Second)
		try(t, g, "<nil>")
		if !g.Health().Down.IsZero() || strings.Count(log.String(), "level=") != 2 {
			t.Errorf("%+v\n%s", g.Health(), log)
		}
	})
}

// When many callers find at once that it hangs, few reach it, and all go on in time.
func TestGuardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{hangs: make(chan struct{})}
		g, _ := guard(t, m)
		defer g.Close()
		var wg sync.WaitGroup
		began := time.Now()
		for range 1000 {
			wg.Go(func() { g.Attempt(t.Context(), "k", time.Now(), greylist) })
		}
		wg.Wait()
		if n, d := m.asked.Load(), time.Since(began); n != 64 || d != 2*time.Second {
			t.Errorf("%d operations hang, and all took %s", n, d)
		}
		try(t, g, "the store is down")
		close(m.hangs)
	})
}

// A caller that gives up is no fault of the store, nor is a record that cannot be, nor that there is no room.
func TestGuardForgives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{hangs: make(chan struct{})}
		g, log := guard(t, m)
		defer g.Close()
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := g.Attempt(ctx, "k", time.Now(), greylist); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
		close(m.hangs)
		synctest.Wait()
		for range 10 {
			if err := g.Put(t.Context(), state.Record{Bucket: "gossip"}); !errors.Is(err, state.ErrRecord) {
				t.Error(err)
			}
		}
		full := fmt.Errorf("x: %w", state.ErrFull)
		m.fails.Store(&full)
		for range 10 {
			try(t, g, "no room")
		}
		m.fails.Store(nil)
		if h := g.Health(); h != (state.Health{}) || log.String() != "" {
			t.Errorf("%+v\n%s", h, log)
		}
	})
}

func TestGuardCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{hangs: make(chan struct{})}
		g, _ := guard(t, m)
		began := time.Now()
		if err := g.Close(); err == nil || !strings.Contains(err.Error(), "was not closed within 10s") || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		close(m.hangs)
		synctest.Wait()
		try(t, g, "the store is closed")
	})
}
