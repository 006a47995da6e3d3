package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Postfix is the door of Postfix's policy delegation (SMTPD_POLICY_README): for each restriction that names it, smtpd
// sends a request of name=value lines and an empty line, and does what the answer says, "action=DUNNO" and an empty line.
// A connection carries one request after another; requests sent ahead are answered in their order.
//
// What passes is answered DUNNO, never OK. What is refused is answered with code, enhanced code and text, of which Postfix
// makes its reply; Drop has the code 521, after which Postfix closes. What passes may have a field added to its header by
// PREPEND, which is no permit either. In trouble (what came is no policy request, the judge panicked or has no ruling) the
// connection is closed without an answer: Postfix tries once more, and then does what smtpd_policy_service_default_action
// says in main.cf.
//
// Fields are set before Serve; a limit that is zero has its default.
type Postfix struct {
	Judge response.Judge
	Log   *slog.Logger // nil: nothing is logged

	MaxRequest     int           // bytes of one request, 64 KiB; smtpd sends some 800
	IdleTimeout    time.Duration // between requests, 15m: longer than smtpd_policy_service_max_idle (300s), so that smtpd closes first
	RequestTimeout time.Duration // from a request's first byte to its last, 30s
	WriteTimeout   time.Duration // for one answer, 10s

	server    server
	once      sync.Once
	strays    seldom // requests about no client
	prepended prepended
}

func (p *Postfix) init() {
	p.once.Do(func() {
		if p.Log == nil {
			p.Log = slog.New(slog.DiscardHandler)
		}
		orDefault(&p.MaxRequest, 64<<10)
		orDefault(&p.IdleTimeout, 15*time.Minute)
		orDefault(&p.RequestTimeout, 30*time.Second)
		orDefault(&p.WriteTimeout, 10*time.Second)
		p.strays.every = time.Minute
	})
}

func orDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Serve answers who connects to l until l closes, and closes it. It may run on several listeners. It returns nil after
// Shutdown, else why it could not go on.
func (p *Postfix) Serve(l net.Listener) error {
	if p.Judge == nil {
		return errors.New("door: Postfix has no Judge")
	}
	p.init()
	return p.server.serve(l, p.Log, p.handle)
}

// Shutdown stops accepting, lets requests of which a part has come be answered, and closes connections that are idle.
// It returns nil when that is done. When ctx ends before, it ends the judgements, closes all and says so.
func (p *Postfix) Shutdown(ctx context.Context) error {
	return p.server.shutdown(ctx)
}

// Connections returns how many connections are open.
func (p *Postfix) Connections() int { return p.server.open() }

// A postfixConn is one smtpd's connection.
type postfixConn struct {
	*Postfix
	conn     net.Conn
	requests requests
	attrs    attributes
	facts    helogate.Facts // what is being judged, for the log
	memo     memo
	out      []byte
}

func (p *Postfix) newConn(c net.Conn) *postfixConn {
	return &postfixConn{Postfix: p, conn: c, requests: requests{
		conn: c, closing: p.server.closing, max: p.MaxRequest, idle: p.IdleTimeout, whole: p.RequestTimeout,
	}}
}

func (p *Postfix) handle(c net.Conn) {
	pc := p.newConn(c)
	defer func() {
		if v := recover(); v != nil {
			pc.log(slog.LevelError, "panic: closed without an answer", "panic", fmt.Sprint(v),
				"client", pc.facts.Client, "stage", pc.facts.Stage, "helo", printable.Text(pc.facts.Helo, 255),
				"stack", string(debug.Stack()))
		}
	}()
	for pc.one() {
	}
}

// one answers one request. It returns false when the connection is to be closed.
func (p *postfixConn) one() bool {
	request, err := p.requests.next()
	if err == nil {
		err = p.attrs.parse(request)
	}
	if err != nil {
		if _, is := errors.AsType[broken](err); is {
			p.log(slog.LevelWarn, "not a policy request that can be answered: closed", "error", err)
		} else if !errors.Is(err, errDone) {
			p.log(slog.LevelDebug, "connection lost", "error", err)
		}
		return false
	}
	ruling := response.Response{Do: helogate.Continue}
	if p.attrs.facts(&p.facts, &p.memo) {
		ruling = p.Judge(p.server.ctx, p.facts)
	} else if n, due := p.strays.due(); due {
		p.log(slog.LevelWarn, "a client without an address is let pass: nothing can be judged", "client_address",
			printable.Text(string(p.attrs.clientAddress), 64), "others_since_the_last_warning", n)
	}
	if field, ok := p.prepend(ruling); ok {
		p.out = appendPrepend(p.out[:0], field)
	} else {
		p.out = appendAnswer(p.out[:0], ruling)
	}
	if len(p.out) == 0 {
		p.log(slog.LevelError, "no ruling: closed without an answer", "do", ruling.Do.String(), "client", p.facts.Client)
		return false
	}
	p.conn.SetWriteDeadline(time.Now().Add(p.WriteTimeout))
	if _, err := p.conn.Write(p.out); err != nil {
		p.log(slog.LevelDebug, "answer not taken", "error", err)
		return false
	}
	return true
}

func (p *postfixConn) log(level slog.Level, msg string, args ...any) {
	args = append(args, "door", p.conn.LocalAddr().String(), "peer", p.conn.RemoteAddr().String())
	p.Log.Log(p.server.ctx, level, msg, args...)
}

const dropCode = 521 // Postfix sends it, and closes (RFC 7504 gave it its meaning)

// appendAnswer words a ruling, or appends nothing where there is none.
func appendAnswer(b []byte, r response.Response) []byte {
	switch r.Do {
	case helogate.Continue, helogate.Accept:
		return append(b, "action=DUNNO\n\n"...)
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(r)
		if r.Do == helogate.Drop {
			reply.Code = dropCode
		}
		b = append(b, "action="...)
		b = strconv.AppendInt(b, int64(reply.Code), 10)
		b = append(b, ' ')
		b = append(b, reply.Enhanced...)
		b = append(b, ' ')
		b = append(b, reply.Text...)
		return append(b, "\n\n"...)
	}
	return b
}

// seldom keeps a warning that every request may cause from filling the log.
type seldom struct {
	every  time.Duration
	mu     sync.Mutex
	last   time.Time
	unsaid int
}

// due reports whether it is time to say it, and how often it was not said since.
func (s *seldom) due() (unsaid int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < s.every {
		s.unsaid++
		return 0, false
	}
	unsaid, s.unsaid, s.last = s.unsaid, 0, now
	return unsaid, true
}
