package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/greylist"
	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/testdns"
)

const (
	fewTriplets = 1000
	sizeGoal    = 1.5 // times as long as with few
)

// greylistSize measures what many triplets take, and what a decision takes among them.
func greylistSize(ctx context.Context, l *lab) ([]row, error) {
	s := sizeLab{lab: l, many: 1_000_000, rounds: 5, each: 3 * time.Second}
	if l.quick {
		s.many, s.rounds, s.each = 100_000, 2, 2*time.Second
	}
	var rows []row
	for _, measure := range []func(context.Context) ([]row, error){s.onDisk, s.alone, s.served, s.inRedis} {
		found, err := measure(ctx)
		rows = append(rows, found...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// A sizeLab is what the runs share.
type sizeLab struct {
	*lab
	many   int
	rounds int
	each   time.Duration
}

// file is the store with so many triplets.
func (s *sizeLab) file(triplets int) string {
	return filepath.Join(s.dir, fmt.Sprintf("triplets-%d.db", triplets))
}

// onDisk makes the files, and says how large the large one is.
func (s *sizeLab) onDisk(ctx context.Context) ([]row, error) {
	for _, n := range []int{fewTriplets, s.many} {
		store, err := state.OpenSQLite(state.SQLiteConfig{Path: s.file(n)})
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if err = fill(ctx, store, n); err == nil {
			err = store.Close()
		}
		if err != nil {
			return nil, err
		}
		s.say("  %s triplets into SQLite in %s", thousands(n), time.Since(began).Round(time.Millisecond))
	}
	is, err := os.Stat(s.file(s.many))
	if err != nil {
		return nil, err
	}
	r := row{what: fmt.Sprintf("%s triplets in SQLite", thousands(s.many)), figure: fmt.Sprintf("%d MiB", is.Size()>>20)}
	r.note("%d bytes each, of which the key is %d; a key such as %q", is.Size()/int64(s.many), len(triplet(s.many/2).key()), triplet(s.many/2).key())
	return []row{r}, nil
}

// fill keeps triplets as a greylist has them: three of four wait, and one passes.
func fill(ctx context.Context, store state.Store, n int) error {
	const hands = 64
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	now := time.Now().UTC().Truncate(time.Millisecond)
	order := rand.New(rand.NewPCG(1, 2)).Perm(n) // as they come: in the order of keys it would be easy
	var next atomic.Int64
	var wg sync.WaitGroup
	for range hands {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := store.Put(ctx, remembered(triplet(order[i]), now)); err != nil {
					fail(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// remembered is the record of a triplet.
func remembered(t triplet, now time.Time) state.Record {
	r := state.Record{
		Bucket: state.Greylist, Key: t.key(), First: now.Add(-time.Minute), Last: now.Add(-time.Minute), Count: 1, Expires: now.Add(24 * time.Hour),
	}
	if t%4 == 0 {
		r.Count, r.Last, r.Passed, r.Expires = 2, now, now, now.Add(36*24*time.Hour)
	}
	return r
}

// With sizeTimes a client that waits goes on waiting: each decision of a run is like the others.
var sizeTimes = state.Times{Delay: 12 * time.Hour, Window: 24 * time.Hour, Pass: 36 * 24 * time.Hour, AutoPass: 5}

// alone measures the greylist without a service around it: a decision after the other, on triplets that it has, in any
// order, each of which it notes. Both sizes in turns, so that what else the machine does falls on both.
func (s *sizeLab) alone(ctx context.Context) ([]row, error) {
	var results [2]load.Histogram
	var took [2]time.Duration
	var decided [2]int
	sizes := [2]int{fewTriplets, s.many}
	for round := range s.rounds + 1 {
		for i, n := range sizes {
			h, n, elapsed, err := s.decide(ctx, n)
			if err != nil {
				return nil, err
			}
			if round == 0 {
				continue // what a machine has read once
			}
			results[i].Add(h)
			took[i], decided[i] = took[i]+elapsed, decided[i]+n
		}
	}
	few, many := &results[0], &results[1]
	mean := [2]time.Duration{took[0] / time.Duration(decided[0]), took[1] / time.Duration(decided[1])}
	r := row{
		what:   fmt.Sprintf("a greylist decision, %s triplets and %s", thousands(sizes[0]), thousands(sizes[1])),
		figure: fmt.Sprintf("median %s and %s", shown(few.Quantile(0.5)), shown(many.Quantile(0.5))),
		goal:   fmt.Sprintf("≤ %.1f ×", sizeGoal), met: float64(many.Quantile(0.5)) <= sizeGoal*float64(few.Quantile(0.5)),
	}
	r.note("p99 %s and %s, mean with all that is written %s and %s; one decision after the other on SQLite, without a service around it",
		shown(few.Quantile(0.99)), shown(many.Quantile(0.99)), shown(mean[0]), shown(mean[1]))
	return []row{r}, nil
}

func (s *sizeLab) decide(ctx context.Context, n int) (h *load.Histogram, decided int, elapsed time.Duration, err error) {
	store, err := state.OpenSQLite(state.SQLiteConfig{Path: s.file(n)})
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() {
		if e := store.Close(); err == nil {
			err = e
		}
	}()
	book := greylist.New(greylist.Config{Store: store, Times: sizeTimes})
	h = new(load.Histogram)
	rnd := rand.New(rand.NewPCG(3, uint64(n)))
	for range min(n, 10_000) { // what the store is to have in memory
		book.Ask(ctx, helogate.Question{Kind: helogate.Greylisted, Name: triplet(rnd.IntN(n)).key()})
	}
	for began := time.Now(); elapsed < s.each; elapsed = time.Since(began) {
		q := helogate.Question{Kind: helogate.Greylisted, Name: triplet(rnd.IntN(n)).key()}
		then := time.Now()
		a := book.Ask(ctx, q)
		h.Record(time.Since(then))
		if decided++; a.Status != helogate.OK {
			return nil, 0, 0, fmt.Errorf("%s: %s %s", q.Name, a.Status, a.Note)
		}
	}
	return h, decided, elapsed, nil
}

// served measures the same through the service, with 32 connections.
func (s *sizeLab) served(ctx context.Context) ([]row, error) {
	server, err := testdns.Start(nowhere{})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	sizes := [2]int{fewTriplets, s.many}
	var results [2]load.Result
	for i, n := range sizes {
		if results[i], err = s.serve(ctx, server.Addr(), n); err != nil {
			return nil, err
		}
	}
	few, many := &results[0], &results[1]
	r := row{
		what:   fmt.Sprintf("greylist decisions served, %s triplets and %s", thousands(sizes[0]), thousands(sizes[1])),
		figure: perSecond(few.PerSecond()) + " and " + perSecond(many.PerSecond()),
		goal:   fmt.Sprintf("≤ %.1f ×", sizeGoal), met: few.PerSecond() <= sizeGoal*many.PerSecond(),
	}
	r.note("32 connections; latency p50 %s and %s, p99 %s and %s", shown(few.Latency.Quantile(0.5)), shown(many.Latency.Quantile(0.5)),
		shown(few.Latency.Quantile(0.99)), shown(many.Latency.Quantile(0.99)))
	return []row{r}, nil
}

func (s *sizeLab) serve(ctx context.Context, dns netip.AddrPort, n int) (result load.Result, err error) {
	p, addr, err := s.serveSettings(ctx, dns, fmt.Sprintf(greylistSettings, sizeTimes.Delay, fmt.Sprintf("file = %q", s.file(n))))
	if p != nil {
		defer p.stop()
	}
	if err != nil {
		return result, err
	}
	run := load.Run{Network: "tcp", Address: addr.String(), Connections: 32, Requests: networks}
	run.Next = func(i int) []byte { return triplet(i % n).mail().Request() } // each client, for the sake of its DNS
	if _, err := run.Do(ctx); err != nil {
		return result, fmt.Errorf("%w; helogate says: %s", err, p.tail())
	}
	os.Truncate(p.log, 0)
	run.Requests, run.Duration = 0, time.Duration(s.rounds)*s.each
	run.Next = func(int) []byte { return triplet(rand.IntN(n)).mail().Request() }
	result, err = run.Do(ctx)
	s.say("  %s triplets: %s", thousands(n), result.String())
	if share := float64(result.Dunno) / float64(max(result.Answers(), 1)); err == nil && (share < 0.23 || share > 0.27) {
		err = fmt.Errorf("a quarter of the triplets pass, and not so many attempts: %s", result.String())
	}
	return result, err
}

// inRedis says how much memory they take there.
func (s *sizeLab) inRedis(ctx context.Context) ([]row, error) {
	r := row{what: fmt.Sprintf("%s triplets in Redis", thousands(s.many))}
	server, addr, err := s.startRedis(ctx)
	if server != nil {
		defer server.stop()
	}
	if missing, ok := err.(absent); ok {
		r.figure, r.skipped = missing.Error(), true
		return []row{r}, nil
	}
	if err != nil {
		return nil, err
	}
	before, err := redisMemory(addr)
	if err != nil {
		return nil, err
	}
	store, err := state.OpenRedis(ctx, state.RedisConfig{Servers: []string{addr.String()}, Timeout: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := fill(ctx, store, s.many); err != nil {
		return nil, err
	}
	after, err := redisMemory(addr)
	if err != nil {
		return nil, err
	}
	r.figure = fmt.Sprintf("%d MiB", (after-before)>>20)
	r.note("used_memory of INFO, less what it is without them; %d bytes each", (after-before)/int64(s.many))
	return []row{r}, nil
}
