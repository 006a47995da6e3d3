package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/watch"
)

// A supervisor reloads a service, and tells how it is: by signal, by the control socket, and when a file changes.
type supervisor struct {
	*service
	load     func() (*config.Config, error)
	file     string
	resolver *dns.Resolver
	socket   *control.Server // nil: there is none

	last atomic.Pointer[control.Reload] // nil: none was tried

	mu      sync.Mutex     // one reload at a time; guards what follows
	watcher *watch.Watcher // nil: nobody watches
	closed  bool
}

// supervise opens the control socket, and watches the files if the configuration, which load has from a file, wants it. That there is no socket at the
// usual place stops nobody from serving; at a place of the administrator's it does.
func supervise(w *world, s *service, resolver *dns.Resolver, file string, load func() (*config.Config, error)) (*supervisor, error) {
	r := &supervisor{service: s, file: file, resolver: resolver, load: load}
	setting := s.config.Control.Socket
	if path := control.Socket(setting, w.environ); path != "" {
		l, err := control.Listen(path, s.config.Control.Permissions)
		switch {
		case err == nil:
			r.socket = &control.Server{
				Version: version(), Status: r.status, Exemptions: r.exemptions, Trust: s.trusted, Log: s.log, Peek: s.known.peek,
				Reload: func(context.Context) error { return r.reload("command") },
			}
			s.wg.Go(func() {
				if err := r.socket.Serve(l); err != nil {
					s.log.Error("the control socket ended", "error", err)
				}
			})
			s.log.Info("control socket", "path", path)
		case setting != "":
			return nil, configError{s.config.Errorf("control.socket", "%w", err)}
		default:
			s.log.Warn("no control socket: helogate reload, status and trust cannot talk to this service; control.socket names another place", "error", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.watch(s.config); err != nil {
		s.log.Warn("changes of the configuration are not noticed by themselves", "error", err)
	}
	return r, nil
}

// close ends what the supervisor does, before the service ends: what is in flight is still answered.
func (r *supervisor) close() {
	r.mu.Lock()
	watcher := r.watcher
	r.watcher, r.closed = nil, true
	r.mu.Unlock()
	if watcher != nil {
		_ = watcher.Close() // nothing is lost with it
	}
	if r.socket != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = r.socket.Shutdown(ctx) // who asks now learns that nobody answers
	}
}

// reload reads the configuration again and puts its policies into force. A wrong one changes nothing.
func (r *supervisor) reload(by string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("helogate is stopping")
	}
	c, err := r.load()
	if err == nil {
		err = r.service.reload(c)
	}
	last := &control.Reload{At: time.Now(), By: by}
	defer r.last.Store(last)
	if err != nil {
		last.Error = err.Error()
		r.watchRefused(c)
		r.log.Error("the configuration was not reloaded, the old one stays in force", "error", err, "by", by)
		return err
	}
	r.log.Info("reloaded", "mode", string(c.Mode), "preset", c.Policy.Preset, "by", by)
	if err := r.watch(c); err != nil {
		r.log.Warn("changes of the configuration are not noticed by themselves", "error", err)
	}
	return nil
}

// watch watches the files of a configuration, or no longer does.
func (r *supervisor) watch(c *config.Config) error {
	switch {
	case !c.Control.Watch && r.watcher == nil:
		return nil
	case !c.Control.Watch:
		go r.watcher.Close() // it may be the watcher that has us reload, and Close waits for it
		r.watcher = nil
		return nil
	case r.watcher == nil:
		watcher, err := watch.New(watch.Config{Log: r.log, Changed: func() { _ = r.reload("watch") }})
		if err != nil {
			return err
		}
		r.watcher = watcher
	}
	return r.watcher.Set(filesOf(r.file, c))
}

// watchRefused also watches the files of a configuration that was refused, for in one of them may be why. nil is one that
// could not be read.
func (r *supervisor) watchRefused(c *config.Config) {
	if c == nil || r.watcher == nil {
		return
	}
	files := append(filesOf(r.file, c), filesOf(r.file, r.inForce.Load().config)...)
	if err := r.watcher.Set(files); err != nil {
		r.log.Warn("changes of the configuration are not noticed by themselves", "error", err)
	}
}

// filesOf lists the files that a configuration is made of.
func filesOf(file string, c *config.Config) (files []string) {
	if file != "" {
		files = append(files, file)
	}
	files = append(files, c.Policy.BadHeloFiles...)
	for _, list := range c.Lists {
		files = append(files, list)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// status says how the service is.
func (r *supervisor) status() control.Status {
	last := r.last.Load() // before what it put into force
	now := r.inForce.Load()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s := control.Status{
		Version: version(), PID: os.Getpid(), Since: r.since, Now: time.Now(),
		Config: control.Config{
			File: r.file, Loaded: now.loaded, Mode: string(now.config.Mode), Preset: now.config.Policy.Preset,
			Watch: now.config.Control.Watch, Reload: last,
		},
		Verdicts: control.Verdicts{Held: r.engine.Held()},
		DNS:      control.DNSOf(r.resolver.Stats()),
		Trusted:  r.trusted.Len(), Sessions: r.engine.Sessions(), Panics: r.engine.Panics(),
		Goroutines: runtime.NumGoroutine(), Memory: mem.Sys,
	}
	r.remembered(&s, now.config)
	for i, l := range now.config.Listen {
		p := now.policies.Doors[i].Everybody
		s.Listeners = append(s.Listeners, control.Listener{
			Protocol: l.Protocol, Address: r.addrs[i].String(), Mode: string(p.Mode), Preset: p.Preset, Connections: r.doors[i].Connections(),
		})
	}
	for _, n := range r.engine.Counts() {
		s.Verdicts.Counts = append(s.Verdicts.Counts, control.Count{Action: n.Action.String(), By: n.By, Would: n.Trial, Count: n.N})
	}
	return s
}

// statsTime is how long the store is waited for, to count what it has.
const statsTime = 2 * time.Second

// remembered says how fares what the service knows beside DNS.
func (r *supervisor) remembered(s *control.Status, c *config.Config) {
	k := r.known
	if why, since, is := k.health.Sick(); is {
		s.DNS.Sick, s.DNS.SickWhy = &since, why
	}
	s.Lists = k.lists.State()
	if len(c.Callout.Domains) > 0 {
		stats := control.Callouts(k.callout.Stats())
		s.Callouts = &stats
	}
	s.State.Store = string(r.config.State.Store)
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
		s.State.Error = h.Last.Error()
	}
	if !h.Down.IsZero() {
		s.State.Down = &h.Down
	}
}

// exemptions lists the entries that let somebody in, with how often they did.
func (r *supervisor) exemptions() (out []control.Exemption) {
	type key struct{ check, entry string }
	hits := map[key]*control.Exemption{}
	add := func(kind string, number int, e check.Exemption) {
		one := control.Exemption{Kind: kind, Number: number, Names: e.Whom(), Comment: e.Comment}
		if !e.Until.IsZero() {
			one.Until = &e.Until
		}
		out = append(out, one)
		hits[key{kind, e.Describe()}] = &out[len(out)-1]
	}
	c := r.inForce.Load().config
	exempt, forwarders := policy.Exemptions(c), policy.Forwarders(c)
	out = make([]control.Exemption, 0, len(exempt)+len(forwarders)) // so that what hits points at stays where it is
	for i, e := range exempt {
		add("exempt", i+1, e)
	}
	for i, f := range forwarders {
		add("forwarder", i+1, f.Exemption)
	}
	for _, h := range r.engine.Hits() {
		if one := hits[key{h.Check, h.Entry}]; one != nil {
			one.Hits, one.Last = h.N, &h.Last
		}
	}
	return out
}
