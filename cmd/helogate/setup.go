package main

import (
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/daemon"
)

// configFlag is the flag of all commands that read the configuration.
type configFlag struct {
	Config string `help:"Read this configuration (TOML). Default: no file. HELOGATE_ environment variables override settings." placeholder:"FILE"`
}

func (f configFlag) load(env *env) (*config.Config, error) {
	c, err := config.Load(f.Config, daemon.Known(env.environ))
	if err != nil {
		return nil, daemon.ConfigError{Err: err}
	}
	return c, nil
}

// serviceOf returns an asker of the service that runs with a configuration.
func serviceOf(env *env, c *config.Config) control.Asker {
	return control.Asker{Socket: control.Socket(c.Control.Socket, env.environ), Version: version()}
}
