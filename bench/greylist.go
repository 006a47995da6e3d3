package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/helogate/helogate/bench/load"
	"github.com/helogate/helogate/internal/testdns"
)

const greylistGoal = 10 // times as many decisions as postgrey makes, as it is installed

// greylisted measures greylisting of every client, beside postgrey, with the same attempts.
func greylisted(ctx context.Context, l *lab) ([]row, error) {
	server, err := testdns.Start(nowhere{})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	g := greylistLab{lab: l, dns: server, each: 10 * time.Second}
	if l.quick {
		g.each = 2 * time.Second
	}
	peers, installed, fastest, err := g.postgreys(ctx)
	if err != nil {
		return peers, err
	}
	var rows []row
	for _, of := range []struct {
		name  string
		serve func(context.Context) (greylister, error)
	}{{"SQLite", g.onSQLite}, {"Redis", g.onRedis}} {
		r, err := g.row(ctx, "greylist decisions on "+of.name, of.serve)
		if err != nil {
			return append(rows, peers...), err
		}
		if installed > 0 && !r.skipped {
			r.goal = fmt.Sprintf("≥ %d × postgrey", greylistGoal)
			r.met = r.speed >= greylistGoal*installed
			r.figure += fmt.Sprintf(", %.1f × postgrey", r.speed/installed)
			if fastest > 0 {
				r.note("%.1f × postgrey without lists, its files in memory", r.speed/fastest)
			}
		}
		rows = append(rows, r.row)
	}
	rows[0].note("32 connections, lenient preset, every client greylisted, delay %s, a line of log each; of four attempts "+
		"two are new, one is too early, one retries in time; clients in %s networks, without names", greylistDelay, thousands(networks))
	return append(rows, peers...), nil
}

// A greylistLab is what the runs share.
type greylistLab struct {
	*lab
	dns  *testdns.Server
	each time.Duration
}

// A greylister is a server that greylists, and the processes that it is made of.
type greylister struct {
	addr  netip.AddrPort
	parts []part
	asks  bool // DNS, so that clients are posed before it counts
}

// A part is one of the processes of a server.
type part struct {
	name string
	*process
}

func (g *greylister) stop() {
	for _, p := range g.parts {
		p.stop()
	}
}

type greylistRow struct {
	row
	speed float64
}

// row measures one of them. A serve that finds no program says so by an error of absent.
func (g *greylistLab) row(ctx context.Context, what string, serve func(context.Context) (greylister, error)) (greylistRow, error) {
	r := greylistRow{row: row{what: what}}
	s, err := serve(ctx)
	defer s.stop()
	if missing, ok := err.(absent); ok {
		r.figure, r.skipped = missing.Error(), true
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", what, err)
	}
	result, cpu, err := g.run(ctx, &s)
	if err != nil {
		return r, fmt.Errorf("%s: %w; it says: %s", what, err, s.parts[0].tail())
	}
	r.speed = result.PerSecond()
	r.figure = perSecond(r.speed)
	passed := result.Dunno + result.Other // postgrey adds a header to what passes
	r.note("%s of %s attempts passed, latency p50 %s, p99 %s, max %s; CPU a decision:%s", thousands(passed), thousands(result.Answers()),
		shown(result.Latency.Quantile(0.5)), shown(result.Latency.Quantile(0.99)), shown(result.Latency.Max()), cpu)
	g.say("  %s: %s; %s", what, result.String(), cpu)
	// The mix is what makes servers comparable: one that accepts everything is fast.
	if share := float64(passed) / float64(result.Answers()); share < 0.2 || share > 0.3 || result.Reject > 0 {
		return r, fmt.Errorf("%s: a quarter should pass, and nothing be rejected: %s", what, result.String())
	}
	return r, nil
}

// run first makes the attempts that are retried later, and then measures.
func (g *greylistLab) run(ctx context.Context, s *greylister) (result load.Result, cpu string, err error) {
	run := load.Run{Network: "tcp", Address: s.addr.String(), Connections: 32}
	if s.asks {
		if err := askOnce(ctx, run); err != nil {
			return result, "", err
		}
	}
	run.Next, run.Duration = (&attempts{now: time.Now, fresh: networks}).next, comesAgain+time.Second
	if _, err := run.Do(ctx); err != nil {
		return result, "", err
	}
	os.Truncate(s.parts[0].log, 0)
	var before []float64
	for _, p := range s.parts {
		before = append(before, p.cpu())
	}
	load, questions := ownCPU(), g.dns.Queries()
	run.Duration = g.each
	result, err = run.Do(ctx)
	per := 1e6 / float64(max(result.Answers(), 1))
	for i, p := range s.parts {
		cpu += fmt.Sprintf(" %s %.0f µs,", p.name, (p.cpu()-before[i])*per)
	}
	cpu += fmt.Sprintf(" the load %.0f µs", (ownCPU()-load)*per)
	if s.asks {
		cpu += fmt.Sprintf("; %d questions to DNS", g.dns.Queries()-questions)
	}
	return result, cpu, err
}

// askOnce asks about each client once, so that its DNS answers are in the cache.
func askOnce(ctx context.Context, run load.Run) error {
	run.Requests, run.Duration, run.Next = networks, 0, func(n int) []byte { return triplet(n).mail().Request() }
	_, err := run.Do(ctx)
	return err
}

// greylistSettings are a policy that greylists every client, and checks little else.
const greylistSettings = `[policy]
preset = "lenient"

[policy.checks]
greylist = "greylist"

[greylist]
delay = "%s"

[state]
%s
`

// onSQLite starts helogate with a file that has nothing in it yet.
func (g *greylistLab) onSQLite(ctx context.Context) (greylister, error) {
	dir := filepath.Join(g.dir, "sqlite")
	if err := os.RemoveAll(dir); err != nil {
		return greylister{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return greylister{}, err
	}
	return g.helogateOn(ctx, fmt.Sprintf("file = %q", filepath.Join(dir, "state.db")))
}

// onRedis starts helogate with a Redis that has nothing in it yet.
func (g *greylistLab) onRedis(ctx context.Context) (greylister, error) {
	redis, addr, err := g.startRedis(ctx)
	if err != nil {
		return greylister{parts: partsOf("Redis", redis)}, err
	}
	s, err := g.helogateOn(ctx, fmt.Sprintf("store = \"redis\"\n\n[state.redis]\nservers = [%q]", addr))
	s.parts = append(s.parts, partsOf("Redis", redis)...)
	return s, err
}

func (g *greylistLab) helogateOn(ctx context.Context, store string) (greylister, error) {
	p, addr, err := g.serveSettings(ctx, g.dns.Addr(), fmt.Sprintf(greylistSettings, greylistDelay, store))
	return greylister{addr: addr, parts: partsOf("helogate", p), asks: true}, err
}

func partsOf(name string, p *process) []part {
	if p == nil {
		return nil
	}
	return []part{{name, p}}
}
