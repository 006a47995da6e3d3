package daemon

import (
	"context"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/policy"
)

// Status returns the status of the daemon.
func (d *Daemon) Status() control.Status {
	last := d.lastReload.Load() // before the configuration that it put into effect
	now := d.active.Load()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s := control.Status{
		Version: d.Version, PID: os.Getpid(), Since: d.since, Now: time.Now(),
		Config: control.Config{
			File: d.File, Loaded: now.loaded, Mode: string(now.config.Mode), Preset: now.config.Policy.Preset,
			EnforcedIn: now.config.EnforcedIn(),
			Watch:      now.config.Control.Watch, Reload: last, Restart: needRestart(d.config, now.config),
		},
		Verdicts: control.Verdicts{Held: d.counts.Held()},
		Trusted:  d.trusted.Len(), Sessions: d.engine.Sessions(), Panics: d.engine.Panics(), LogLost: d.log.Lost(),
		Goroutines: runtime.NumGoroutine(), MemoryBytes: mem.Sys,
	}
	if d.resolver != nil {
		s.DNS = control.DNSOf(d.resolver.Stats())
	}
	for _, o := range d.engine.Observers() {
		s.Observers = append(s.Observers, control.Observer(o))
	}
	d.addState(&s, now.config)
	for i, l := range now.config.Listen {
		p := now.policies.Listeners[i].Default
		s.Listeners = append(s.Listeners, control.Listener{
			Protocol: l.Protocol, Address: d.listeners[i].Addr().String(), Mode: string(p.Mode), Preset: p.Preset,
			Connections: d.listeners[i].server.Connections(),
		})
	}
	for _, n := range d.counts.Verdicts() {
		one := control.Count{Action: n.Action.String(), By: n.By, DryRun: n.DryRun, Count: n.N}
		s.Verdicts.Counts = append(s.Verdicts.Counts, one)
	}
	return s
}

// statsTime is how long the store is waited for, to count what it has.
const statsTime = 2 * time.Second

// addState adds the state of everything but DNS that verdicts depend on.
func (d *Daemon) addState(s *control.Status, c *config.Config) {
	k := d.askers
	if why, since, is := k.health.Down(); is {
		s.DNS.FailingSince, s.DNS.FailingReason = &since, why
	}
	s.Lists = k.lists.State()
	if len(c.Callout.Domains) > 0 {
		stats := control.Callouts(k.callout.Stats())
		s.Callouts = &stats
	}
	s.State.Store = string(d.config.State.Store)
	ctx, cancel := context.WithTimeout(context.Background(), statsTime)
	defer cancel()
	if stats, err := k.store.Stats(ctx, s.Now); err == nil {
		s.State.Bytes, s.State.Records = max(stats.Bytes, 0), map[string]int64{}
		for kind, n := range stats.Records {
			s.State.Records[string(kind)] = n
		}
	}
	h := k.store.Health()
	s.State.Failed = uint64(h.Failed + h.Denied)
	if h.Last != nil {
		s.State.LastError = h.Last.Error()
	}
	if !h.Down.IsZero() {
		s.State.DownSince = &h.Down
	}
}

// exemptions lists the entries that can accept clients, with how often they did.
func (d *Daemon) exemptions() (out []control.Exemption) {
	c := d.active.Load().config
	for i, e := range policy.Exemptions(c) {
		out = append(out, exemption("exempt", i, &e, e.Ref()))
	}
	for i, f := range policy.Forwarders(c) {
		out = append(out, exemption("forwarder", i, &f.Exemption, f.Ref()))
	}
	for _, h := range d.counts.Hits() {
		// Of entries with the same content the first counts, since the others are never reached.
		at := slices.IndexFunc(out, func(e control.Exemption) bool { return e.Kind == h.Check && e.Ref == h.Ref })
		if at >= 0 {
			out[at].Hits, out[at].Last = h.N, &h.Last
		}
	}
	return out
}

func exemption(kind string, i int, e *check.Exemption, ref string) control.Exemption {
	out := control.Exemption{Kind: kind, Number: i + 1, Ref: ref, Names: e.Matches(), Comment: e.Comment}
	if !e.Until.IsZero() {
		out.Until = &e.Until
	}
	return out
}
