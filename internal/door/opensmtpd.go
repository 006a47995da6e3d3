package door

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// OpenSMTPD is the door of OpenSMTPD's filters (smtpd-filters(7)): smtpd starts a program, writes lines to it, of all SMTP
// sessions in turn, and reads its answers. Reports tell who connects and who has logged in; a request stops its session
// until it is answered, and only that session: each is judged in a goroutine of its own.
//
// What passes is answered "proceed", which is no permit: smtpd goes on to its next filter, and to its match rules. What is
// refused is answered "reject" with code, enhanced code and text, and Drop "disconnect". Every request that names a session
// is answered, once, for smtpd waits forever: in trouble (the judge panicked, or has no ruling) the client is disconnected
// with 421, as if we had closed the connection. A line that cannot be understood is logged and not answered: smtpd ends
// itself, and with it all mail, when it is answered what it did not ask.
//
// Fields are set before Serve; a limit that is zero has its default.
type OpenSMTPD struct {
	Judge   response.Judge
	Log     *slog.Logger // nil: nothing is logged
	Headers bool         // whether smtpd passes us the messages, for fields to be added; it is told so once, at the start
	Name    string       // ours in Authentication-Results: what others have put in with it is taken out; "" is none

	MaxLine     int // bytes of a line, 1 MiB; smtpd takes no line of more than 64 KiB from a client
	MaxSessions int // SMTP sessions at once, 100,000; smtpd has as many as it has file descriptors

	once     sync.Once
	strays   seldom // requests about no client
	newer    sync.Once
	ctx      context.Context // of all judgements
	cancel   context.CancelFunc
	stop     chan struct{} // closed when Shutdown begins
	drained  chan struct{} // closed when, after that, the last judgement has ended
	mu       sync.Mutex
	sessions map[string]*smtpdSession
	judging  int // requests that are not answered yet
	out      *smtpdWriter
}

// ErrGone is what Serve of OpenSMTPD returns when smtpd has closed its side: it stops, and its filters are to end.
var ErrGone = errors.New("smtpd has gone")

func (o *OpenSMTPD) init() {
	o.once.Do(func() {
		if o.Log == nil {
			o.Log = slog.New(slog.DiscardHandler)
		}
		orDefault(&o.MaxLine, 1<<20)
		orDefault(&o.MaxSessions, 100_000)
		o.strays.every = time.Minute
		o.ctx, o.cancel = context.WithCancel(context.Background())
		o.stop, o.drained = make(chan struct{}), make(chan struct{})
		o.sessions = map[string]*smtpdSession{}
	})
}

// Serve answers smtpd, which is the one connection that l has, until it goes (ErrGone) or Shutdown (nil). An error is also
// that its protocol is too old: filters of OpenSMTPD before 6.6.2 answer in another way.
func (o *OpenSMTPD) Serve(l net.Listener) error {
	if o.Judge == nil {
		return errors.New("door: OpenSMTPD has no Judge")
	}
	o.init()
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		if o.closing() {
			return nil
		}
		return fmt.Errorf("accept on %s: %w", l.Addr(), err)
	}
	defer c.Close()
	o.out = newSMTPDWriter(c)
	defer o.out.finish()
	ended := make(chan error, 1)
	go func() { ended <- o.read(c) }()
	select {
	case <-o.drained:
		return nil
	case err = <-ended:
	}
	o.cancel() // nobody waits for an answer any more
	if o.closing() {
		return nil
	}
	return err
}

func (o *OpenSMTPD) closing() bool {
	select {
	case <-o.stop:
		return true
	default:
		return false
	}
}

// Shutdown lets what is being judged be answered, and begins no more. It returns nil when that is done. When ctx ends
// before, it ends the judgements and says so. smtpd does not go on without its filters: it stops, too.
func (o *OpenSMTPD) Shutdown(ctx context.Context) error {
	o.init()
	defer o.cancel()
	o.mu.Lock()
	if !o.closing() {
		close(o.stop)
		if o.judging == 0 {
			close(o.drained)
		}
	}
	o.mu.Unlock()
	select {
	case <-o.drained:
		return nil
	default:
	}
	select {
	case <-o.drained:
		return nil
	case <-ctx.Done():
	}
	o.cancel()
	<-o.drained
	return fmt.Errorf("smtpd was not answered in time: %w", ctx.Err())
}

// Connections returns how many SMTP sessions are open.
func (o *OpenSMTPD) Connections() int {
	o.init()
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sessions)
}

// read reads all that smtpd writes: its configuration, to which the answer is what we want to be told, then what that is.
func (o *OpenSMTPD) read(c io.Reader) error {
	in := lines{in: bufio.NewReaderSize(c, 64<<10), max: o.MaxLine}
	ready := false
	for {
		raw, err := in.next()
		switch {
		case errors.Is(err, errLineTooLong):
			o.Log.Error("a line of smtpd's is longer than any that is known: not answered", "bytes_taken", o.MaxLine, "line", shown(raw))
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
			o.wrong(line)
		}
		if err != nil {
			return err
		}
	}
}

// register says what we want to be told. smtpd ends itself at a name that it does not know.
func (o *OpenSMTPD) register() {
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
	o.out.say(b.String() + "register|ready\n")
}

// line does what a line asks for. An error is that there is no going on.
func (o *OpenSMTPD) line(text string) error {
	defer func() {
		if v := recover(); v != nil { // to die of one line would end smtpd
			o.Log.Error("panic: a line of smtpd's is passed over", "panic", fmt.Sprint(v), "line", shown([]byte(text)), "stack", string(debug.Stack()))
		}
	}()
	var l smtpdLine
	switch {
	case !l.parse(text):
		o.wrong(text)
		return nil
	case l.version.before(oldestFilter.major, oldestFilter.minor):
		return fmt.Errorf("this smtpd speaks version %s of the filter protocol, and helogate %s to %s: OpenSMTPD 6.6.2 is the first that has it",
			l.version, oldestFilter, newestFilter)
	case newestFilter.before(l.version.major, l.version.minor):
		o.newer.Do(func() {
			o.Log.Warn("this smtpd speaks a newer filter protocol than helogate knows; it is taken for the newest that is known",
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

func (o *OpenSMTPD) wrong(line string) {
	o.Log.Warn("not a line of the filter protocol that can be answered: passed over", "line", shown([]byte(line)))
}

func shown(line []byte) string { return printable.Text(string(line[:min(len(line), 300)]), 200) }

// request answers a request, when its client is judged.
func (o *OpenSMTPD) request(l *smtpdLine) {
	f, judge := o.facts(l)
	if !judge {
		o.answer(l, "proceed")
		return
	}
	if !o.begin() {
		return
	}
	go func() {
		defer o.end()
		o.judge(l, f)
	}()
}

// begin counts a judgement. While the door closes there are no more.
func (o *OpenSMTPD) begin() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing() {
		return false
	}
	o.judging++
	return true
}

func (o *OpenSMTPD) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judging--
	if o.closing() && o.judging == 0 {
		close(o.drained)
	}
}

// tryAgain closes the connection of a client, of whom nothing can be said.
const tryAgain = "disconnect|421 4.3.0 temporary failure, please try again later"

func (o *OpenSMTPD) judge(l *smtpdLine, f helogate.Facts) {
	defer func() {
		if v := recover(); v != nil {
			o.Log.Error("panic: the client is disconnected", "panic", fmt.Sprint(v), "session", f.Session, "client", f.Client,
				"stage", f.Stage, "helo", printable.Text(f.Helo, 255), "stack", string(debug.Stack()))
			o.answer(l, tryAgain)
		}
	}()
	ruling := o.Judge(o.ctx, f)
	switch ruling.Do {
	case helogate.Continue, helogate.Accept:
		o.passed(l, f, ruling.Headers)
		o.answer(l, "proceed")
	case helogate.Reject, helogate.Defer:
		o.answer(l, "reject|"+refusal(ruling).String())
	case helogate.Drop:
		o.answer(l, "disconnect|"+refusal(ruling).String())
	default:
		if o.ctx.Err() == nil { // else we are ended by force, or smtpd has gone
			o.Log.Error("no ruling: the client is disconnected", "do", ruling.Do.String(), "session", f.Session, "client", f.Client)
			o.answer(l, tryAgain)
		}
	}
}

func (o *OpenSMTPD) answer(l *smtpdLine, result string) {
	o.out.say("filter-result|" + l.session + "|" + l.token + "|" + result + "\n")
}
