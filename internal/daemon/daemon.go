// Package daemon is the running service: it opens the listeners of a configuration, serves, reloads, reports its
// status, and closes. It handles no signals and prints nothing, so that tests can use it.
//
//	d, err := daemon.Open(ctx, daemon.Options{Load: load, Log: os.Stderr})
//	…
//	d.Serve()
//	…
//	err = d.Close(ctx)
package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/protocol"
	"github.com/helogate/helogate/internal/trust"
	"github.com/helogate/helogate/internal/watch"
)

// Options are what a daemon takes of the world around it.
type Options struct {
	Load    func() (*config.Config, error) // reads the configuration, for the start and for each reload
	File    string                         // where Load has it from, to be watched and named in the status; "" is no file
	Version string                         // of the program, for the control socket, the status and HTTP
	Environ []string                       // the default places of state and control socket

	Log    io.Writer      // takes the log, in the configuration's format
	Stdin  io.Reader      // what smtpd writes to its filter; only for the protocol opensmtpd
	Stdout io.Writer      // what it is answered
	DNS    helogate.Asker // answers in place of the configuration's resolver; nil is that

	Observers []engine.Observer // are shown each verdict, beside the daemon's own
}

// A Daemon is a service. Its methods are safe for concurrent use.
type Daemon struct {
	Options
	log       *Log
	config    *config.Config // of the start: in effect, except for the policies
	resolver  *dns.Resolver  // nil if Options.DNS answers
	engine    *engine.Engine
	counts    engine.Counts
	trusted   *trust.Store
	askers    *askers
	since     time.Time
	listeners []*listener
	control   *control.Server // nil: no control socket
	socket    net.Listener    // of control
	active    atomic.Pointer[active]
	serving   sync.WaitGroup
	ended     chan error
	lost      atomic.Bool                   // a listener was lost, and this was logged
	closers   []func(context.Context) error // what Close does at last, in reverse
	closeOnce sync.Once

	lastReload atomic.Pointer[control.Reload] // nil: none was tried

	mu      sync.Mutex     // one reload at a time; guards what follows
	watcher *watch.Watcher // nil: files are not watched
	closed  bool
}

// inForce is what listeners judge by.
type active struct {
	config   *config.Config
	policies *policy.Policies
	loaded   time.Time
}

// Open reads the configuration and opens everything that it needs. On an error nothing stays open. No question is
// answered before Serve. ctx limits only the opening. An error that the administrator can correct is a ConfigError.
func Open(ctx context.Context, o Options) (*Daemon, error) {
	c, err := o.Load()
	if err != nil {
		return nil, err
	}
	d := &Daemon{Options: o, config: c, since: time.Now(), ended: make(chan error, len(c.Listen))}
	if err := d.open(ctx); err != nil {
		_ = d.end(context.WithoutCancel(ctx)) // of what never served nothing is lost
		return nil, err
	}
	return d, nil
}

func (d *Daemon) open(ctx context.Context) (err error) {
	c := d.config
	policies, err := Policies(c)
	if err != nil {
		return err
	}
	d.log = NewLog(d.Options.Log, c)
	d.onClose(func(context.Context) error { d.log.Close(); return nil })
	ask := d.DNS
	if ask == nil {
		if d.resolver, err = Resolver(c); err != nil {
			return err
		}
		d.onClose(func(context.Context) error { d.resolver.Close(); return nil })
		ask = d.resolver
	}
	if d.trusted, err = trust.Open(trust.Config{Path: c.Trust.File, Log: d.log.Logger}); err != nil {
		return ConfigError{err}
	}
	d.onClose(func(context.Context) error { return d.trusted.Close() })
	if d.askers, err = openAskers(ctx, c, d.Environ, ask, d.trusted, d.log.Logger); err != nil {
		return err
	}
	d.onClose(func(context.Context) error { return d.askers.close() })
	d.engine = engine.New(engine.Config{Ask: d.askers, Log: d.log.Logger, Budget: c.DNS.Budget, Observers: d.observers()})
	d.onClose(d.engine.Close)
	if err := d.openListeners(policies); err != nil {
		return err
	}
	d.active.Store(&active{c, policies, d.since})
	return d.openControl()
}

// observers returns all observers, first those that must see a verdict before the client has its answer.
func (d *Daemon) observers() []engine.Observer {
	all := []engine.Observer{rejections(d.askers.hammering), d.counts.Observer(), engine.PrivateWarning(d.log.Logger)}
	all = append(all, d.log.Verdicts(d.askers.logLimiter.Say)...)
	return append(all, d.Observers...)
}

// onEnd has f called when all is closed, before what was opened earlier is.
func (d *Daemon) onClose(f func(context.Context) error) { d.closers = append(d.closers, f) }

// end closes what was opened.
func (d *Daemon) end(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(d.closers) {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// openControl opens the control socket. A failure at the default path does not stop the service; one at a configured
// path does.
func (d *Daemon) openControl() error {
	setting := d.config.Control.Socket
	path := control.Socket(setting, d.Environ)
	if path == "" {
		return nil
	}
	l, err := control.Listen(path, d.config.Control.Permissions)
	switch {
	case err == nil:
	case setting != "":
		return ConfigError{d.config.Errorf("control.socket", "%w", err)}
	default:
		d.log.Warn("the control socket could not be opened, so helogate reload, status and trust cannot reach this service; "+
			"set control.socket to another path", "error", err)
		return nil
	}
	d.onClose(func(context.Context) error { _ = l.Close(); return nil }) // of a daemon that never served
	d.socket = l
	d.control = &control.Server{
		Version: d.Version, Status: d.Status, Exemptions: d.exemptions, Trust: d.trusted, Peek: d.askers.peek,
		Log:    d.log.Logger,
		Reload: func(context.Context) error { return d.Reload("command") },
	}
	d.log.Info("control socket", "path", path)
	return nil
}

// Config is the configuration of the start.
func (d *Daemon) Config() *config.Config { return d.config }

// Addrs is where the listeners listen, in the configuration's order.
func (d *Daemon) Addrs() (out []net.Addr) {
	for _, l := range d.listeners {
		out = append(out, l.Addr())
	}
	return out
}

// Serve begins to answer, and to watch the files of the configuration if that wants it. It does not wait.
func (d *Daemon) Serve() {
	if d.control != nil {
		d.serving.Go(func() {
			if err := d.control.Serve(d.socket); err != nil {
				d.log.Error("the control socket failed; restart helogate to reach this service with commands again", "error", err)
			}
		})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.watch(d.config); err != nil {
		d.log.Warn(notWatched, "error", err)
	}
	now := d.active.Load()
	for i, l := range d.listeners {
		d.serving.Go(func() { d.serve(l) })
		p := now.policies.Listeners[i].Default
		d.log.Info("listening", "protocol", l.protocol, "listener", l.Addr().String(),
			"mode", string(p.Mode), "preset", p.Preset)
	}
	for _, w := range policy.Warnings(now.config, now.policies, time.Now()) {
		d.log.Warn(w)
	}
}

func (d *Daemon) serve(l *listener) {
	err := l.server.Serve(l.Listener)
	switch {
	case err == nil: // it is being closed
		return
	case errors.Is(err, protocol.ErrGone):
		d.log.Info("stopping", "reason", err)
		err = nil
	default:
		d.log.Error("a listener failed; helogate stops", "listener", l.Addr().String(), "error", err)
	}
	d.lost.Store(true)
	d.ended <- err
}

// Ended delivers an error for each listener that failed, and nil when smtpd has ended its filter. The caller must then
// Close the daemon.
func (d *Daemon) Ended() <-chan error { return d.ended }

// closeTime is how long a judgement may take beyond its budget, for lookups in the state.
const closeTime = 4 * time.Second

// Close answers what is in flight, for as long as ctx lasts and a judgement may take, and closes all.
func (d *Daemon) Close(ctx context.Context) (err error) {
	d.closeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, d.config.DNS.Budget+closeTime)
		defer cancel()
		if !d.lost.Load() {
			d.log.Info("stopping")
		}
		d.closeReloads(ctx)
		errs := make([]error, len(d.listeners))
		var wg sync.WaitGroup
		for i, l := range d.listeners {
			wg.Go(func() { errs[i] = l.server.Shutdown(ctx) })
		}
		wg.Wait()
		d.serving.Wait()
		err = errors.Join(append(errs, d.end(ctx))...)
	})
	return err
}

// closeReloads ends what reloads, before the listeners end: what is in flight is still answered.
func (d *Daemon) closeReloads(ctx context.Context) {
	d.mu.Lock()
	watcher := d.watcher
	d.watcher, d.closed = nil, true
	d.mu.Unlock()
	if watcher != nil {
		_ = watcher.Close() // nothing is lost with it
	}
	if d.control != nil {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = d.control.Shutdown(ctx) // commands learn that the service has ended
	}
}
