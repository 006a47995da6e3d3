package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"

	"github.com/helogate/helogate/bench/load"
)

const coldGoal = 4000 // verdicts a second

// cold measures verdicts on clients never seen before: helogate's cache and unbound's are empty at the start of
// each run, and all of it, nsd and the load too, is on this machine.
func cold(ctx context.Context, l *lab) ([]row, error) {
	if program("nsd") == "" || program("unbound") == "" {
		return []row{{
			what: "cold verdicts, 32 connections", figure: "skipped: apt-get install nsd unbound",
			goal: "≥ " + perSecond(coldGoal), skipped: true,
		}}, nil
	}
	clients, rounds := 10_000, 3
	if l.quick {
		clients, rounds = 5_000, 1
	}
	w := newWorld(clients)
	nsd, nsdAddr, err := l.startNSD(ctx, w)
	if nsd != nil {
		defer nsd.stop()
	}
	if err != nil {
		return nil, err
	}
	c := coldLab{lab: l, nsd: nsd, nsdAddr: nsdAddr, next: load.Cycle(w.mails), clients: clients}
	var rows []row
	for _, connections := range []int{32, 64, 128} {
		r, err := c.helogate(ctx, connections, rounds)
		if err != nil {
			return rows, err
		}
		if connections == 32 {
			r.goal = "≥ " + perSecond(coldGoal)
			r.notes = append([]string{fmt.Sprintf("%s clients, each posed once, balanced; %s", thousands(clients), mixed())}, r.notes...)
		}
		rows = append(rows, r)
	}
	r, err := c.policydWeight(ctx)
	return append(rows, r), err
}

// A coldLab is what the runs share.
type coldLab struct {
	*lab
	nsd     *process
	nsdAddr netip.AddrPort
	next    func(int) []byte
	clients int
}

// A coldRun is one measurement: the answers, what they cost in questions, and the CPU time of each process.
type coldRun struct {
	load.Result
	questions, misses float64 // asked of unbound, and by unbound of nsd; for a verdict
	unsure            int     // verdicts with a failure of DNS in them, by helogate's log
	lost              string  // datagrams, where they were lost
	cpu               string
}

// helogate measures it some times over, and takes the run in the middle.
func (c *coldLab) helogate(ctx context.Context, connections, rounds int) (row, error) {
	var runs []coldRun
	var speeds []float64
	for range rounds {
		r, err := c.once(ctx, connections, c.serveHelogate)
		if err != nil {
			return row{}, err
		}
		runs, speeds = append(runs, r), append(speeds, r.PerSecond())
	}
	speed := median(speeds)
	middle := runs[0]
	unsure := 0
	for _, r := range runs {
		if abs(r.PerSecond()-speed) < abs(middle.PerSecond()-speed) {
			middle = r
		}
		unsure += r.unsure
	}
	out := row{
		what: fmt.Sprintf("cold verdicts, %d connections", connections), figure: perSecond(speed),
		met: speed >= coldGoal && unsure == 0,
	}
	out.note("%s", middle.String())
	if unsure > 0 {
		out.note("%d verdicts had failures of DNS in them", unsure)
	}
	return out, nil
}

func abs(v float64) float64 { return max(v, -v) }

// String words what there is beside the speed.
func (r *coldRun) String() string {
	s := fmt.Sprintf("answers DUNNO %d, 4xx %d, 5xx %d, other %d; latency p50 %s, p99 %s, max %s; ", r.Dunno, r.Defer, r.Reject, r.Other,
		shown(r.Latency.Quantile(0.5)), shown(r.Latency.Quantile(0.99)), shown(r.Latency.Max()))
	if r.questions > 0 {
		s += fmt.Sprintf("%.1f questions a verdict, of which unbound asks nsd %.1f; ", r.questions, r.misses)
	}
	return s + r.lost + r.cpu
}

// serve starts a judge that asks a DNS server.
type serve func(ctx context.Context, dns netip.AddrPort) (*process, netip.AddrPort, error)

// once asks about each client once; the judge's DNS cache is empty.
func (c *coldLab) once(ctx context.Context, connections int, start serve) (out coldRun, err error) {
	recursive, err := c.startUnbound(ctx, c.nsdAddr)
	if recursive != nil {
		defer recursive.stop()
	}
	if err != nil {
		return out, err
	}
	judge, addr, err := start(ctx, recursive.addr)
	if judge != nil {
		defer judge.stop()
	}
	if err != nil {
		return out, err
	}
	processes := []struct {
		name string
		cpu  func() float64
	}{{"the judge", judge.cpu}, {"unbound", recursive.cpu}, {"nsd", c.nsd.cpu}, {"the load", ownCPU}}
	var before [4]float64
	for i := range processes {
		before[i] = processes[i].cpu()
	}
	askedBefore, missedBefore := recursive.questions(ctx)
	lostBefore := lostDatagrams(c.nsdAddr)
	run := load.Run{Network: "tcp", Address: addr.String(), Connections: connections, Requests: c.clients, Next: c.next}
	if out.Result, err = run.Do(ctx); err != nil {
		return out, fmt.Errorf("%w; it says: %s", err, judge.tail())
	}
	out.cpu = "CPU a verdict:"
	for i := range processes {
		out.cpu += fmt.Sprintf(" %s %.0f µs,", processes[i].name, (processes[i].cpu()-before[i])*1e6/float64(c.clients))
	}
	out.cpu = out.cpu[:len(out.cpu)-1]
	asked, missed := recursive.questions(ctx)
	out.questions = float64(asked-askedBefore) / float64(c.clients)
	out.misses = float64(missed-missedBefore) / float64(c.clients)
	if toUnbound, toNSD := lostDatagrams(recursive.addr), lostDatagrams(c.nsdAddr)-lostBefore; toUnbound+toNSD > 0 {
		out.lost = fmt.Sprintf("datagrams lost at full sockets of unbound %d, of nsd %d; ", toUnbound, toNSD)
	}
	judge.stop() // it flushes its log
	log, err := os.ReadFile(judge.log)
	out.unsure = bytes.Count(log, []byte(" unsure="))
	c.say("  %d connections: %s %s", connections, perSecond(out.PerSecond()), out.String())
	return out, err
}
