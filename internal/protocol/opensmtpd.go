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

// OpenSMTPD is the protocol of OpenSMTPD's filters (smtpd-filters(7)): smtpd starts a program, writes lines about all
// SMTP sessions to it, and reads its answers. Reports say which client connects and which has logged in. A request
// stops its session, and only this one, until it is answered: each is judged in a goroutine of its own.
//
// A client that is not refused is answered "proceed", which is no permit: smtpd continues with its next filter and its
// match rules. A refusal is answered "reject" with code, enhanced code and text, Drop "disconnect". Every request that
// names a session is answered, once, since smtpd waits without limit: in case of an error (a panic, no verdict) the
// client is disconnected with 421. A line that cannot be parsed is logged and not answered: smtpd ends, and all mail
// with it, at an answer to a question that it did not ask.
type OpenSMTPD struct {
	Headers bool   // whether smtpd passes messages through helogate, to add fields; it is registered once, at the start
	Name    string // the authserv-id of Authentication-Results: those that came with the message are removed; "" is none

	open atomic.Int64 // SMTP sessions
}

const (
	maxSMTPDLine     = 1 << 20 // bytes; smtpd takes no line of more than 64 KiB from a client
	maxSMTPDSessions = 100_000 // at once; smtpd has as many as it has file descriptors
)

// ErrGone is returned by Serve when smtpd has closed its side: it stops, and its filters must end.
var ErrGone = errors.New("smtpd has gone")

// A smtpdConn is the dialogue of smtpd and its filter.
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

// answer answers smtpd until smtpd ends (ErrGone) or the server stops, which answers what is being judged. smtpd stops
// when a filter does. An error also means that smtpd's protocol is too old: filters of OpenSMTPD before 6.6.2 answer in
// another way.
func (o *OpenSMTPD) answer(asked *conn) error {
	c := o.newConn(asked.server, asked.Conn)
	defer c.close()
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithCancel(c.ctx)
	defer cancel() // no answer is awaited any more
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

// close writes what is queued, and drops the sessions.
func (o *smtpdConn) close() {
	o.out.finish()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open.Add(-int64(len(o.known)))
	clear(o.known)
}

// lines reads what smtpd writes: first its configuration, to which the answer is a registration, then reports and
// requests.
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

// register names the reports and requests that are wanted. smtpd ends itself at a name that it does not know.
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

// line handles a line. An error means that the dialogue cannot continue.
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

// begin counts a judgement. It returns false while the server closes.
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

// tryAgain disconnects a client for which there is no verdict.
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
		if o.ctx.Err() == nil { // else the server is closed by force, or smtpd has gone
			o.server.Log.Error("no verdict: the client was disconnected", "action", resp.Action.String(), "session", f.Session, "client", f.Client)
			o.result(l, tryAgain)
		}
	}
}

func (o *smtpdConn) result(l *smtpdLine, result string) {
	o.out.send("filter-result|" + l.session + "|" + l.token + "|" + result + "\n")
}
