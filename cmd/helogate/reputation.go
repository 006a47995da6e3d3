package main

import (
	"context"
	"log/slog"
	"net/netip"
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

// A reputation is all that answers the judge's questions: DNS, through those who watch resolver and lists, and what is
// remembered of clients. It is a helogate.Asker.
type reputation struct {
	log       *slog.Logger
	store     *state.Guarded
	health    *patience.Health
	lists     *blocklist.Guard
	callout   *callout.Caller
	hammering *hammering.Book
	muffle    *hammering.LogLimiter
	fixed     helogate.ByKind // what no reload changes

	books atomic.Pointer[books]
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// books are what a reload exchanges. What they know is in the store.
type books struct {
	greylist *greylist.Book
	patience *patience.Book
}

// openReputation opens it all. Whatever is in trouble later is said in log and status, and lets mail flow.
func openReputation(w *world, c *config.Config, dns, trusted helogate.Asker, log *slog.Logger) (*reputation, error) {
	store, err := openStore(w.ctx, w, c, log)
	if err != nil {
		return nil, err
	}
	r := &reputation{
		log: log, store: state.Guard(store, c.State.Timeout, log, time.Now), health: patience.NewHealth(dns, log, nil),
		hammering: hammering.New(hammering.Config{Tries: c.Hammering.Tries, Within: c.Hammering.Within}), muffle: hammering.NewLogLimiter(),
	}
	r.lists = blocklist.New(blocklist.Config{Ask: r.health, Log: log, Settings: blocklistsOf(c)})
	if r.callout, err = r.caller(c); err != nil {
		store.Close()
		return nil, configError{err}
	}
	r.fixed = helogate.ByKind{
		"": r.lists, helogate.SetAside: r.lists, helogate.Trust: trusted, helogate.Callout: r.callout, helogate.Hammering: r.hammering,
	}
	r.set(c)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.wg.Go(func() { r.lists.Run(ctx) })
	return r, nil
}

// caller makes who does callouts. Where there are none, its name for EHLO need not be fit for one.
func (r *reputation) caller(c *config.Config) (*callout.Caller, error) {
	cc := callout.Config{
		Helo: c.Callout.Helo, DNS: r.lists, Store: r.store, Own: c.Own.Addresses, Networks: c.Own.Networks,
		Timeout: c.Callout.Timeout, PerMX: c.Callout.PerMX, PerDomainHour: c.Callout.PerDomainHour,
		Concurrent: c.Callout.Concurrent, PerMinute: c.Callout.PerMinute, Log: r.log,
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

// set puts what of a configuration may change while the service runs into force.
func (r *reputation) set(c *config.Config) {
	r.lists.Set(blocklistsOf(c))
	g := c.Greylist
	r.books.Store(&books{
		greylist: greylist.New(greylist.Config{
			Store: r.store, Times: state.Times{Delay: g.Delay, Window: g.Window, Pass: g.Pass, AutoPass: g.AutoPass},
		}),
		patience: patience.New(patience.Config{Store: r.store, Limit: c.DNS.Patience, Sick: r.sick}),
	})
}

func (r *reputation) sick() (string, bool) {
	why, _, is := r.health.Sick()
	return why, is
}

// blocklistsOf is how the lists of a configuration are watched.
func blocklistsOf(c *config.Config) blocklist.Settings {
	b := c.Blocklists
	s := blocklist.Settings{
		Every: b.TestEvery, Timeout: b.Timeout,
		Breaker: blocklist.Breaker{Window: b.BreakerWindow, Answers: b.BreakerAnswers, Rise: orNever(b.BreakerRise), Share: orNever(b.BreakerShare)},
	}
	all, _ := policy.Lists(c) // what is wrong, the policies have said
	for _, l := range all {
		s.Zones = append(s.Zones, blocklist.Of(l, policy.Tested(c, l)))
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

// Known returns what is at hand.
func (r *reputation) Known(q helogate.Question) (*helogate.Answer, bool) {
	return r.of(q.Kind).Known(q)
}

// Ask asks the one who knows.
func (r *reputation) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	return r.of(q.Kind).Ask(ctx, q)
}

func (r *reputation) of(k helogate.Kind) helogate.Asker {
	switch k {
	case helogate.Greylisted:
		return r.books.Load().greylist
	case helogate.Deferred:
		return r.books.Load().patience
	}
	if a, ok := r.fixed[k]; ok {
		return a
	}
	return r.fixed[""]
}

// peek answers without leaving a trace: for who only wants to see what would be.
func (r *reputation) peek(ctx context.Context, q helogate.Question) *helogate.Answer {
	switch q.Kind {
	case helogate.Greylisted:
		return r.books.Load().greylist.Peek(ctx, q)
	case helogate.Deferred:
		return r.books.Load().patience.Peek(ctx, q)
	case helogate.Callout:
		return r.callout.Peek(ctx, q)
	}
	return r.Ask(ctx, q)
}

// rejected notes a rejection.
func (r *reputation) rejected(client netip.Addr, at time.Time) { r.hammering.Rejected(client, at) }

// close ends what runs in the background, and writes what is not written yet.
func (r *reputation) close() error {
	r.stop()
	r.callout.Close()
	r.wg.Wait()
	return r.store.Close()
}
