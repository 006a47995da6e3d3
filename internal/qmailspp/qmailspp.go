// Package qmailspp is the program that qmail-smtpd with the patch qmail-spp starts for a command of its client, in
// place of the plugin helodnscheck. qmail-smtpd describes the client in the environment, reads commands from the
// program's standard output, one on a line that begins with a letter, and waits until the program has ended.
//
// If HELO_DNS_CHECK is set, its letters are the policy, as for helodnscheck; else the configuration is. Either way the
// program asks a running daemon over its socket (POST /v1/judge). If none answers, it judges alone, by a function that
// it is given. For letters, the daemon provides the DNS evidence, which is judged here.
//
// The program always ends with status 0. It prints whole lines, at most one that ends the command, and never the
// letters A, N or O: no objection is no output, so that later plugins run and qmail's own checks decide. On an error it
// accepts, and says so on standard error, which is qmail's log.
//
// All that it reads, except the names of the variables, may come from the client.
package qmailspp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// Names are the program's names in control/smtpplugins, where a line is a path without arguments.
var Names = []string{"helodnscheck", "helogate-qmail-spp"}

// The program's own variables, beside qmail's, helodnscheck's and HELOGATE_CONFIG. The last is internal: how many
// milliseconds are left to judge alone.
const (
	SocketVariable  = "HELOGATE_SOCKET"
	TimeoutVariable = "HELOGATE_SPP_TIMEOUT"
	AloneVariable   = "HELOGATE_SPP_ALONE"
)

// DefaultSocket is the daemon's socket if HELOGATE_SOCKET is not set.
const DefaultSocket = "/run/helogate/judge.sock"

// NoSocket is the value of HELOGATE_SOCKET to ask no daemon.
const NoSocket = "none"

const (
	defaultTimeout = 20 * time.Second
	leastTimeout   = time.Second
	mostTimeout    = 4 * time.Minute // a client waits 5 minutes for an answer (RFC 5321 section 4.5.3.2)
)

// A Program is one run of it.
type Program struct {
	Name    string   // as it was started: argv[0]
	Environ []string // as os.Environ has it
	Stdout  io.Writer
	Stderr  io.Writer
	Alone   Alone // may be nil: then nothing is judged without a daemon
}

// Alone judges without a daemon, and returns what answers questions of DNS. With letters, only whether the
// configuration accepts the client is needed. It may replace the process by a program that can judge.
type Alone func(ctx context.Context, f helogate.Facts, letters bool) (Answer, helogate.Asker, error)

// An Answer is what to do with a client.
type Answer struct {
	Action  helogate.Action // Continue, Accept, Defer, Reject or Drop: what to do now
	Reply   helogate.Reply
	Headers []Field // to add to the message of an accepted client
	Record  *helogate.Record
}

// Field is a header field.
type Field struct{ Name, Value string }

// Run reads, judges and answers. It returns the exit status, which is 0.
func (p *Program) Run() int {
	if out := p.commands(); len(out) > 0 {
		_, _ = p.Stdout.Write(out) // on an error qmail-smtpd has gone
	}
	return 0
}

// commands returns the lines to print. They are whole or none, whatever goes wrong.
func (p *Program) commands() (out []byte) {
	defer func() {
		if v := recover(); v != nil {
			p.log("panic, accepted without a verdict; please report this: %v", v)
			out = nil
		}
	}()
	c, why := readClient(p.Name, p.Environ)
	if why != "" {
		p.log("%s, let it go.", why)
		return nil
	}
	if c.exempt() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	if c.letters != nil {
		return p.byLetters(ctx, c)
	}
	a, _, err := p.judge(ctx, c)
	if err != nil {
		p.log("%s %s: %v: accepted without a verdict", c.facts.Stage, c.facts.Client, err)
		return nil
	}
	return a.commands(c.facts.Stage, c.headers)
}

// judge asks the daemon, or judges alone if there is none. It returns what answers questions of DNS, nil after the
// daemon. A daemon that hangs is given up early enough to judge alone.
func (p *Program) judge(ctx context.Context, c *client) (Answer, helogate.Asker, error) {
	if c.socket != "" {
		a, err := askDaemon(ctx, c.socket, c.timeout*3/5, c.facts)
		if err == nil {
			return a, nil, nil
		}
		if !errors.Is(err, errNoDaemon) {
			p.log("%s: %v: judged without the daemon", c.socket, err)
		}
	}
	return p.alone(ctx, c)
}

var errAlone = errors.New("no helogate answers, and this program cannot judge alone")

func (p *Program) alone(ctx context.Context, c *client) (Answer, helogate.Asker, error) {
	if p.Alone == nil {
		return Answer{}, nil, errAlone
	}
	a, ask, err := p.Alone(ctx, c.facts, c.letters != nil)
	switch {
	case err != nil:
	case ctx.Err() != nil:
		err = fmt.Errorf("not judged within %v", c.timeout)
	case !known(a.Action):
		err = fmt.Errorf("no verdict (%q)", a.Action)
	}
	return a, ask, err
}

const maxLine = 900 // bytes of a line of log

// log writes a line to qmail's log, with the prefix "helogate: ", which other programs search for.
func (p *Program) log(format string, args ...any) {
	p.line("helogate: " + fmt.Sprintf(format, args...))
}

// line writes a line. What is printable stays as it is: a client's text that was made so is not to be made so twice.
func (p *Program) line(text string) {
	if !isLine(text) || len(text) > maxLine {
		text = printable.Text(text, maxLine)
	}
	_, _ = io.WriteString(p.Stderr, text+"\n")
}

// isOriginal reports whether the program runs under helodnscheck's name.
func isOriginal(name string) bool { return filepath.Base(name) == Names[0] }
