package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/door"
	"github.com/helogate/helogate/internal/response"
)

// opensmtpdProtocol is the protocol of the door that is not in [[listen]].
const opensmtpdProtocol = "opensmtpd"

type opensmtpdCmd struct {
	configFlag
}

// Run is a filter of smtpd's until that closes our standard input. What goes to stdout is the protocol, and nothing else;
// what goes to stderr smtpd puts into its log.
func (cmd opensmtpdCmd) Run(w *world) error {
	signal.Ignore(syscall.SIGPIPE) // an answer to an smtpd that has just gone is no reason to die, for the state is to be written
	load := func() (*config.Config, error) { return cmd.load(w) }
	return serve(w, cmd.Config, load, func(*config.Config, *service) {})
}

// load loads the configuration, with smtpd at the only door.
func (cmd opensmtpdCmd) load(w *world) (*config.Config, error) {
	c, err := cmd.configFlag.load(w)
	if err != nil {
		return nil, err
	}
	c.Listen = []config.Listen{{Protocol: opensmtpdProtocol}}
	return c, homeOf(c, w.environ, os.Geteuid())
}

// homeOf says what to do where the state has no home: smtpd has no $HOME to give if systemd or rc started it, and a greylist
// that every restart forgets defers all mail anew.
func homeOf(c *config.Config, environ []string, uid int) error {
	if c.State.Store != config.SQLite || c.State.File != "" || usualStateFile(environ, uid) != "" {
		return nil
	}
	return configError{c.Errorf("state.file", "there is no usual place, for smtpd gives its filters no $HOME: name a file in a directory "+
		"that the filter's user may write to, \"/var/lib/helogate/state.db\" say, or set state.store = \"memory\"")}
}

// newOpenSMTPD makes the door. Messages come through us only if there is something to add to them.
func newOpenSMTPD(c *config.Config, judge response.Judge, log *slog.Logger) *door.OpenSMTPD {
	return &door.OpenSMTPD{Judge: judge, Log: log, Headers: addsHeaders(c), Name: resultsName(c)}
}

func addsHeaders(c *config.Config) bool {
	h := c.Headers
	return h.AuthenticationResults || h.XHelogate || h.XHelo || h.XHeloCheck
}

// resultsName is the name in which nobody else may give Authentication-Results, "" where we do not either.
func resultsName(c *config.Config) string {
	if !c.Headers.AuthenticationResults {
		return ""
	}
	return authservID(c)
}
