package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
	unixShare       = 0.45 // of what a server reaches that does nothing, on a unix socket
)

// warm measures verdicts on clients that are known, beside a server that does nothing, on a unix socket and over TCP.
func warm(ctx context.Context, l *lab) ([]row, error) {
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
	socket := l.dir + "/policy"
	judge, judgeAddr, err := l.serveSettings(ctx, server.Addr(), fmt.Sprintf(`[state]
store = "memory"

[[listen]]
protocol = "postfix"
address  = "unix:%s"
`, socket))
	if judge != nil {
		defer judge.stop()
	}
	if err != nil {
		return nil, err
	}
	next := load.Cycle(w.mails)
	var rows []row
	for _, at := range []struct {
		network, address, nothing, where string
		goal                             float64
	}{
		{"unix", socket, "unix:" + l.dir + "/nothing", "on a unix socket", unixShare},
		{"tcp", judgeAddr.String(), "", "over TCP", 0},
	} {
		found, err := warmDuel(ctx, l, judge, next, at.network, at.address, at.nothing, at.where, at.goal, server.Queries)
		rows = append(rows, found...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", at.where, err)
		}
	}
	result := testing.Benchmark(warmVerdict)
	if result.N == 0 {
		return rows, fmt.Errorf("the benchmark of a warm verdict failed")
	}
	return append(rows, row{
		what:   "Policy.Judge, warm, one goroutine",
		figure: fmt.Sprintf("%d ns, %d allocations, %d B", result.NsPerOp(), result.AllocsPerOp(), result.AllocedBytesPerOp()),
	}), nil
}

// warmDuel measures at one kind of socket.
func warmDuel(ctx context.Context, l *lab, judge *process, next func(int) []byte, network, address, nothing, where string, goal float64,
	queries func() int) ([]row, error) {
	ceiling, err := l.serveNothing(ctx, "dunno", nothing)
	if err != nil {
		return nil, err
	}
	defer ceiling.stop()
	var last load.Result
	run := func(address string) func(context.Context, time.Duration) (measured, error) {
		return func(ctx context.Context, each time.Duration) (measured, error) {
			r, err := warmRun(ctx, network, address, next, each)
			last = r
			return measured{r.PerSecond(), r.Answers() + warmClients, r.String()}, err
		}
	}
	before := queries()
	d := &duel{
		lab: l, what: "warm verdicts " + where + ", 32 connections, a line of log each", nothing: "the same, a server that does nothing", goal: goal,
		ours: rival{process: judge, run: run(address)}, theirs: rival{process: ceiling.process, run: run(ceiling.address)},
	}
	rows, err := d.fight(ctx)
	if err != nil {
		return nil, err
	}
	rows[0].note("%d clients at RCPT, balanced enforced; %s", warmClients, mixed())
	rows[0].note("answers DUNNO %d, 4xx %d, 5xx %d; latency p50 %s, p99 %s; %d questions to DNS in all rounds", last.Dunno, last.Defer, last.Reject,
		shown(last.Latency.Quantile(0.5)), shown(last.Latency.Quantile(0.99)), queries()-before)
	return rows, nil
}

// warmRun asks about each client once, and then for a time over and over.
func warmRun(ctx context.Context, network, address string, next func(int) []byte, each time.Duration) (load.Result, error) {
	r := load.Run{Network: network, Address: address, Connections: warmConnections, Requests: warmClients, Next: next}
	if _, err := r.Do(ctx); err != nil {
		return load.Result{}, err
	}
	r.Requests, r.Duration = 0, each
	return r.Do(ctx)
}

// A nothing is a server that does nothing, and where.
type nothing struct {
	*process
	address string // without "unix:"
}

// serveNothing starts a server that does nothing: "dunno", "milter" or "http". It listens at an address that policyload
// takes; "" is a free port.
func (l *lab) serveNothing(ctx context.Context, kind, address string) (*nothing, error) {
	if address == "" {
		free, err := freePort()
		if err != nil {
			return nil, err
		}
		address = free.String()
	}
	p, err := l.start(kind+"-nothing.log", l.policyload, "-serve", kind, address)
	if err != nil {
		return nil, err
	}
	n := &nothing{p, strings.TrimPrefix(address, "unix:")}
	network := "tcp"
	if n.address != address {
		network = "unix"
	}
	if err := p.accepts(ctx, network, n.address); err != nil {
		p.stop()
		return nil, err
	}
	return n, nil
}

// warmWorld is the world of warm clients, and its DNS.
func warmWorld(b *testing.B) (*world, *testdns.Server) {
	w := newWorld(warmClients)
	zone, err := w.zone()
	if err != nil {
		b.Fatal(err)
	}
	server, err := testdns.Start(zone)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	return w, server
}

// warmVerdict is a verdict alone: no listener, no engine, no log. It is BenchmarkWarmVerdict.
func warmVerdict(b *testing.B) {
	w, server := warmWorld(b)
	resolver, err := dns.New(dns.Config{Servers: []netip.AddrPort{server.Addr()}})
	if err != nil {
		b.Fatal(err)
	}
	defer resolver.Close()
	policy, err := check.NewPolicy("balanced", check.Settings{})
	policy.OmitReasons = true
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

// factsOf is what a listener makes of a mail.
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
