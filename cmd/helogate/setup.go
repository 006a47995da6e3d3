package main

import (
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/daemon"
)

// configFlag is the flag that all commands with a configuration have.
type configFlag struct {
	Config string `help:"The configuration; without it the defaults hold, and the HELOGATE_ variables of the environment." placeholder:"FILE"`
}

func (f configFlag) load(w *world) (*config.Config, error) {
	c, err := config.Load(f.Config, daemon.Known(w.environ))
	if err != nil {
		return nil, daemon.ConfigError{Err: err}
	}
	return c, nil
}

// trustedBy says who is trusted by the service that runs with a configuration: nobody where none does.
func trustedBy(w *world, c *config.Config) helogate.Asker {
	return serviceTrust{control.Socket(c.Control.Socket, w.environ), version()}
}
