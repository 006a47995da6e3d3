package daemon

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/blocklist"
	"github.com/helogate/helogate/internal/callout"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/greylist"
	"github.com/helogate/helogate/internal/hammering"
	"github.com/helogate/helogate/internal/patience"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/state"
)

// askers answer the judge's questions: about DNS, through the monitors of resolver and lists, and about what is
// remembered of clients. They are a helogate.Asker.
type askers struct {
	log        *slog.Logger
	store      *state.Breaker
	health     *patience.Health
	lists      *blocklist.Monitor
	callout    *callout.Caller
	hammering  *hammering.Tracker
	logLimiter *hammering.LogLimiter
	fixed      helogate.ByKind // what no reload changes

	reloaded atomic.Pointer[reloaded]
	stop     context.CancelFunc
	wg       sync.WaitGroup
}

// reloaded are the askers that a reload exchanges. What they know is in the store.
type reloaded struct {
	greylist *greylist.Tracker
	patience *patience.Tracker
}

// openAskers opens them all. Later failures go to log and status, and never stop mail.
func openAskers(
	ctx context.Context, c *config.Config, environ []string, dns, trusted helogate.Asker, log *slog.Logger,
) (*askers, error) {
	store, err := OpenStore(ctx, c, environ, log)
	if err != nil {
		return nil, err
	}
	r := &askers{
		log: log, store: state.NewBreaker(store, c.State.Timeout, log, time.Now), health: patience.NewHealth(dns, log, nil),
		hammering:  hammering.New(hammering.Config{Tries: c.Hammering.Tries, Within: c.Hammering.Within}),
		logLimiter: hammering.NewLogLimiter(),
	}
	r.lists = blocklist.New(blocklist.Config{Ask: r.health, Log: log, Settings: blocklistsOf(c)})
	if r.callout, err = r.caller(c); err != nil {
		store.Close()
		return nil, ConfigError{err}
	}
	r.fixed = helogate.ByKind{
		helogate.AnyKind: r.lists, helogate.Suspended: r.lists,
		helogate.Trust: trusted, helogate.Callout: r.callout, helogate.Hammering: r.hammering,
	}
	r.set(c)
	running, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.wg.Go(func() { r.lists.Run(running) })
	return r, nil
}

// caller returns what makes callouts. Without callouts, the host name need not be valid for EHLO.
func (a *askers) caller(c *config.Config) (*callout.Caller, error) {
	cc := callout.Config{
		Helo: c.Callout.Helo, DNS: a.lists, Store: a.store, Own: c.Own.Addresses, Networks: c.Own.Networks,
		Timeout: c.Callout.Timeout, PerMX: c.Callout.PerMX, PerDomainHour: c.Callout.PerDomainHour,
		Concurrent: c.Callout.Concurrent, PerMinute: c.Callout.PerMinute, Log: a.log,
	}
	if len(c.Callout.Domains) == 0 {
		cc.Helo = "[127.0.0.1]"
	}
	made, err := callout.New(cc)
	if err != nil {
		return nil, c.Errorf("callout.helo", "%w", err)
	}
	return made, nil
}

// set applies the settings that can change while the service runs.
func (a *askers) set(c *config.Config) {
	a.lists.Set(blocklistsOf(c))
	g := c.Greylist
	a.reloaded.Store(&reloaded{
		greylist: greylist.New(greylist.Config{
			Store: a.store, Times: state.Times{Delay: g.Delay, Window: g.Window, Pass: g.Pass, AutoPass: g.AutoPass},
		}),
		patience: patience.New(patience.Config{Store: a.store, Limit: c.DNS.FailureGrace, ResolverDown: a.resolverDown}),
	})
}

func (a *askers) resolverDown() (string, bool) {
	why, _, is := a.health.Down()
	return why, is
}

// blocklistsOf is how the lists of a configuration are watched.
func blocklistsOf(c *config.Config) blocklist.Settings {
	b := c.Blocklists
	s := blocklist.Settings{
		Every: b.TestEvery, Timeout: b.Timeout,
		Breaker: blocklist.Breaker{
			Window: b.BreakerWindow, Answers: b.BreakerAnswers, Rise: orNever(b.BreakerRise), Share: orNever(b.BreakerShare),
		},
	}
	for _, l := range policy.Lists(c) {
		s.Zones = append(s.Zones, blocklist.Of(l.List, l.Test))
	}
	return s
}

// orNever is a number of percent, of which 0 is what nothing reaches.
func orNever(percent int) int {
	if percent == 0 {
		return 101
	}
	return percent
}

// Known returns the answer if there is one without waiting.
func (a *askers) Known(q helogate.Question) (*helogate.Answer, bool) {
	return a.of(q.Kind).Known(q)
}

// Ask asks the asker of the question's kind.
func (a *askers) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	return a.of(q.Kind).Ask(ctx, q)
}

func (a *askers) of(k helogate.Kind) helogate.Asker {
	switch k {
	case helogate.Greylisted:
		return a.reloaded.Load().greylist
	case helogate.Deferred:
		return a.reloaded.Load().patience
	}
	if fixed, ok := a.fixed[k]; ok {
		return fixed
	}
	return a.fixed[helogate.AnyKind]
}

// peek answers without leaving a trace, for commands that only show a verdict.
func (a *askers) peek(ctx context.Context, q helogate.Question) *helogate.Answer {
	switch q.Kind {
	case helogate.Greylisted:
		return a.reloaded.Load().greylist.Peek(ctx, q)
	case helogate.Deferred:
		return a.reloaded.Load().patience.Peek(ctx, q)
	case helogate.Callout:
		return a.callout.Peek(ctx, q)
	}
	return a.Ask(ctx, q)
}

// close ends what runs in the background, and writes what is not written yet.
func (a *askers) close() error {
	a.stop()
	a.callout.Close()
	a.wg.Wait()
	return a.store.Close()
}
