package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/helogate/helogate/internal/imports"
	"github.com/helogate/helogate/internal/printable"
)

type initCmd struct {
	Output   string `help:"Write this file; - is standard output. Default: helogate.toml." default:"helogate.toml" placeholder:"FILE"`
	Force    bool   `help:"Replace the file if it exists."`
	Postconf string `help:"Run this postconf; none runs nothing. Default: the one that is installed." placeholder:"PROGRAM"`
}

// Run writes a first configuration, filled in from Postfix if it is installed, and prints the next steps.
func (cmd initCmd) Run(env *env) error {
	r, from, err := cmd.make(env)
	if err != nil {
		return err
	}
	if err := loads(r.TOML); err != nil {
		return err
	}
	if cmd.Output == "-" {
		_, err := io.WriteString(env.stdout, r.TOML)
		return err
	}
	if err := cmd.write(r.TOML); err != nil {
		return err
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(env.stderr, "not taken from Postfix (also noted in %s):\n", cmd.Output)
		for _, n := range r.Notes {
			fmt.Fprintf(env.stderr, "  %s\n", n)
		}
	}
	_, err = fmt.Fprintf(env.stdout, `Wrote %[1]s%[2]s. It is in shadow mode: verdicts are logged, and mail is not touched.
Next:
  1. Read it. Fill in your own names and addresses under [own], and create the directory of its socket.
  2. helogate config check --config %[1]s
  3. helogate serve --config %[1]s
     Add to main.cf what it prints (docs/postfix.md).
  4. Read the log for a week, exempt the senders that you need, and set mode = "enforce".
`, cmd.Output, from)
	return err
}

// make makes the configuration. It runs postconf if there is one; if that fails, it prints the error and goes on
// without.
func (cmd initCmd) make(env *env) (r *imports.Result, from string, err error) {
	var p *imports.Postfix
	if path := findPostconf(cmd.Postconf); path != "" && cmd.Postconf != "none" {
		in, err := askPostconf(env, path)
		switch {
		case err == nil:
			p, from = &in, ", filled in from "+path
		case env.ctx.Err() != nil:
			return nil, "", err
		default:
			fmt.Fprintf(env.stderr, "nothing is taken from Postfix: %v\n", err)
		}
	}
	if r, err = imports.Initial(p); err != nil {
		return nil, "", fmt.Errorf("%s: %w", cmd.Postconf, err)
	}
	return r, from, nil
}

// write writes the whole file or none.
func (cmd initCmd) write(text string) error {
	dir := filepath.Dir(cmd.Output)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no directory %s: create it, or give another file with --output", shown(cmd.Output), shown(dir))
	}
	if cmd.Force {
		return replace(cmd.Output, text)
	}
	f, err := os.OpenFile(cmd.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already: --force replaces it, --output writes another file", cmd.Output)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(cmd.Output) // half a configuration is worse than none
	}
	return err
}

// replace replaces a file in one step.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".helogate-*.toml")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// lastWords returns what a program printed on standard error before it failed, with a colon in front.
func lastWords(err error) string {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || len(bytes.TrimSpace(exit.Stderr)) == 0 {
		return ""
	}
	return ": " + printable.Text(string(bytes.TrimSpace(exit.Stderr)), 300)
}
