package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/door"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/listen"
	"github.com/helogate/helogate/internal/policy"
	"github.com/helogate/helogate/internal/response"
	"github.com/helogate/helogate/internal/trust"
)

// A service is the doors of a configuration before one engine.
type service struct {
	log       *slog.Logger
	config    *config.Config // of the start: what is in force of it but for the policies
	engine    *engine.Engine
	trusted   *trust.Store
	known     *reputation
	since     time.Time
	gates     []*engine.Gate
	doors     []door.Door
	listeners []net.Listener
	addrs     []net.Addr // where the doors listen, in the configuration's order
	failed    chan error // of a door that ended by itself
	inForce   atomic.Pointer[inForceNow]
	wg        sync.WaitGroup
}

// inForceNow is what the gates judge by.
type inForceNow struct {
	config   *config.Config
	policies *policy.Policies
	loaded   time.Time
}

// openService opens all doors or none. Nobody is answered before serve.
func openService(w *world, c *config.Config, ask helogate.Asker, log *slog.Logger, seen func(*helogate.Record)) (*service, error) {
	policies, err := policiesOf(c)
	if err != nil {
		return nil, err
	}
	trusted, err := trust.Open(trust.Config{Path: c.Trust.File, Log: log})
	if err != nil {
		return nil, configError{err}
	}
	known, err := openReputation(w, c, ask, trusted, log)
	if err != nil {
		trusted.Close()
		return nil, err
	}
	s := &service{log: log, config: c, trusted: trusted, known: known, since: time.Now(), failed: make(chan error, len(c.Listen))}
	s.engine = engine.New(engine.Config{
		Ask: known, Log: log, Budget: c.DNS.Budget, Seen: seen, Rejected: known.rejected, Muffle: known.muffle.Say,
	})
	for i, l := range c.Listen {
		gate := s.engine.Gate(rulesOf(c, l.Protocol, policies.Doors[i]))
		made, listener, err := openDoor(w, c, i, gate.Judge, log)
		if err != nil {
			s.closeListeners()
			known.close()
			trusted.Close()
			return nil, err
		}
		s.gates = append(s.gates, gate)
		s.doors = append(s.doors, made)
		s.addrs = append(s.addrs, listener.Addr())
		s.listeners = append(s.listeners, listener)
	}
	s.inForce.Store(&inForceNow{c, policies, s.since})
	return s, nil
}

// openDoor makes a door, and what it listens on: for smtpd that is what it gave us at our start.
func openDoor(w *world, c *config.Config, i int, judge response.Judge, log *slog.Logger) (door.Door, net.Listener, error) {
	l := c.Listen[i]
	if l.Protocol == opensmtpdProtocol {
		return newOpenSMTPD(c, judge, log), door.Stdio(w.stdin, w.stdout), nil
	}
	made, err := newDoor(c, i, judge, log)
	if err != nil {
		return nil, nil, err
	}
	listener, err := listen.On(l.Address.String(), l.Permissions)
	return made, listener, err
}

// serve begins to answer.
func (s *service) serve() {
	now := s.inForce.Load()
	for i, listener := range s.listeners {
		s.wg.Go(func() {
			if err := s.doors[i].Serve(listener); err != nil {
				s.failed <- err
			}
		})
		p := now.policies.Doors[i].Everybody
		s.log.Info("listening", "protocol", now.config.Listen[i].Protocol, "address", s.addrs[i].String(), "mode", string(p.Mode), "preset", p.Preset)
	}
	for _, w := range policy.Warnings(now.config, now.policies, time.Now()) {
		s.log.Warn(w)
	}
}

func (s *service) closeListeners() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// reload puts the policies of another configuration into force. Doors, resolver and log cannot change while the service runs;
// that they would is said. On an error the old policies stay in force.
func (s *service) reload(c *config.Config) error {
	if len(c.Listen) != len(s.config.Listen) {
		return errors.New("other doors: restart helogate to open or close them")
	}
	for i, l := range c.Listen {
		if l.Address != s.config.Listen[i].Address || l.Protocol != s.config.Listen[i].Protocol {
			return fmt.Errorf("another address, %s: restart helogate to listen there", l.Address)
		}
	}
	policies, err := policiesOf(c)
	if err != nil {
		return err
	}
	if what := needRestart(s.config, c); len(what) > 0 {
		s.log.Warn("reloaded in part: restart helogate for what else has changed", "settings", strings.Join(what, ", "))
	}
	s.known.set(c)
	for i, g := range s.gates {
		g.SetRules(rulesOf(c, c.Listen[i].Protocol, policies.Doors[i]))
	}
	s.inForce.Store(&inForceNow{c, policies, time.Now()})
	for _, w := range policy.Warnings(c, policies, time.Now()) {
		s.log.Warn(w)
	}
	return nil
}

// needRestart names the settings that differ and are not taken while the service runs.
func needRestart(old, is *config.Config) (out []string) {
	oldDNS := old.DNS
	oldDNS.Patience = is.DNS.Patience
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
		if is.Listen[i].Protocol == opensmtpdProtocol && (addsHeaders(is) && !addsHeaders(old) || resultsName(is) != resultsName(old)) {
			out = append(out, "headers")
		}
		if old.Listen[i].Permissions != is.Listen[i].Permissions {
			out = append(out, fmt.Sprintf("listen[%d].permissions", i))
		}
		if old.Listen[i].Backend != is.Listen[i].Backend {
			out = append(out, fmt.Sprintf("listen[%d].backend", i))
		}
		if is.Listen[i].Protocol == "milter" && resultsName(old) != resultsName(is) {
			out = append(out, "headers.authentication_results or headers.name, for the milter")
		}
		if old.Listen[i].TokenFile != is.Listen[i].TokenFile {
			out = append(out, fmt.Sprintf("listen[%d].token_file", i))
		}
	}
	return out
}

// close answers what is in flight, for as long as ctx lasts, and closes the doors.
func (s *service) close(ctx context.Context) error {
	errs := make([]error, len(s.doors))
	var wg sync.WaitGroup
	for i, d := range s.doors {
		wg.Go(func() { errs[i] = d.Shutdown(ctx) })
	}
	wg.Wait()
	s.wg.Wait()
	s.closeListeners() // of a service that never served
	return errors.Join(append(errs, s.known.close(), s.trusted.Close())...)
}
