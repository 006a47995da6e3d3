package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/testdns"
)

const (
	warmClients     = 200
	warmConnections = 32
	warmShare       = 0.5 // of what a server reaches that does nothing
)

// warm measures verdicts on clients that are known, beside a server that does nothing: the two in turns, so that what
// else the machine does falls on both.
func warm(ctx context.Context, l *lab) ([]row, error) {
	rounds, each := 5, 3*time.Second
	if l.quick {
		rounds, each = 3, time.Second
	}
	w := newWorld(warmClients)
	zone, err := w.zone()
	if err != nil {
		return nil, err
	}
	server, err := testdns.Start(zone)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	judge, judgeAddr, err := l.serveHelogate(ctx, server.Addr())
	if judge != nil {
		defer judge.stop()
	}
	if err != nil {
		return nil, err
	}
	ceiling, ceilingAddr, err := l.serveDunno(ctx)
	if ceiling != nil {
		defer ceiling.stop()
	}
	if err != nil {
		return nil, err
	}
	var helogates, dunnos, shares []float64
	var answers load.Result
	questions := 0
	next := load.Cycle(w.mails)
	for i := range rounds + 1 {
		dunno, err := warmRun(ctx, ceilingAddr, next, each)
		if err != nil {
			return nil, fmt.Errorf("dunno: %w", err)
		}
		before := server.Queries()
		helogate, err := warmRun(ctx, judgeAddr, next, each)
		if err != nil {
			return nil, fmt.Errorf("helogate: %w", err)
		}
		os.Truncate(judge.log, 0)
		if i == 0 {
			continue // to warm up
		}
		questions += server.Queries() - before
		answers = helogate
		l.say("  helogate %s\n  dunno    %s", helogate.String(), dunno.String())
		dunnos, helogates = append(dunnos, dunno.PerSecond()), append(helogates, helogate.PerSecond())
		shares = append(shares, helogate.PerSecond()/dunno.PerSecond())
	}
	share := median(shares)
	rows := []row{
		{what: "warm verdicts, 32 connections", figure: perSecond(median(helogates))},
		{what: "a server that does nothing", figure: perSecond(median(dunnos))},
		{what: "share of it", figure: fmt.Sprintf("%.2f", share), goal: fmt.Sprintf("≥ %.2f", warmShare), met: share >= warmShare},
	}
	rows[0].note("%d clients at RCPT, balanced in force, a line of log each; %s", warmClients, mixed())
	rows[0].note("answers DUNNO %d, 4xx %d, 5xx %d; latency p50 %s, p99 %s; %d questions to DNS in all rounds", answers.Dunno,
		answers.Defer, answers.Reject, shown(answers.Latency.Quantile(0.5)), shown(answers.Latency.Quantile(0.99)), questions)
	rows[2].note("median of %d pairs of runs of %s: lowest %.2f, highest %.2f", rounds, each, slices.Min(shares), slices.Max(shares))
	result := testing.Benchmark(warmVerdict)
	if result.N == 0 {
		return rows, fmt.Errorf("the benchmark of a warm verdict failed")
	}
	return append(rows, row{
		what:   "Policy.Judge, warm, one goroutine",
		figure: fmt.Sprintf("%d ns, %d allocations, %d B", result.NsPerOp(), result.AllocsPerOp(), result.AllocedBytesPerOp()),
	}), nil
}

// warmRun poses each client once, and then for a time over and over.
func warmRun(ctx context.Context, addr netip.AddrPort, next func(int) []byte, each time.Duration) (load.Result, error) {
	r := load.Run{Network: "tcp", Address: addr.String(), Connections: warmConnections, Requests: warmClients, Next: next}
	if _, err := r.Do(ctx); err != nil {
		return load.Result{}, err
	}
	r.Requests, r.Duration = 0, each
	return r.Do(ctx)
}

// serveDunno starts the server that does nothing.
func (l *lab) serveDunno(ctx context.Context) (*process, netip.AddrPort, error) {
	addr, err := freePort()
	if err != nil {
		return nil, addr, err
	}
	p, err := l.start("dunno.log", l.policyload, "-serve", "dunno", addr.String())
	if err != nil {
		return nil, addr, err
	}
	return p, addr, p.listens(ctx, addr)
}

// warmVerdict is a verdict alone: no door, no engine, no log. It is BenchmarkWarmVerdict.
func warmVerdict(b *testing.B) {
	w := newWorld(warmClients)
	zone, err := w.zone()
	if err != nil {
		b.Fatal(err)
	}
	server, err := testdns.Start(zone)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	resolver, err := dns.New(dns.Config{Servers: []netip.AddrPort{server.Addr()}})
	if err != nil {
		b.Fatal(err)
	}
	defer resolver.Close()
	policy, err := check.NewPolicy("balanced", check.Settings{})
	policy.Terse = true
	if err != nil {
		b.Fatal(err)
	}
	facts := make([]helogate.Facts, len(w.mails))
	for i, m := range w.mails {
		facts[i] = factsOf(m)
		policy.Judge(b.Context(), facts[i], resolver)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		policy.Judge(b.Context(), facts[i%len(facts)], resolver)
	}
}

// factsOf is what a door makes of a mail.
func factsOf(m load.Mail) helogate.Facts {
	return helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Unix(1_800_000_000, 0), Client: m.Client.Addr(),
		Server: netip.MustParseAddrPort("198.51.100.1:25"), Verb: "EHLO", Helo: m.Helo, Sender: m.Sender, Recipient: m.Recipient,
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func perSecond(v float64) string { return thousands(int(v+0.5)) + "/s" }

// thousands is a number with its digits in groups: 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// shown is a duration with three digits or so.
func shown(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
