package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
)

type opensmtpdCmd struct {
	configFlag
}

// Run serves smtpd as a filter until smtpd closes standard input. Standard output is for the protocol only. smtpd
// copies standard error to its log.
func (cmd opensmtpdCmd) Run(env *env) error {
	signal.Ignore(syscall.SIGPIPE) // smtpd may have ended before an answer; the state is still to be written
	load := func() (*config.Config, error) { return cmd.load(env) }
	return serve(env, cmd.Config, load, func(*daemon.Daemon) {})
}

// load loads the configuration, with smtpd as the only listener.
func (cmd opensmtpdCmd) load(env *env) (*config.Config, error) {
	c, err := cmd.configFlag.load(env)
	if err != nil {
		return nil, err
	}
	return c, daemon.AsFilter(c, env.environ, os.Geteuid())
}
