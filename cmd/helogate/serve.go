package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
)

type serveCmd struct {
	configFlag
}

// Run serves, and says on stdout what to put into the configuration of the MTAs that are to ask.
func (cmd serveCmd) Run(env *env) error {
	load := func() (*config.Config, error) { return cmd.load(env) }
	return serve(env, cmd.Config, load, func(d *daemon.Daemon) { fmt.Fprint(env.stdout, hints(d.Config(), d.Addrs())) })
}

// serve serves until a signal ends it: SIGTERM and SIGINT after what is in flight is answered. SIGHUP reads the
// configuration again. file is where load has it from. ready is called when all listeners are open.
func serve(env *env, file string, load func() (*config.Config, error), ready func(*daemon.Daemon)) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before anybody can know of us: else it would end us
	defer signal.Stop(hup)
	d, err := daemon.Open(env.ctx, daemon.Options{
		Load: load, File: file, Version: version(), Environ: env.environ, Log: env.stderr, Stdin: env.stdin, Stdout: env.stdout,
	})
	if err != nil {
		return err
	}
	limitMemory(env, d.Config())
	d.Serve()
	ready(d)
	for {
		select {
		case <-hup:
			_ = d.Reload("signal") // it is in the log, and in the status
		case err := <-d.Ended():
			return errors.Join(err, d.Close(context.Background()))
		case <-env.ctx.Done():
			env.stop()
			return d.Close(context.Background())
		}
	}
}

// limitMemory tells the garbage collector how much there may be: room for the cache, and for all else, whatever the flood.
// Below that, memory is there to be used: twice the usual, for a small heap that is cleaned all the time costs speed. GOMEMLIMIT
// and GOGC in the environment say it better.
func limitMemory(env *env, c *config.Config) {
	set := func(name string) bool {
		return slices.ContainsFunc(env.environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !set("GOMEMLIMIT") {
		debug.SetMemoryLimit(int64(c.DNS.CacheSize)*3/2 + 128<<20)
	}
	if !set("GOGC") {
		debug.SetGCPercent(200)
	}
}
