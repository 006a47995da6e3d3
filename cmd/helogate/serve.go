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

// Run serves, and prints on standard output what to add to the configuration of the MTAs.
func (cmd serveCmd) Run(env *env) error {
	load := func() (*config.Config, error) { return cmd.load(env) }
	return serve(env, cmd.Config, load, func(d *daemon.Daemon) { fmt.Fprint(env.stdout, hints(d.Config(), d.Addrs())) })
}

// serve runs the service until SIGTERM or SIGINT, and then answers pending requests. SIGHUP reloads the configuration.
// load reads the configuration from file. serve calls ready when all listeners are open.
func serve(env *env, file string, load func() (*config.Config, error), ready func(*daemon.Daemon)) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before the service can be found: else the signal would end it
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
			_ = d.Reload("signal") // the error is in the log and in the status
		case err := <-d.Ended():
			return errors.Join(err, d.Close(context.Background()))
		case <-env.ctx.Done():
			env.stop()
			return d.Close(context.Background())
		}
	}
}

// limitMemory sets the memory limit of the garbage collector: the cache, half as much for its overhead, and 128 MiB for
// all else. Below the limit it lets the heap grow by twice the default, because frequent collections of a small heap
// cost speed. GOMEMLIMIT and GOGC in the environment have precedence.
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
