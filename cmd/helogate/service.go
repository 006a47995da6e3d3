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

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/door"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/policy"
)

// A service is the doors of a configuration before one engine.
type service struct {
	log    *slog.Logger
	config *config.Config // of the start: what is in force of it but for the policies
	gates  []*engine.Gate
	doors  []*door.Postfix
	addrs  []net.Addr // where the doors listen, in the configuration's order
	failed chan error // of a door that ended by itself
	wg     sync.WaitGroup
}

// start opens all doors or none.
func start(c *config.Config, ask helogate.Asker, log *slog.Logger, seen func(*helogate.Record)) (*service, error) {
	s := &service{log: log, config: c, failed: make(chan error, len(c.Listen))}
	e := engine.New(engine.Config{Ask: ask, Log: log, Budget: c.DNS.Budget, Seen: seen})
	var listeners []net.Listener
	for _, l := range c.Listen {
		rules, err := rulesOf(c, l.Preset)
		var listener net.Listener
		if err == nil {
			listener, err = door.Listen(l.Address.String(), l.Mode)
		}
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, err
		}
		gate := e.Gate(rules)
		s.gates = append(s.gates, gate)
		s.doors = append(s.doors, &door.Postfix{Judge: gate.Judge, Log: log})
		s.addrs = append(s.addrs, listener.Addr())
		listeners = append(listeners, listener)
	}
	for i, listener := range listeners {
		s.wg.Go(func() {
			if err := s.doors[i].Serve(listener); err != nil {
				s.failed <- err
			}
		})
		log.Info("listening", "protocol", c.Listen[i].Protocol, "address", s.addrs[i].String(), "mode", string(c.Mode), "preset", presetOf(c, i))
	}
	for _, w := range policy.Warnings(c) {
		log.Warn(w)
	}
	return s, nil
}

// reload puts the policies of another configuration into force. Doors, resolver and log cannot change while the service runs;
// that they would is said. On an error the old policies stay in force.
func (s *service) reload(c *config.Config) error {
	if len(c.Listen) != len(s.config.Listen) {
		return errors.New("other doors: restart helogate to open or close them")
	}
	rules := make([]engine.Rules, len(c.Listen))
	for i, l := range c.Listen {
		if l.Address != s.config.Listen[i].Address {
			return fmt.Errorf("another address, %s: restart helogate to listen there", l.Address)
		}
		var err error
		if rules[i], err = rulesOf(c, l.Preset); err != nil {
			return err
		}
	}
	if what := needRestart(s.config, c); len(what) > 0 {
		s.log.Warn("reloaded in part: restart helogate for what else has changed", "settings", strings.Join(what, ", "))
	}
	for i, g := range s.gates {
		g.SetRules(rules[i])
	}
	for _, w := range policy.Warnings(c) {
		s.log.Warn(w)
	}
	return nil
}

// needRestart names the settings that differ and are not taken while the service runs.
func needRestart(old, is *config.Config) (out []string) {
	if !reflect.DeepEqual(old.DNS, is.DNS) {
		out = append(out, "dns")
	}
	if old.Log != is.Log {
		out = append(out, "log")
	}
	for i := range is.Listen {
		if old.Listen[i].Mode != is.Listen[i].Mode {
			out = append(out, fmt.Sprintf("listen[%d].mode", i))
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
	return errors.Join(errs...)
}
