package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Milter is the door of the milter protocol (versions 2 to 6), which Sendmail and Postfix speak: a connection shows one
// SMTP session as it goes, and each command is answered before the client is.
//
// What passes is answered "continue", never "accept", so that every stage is judged and the MTA asks whom else it has to
// ask. What is refused is answered with code, enhanced code and text. Drop has the code 521, after which Postfix closes;
// Sendmail does not, so the next command is answered 421, after which both do. At the end of the message fields are
// added above all others, and fields that came with the message and bear our name are removed (RFC 8601 section 5). In
// trouble (what came is no milter protocol, the judge panicked or has no ruling) the connection is closed without an
// answer: the MTA does what its administrator set for that, milter_default_action at Postfix, F= at Sendmail.
//
// Fields are set before Serve; a limit that is zero has its default.
type Milter struct {
	Judge response.Judge
	Log   *slog.Logger // nil: nothing is logged
	// Name is who we are in Authentication-Results: fields of others with this authserv-id are removed. So are those with the
	// name in the rulings' own field. Without either, none are.
	Name string

	MaxFrame     int           // bytes, 1 MiB: more than any header field that the MTA takes
	FirstTimeout time.Duration // from the connection to its first frame, 30s; an MTA does not hesitate
	IdleTimeout  time.Duration // between frames, 7210s as in libmilter: longer than an MTA waits for its client, or for a message
	FrameTimeout time.Duration // from a frame's first byte to its last, 30s
	WriteTimeout time.Duration // for one answer, 10s
	Grace        time.Duration // how long a message under way may take to come to its end once Shutdown has begun, 2s

	server server
	once   sync.Once
	strays seldom // clients without an address
}

func (d *Milter) init() {
	d.once.Do(func() {
		if d.Log == nil {
			d.Log = slog.New(slog.DiscardHandler)
		}
		orDefault(&d.MaxFrame, 1<<20)
		orDefault(&d.FirstTimeout, 30*time.Second)
		orDefault(&d.IdleTimeout, 7210*time.Second)
		orDefault(&d.FrameTimeout, 30*time.Second)
		orDefault(&d.WriteTimeout, 10*time.Second)
		orDefault(&d.Grace, 2*time.Second)
		d.strays.every = time.Minute
	})
}

// Serve answers who connects to l until l closes, and closes it. It may run on several listeners. It returns nil after
// Shutdown, else why it could not go on.
func (d *Milter) Serve(l net.Listener) error {
	if d.Judge == nil {
		return errors.New("door: Milter has no Judge")
	}
	d.init()
	return d.server.serve(l, d.Log, d.handle)
}

// Shutdown stops accepting, answers commands of which a part has come, lets messages under way end within Grace, and closes
// all other connections. It returns nil when that is done. When ctx ends before, it ends the judgements, closes all and
// says so.
func (d *Milter) Shutdown(ctx context.Context) error { return d.server.shutdown(ctx) }

// Connections returns how many connections are open.
func (d *Milter) Connections() int { return d.server.open() }

// handle answers an MTA until it ends its session.
func (d *Milter) handle(c net.Conn) {
	conn := d.newConn(c)
	s := &milterSession{conn: conn}
	defer func() {
		if v := recover(); v != nil {
			conn.log(slog.LevelError, "panic: closed without an answer", "panic", fmt.Sprint(v), "client", s.client.Addr(),
				"helo", printable.Text(s.helo, 255), "stack", string(debug.Stack()))
		}
	}()
	for {
		frame, err := conn.next()
		if err != nil {
			if _, is := errors.AsType[broken](err); is {
				conn.log(slog.LevelWarn, "not the milter protocol, or not as it is spoken: closed", "error", err)
			} else if !errors.Is(err, errDone) {
				conn.log(slog.LevelDebug, "connection lost", "error", err)
			}
			return
		}
		if !s.command(frame[0], frame[1:]) {
			return
		}
		if len(s.out) == 0 {
			continue
		}
		c.SetWriteDeadline(time.Now().Add(d.WriteTimeout))
		if _, err := c.Write(s.out); err != nil {
			conn.log(slog.LevelDebug, "answer not taken", "error", err)
			return
		}
	}
}
