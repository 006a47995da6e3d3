package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Exim is the door of Exim's ${readsocket}. Exim has no policy protocol: an ACL, which docs/exim has, sends a request in
// Postfix's form, shuts down its side, and reads all that comes until the connection is closed. So a connection has one
// request and one answer.
//
// The answer is Postfix's, and what is to be added to the message's header comes with it, a line a field:
//
//	action=DUNNO
//	header=X-Helogate: id=4tbf2n0w6q8zc; action=continue; suspicion=0
//	(an empty line)
//
// The empty line says that the answer is whole, for Exim cannot tell an answer from a part of one. In trouble the
// connection is closed without an answer, which Exim takes for an empty one, and does what the ACL then says.
//
// Fields are set before Serve; a limit that is zero has its default.
type Exim struct {
	Judge response.Judge
	Log   *slog.Logger // nil: nothing is logged

	MaxRequest     int           // bytes of a request, 64 KiB; the ACL's has some 400
	RequestTimeout time.Duration // to a request's first byte, and from there to its last, 10s
	WriteTimeout   time.Duration // for the answer, 10s

	server server
	once   sync.Once
	strays seldom // requests about no client
}

func (e *Exim) init() {
	e.once.Do(func() {
		if e.Log == nil {
			e.Log = slog.New(slog.DiscardHandler)
		}
		orDefault(&e.MaxRequest, 64<<10)
		orDefault(&e.RequestTimeout, 10*time.Second)
		orDefault(&e.WriteTimeout, 10*time.Second)
		e.strays.every = time.Minute
	})
}

// Serve answers who connects to l until l closes, and closes it. It may run on several listeners. It returns nil after
// Shutdown, else why it could not go on.
func (e *Exim) Serve(l net.Listener) error {
	if e.Judge == nil {
		return errors.New("door: Exim has no Judge")
	}
	e.init()
	return e.server.serve(l, e.Log, e.handle)
}

// Shutdown stops accepting, lets requests of which a part has come be answered, and closes connections without one. It
// returns nil when that is done. When ctx ends before, it ends the judgements, closes all and says so.
func (e *Exim) Shutdown(ctx context.Context) error { return e.server.shutdown(ctx) }

// Connections returns how many connections are open.
func (e *Exim) Connections() int { return e.server.open() }

// An eximConn is one question of one Exim.
type eximConn struct {
	*Exim
	conn  net.Conn
	facts helogate.Facts // what is being judged, for the log
}

func (e *Exim) handle(c net.Conn) {
	ec := &eximConn{Exim: e, conn: c}
	defer func() {
		if v := recover(); v != nil {
			ec.log(slog.LevelError, "panic: closed without an answer", "panic", fmt.Sprint(v),
				"client", ec.facts.Client, "stage", ec.facts.Stage, "helo", printable.Text(ec.facts.Helo, 255),
				"stack", string(debug.Stack()))
		}
	}()
	ec.answer()
}

func (e *eximConn) answer() {
	attrs, err := e.read()
	if err != nil {
		if _, is := errors.AsType[broken](err); is {
			e.log(slog.LevelWarn, "not a request of Exim's ACL that can be answered: closed", "error", err)
		} else if !errors.Is(err, errDone) {
			e.log(slog.LevelDebug, "connection lost", "error", err)
		}
		return
	}
	ruling := response.Response{Do: helogate.Continue}
	if attrs.facts(&e.facts, &memo{}) {
		ruling = e.Judge(e.server.ctx, e.facts)
	} else if n, due := e.strays.due(); due {
		e.log(slog.LevelWarn, "a client without an address is let pass: nothing can be judged", "client_address",
			printable.Text(string(attrs.clientAddress), 64), "others_since_the_last_warning", n)
	}
	out := appendEximAnswer(nil, ruling, e.facts.Stage)
	if len(out) == 0 {
		e.log(slog.LevelError, "no ruling: closed without an answer", "do", ruling.Do.String(), "client", e.facts.Client)
		return
	}
	e.conn.SetWriteDeadline(time.Now().Add(e.WriteTimeout))
	if _, err := e.conn.Write(out); err != nil {
		e.log(slog.LevelDebug, "answer not taken", "error", err)
	}
}

// read reads the request. Exim sends it at once and nothing after it. If there is more, some attribute's text had an empty
// line in it, and what came before that is not to be believed.
func (e *eximConn) read() (attrs attributes, err error) {
	in := requests{
		conn: e.conn, closing: e.server.closing, max: e.MaxRequest, idle: e.RequestTimeout, whole: e.RequestTimeout,
	}
	request, err := in.next()
	if err == nil {
		err = attrs.parse(request)
	}
	if err == nil && in.start < in.end {
		err = broken("there is more after the request")
	}
	return attrs, err
}

func (e *eximConn) log(level slog.Level, msg string, args ...any) {
	args = append(args, "door", e.conn.LocalAddr().String(), "peer", e.conn.RemoteAddr().String())
	e.Log.Log(e.server.ctx, level, msg, args...)
}

// appendEximAnswer words a ruling, or appends nothing where there is none. At RCPT all is known that a field can say: one
// that was given before would stand beside it.
func appendEximAnswer(b []byte, r response.Response, at helogate.Stage) []byte {
	b = appendAnswer(b, r)
	if at < helogate.Rcpt || r.Do != helogate.Continue && r.Do != helogate.Accept {
		return b
	}
	b = b[:len(b)-len("\n")]
	for _, f := range slices.Backward(r.Headers) { // each goes on top of those before it
		if isField(f) {
			b = append(b, "header="...)
			b = append(b, f.Name...)
			b = append(b, ": "...)
			b = append(b, oneLine(f.Value, header.MaxField-len(f.Name)-len(": "))...)
			b = append(b, '\n')
		}
	}
	return append(b, '\n')
}
