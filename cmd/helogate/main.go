// Command helogate evaluates SMTP clients by the name that they send in HELO or EHLO and by DNS, for the mail server
// that is already there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/printable"
)

// The exit statuses. Those of sysexits.h are used where it has one.
const (
	exitOK       = 0
	exitRejected = 1  // the answer is no
	exitUsage    = 64 // EX_USAGE
	exitFailed   = 70 // EX_SOFTWARE: the command is right and could not be carried out
	exitDeferred = 75 // EX_TEMPFAIL
	exitConfig   = 78 // EX_CONFIG
)

// A status ends the program with an exit status and prints nothing more.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// commands is the command line. The groups are in help order; manual.go has examples and exit statuses of each command.
type commands struct {
	Demo   demoCmd   `cmd:"" group:"start" help:"Show verdicts on sample clients, without network or configuration."`
	Init   initCmd   `cmd:"" group:"start" help:"Write a first configuration, filled in from Postfix if it is installed."`
	Config configCmd `cmd:"" group:"start" help:"Check a configuration, or print the effective one."`
	Serve  serveCmd  `cmd:"" group:"start" help:"Run the service for the mail servers of the configuration."`

	Check  checkCmd  `cmd:"" group:"ask" help:"Evaluate one client and show the verdict and its reasons."`
	Exempt exemptCmd `cmd:"" group:"ask" help:"List the exemptions, or show which of them apply to a client."`
	Names  namesCmd  `cmd:"" group:"ask" help:"Classify host names as custom or auto-generated."`

	Status  serviceStatusCmd `cmd:"" group:"operate" help:"Print the state of the running service."`
	Reload  reloadCmd        `cmd:"" group:"operate" help:"Make the running service read its configuration again."`
	Trust   trustCmd         `cmd:"" group:"operate" help:"Accept client addresses for a limited time."`
	State   stateCmd         `cmd:"" group:"operate" help:"Export or import the stored state."`
	Version versionCmd       `cmd:"" group:"operate" help:"Print the version, commit and platform."`

	Import importCmd `cmd:"" group:"migrate" help:"Convert the configuration of another tool."`

	SMTPD    opensmtpdCmd `cmd:"" name:"opensmtpd" group:"plugin" help:"Run as a filter of OpenSMTPD, which starts this command."`
	QmailSpp qmailSppCmd  `cmd:"" name:"qmail-spp" group:"plugin" help:"Run as a plugin of qmail-spp, in place of helodnscheck."`
}

// groups are the headings of the commands in --help.
var groups = []kong.Group{
	{Key: "start", Title: "First steps:"},
	{Key: "ask", Title: "Ask:"},
	{Key: "operate", Title: "Operate:"},
	{Key: "migrate", Title: "Migrate:"},
	{Key: "plugin", Title: "MTA plugins:"},
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check a configuration and report each error with its line."`
	Show  configShowCmd  `cmd:"" help:"Print the effective configuration, or one of its policies."`
}

// env is the surroundings of a command: all that it may use of the process.
type env struct {
	ctx            context.Context // ends at SIGINT and SIGTERM
	stop           func()          // after it, the next of these signals ends the program at once
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
	parser := newParser(&cli, stdout, stderr, func(n int) { exited = n })
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprint(stderr, usageError(err))
		return exitUsage
	}
	return exitOf(parsed.Run(&env{ctx: ctx, stop: stop, stdin: os.Stdin, stdout: stdout, stderr: stderr, environ: environ}), stderr)
}

// usageError words an error of the parser: what is wrong, with which command, and where its usage stands.
func usageError(err error) string {
	command, hasCommands, all := "helogate", false, ""
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		node := parse.Context.Selected()
		hasCommands = node == nil || !node.Leaf()
		if node != nil {
			command, all = node.FullPath(), childrenOf(node)
		}
	}
	what := strings.Replace(err.Error(), ", did you mean ", "; did you mean ", 1)
	rest, unexpected := strings.CutPrefix(what, "unexpected argument ")
	argument, missing := strings.CutPrefix(what, "expected ")
	switch {
	case unexpected && hasCommands:
		what = "unknown command " + rest
		if all != "" && !strings.Contains(rest, "; did you mean ") {
			what += "; there is " + all
		}
	case missing && hasCommands && all != "":
		what = "missing command; there is " + all
	case missing:
		what = "missing argument " + strings.Trim(argument, `"`)
	}
	if flag, unknown := strings.CutPrefix(what, "unknown flag "); unknown {
		old, _, _ := strings.Cut(flag, ",")
		old, _, _ = strings.Cut(old, ";")
		if now := renamedFlags[old]; now != "" {
			what = fmt.Sprintf("%s is now %s", old, now)
		}
	}
	text := fmt.Sprintf("%s: %s\n", command, printable.Text(what, 500))
	if command == "helogate check" && strings.HasPrefix(what, "unknown flag") {
		text += "Write -- before a HELO name that begins with a hyphen.\n"
	}
	return text + fmt.Sprintf("Run \"%s --help\" for usage.\n", command)
}

// renamedFlags are the flags of earlier versions, and their present names.
var renamedFlags = map[string]string{"--door": "--listener"}

// childrenOf words the commands of a command: "check, show".
func childrenOf(node *kong.Node) string {
	var names []string
	for _, child := range node.Children {
		names = append(names, child.Name)
	}
	return strings.Join(names, ", ")
}

// exitOf prints an error and returns the exit status that it stands for.
func exitOf(err error, stderr io.Writer) int {
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
