package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/logline"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/watch"
)

// Reload reads the configuration again and applies its policies. An invalid configuration changes nothing. by is what
// asked for the reload, for log and status: "signal", "command" or "watch".
func (d *Daemon) Reload(by string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("helogate is stopping")
	}
	c, err := d.Load()
	if err == nil {
		err = d.apply(c)
	}
	last := &control.Reload{At: time.Now(), By: by}
	defer d.lastReload.Store(last)
	if err != nil {
		last.Error = err.Error()
		d.watchRejected(c)
		d.log.Error("the configuration was not reloaded; the old one stays in effect", "error", err, "requested_by", by)
		return err
	}
	log := d.log.Logger
	if tables := c.EnforcedIn(); tables != nil {
		log = log.With("enforced_in", logline.List(tables))
	}
	log.Info("reloaded", "mode", string(c.Mode), "preset", c.Policy.Preset, "requested_by", by)
	if err := d.watch(c); err != nil {
		d.log.Warn(notWatched, "error", err)
	}
	return nil
}

// apply applies the policies of another configuration. Listeners, resolver and log cannot change while the daemon runs;
// the log warns if they would. On an error the old policies stay in effect.
func (d *Daemon) apply(c *config.Config) error {
	if len(c.Listen) != len(d.config.Listen) {
		return errors.New("other listeners: restart helogate to open or close them")
	}
	for i, l := range c.Listen {
		if l.Address != d.config.Listen[i].Address || l.Protocol != d.config.Listen[i].Protocol {
			return fmt.Errorf("another address, %s: restart helogate to listen there", l.Address)
		}
	}
	policies, err := Policies(c)
	if err != nil {
		return err
	}
	if what := needRestart(d.config, c); len(what) > 0 {
		d.log.Warn("reloaded, except settings that need a restart; restart helogate to apply them", "settings", logline.List(what))
	}
	d.askers.set(c)
	for i, l := range d.listeners {
		l.endpoint.SetRules(Rules(c, policies.Listeners[i]))
	}
	d.active.Store(&active{c, policies, time.Now()})
	for _, w := range policy.Warnings(c, policies, time.Now()) {
		d.log.Warn(w)
	}
	return nil
}

// notWatched is logged when the files of the configuration cannot be watched.
const notWatched = "changed configuration files are not noticed; run helogate reload after a change"

// needRestart names the settings that differ and are not taken while the service runs.
func needRestart(old, is *config.Config) (out []string) {
	oldDNS := old.DNS
	oldDNS.FailureGrace = is.DNS.FailureGrace
	if !reflect.DeepEqual(oldDNS, is.DNS) {
		out = append(out, "dns")
	}
	if !reflect.DeepEqual(old.State, is.State) {
		out = append(out, "state")
	}
	oldCallout := old.Callout
	oldCallout.Domains = is.Callout.Domains
	if !reflect.DeepEqual(oldCallout, is.Callout) || len(old.Callout.Domains) == 0 && len(is.Callout.Domains) > 0 {
		out = append(out, "callout")
	}
	if old.Hammering != is.Hammering {
		out = append(out, "hammering")
	}
	if old.Log != is.Log {
		out = append(out, "log")
	}
	if old.Trust != is.Trust {
		out = append(out, "trust")
	}
	if old.Control.Socket != is.Control.Socket || old.Control.Permissions != is.Control.Permissions {
		out = append(out, "control.socket")
	}
	for i := range is.Listen {
		if is.Listen[i].Protocol == openSMTPD && (addsHeaders(is) && !addsHeaders(old) || resultsName(is) != resultsName(old)) {
			out = append(out, "headers")
		}
		if old.Listen[i].Permissions != is.Listen[i].Permissions {
			out = append(out, fmt.Sprintf("listen[%d].permissions", i))
		}
		if old.Listen[i].Nginx != is.Listen[i].Nginx {
			out = append(out, fmt.Sprintf("listen[%d].nginx", i))
		}
		if is.Listen[i].Protocol == "milter" && resultsName(old) != resultsName(is) {
			out = append(out, "headers.authentication_results or headers.name")
		}
		if old.Listen[i].HTTP != is.Listen[i].HTTP {
			out = append(out, fmt.Sprintf("listen[%d].http", i))
		}
	}
	return out
}

// watch watches the files of a configuration, or no longer does.
func (d *Daemon) watch(c *config.Config) error {
	switch {
	case !c.Control.Watch && d.watcher == nil:
		return nil
	case !c.Control.Watch:
		go d.watcher.Close() // the watcher may be what called Reload, and Close waits for that
		d.watcher = nil
		return nil
	case d.watcher == nil:
		watcher, err := watch.New(watch.Config{Log: d.log.Logger, Changed: func() { _ = d.Reload("watch") }})
		if err != nil {
			return err
		}
		d.watcher = watcher
	}
	return d.watcher.Set(filesOf(d.File, c))
}

// watchRefused also watches the files of a configuration that was refused, for in one of them may be why. nil is one
// that could not be read.
func (d *Daemon) watchRejected(c *config.Config) {
	if c == nil || d.watcher == nil {
		return
	}
	files := append(filesOf(d.File, c), filesOf(d.File, d.active.Load().config)...)
	if err := d.watcher.Set(files); err != nil {
		d.log.Warn(notWatched, "error", err)
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
