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

// Run writes a first configuration, filled in by Postfix if there is one, and says what comes next.
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
		fmt.Fprintf(env.stderr, "not taken from Postfix (%s says so, too):\n", cmd.Output)
		for _, n := range r.Notes {
			fmt.Fprintf(env.stderr, "  %s\n", n)
		}
	}
	_, err = fmt.Fprintf(env.stdout, `%[1]s is written%[2]s. It is in shadow mode: nothing happens to the mail yet.
Next:
  1. read it, fill in what is yours under [own], and see where it listens: a socket's directory must be there
  2. helogate config check --config %[1]s
  3. helogate serve --config %[1]s
     and put into main.cf what it prints (docs/postfix.md)
  4. read the log for a week, exempt whom you must, and set mode = "enforce"
`, cmd.Output, from)
	return err
}

// make asks postconf if there is one. One that does not answer is said, and done without.
func (cmd initCmd) make(env *env) (r *imports.Result, from string, err error) {
	var p *imports.Postfix
	if path := findPostconf(cmd.Postconf); path != "" && cmd.Postconf != "none" {
		in, err := askPostconf(env, path)
		switch {
		case err == nil:
			p, from = &in, ", filled in by what "+path+" says"
		case env.ctx.Err() != nil:
			return nil, "", err
		default:
			fmt.Fprintf(env.stderr, "Postfix does not say what is yours: %v\n", err)
		}
	}
	if r, err = imports.Initial(p); err != nil {
		return nil, "", fmt.Errorf("%s: %w", cmd.Postconf, err)
	}
	return r, from, nil
}

// write writes the file whole, or not at all.
func (cmd initCmd) write(text string) error {
	dir := filepath.Dir(cmd.Output)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no directory %s: make it first, or name another file with --output", shown(cmd.Output), shown(dir))
	}
	if cmd.Force {
		return replace(cmd.Output, text)
	}
	f, err := os.OpenFile(cmd.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: --force replaces it, --output writes another", cmd.Output)
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

// replace puts a file in another's place in one step.
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

// lastWords is what a program said before it failed.
func lastWords(err error) string {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || len(bytes.TrimSpace(exit.Stderr)) == 0 {
		return ""
	}
	return ": " + printable.Text(string(bytes.TrimSpace(exit.Stderr)), 300)
}
