package engine

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// An Observer is shown every verdict. It cannot harm the mail: a panic is recovered, and an observer that may be slow
// must have a queue.
type Observer struct {
	Name string // for log and status
	// Seen is shown an event. Without a queue it is called before the client is answered, by many goroutines at once,
	// and must not wait for anything; with one it is called by one goroutine, in the order of the verdicts.
	Seen func(*Event)
	// Queue is how many events may wait for Seen; 0 means no queue. Events that find the queue full are dropped and
	// counted.
	Queue int
	// Reasons is whether Seen reads the reasons of findings without effect. If no observer does, they are not made.
	Reasons bool
}

// ObserverStats is how an observer fares, since the start but for Waiting.
type ObserverStats struct {
	Name    string
	Panics  uint64
	Dropped uint64 // events for which its queue had no room
	Waiting int    // events in its queue now
}

// observer is an Observer at work.
type observer struct {
	Observer
	log        *slog.Logger
	panics     atomic.Uint64
	lastLogged atomic.Int64 // when a panic was last logged, in Unix nanoseconds
	dropped    atomic.Uint64
	queue      chan *Event // nil without a queue
}

// observers are those of an engine.
type observers struct {
	all     []*observer
	stop    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

func newObservers(all []Observer, log *slog.Logger) *observers {
	o := &observers{stop: make(chan struct{})}
	for _, is := range all {
		one := &observer{Observer: is, log: log}
		o.all = append(o.all, one)
		if is.Queue > 0 {
			one.queue = make(chan *Event, is.Queue)
			o.running.Go(func() { one.run(o.stop) })
		}
	}
	return o
}

// readReasons reports whether an observer reads all reasons.
func (o *observers) readReasons() bool {
	for _, one := range o.all {
		if one.Reasons {
			return true
		}
	}
	return false
}

// show shows an event to all.
func (o *observers) show(e *Event) {
	for _, one := range o.all {
		if one.queue == nil {
			one.show(e)
		} else {
			one.enqueue(e)
		}
	}
}

// tellEvery is how often the log has the panics of an observer, and the faults of a check.
const logEvery = time.Minute

// show calls Seen, and recovers it.
func (o *observer) show(e *Event) {
	defer func() {
		if cause := recover(); cause != nil {
			n, last, now := o.panics.Add(1), o.lastLogged.Load(), e.At.UnixNano()
			if (last == 0 || now-last >= int64(logEvery)) && o.lastLogged.CompareAndSwap(last, now) {
				o.log.Error("an observer of verdicts panicked; please report this", "observer", o.Name, "panics", n, "panic", cause,
					"stack", string(debug.Stack()))
			}
		}
	}()
	o.Seen(e)
}

// enqueue puts a copy into the queue, or drops the event if the queue is full.
func (o *observer) enqueue(e *Event) {
	if len(o.queue) < cap(o.queue) { // else a copy would be made in vain
		select {
		case o.queue <- e.Clone():
			return
		default:
		}
	}
	o.dropped.Add(1)
}

// run empties the queue until stop is closed and the queue is empty.
func (o *observer) run(stop <-chan struct{}) {
	for {
		select {
		case e := <-o.queue:
			o.show(e)
			continue
		default:
		}
		select {
		case e := <-o.queue:
			o.show(e)
		case <-stop:
			if len(o.queue) == 0 {
				return
			}
		}
	}
}

// close waits until all queues are empty, but not longer than ctx. No judgement may be running.
func (o *observers) close(ctx context.Context) error {
	o.once.Do(func() { close(o.stop) })
	done := make(chan struct{})
	go func() {
		o.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, one := range o.all {
		if one.queue != nil {
			return fmt.Errorf("%s has not seen all verdicts: %w", one.Name, ctx.Err())
		}
	}
	return ctx.Err()
}

func (o *observers) stats() (out []ObserverStats) {
	for _, one := range o.all {
		out = append(out, ObserverStats{
			Name: one.Name, Panics: one.panics.Load(), Dropped: one.dropped.Load(), Waiting: len(one.queue),
		})
	}
	return out
}
