// Command helogate judges SMTP clients by what they say in HELO/EHLO and by what DNS says about it, in front of the MTA
// that is there already.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/printable"
)

// The exit statuses: those of sysexits.h where it has one.
const (
	exitOK       = 0
	exitRejected = 1
	exitUsage    = 64 // EX_USAGE
	exitFailed   = 70 // EX_SOFTWARE: what could not be done, for no fault in the words of the command
	exitDeferred = 75 // EX_TEMPFAIL
	exitConfig   = 78 // EX_CONFIG
)

// A status ends the program with a number and no further word.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

type commands struct {
	Serve    serveCmd         `cmd:"" help:"Judge for the MTAs that ask."`
	SMTPD    opensmtpdCmd     `cmd:"" name:"opensmtpd" help:"Judge for OpenSMTPD, which starts this as a filter: filter \"helogate\" proc-exec \"...\"."`
	Check    checkCmd         `cmd:"" help:"Judge one client and show why, always as if in force. A HELO that begins with - goes after --."`
	Config   configCmd        `cmd:"" help:"Check or show the configuration."`
	Reload   reloadCmd        `cmd:"" help:"Have the running service read its configuration again."`
	Status   serviceStatusCmd `cmd:"" help:"Say how the running service is."`
	Trust    trustCmd         `cmd:"" help:"Say who is let in for a while."`
	Exempt   exemptCmd        `cmd:"" help:"Say who is exempt, and why somebody is not."`
	State    stateCmd         `cmd:"" help:"Export and import what is remembered."`
	Import   importCmd        `cmd:"" help:"Print the configuration that does what another tool's does."`
	Init     initCmd          `cmd:"" help:"Write a first configuration, by what Postfix says if there is one."`
	Names    namesCmd         `cmd:"" help:"Say of each name in a list whether a person gave it or a provider stamped it."`
	QmailSpp qmailSppCmd      `cmd:"" name:"qmail-spp" help:"Judge the client that the environment tells of: a plugin of qmail-spp, in place of helodnscheck."`
	Demo     demoCmd          `cmd:"" help:"See it work without a network: the real service on a DNS of its own, and clients that pose."`
	Version  versionCmd       `cmd:"" help:"Print the version."`
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say what is wrong with a configuration, and what was meant."`
	Show  configShowCmd  `cmd:"" help:"Print what a configuration comes to, defaults included."`
}

// world is what a command may touch of the world around it.
type env struct {
	ctx            context.Context // ends at SIGINT and SIGTERM
	stop           func()          // lets the next of them end the program at once
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

func main() {
	if asPlugin(os.Args) {
		os.Exit(plugin(os.Args[0], os.Stdout, os.Stderr, os.Environ()))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Environ()))
}

func run(args []string, stdout, stderr io.Writer, environ []string) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	exited := -1
	if len(args) == 0 {
		args, stdout = []string{"--help"}, stderr
		defer func() { code = exitUsage }()
	}
	parser := kong.Must(&cli, kong.Name("helogate"), kong.Writers(stdout, stderr), kong.Exit(func(n int) { exited = n }),
		kong.Description("Judges SMTP clients by HELO and DNS, before a message is accepted."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "helogate: %s\nhelogate --help says what there is", printable.Text(err.Error(), 500))
		if args[0] == "check" && strings.HasPrefix(err.Error(), "unknown flag") {
			fmt.Fprint(stderr, "; a HELO that begins with - goes after --")
		}
		fmt.Fprintln(stderr)
		return exitUsage
	}
	return say(parsed.Run(&env{ctx: ctx, stop: stop, stdin: os.Stdin, stdout: stdout, stderr: stderr, environ: environ}), stderr)
}

// say words an error and finds the exit status that it means.
func say(err error, stderr io.Writer) int {
	var number status
	var config daemon.ConfigError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &number):
		return int(number)
	}
	fmt.Fprintln(stderr, "helogate: "+strings.TrimPrefix(err.Error(), "helogate: "))
	if errors.As(err, &config) {
		return exitConfig
	}
	return exitFailed
}

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(env *env) error {
	_, err := fmt.Fprintf(env.stdout, "helogate %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version is that of this program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
