// Package qmailspp is the program that qmail-smtpd with the patch qmail-spp starts for a command of its client, in place of
// the plugin helodnscheck. qmail-smtpd tells it of the client in the environment, reads commands from its standard output,
// one a line and a letter first, and waits until it has ended.
//
// What is judged, and by what: where HELO_DNS_CHECK is set, its letters are the policy, as they were helodnscheck's; else
// the configuration is. Either way a helogate that runs is asked over its socket (POST /v1/judge), and where none answers
// the program judges alone, by a function that it is given. Of the letters, the daemon is asked for what DNS says: they are
// judged here, on its evidence.
//
// The program always ends with status 0, prints whole lines and no more than one that ends the command, and never the
// letters A, N or O: no objection is no output, so that the plugins after it are heard and qmail's own checks decide. In
// trouble it lets pass, and says so on standard error, which is qmail's log.
//
// All that it reads but the names of the variables is the client's, or may be.
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

// Names are those that the program goes by in control/smtpplugins, where a line is a path without arguments.
var Names = []string{"helodnscheck", "helogate-qmail-spp"}

// The variables of the program's own, beside qmail's, helodnscheck's and HELOGATE_CONFIG. The last is from one of our
// programs to another: how many milliseconds are left to judge alone.
const (
	SocketVariable  = "HELOGATE_SOCKET"
	TimeoutVariable = "HELOGATE_SPP_TIMEOUT"
	AloneVariable   = "HELOGATE_SPP_ALONE"
)

// DefaultSocket is where the daemon is asked unless HELOGATE_SOCKET says otherwise.
const DefaultSocket = "/run/helogate/judge.sock"

// NoSocket is the HELOGATE_SOCKET of who wants no daemon asked.
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

// Alone judges where no daemon does, and returns whom it asks about DNS. Where letters decide, all that is wanted of the
// configuration is whom it lets in. It may replace the process by one that can.
type Alone func(ctx context.Context, f helogate.Facts, letters bool) (Answer, helogate.Asker, error)

// An Answer is what somebody who judges says of a client.
type Answer struct {
	Do      helogate.Action // Continue, Accept, Defer, Reject or Drop: what is to be done now
	Reply   helogate.Reply
	Headers []Field // to add to the message of a client that is let in
	Record  *helogate.Record
}

// Field is a header field.
type Field struct{ Name, Value string }

// Run reads, judges and answers. It returns the exit status, which is 0.
func (p *Program) Run() int {
	if out := p.commands(); len(out) > 0 {
		_, _ = p.Stdout.Write(out) // who does not read it has gone
	}
	return 0
}

// commands are the lines to print. Whatever goes wrong, they are whole or none.
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

// judge asks the daemon, and where there is none judges alone; who may then be asked about DNS is returned, nil after the
// daemon. In the time that it has, a daemon that hangs takes no more than leaves enough to judge alone.
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
	case !known(a.Do):
		err = fmt.Errorf("no verdict (%q)", a.Do)
	}
	return a, ask, err
}

const maxLine = 900 // bytes of a line of log

// log writes a line to qmail's log. It says who speaks unless the line does, in words that others' programs look for.
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

// isOriginal reports whether the program goes by the name of the one that it replaces.
func isOriginal(name string) bool { return filepath.Base(name) == Names[0] }
