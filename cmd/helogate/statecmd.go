package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/state"
)

type stateCmd struct {
	Export stateExportCmd `cmd:"" help:"Print the stored state, a line of JSON for each record."`
	Import stateImportCmd `cmd:"" help:"Add exported records to the stored state."`
}

type stateExportCmd struct {
	configFlag
}

// Run exports the records of the store of the configuration.
func (cmd stateExportCmd) Run(env *env) error {
	store, err := cmd.open(env, true)
	if err != nil {
		return err
	}
	defer store.Close()
	n, err := state.Export(env.ctx, store, time.Now(), env.stdout)
	if err != nil {
		return fmt.Errorf("the export stopped after %s: %w", many(uint64(n), "record"), err)
	}
	fmt.Fprintf(env.stderr, "exported %s\n", many(uint64(n), "record"))
	return nil
}

type stateImportCmd struct {
	configFlag
	File string `arg:"" help:"The output of state export; - is standard input."`
}

// Run imports records into the store of the configuration.
func (cmd stateImportCmd) Run(env *env) error {
	var from io.Reader = os.Stdin
	if cmd.File != "-" {
		f, err := os.Open(cmd.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	store, err := cmd.open(env, false)
	if err != nil {
		return err
	}
	n, skipped, err := state.Import(env.ctx, store, time.Now(), from)
	if closed := store.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%s: %w", printable.Text(cmd.File, 200), err)
	}
	fmt.Fprintf(env.stderr, "imported %s; left out %s\n", many(uint64(n), "record"), many(uint64(skipped), "expired record"))
	return nil
}

// open opens the store that a service with this configuration uses.
func (f configFlag) open(env *env, mustExist bool) (state.Store, error) {
	c, err := f.load(env)
	if err != nil {
		return nil, err
	}
	if c.State.Store == config.Memory {
		return nil, daemon.ConfigError{Err: c.Errorf("state.store", "the store memory has no export and no import; the stores sqlite and redis have")}
	}
	if c.State.Store == config.SQLite {
		if c.State.File == "" {
			c.State.File = daemon.UsualStateFile(env.environ, os.Geteuid())
		}
		if c.State.File == "" { // a service would use its memory
			return nil, daemon.ConfigError{Err: c.Errorf("state.file", "there is no default path, because $HOME is not set: give one")}
		}
		if _, err := os.Stat(c.State.File); mustExist && err != nil {
			return nil, daemon.ConfigError{Err: c.Errorf("state.file", "there is no stored state: %w", err)}
		}
	}
	return daemon.OpenStore(env.ctx, c, env.environ, slog.New(slog.NewTextHandler(env.stderr, nil)))
}
