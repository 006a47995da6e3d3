package state

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	mostInBatch = 8192                  // operations, so that a commit is no long pause
	sharedBatch = 20 * time.Millisecond // how long a batch lasts while another process waits for its turn
	mostCareful = 64                    // commits in a row, after one that failed
	yieldTime   = 2 * time.Millisecond  // how long another process has to take it
	lockWait    = 5 * time.Second       // how long this process waits for the lock, if the caller would wait longer
	idleEvery   = 10 * time.Second
)

// A keeper is the goroutine that has the connection: it does the jobs, one after the other.
type writer struct {
	*table
	log   *slog.Logger
	every time.Duration // between the first write and the commit
	jobs  <-chan *job
	due   *time.Timer // when to commit

	answered   int // operations that were answered and are not committed
	syncEach   int // so many commits are to succeed before anything is answered again that is not committed
	fullLogged bool
}

// run does what comes, until closing.
func (k *writer) run(jobs <-chan *job, closing <-chan struct{}) error {
	k.jobs, k.due = jobs, time.NewTimer(time.Hour)
	defer k.due.Stop()
	idle := time.NewTicker(idleEvery)
	defer idle.Stop()
	for {
		select {
		case j := <-jobs:
			j.done <- k.serve(j)
			for n := len(jobs); n > 0 && k.answered < mostInBatch; n-- { // cheaper than to look at everything for each
				j := <-jobs
				j.done <- k.serve(j)
			}
			if k.answered >= mostInBatch {
				k.finish()
			}
		case <-k.due.C:
			k.finish()
		case <-idle.C:
			k.idle()
		case <-closing:
			return k.end()
		}
	}
}

// end writes what is not written. Who still waits hears of it when the keeper has gone.
func (k *writer) end() error {
	err := k.finish()
	if e := k.conn.Close(); e != nil && err == nil {
		err = advise(k.name(), e)
	}
	return err
}

func (k *writer) serve(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if !j.writes {
		return k.advised(k.patiently(j.ctx, func() error { return j.do(k.table) }))
	}
	if err := k.enter(j.ctx); err != nil {
		return k.advised(err)
	}
	err := j.do(k.table)
	switch {
	case code(err) != 0:
		k.giveUp(err)
	case err == nil:
		k.answered++
		if k.syncEach > 0 {
			err = k.finish()
		}
	}
	return k.advised(err)
}

// advised adds advice to an error, and logs the first one of a full store.
func (k *writer) advised(err error) error {
	if errors.Is(err, ErrFull) && !k.fullLogged {
		k.fullLogged = true
		k.log.Error("the store is full: new records are dropped", "records", k.most)
	}
	if code(err) != 0 {
		return advise(k.name(), err)
	}
	return err
}

// patiently retries do while another process has the lock.
func (k *writer) patiently(ctx context.Context, do func() error) error {
	for began := time.Now(); ; {
		err := do()
		switch {
		case !locked(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(began) > lockWait:
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// enter opens a transaction unless one is open, and schedules its commit.
func (k *writer) enter(ctx context.Context) error {
	if k.inside {
		return nil
	}
	every, first := k.every, true
	err := k.patiently(ctx, func() error {
		err := k.begin()
		if first && locked(err) { // another process writes, and will again
			every = min(every, sharedBatch)
		}
		first = false
		return err
	})
	if err == nil {
		k.due.Reset(every)
	}
	return err
}

// finish sweeps and commits.
func (k *writer) finish() error {
	if !k.inside {
		return nil
	}
	k.due.Stop()
	err := k.sweep(sweepLeast + sweepEach*k.answered)
	if err == nil {
		err = k.commit()
	}
	if err != nil {
		k.giveUp(err)
		return err
	}
	k.answered = 0
	if k.syncEach > 0 {
		if k.syncEach--; k.syncEach == 0 {
			k.log.Info("the store can be written again")
		}
	}
	if k.fullLogged && k.total() < k.most {
		k.fullLogged = false
		k.log.Info("the store has room again", "records", k.total())
	}
	if k.path != "" && len(k.jobs) > 0 {
		time.Sleep(yieldTime) // else a waiting process would always find the file locked
	}
	return nil
}

// giveUp rolls back the transaction, with all operations that were already answered. From now on an answer waits for
// its commit: while the disk is full, no client must be greylisted for an attempt that is lost at once.
func (k *writer) giveUp(err error) {
	k.due.Stop()
	k.rollback()
	if k.syncEach == 0 {
		k.log.Error("the store cannot be written, and recent records are lost", "operations", k.answered, "error", advise(k.name(), err))
	}
	k.answered, k.syncEach = 0, mostCareful
}

// idle looks for expired records while there are no writes. It takes the lock only if there are some.
func (k *writer) idle() {
	if k.inside || k.now == 0 {
		return
	}
	s, err := k.look(sweepIdle)
	if err != nil {
		return // the next operation reports it
	}
	if k.swept = s.next; s.over == 0 {
		return
	}
	if k.begin() != nil {
		return
	}
	if err := k.clear(s); err != nil {
		k.giveUp(err)
		return
	}
	k.finish()
}
