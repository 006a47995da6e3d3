package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// A duel is helogate beside a server of the same kind that does nothing. The two are measured in turns, so that what
// else the machine does falls on both.
type duel struct {
	*lab
	what, nothing string  // what the rows are of
	goal          float64 // of the share; 0: there is none
	ours, theirs  rival

	shares []float64
}

// A rival is a server, and how it is measured.
type rival struct {
	*process
	run func(ctx context.Context, each time.Duration) (measured, error)

	perSecond []float64
	done      int
	cpu       cpuTime // for all that is done
}

// measured is what a run comes to.
type measured struct {
	perSecond float64
	done      int
	said      string // in a line
}

// fight measures, and returns the rows: helogate, nothing, and the share.
func (d *duel) fight(ctx context.Context) ([]row, error) {
	rounds, each := 5, 3*time.Second
	if d.quick {
		rounds, each = 3, time.Second
	}
	for i := range rounds + 1 {
		theirs, err := d.theirs.once(ctx, each)
		if err != nil {
			return nil, fmt.Errorf("the server that does nothing: %w", err)
		}
		ours, err := d.ours.once(ctx, each)
		if err != nil {
			return nil, err
		}
		os.Truncate(d.ours.log, 0)
		if i == 0 { // to warm up
			d.ours.forget()
			d.theirs.forget()
			continue
		}
		d.say("  helogate %s\n  nothing  %s", ours.said, theirs.said)
		d.shares = append(d.shares, ours.perSecond/theirs.perSecond)
	}
	share := median(d.shares)
	rows := []row{
		{what: d.what, figure: d.ours.figure()},
		{what: d.nothing, figure: d.theirs.figure()},
		{what: "share of it", figure: fmt.Sprintf("%.2f", share)},
	}
	if d.goal > 0 {
		rows[2].goal, rows[2].met = fmt.Sprintf("≥ %.2f", d.goal), share >= d.goal
	}
	rows[2].note("median of %d pairs of runs of %s: lowest %.2f, highest %.2f", rounds, each, slices.Min(d.shares), slices.Max(d.shares))
	return rows, nil
}

// once measures one run.
func (r *rival) once(ctx context.Context, each time.Duration) (measured, error) {
	before := r.cpuTime()
	m, err := r.run(ctx, each)
	if err != nil {
		return m, err
	}
	used := r.cpuTime().since(before)
	r.perSecond, r.done, r.cpu = append(r.perSecond, m.perSecond), r.done+m.done, r.cpu.plus(used)
	m.said += "; CPU " + used.each(m.done)
	return m, nil
}

func (r *rival) forget() { r.perSecond, r.done, r.cpu = nil, 0, cpuTime{} }

// figure is the median of the rates, and what CPU each verdict takes.
func (r *rival) figure() string {
	return fmt.Sprintf("%s; CPU %s", perSecond(median(r.perSecond)), r.cpu.each(r.done))
}

// cpuTime is time of a CPU, in seconds.
type cpuTime struct{ user, system float64 }

func (c cpuTime) since(before cpuTime) cpuTime {
	return cpuTime{c.user - before.user, c.system - before.system}
}
func (c cpuTime) plus(o cpuTime) cpuTime { return cpuTime{c.user + o.user, c.system + o.system} }

// each is that for one of n.
func (c cpuTime) each(n int) string {
	return fmt.Sprintf("%.1f µs user, %.1f system", c.user*1e6/float64(max(n, 1)), c.system*1e6/float64(max(n, 1)))
}
