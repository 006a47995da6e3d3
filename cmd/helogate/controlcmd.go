package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/daemon"
)

// socketFlag is the flags of all commands that talk to the running service.
type socketFlag struct {
	configFlag
	Socket string `help:"Use this control socket. Default: control.socket of the configuration." placeholder:"PATH"`
}

// dial returns a client of the running service.
func (f socketFlag) dial(env *env) (*control.Client, error) {
	path, err := f.path(env)
	if err != nil {
		return nil, err
	}
	return control.Dial(path, version())
}

// path returns the path of the control socket. It ignores other errors in the configuration: the service may run with
// an older one, and status shows the error of a reload.
func (f socketFlag) path(env *env) (string, error) {
	if f.Socket != "" {
		return f.Socket, nil
	}
	setting, known := config.ControlSocket(f.Config, daemon.Known(env.environ))
	if !known {
		_, err := f.load(env)
		return "", err
	}
	if setting == control.None {
		return "", errors.New(`control.socket is "none" in the configuration, so the service takes no commands`)
	}
	return control.Socket(setting, env.environ), nil
}

// answered returns the error that a command ends with when the service or the client returned err.
func answered(err error) error {
	switch control.ErrorKindOf(err) {
	case control.BadConfig:
		return daemon.ConfigError{Err: errors.New(shownLines(err.Error()))}
	case "":
		return err
	}
	return errors.New(shownLines(err.Error()))
}

// shownLines is shown for text of many lines.
func shownLines(s string) string {
	const most = 1000 // bytes of a line
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = shownTo(lines[i], most)
	}
	return strings.Join(lines, "\n")
}

type reloadCmd struct{ socketFlag }

// Run makes the service reload its configuration, and prints what is then in effect.
func (cmd reloadCmd) Run(env *env) error {
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	s, err := client.Reload(env.ctx)
	if err != nil {
		return answered(err)
	}
	fmt.Fprintf(env.stdout, "reloaded %s: mode %s, preset %s\n", fileOf(s.Config), modeOf(s.Config), shown(s.Config.Preset))
	if what := s.Config.Restart; len(what) > 0 {
		fmt.Fprintf(env.stdout, "settings that need a restart: %s\n", shown(strings.Join(what, ", ")))
	}
	return nil
}

// fileOf words the file of a configuration.
func fileOf(c control.Config) string {
	if c.File == "" {
		return "no file (the defaults)"
	}
	return shown(c.File)
}

type serviceStatusCmd struct {
	socketFlag
	JSON bool `name:"json" help:"Print JSON, for programs."`
}

// Run prints the state of the service.
func (cmd serviceStatusCmd) Run(env *env) error {
	client, err := cmd.dial(env)
	if err != nil {
		return answered(err)
	}
	s, err := client.Status(env.ctx)
	if err != nil {
		return answered(err)
	}
	if cmd.JSON {
		return printJSON(env.stdout, s)
	}
	return printStatus(env.stdout, &s, inColour(env))
}
