package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/door"
)

type serveCmd struct {
	configFlag
}

// Run serves, and says on stdout what to put into the configuration of the MTAs that are to ask.
func (cmd serveCmd) Run(w *world) error {
	load := func() (*config.Config, error) { return cmd.load(w) }
	return serve(w, cmd.Config, load, func(c *config.Config, s *service) { fmt.Fprint(w.stdout, hints(c, s.addrs)) })
}

// serve serves until a signal ends it: SIGTERM and SIGINT after what is in flight is answered. SIGHUP reads the
// configuration again. file is where load has it from. ready is called when all doors are open.
func serve(w *world, file string, load func() (*config.Config, error), ready func(*config.Config, *service)) error {
	c, err := load()
	if err != nil {
		return err
	}
	limitMemory(w, c)
	resolver, err := resolverOf(c)
	if err != nil {
		return configError{err}
	}
	defer resolver.Close()
	log, flush := logTo(w.stderr, c)
	defer flush()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before anybody can know of us: else it would end us
	defer signal.Stop(hup)
	s, err := openService(w, c, resolver, log, nil)
	if err != nil {
		return err
	}
	r, err := supervise(w, s, resolver, file, load)
	if err != nil {
		_ = s.end(c)
		return err
	}
	s.serve()
	ready(c, s)
	for {
		select {
		case <-hup:
			_ = r.reload("signal") // it is in the log, and in the status
		case err := <-s.failed:
			if errors.Is(err, door.ErrGone) {
				log.Info("stopping", "because", err)
				err = nil
			} else {
				log.Error("a door ended", "error", err)
			}
			r.close()
			ended := s.end(c)
			return cmp.Or(err, ended)
		case <-w.ctx.Done():
			log.Info("stopping")
			w.stop()
			r.close()
			return s.end(c)
		}
	}
}

// end closes the service, whose supervisor has ended, when every judgement has had its time, which is the budget and what the
// judge keeps beside it for our own memory.
func (s *service) end(c *config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.DNS.Budget+4*time.Second)
	defer cancel()
	return s.close(ctx)
}

// limitMemory tells the garbage collector how much there may be: room for the cache, and for all else, whatever the flood.
// Below that, memory is there to be used: twice the usual, for a small heap that is cleaned all the time costs speed. GOMEMLIMIT
// and GOGC in the environment say it better.
func limitMemory(w *world, c *config.Config) {
	set := func(name string) bool {
		return slices.ContainsFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !set("GOMEMLIMIT") {
		debug.SetMemoryLimit(int64(c.DNS.CacheSize)*3/2 + 128<<20)
	}
	if !set("GOGC") {
		debug.SetGCPercent(200)
	}
}
