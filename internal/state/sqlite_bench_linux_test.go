package state_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/helogate/helogate/internal/state"
)

// triplet is the key of one among random clients, senders and recipients; it is the same for the same number.
func triplet(i uint64) string {
	r := rand.New(rand.NewPCG(i, 7))
	return state.Key(fmt.Sprintf("%d.%d.%d.0/24", r.IntN(224), r.IntN(256), r.IntN(256)),
		fmt.Sprintf("%x@%x.example.org", r.Uint32(), r.Uint32()), fmt.Sprintf("jane.doe%d@example.net", r.IntN(1000)))
}

// fill makes a first attempt for each number below n.
func fill(b testing.TB, s state.Store, n uint64) {
	b.Helper()
	workers(b, 32, n, func(i uint64) error {
		_, err := s.Attempt(context.Background(), triplet(i), time.Unix(1795251671, 0), greylist)
		return err
	})
}

// workers does the numbers below n, many at once.
func workers(b testing.TB, many int, n uint64, do func(i uint64) error) {
	var next atomic.Uint64
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// cpu is the time of processors that this process has had: it is a better measure than the clock on a busy machine.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAttempt is a greylist's decision about a triplet that is there among so many, asked by so many at once. The
// keys are drawn before: making them is not the store's.
func BenchmarkAttempt(b *testing.B) {
	for _, n := range []uint64{1000, 1_000_000} {
		path := filepath.Join(b.TempDir(), "state.db")
		s := open(b, state.SQLiteConfig{Path: path})
		fill(b, s, n)
		keys := make([]string, 1<<16)
		for i := range keys {
			keys[i] = triplet(rand.Uint64N(n))
		}
		now := time.Unix(1795251671, 0).Add(time.Minute)
		for _, many := range []int{1, 32} {
			b.Run(fmt.Sprintf("of %d by %d", n, many), func(b *testing.B) {
				before, took := cpu(), make([]time.Duration, b.N)
				workers(b, many, uint64(b.N), func(i uint64) error {
					began := time.Now()
					_, err := s.Attempt(context.Background(), keys[i*40503%uint64(len(keys))], now, greylist)
					took[i] = time.Since(began)
					return err
				})
				slices.Sort(took)
				b.ReportMetric(float64(took[b.N/2].Nanoseconds()), "median-ns")
				b.ReportMetric(float64(took[b.N*999/1000].Nanoseconds()), "p99.9-ns")
				st, _ := s.Stats(context.Background(), now)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
				b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(st.Bytes)/1e6, "MB")
			})
		}
		s.Close()
	}
}

// BenchmarkFirstAttempt is the flood: every triplet is new.
func BenchmarkFirstAttempt(b *testing.B) {
	s := open(b, state.SQLiteConfig{Path: filepath.Join(b.TempDir(), "state.db")})
	fill(b, s, uint64(b.N))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
}

// BenchmarkDecision is what a service asks of its store: behind a guard, by 32 at once; of four attempts two are new,
// one comes too early and one comes again in time, and no client passes at once.
func BenchmarkDecision(b *testing.B) {
	s := state.NewBreaker(open(b, state.SQLiteConfig{Path: filepath.Join(b.TempDir(), "state.db")}), time.Minute, slog.New(slog.DiscardHandler), time.Now)
	defer s.Close()
	rules := greylist
	rules.AutoPass = 5
	keys := make([]string, b.N)
	for i := range keys {
		keys[i] = triplet(uint64(i))
	}
	noon := time.Unix(1795251671, 0)
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	workers(b, 32, uint64(b.N), func(i uint64) error {
		at, key := noon.Add(time.Duration(i)*time.Millisecond), keys[i]
		if back := i - min(i, 1000+i%2); i%4 == 1 {
			key = keys[back]
		} else if i%4 == 3 {
			key, at = keys[back], at.Add(rules.Delay)
		}
		_, err := s.Attempt(context.Background(), key, at, rules)
		return err
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attempts/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}
