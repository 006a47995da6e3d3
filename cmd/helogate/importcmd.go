package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/imports"
	"github.com/helogate/helogate/internal/policy"
)

type importCmd struct {
	Helodnscheck importHelodnscheckCmd `cmd:"" help:"Convert the letters of the qmail-spp plugin helodnscheck."`
	Qpsmtpd      importQpsmtpdCmd      `cmd:"" help:"Convert the line of the qpsmtpd plugin helo in config/plugins."`
	Wcsap        importWcsapCmd        `cmd:"" help:"Convert the filter rules of WCSAP (Wildcat!)."`
	Postfix      importPostfixCmd      `cmd:"" help:"Convert main.cf of Postfix."`
}

type importHelodnscheckCmd struct {
	Flags      string `required:"" help:"The letters in HELO_DNS_CHECK; \"\" if it is set but empty." placeholder:"LETTERS"`
	Moreipme   string `help:"The file control/moreipme, with more addresses of this host." placeholder:"FILE"`
	Generation string `help:"Read the letters as those of seed (PBLHRDVI, version 7) or later (GANB and LHDRP). Default: the one that the letters show, or seed." placeholder:"WHICH"`
}

// Run prints the configuration that does the same.
func (cmd importHelodnscheckCmd) Run(env *env) error {
	in := imports.Helodnscheck{Flags: cmd.Flags, Generation: imports.Generation(cmd.Generation), HasMore: cmd.Moreipme != ""}
	if in.HasMore {
		text, err := readText(cmd.Moreipme)
		if err != nil {
			return err
		}
		in.Moreipme = text
	}
	r, err := in.Import()
	if err != nil { // the letters are words of the command
		fmt.Fprintf(env.stderr, "helogate: %v\n", err)
		return status(exitUsage)
	}
	return printImport(env, r)
}

type importQpsmtpdCmd struct {
	File    string `arg:"" help:"The file config/plugins; - is standard input."`
	BadHelo string `name:"badhelo" help:"The file config/badhelo. Default: the one that the plugin's line names, or the one beside FILE." placeholder:"FILE"`
}

// Run prints the configuration that does the same.
func (cmd importQpsmtpdCmd) Run(env *env) error {
	text, err := readText(cmd.File)
	if err != nil {
		return err
	}
	in := imports.Qpsmtpd{Plugins: text}
	if path := cmd.badHelo(text); path != "" {
		if in.BadHelo, err = readText(path); err != nil {
			return err
		}
		if in.BadHeloPath, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	r, err := in.Import()
	if err != nil {
		return daemon.ConfigError{Err: fmt.Errorf("%s: %w", cmd.File, err)}
	}
	return printImport(env, r)
}

// badHelo is the file that is named, here or in the plugin's line, or that lies beside the plugins; "" if none.
func (cmd importQpsmtpdCmd) badHelo(plugins string) string {
	if cmd.BadHelo != "" {
		return cmd.BadHelo
	}
	if named := imports.BadHeloOption(plugins); named != "" {
		return named
	}
	beside := filepath.Join(filepath.Dir(cmd.File), "badhelo")
	if _, err := os.Stat(beside); cmd.File == "-" || err != nil {
		return ""
	}
	return beside
}

type importWcsapCmd struct {
	File string `arg:"" help:"The file with the filter rules; - is standard input."`
}

// Run prints the configuration that does the same.
func (cmd importWcsapCmd) Run(env *env) error {
	text, err := readText(cmd.File)
	if err != nil {
		return err
	}
	return printImport(env, imports.WCSAP(text))
}

type importPostfixCmd struct {
	File     string `help:"The output of postconf -n; - is standard input. Default: run postconf." placeholder:"FILE"`
	Postconf string `help:"Run this postconf. Default: the one in the PATH, /usr/sbin or /usr/local/sbin." placeholder:"PROGRAM"`
}

// Run prints a first configuration.
func (cmd importPostfixCmd) Run(env *env) error {
	var in imports.Postfix
	var err error
	if cmd.File != "" {
		in.Set, err = readText(cmd.File)
	} else {
		in, err = askPostconf(env, cmd.Postconf)
	}
	if err != nil {
		return err
	}
	r, err := in.Import()
	if err != nil {
		return daemon.ConfigError{Err: err}
	}
	return printImport(env, r)
}

// printImport prints the file, and for the person what is not in it.
func printImport(env *env, r *imports.Result) error {
	if err := loads(r.TOML); err != nil {
		return err
	}
	if _, err := io.WriteString(env.stdout, r.TOML); err != nil {
		return err
	}
	if len(r.Notes) == 0 {
		_, err := fmt.Fprintln(env.stderr, "imported, all of it")
		return err
	}
	fmt.Fprintln(env.stderr, "imported; not carried over, or not as it was:")
	for _, n := range r.Notes {
		fmt.Fprintf(env.stderr, "  %s\n", n)
	}
	return nil
}

// loads holds a configuration that we wrote to what we promise of it.
func loads(text string) error {
	c, err := config.Parse("imported", []byte(text), daemon.Known(nil))
	if err == nil {
		_, err = policy.Build(c)
	}
	if err != nil {
		return fmt.Errorf("the configuration that was made does not load, which is a mistake of helogate's; please report it: %w", err)
	}
	return nil
}

const maxImport = 4 << 20 // bytes: no configuration of the others is as large

// readText reads a file, or standard input for -.
func readText(path string) (string, error) {
	in := io.ReadCloser(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", daemon.ConfigError{Err: err}
		}
		in = f
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	switch {
	case err != nil:
		return "", daemon.ConfigError{Err: err}
	case len(text) > maxImport:
		return "", daemon.ConfigError{Err: fmt.Errorf("%s is larger than %d bytes: it is no such configuration", path, maxImport)}
	}
	return string(text), nil
}

// postconfPatience is how long postconf may take; it reads two files.
const postconfPatience = 30 * time.Second

// findPostconf is where postconf is: in the PATH, or where administrators have it and others do not look. "" if nowhere.
func findPostconf(named string) string {
	if named != "" {
		return named
	}
	for _, name := range []string{"postconf", "/usr/sbin/postconf", "/usr/local/sbin/postconf"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// askPostconf asks Postfix what is set, and the defaults that it works out.
func askPostconf(env *env, named string) (in imports.Postfix, err error) {
	path := findPostconf(named)
	if path == "" {
		return in, fmt.Errorf("there is no postconf here: name it (--postconf), or give what `postconf -n` prints (--file)")
	}
	if in.Set, err = runProgram(env.ctx, path, "-n"); err != nil {
		return in, err
	}
	in.Defaults, err = runProgram(env.ctx, path, imports.PostfixDefaults...)
	return in, err
}

// runProgram runs a program and returns what it prints.
func runProgram(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, postconfPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w%s", path, args[0], err, lastWords(err))
	}
	return string(out), nil
}
