package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// OpenSMTPD is the protocol of OpenSMTPD's filters (smtpd-filters(7)): smtpd starts a program, writes lines to it, of all SMTP
// sessions in turn, and reads its answers. Reports tell who connects and who has logged in; a request stops its session
// until it is answered, and only that session: each is judged in a goroutine of its own.
//
// What passes is answered "proceed", which is no permit: smtpd goes on to its next filter, and to its match rules. What is
// refused is answered "reject" with code, enhanced code and text, and Drop "disconnect". Every request that names a session
// is answered, once, for smtpd waits forever: in trouble (the judge panicked, or has no ruling) the client is disconnected
// with 421, as if we had closed the connection. A line that cannot be understood is logged and not answered: smtpd ends
// itself, and with it all mail, when it is answered what it did not ask.
type OpenSMTPD struct {
	Headers bool   // whether smtpd passes us the messages, for fields to be added; it is told so once, at the start
	Name    string // ours in Authentication-Results: what others have put in with it is taken out; "" is none

	open atomic.Int64 // SMTP sessions
}

const (
	maxSMTPDLine     = 1 << 20 // bytes; smtpd takes no line of more than 64 KiB from a client
	maxSMTPDSessions = 100_000 // at once; smtpd has as many as it has file descriptors
)

// ErrGone is what Serve returns when smtpd has closed its side: it stops, and its filters are to end.
var ErrGone = errors.New("smtpd has gone")

// A smtpdConn is what smtpd and its filter say to each other.
type smtpdConn struct {
	*OpenSMTPD
	server  *Server
	out     *smtpdWriter
	newer   sync.Once
	ctx     context.Context // of the judgements
	judging sync.WaitGroup

	mu      sync.Mutex
	stopped bool                     // no more is judged
	known   map[string]*smtpdSession // the open ones
}

func (o *OpenSMTPD) newConn(s *Server, out io.Writer) *smtpdConn {
	return &smtpdConn{OpenSMTPD: o, server: s, out: newSMTPDWriter(out), ctx: s.ctx, known: map[string]*smtpdSession{}}
}

func (*OpenSMTPD) missing() string { return "" }

func (o *OpenSMTPD) sessions() int { return int(o.open.Load()) }

// answer answers smtpd until it goes (ErrGone), or the server stops: what is being judged is then answered. smtpd does not
// go on without its filters: it stops, too. An error is also that its protocol is too old: filters of OpenSMTPD before 6.6.2
// answer in another way.
func (o *OpenSMTPD) answer(asked *conn) error {
	c := o.newConn(asked.server, asked.Conn)
	defer c.close()
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithCancel(c.ctx)
	defer cancel() // nobody waits for an answer any more
	ended := make(chan error, 1)
	go func() { ended <- c.lines(asked.Conn) }()
	select {
	case <-c.server.stop:
	case err := <-ended:
		if c.server.closing() {
			return nil
		}
		return err
	}
	select {
	case <-c.drain():
	case <-ended:
	}
	return nil
}

// close writes what is still to be said, and forgets the sessions.
func (o *smtpdConn) close() {
	o.out.finish()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open.Add(-int64(len(o.known)))
	clear(o.known)
}

// lines reads all that smtpd writes: its configuration, to which the answer is what we want to be told, then what that is.
func (o *smtpdConn) lines(c io.Reader) error {
	in := lines{in: bufio.NewReaderSize(c, 64<<10), max: maxSMTPDLine}
	ready := false
	for {
		raw, err := in.next()
		switch {
		case errors.Is(err, errLineTooLong):
			o.server.Log.Error("a line of smtpd is too long: it was ignored", "max_bytes", maxSMTPDLine, "line", printableLine(raw))
			continue
		case err == io.EOF:
			return ErrGone
		case err != nil:
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		switch line := string(raw); {
		case ready:
			err = o.line(line)
		case line == "config|ready":
			ready = true
			o.register()
		case !strings.HasPrefix(line, "config|"):
			o.malformed(line)
		}
		if err != nil {
			return err
		}
	}
}

// register says what we want to be told. smtpd ends itself at a name that it does not know.
func (o *smtpdConn) register() {
	reports := []string{"link-connect", "link-auth", "link-disconnect"}
	requests := []string{"connect", "helo", "ehlo", "mail-from", "rcpt-to"}
	if o.Headers {
		reports = append(reports, "tx-rcpt")
		requests = append(requests, "data-line")
	}
	var b strings.Builder
	for _, r := range reports {
		b.WriteString("register|report|smtp-in|" + r + "\n")
	}
	for _, r := range requests {
		b.WriteString("register|filter|smtp-in|" + r + "\n")
	}
	o.out.send(b.String() + "register|ready\n")
}

// line does what a line asks for. An error is that there is no going on.
func (o *smtpdConn) line(text string) error {
	defer func() {
		if v := recover(); v != nil { // to die of one line would end smtpd
			o.server.Log.Error("panic: a line of smtpd was ignored; please report this", "panic", fmt.Sprint(v), "line", printableLine([]byte(text)), "stack", string(debug.Stack()))
		}
	}()
	var l smtpdLine
	switch {
	case !l.parse(text):
		o.malformed(text)
		return nil
	case l.version.before(oldestFilter.major, oldestFilter.minor):
		return fmt.Errorf("this smtpd speaks version %s of the filter protocol, and helogate %s to %s: OpenSMTPD 6.6.2 is the first that has it",
			l.version, oldestFilter, newestFilter)
	case newestFilter.before(l.version.major, l.version.minor):
		o.newer.Do(func() {
			o.server.Log.Warn("this smtpd speaks a newer filter protocol than helogate knows: helogate uses the newest that it knows",
				"version", l.version.String(), "known", newestFilter.String())
		})
	}
	switch {
	case !l.filter:
		o.report(&l)
	case l.event == "data-line":
		o.dataLine(&l)
	default:
		o.request(&l)
	}
	return nil
}

func (o *smtpdConn) malformed(line string) {
	o.server.Log.Warn("not a valid line of the filter protocol: it was ignored", "line", printableLine([]byte(line)))
}

func printableLine(line []byte) string {
	return printable.Text(string(line[:min(len(line), 300)]), 200)
}

// request answers a request, when its client is judged.
func (o *smtpdConn) request(l *smtpdLine) {
	f, judge := o.facts(l)
	if !judge {
		o.result(l, "proceed")
		return
	}
	if !o.begin() {
		return
	}
	go func() {
		defer o.judging.Done()
		o.judge(l, f)
	}()
}

// begin counts a judgement. While the server closes there are no more.
func (o *smtpdConn) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return false
	}
	o.judging.Add(1)
	return true
}

// drain begins no more judgements, and returns what is closed when those that run have ended.
func (o *smtpdConn) drain() <-chan struct{} {
	o.mu.Lock()
	o.stopped = true
	o.mu.Unlock()
	drained := make(chan struct{})
	go func() {
		o.judging.Wait()
		close(drained)
	}()
	return drained
}

// tryAgain closes the connection of a client, of whom nothing can be said.
const tryAgain = "disconnect|421 4.3.0 temporary failure, please try again later"

func (o *smtpdConn) judge(l *smtpdLine, f helogate.Facts) {
	defer func() {
		if v := recover(); v != nil {
			o.server.Log.Error("panic: the client was disconnected; please report this", "panic", fmt.Sprint(v), "session", f.Session, "client", f.Client,
				"stage", f.Stage, "helo", printable.Text(f.Helo, 255), "stack", string(debug.Stack()))
			o.result(l, tryAgain)
		}
	}()
	resp := o.server.Judge(o.ctx, f)
	switch resp.Action {
	case helogate.Continue, helogate.Accept:
		o.passed(l, f, resp.Headers)
		o.result(l, "proceed")
	case helogate.Reject, helogate.Defer:
		o.result(l, "reject|"+refusal(resp).String())
	case helogate.Drop:
		o.result(l, "disconnect|"+refusal(resp).String())
	default:
		if o.ctx.Err() == nil { // else we are ended by force, or smtpd has gone
			o.server.Log.Error("no verdict: the client was disconnected", "action", resp.Action.String(), "session", f.Session, "client", f.Client)
			o.result(l, tryAgain)
		}
	}
}

func (o *smtpdConn) result(l *smtpdLine, result string) {
	o.out.send("filter-result|" + l.session + "|" + l.token + "|" + result + "\n")
}
