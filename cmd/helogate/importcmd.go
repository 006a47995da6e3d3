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

// Run prints the converted configuration.
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
	if err != nil { // the letters are an argument of the command
		fmt.Fprintf(env.stderr, "helogate: %v\n", err)
		return status(exitUsage)
	}
	return printImport(env, r)
}

type importQpsmtpdCmd struct {
	File    string `arg:"" help:"The file config/plugins; - is standard input."`
	BadHelo string `name:"badhelo" help:"The file config/badhelo. Default: the one that the plugin's line names, or the one beside FILE." placeholder:"FILE"`
}

// Run prints the converted configuration.
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

// badHelo returns the path of the file that --badhelo or the plugin's line names, or that is beside FILE; "" if there
// is none.
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

// Run prints the converted configuration.
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

// printImport prints the configuration, and on standard error what it lacks.
func printImport(env *env, r *imports.Result) error {
	if err := loads(r.TOML); err != nil {
		return err
	}
	if _, err := io.WriteString(env.stdout, r.TOML); err != nil {
		return err
	}
	if len(r.Notes) == 0 {
		_, err := fmt.Fprintln(env.stderr, "imported everything")
		return err
	}
	fmt.Fprintln(env.stderr, "imported, but these parts are missing or differ:")
	for _, n := range r.Notes {
		fmt.Fprintf(env.stderr, "  %s\n", n)
	}
	return nil
}

// loads returns an error if a configuration that an import made does not load.
func loads(text string) error {
	c, err := config.Parse("imported", []byte(text), daemon.Known(nil))
	if err == nil {
		_, err = policy.Build(c)
	}
	if err != nil {
		return fmt.Errorf("the converted configuration does not load, which is a bug of helogate; please report it: %w", err)
	}
	return nil
}

const maxImport = 4 << 20 // bytes: no configuration of another tool is so large

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
		return "", daemon.ConfigError{Err: fmt.Errorf("%s is larger than %d bytes, which no such file is", path, maxImport)}
	}
	return string(text), nil
}

// postconfTimeout is how long postconf may run; it reads two files.
const postconfTimeout = 30 * time.Second

// findPostconf returns the path of postconf: the given one, or that in the PATH or in an sbin directory; "" if there is
// none.
func findPostconf(given string) string {
	if given != "" {
		return given
	}
	for _, name := range []string{"postconf", "/usr/sbin/postconf", "/usr/local/sbin/postconf"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// askPostconf runs postconf for the settings of main.cf, and for the defaults that Postfix derives.
func askPostconf(env *env, given string) (in imports.Postfix, err error) {
	path := findPostconf(given)
	if path == "" {
		return in, fmt.Errorf("postconf is not found: give its path with --postconf, or the output of `postconf -n` with --file")
	}
	if in.Set, err = runProgram(env.ctx, path, "-n"); err != nil {
		return in, err
	}
	in.Defaults, err = runProgram(env.ctx, path, imports.PostfixDefaults...)
	return in, err
}

// runProgram runs a program and returns what it prints.
func runProgram(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, postconfTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w%s", path, args[0], err, lastWords(err))
	}
	return string(out), nil
}
