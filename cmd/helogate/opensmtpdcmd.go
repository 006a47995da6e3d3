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

// Run is a filter of smtpd's until that closes our standard input. What goes to stdout is the protocol, and nothing else;
// what goes to stderr smtpd puts into its log.
func (cmd opensmtpdCmd) Run(env *env) error {
	signal.Ignore(syscall.SIGPIPE) // an answer to an smtpd that has just gone is no reason to die, for the state is to be written
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
