package main

import (
	"fmt"

	"github.com/helogate/helogate/internal/policy"
)

type configCheckCmd struct {
	configFlag
}

// Run reads the configuration and builds every policy in it, as serve does.
func (cmd configCheckCmd) Run(w *world) error {
	c, err := cmd.load(w)
	if err != nil {
		return err
	}
	for _, l := range c.Listen {
		if _, err := rulesOf(c, l.Preset); err != nil {
			return err
		}
	}
	for _, warning := range policy.Warnings(c) {
		fmt.Fprintln(w.stderr, "warning: "+warning)
	}
	what := cmd.Config
	if what == "" {
		what = "no file; the defaults"
	}
	_, err = fmt.Fprintf(w.stdout, "ok: %s\n", what)
	return err
}

type configShowCmd struct {
	configFlag
}

// Run prints the configuration as TOML, which reads back as the same.
func (cmd configShowCmd) Run(w *world) error {
	c, err := cmd.load(w)
	if err != nil {
		return err
	}
	return c.WriteTOML(w.stdout)
}
