package state

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// A pipe has servers run commands, many in one round trip.
type pipe interface {
	// run runs a command, and waits no longer than its context. A command whose caller has gone runs all the same,
	// and those that go with it do not notice; after an error of its context it must not be read.
	run(ctx context.Context, name string, cmd redis.Cmder) error
}

// pipeConnections is how many round trips to a server may be under way. While all are, commands wait, and then go
// together: the busier it is, the more they are. One that hangs does not hold up the others.
const pipeConnections = 4

var pipeOptions = &redis.AutoPipelineOptions{MaxConcurrentBatches: pipeConnections, Unordered: true, MaxQueuedCommands: 10_000}

// serverPipe is that of one server.
type serverPipe struct{ *redis.AutoPipeliner }

func newServerPipe(c *redis.Client) (serverPipe, error) {
	p, err := c.AsyncAutoPipelineWithOptions(pipeOptions)
	return serverPipe{p}, err
}

func (p serverPipe) run(ctx context.Context, _ string, cmd redis.Cmder) error {
	return p.Submit(ctx, cmd).WaitContext(ctx)
}

// clusterPipe has a pipe to each master, since one that is down must not delay the requests to the others. If a master
// does not answer, because the key has moved or the master is gone, the library repeats the request: it finds the
// master that has the key now.
type clusterPipe struct{ *redis.ClusterClient }

func (p clusterPipe) run(ctx context.Context, name string, cmd redis.Cmder) error {
	_, err := inTime(ctx, func() (struct{}, error) { return struct{}{}, p.ask(ctx, name, cmd) })
	return err
}

func (p clusterPipe) ask(ctx context.Context, name string, cmd redis.Cmder) error {
	master, err := p.MasterForKey(ctx, name)
	if err != nil {
		return err
	}
	server, err := newServerPipe(master) // the one that it has, if it has
	if err == nil {
		err = server.run(ctx, name, cmd)
	}
	if ctx.Err() != nil || !elsewhere(err) {
		return err
	}
	cmd.SetErr(nil)
	return p.Process(ctx, cmd)
}

// elsewhere reports whether the one who answered so is not, or not now, the one to ask.
func elsewhere(err error) bool {
	if err == nil || err == redis.Nil {
		return false
	}
	if _, answered := errors.AsType[redis.Error](err); !answered {
		return true
	}
	return slices.ContainsFunc([]string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN"},
		func(code string) bool { return redis.HasErrorPrefix(err, code) })
}

// inTime does something, and leaves it alone when the context ends: the library may wait for longer, where one
// operation waits for another to find the master.
func inTime[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}
