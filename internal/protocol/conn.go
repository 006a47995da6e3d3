package protocol

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// limits are what an MTA has to keep to.
type limits struct {
	name   string        // of what an MTA sends, for the log: "request"
	size   int           // bytes of one
	buffer int           // bytes that an idle connection holds; most fit
	first  time.Duration // from the connection to the first one; 0: as between them
	idle   time.Duration // between two of them
	whole  time.Duration // from its first byte to its last
	write  time.Duration // for one answer
	grace  time.Duration // for what is under way when the server stops
}

// A conn is the connection of an MTA. It delivers whole messages only, within the limits of the protocol.
type conn struct {
	net.Conn
	server *Server
	facts  helogate.Facts // what is being judged
	limits *limits
	// whole returns how many bytes the first message in b has; 0 if it is not whole. Those before searched were
	// searched before.
	whole func(b []byte, searched int) (int, error)
	// underWay: something was begun that will end soon, and is worth waiting for when the server stops.
	underWay bool

	buf        []byte // buf[start:end] was read and not yet delivered
	start, end int
	begun      bool      // a message has been delivered
	since      time.Time // when the first byte of the incomplete message came; zero if there is none
	readBy     time.Time // the read deadline, if it was set here
	writeBy    time.Time
	stopping   time.Time // when the server was first seen to be closing
	looked     bool      // for what had come by then
}

const lastLook = 10 * time.Millisecond // for what is on its way when the server closes

// errDone is an end of a connection that is not worth a log line: the MTA closed it between two messages or was idle
// for too long, or the server is closing.
var errDone = errors.New("done")

// broken is what is wrong with what an MTA sent.
type broken string

func (b broken) Error() string { return string(b) }

// next waits for a message and returns it. It is valid until the next call.
func (c *conn) next() ([]byte, error) {
	c.since = time.Time{}
	if c.start == c.end {
		c.start, c.end = 0, 0
		if len(c.buf) > c.limits.buffer {
			c.buf = nil // an idle connection holds no large one
		}
	}
	for searched := 0; ; {
		have := c.buf[c.start:c.end]
		n, err := c.whole(have, searched)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			c.start += n
			c.begun = true
			return have[:n], nil
		}
		searched = len(have)
		if len(have) >= c.limits.size {
			return nil, broken(fmt.Sprintf("a %s of more than %d bytes", c.limits.name, c.limits.size))
		}
		c.room()
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// room makes the buffer such that a byte more fits. It grows by what has come, not by what is promised, and is never
// larger than a message may be.
func (c *conn) room() {
	if c.end < len(c.buf) {
		return
	}
	into := c.buf
	if c.start == 0 {
		into = make([]byte, min(max(2*len(c.buf), c.limits.buffer), c.limits.size))
	}
	c.end = copy(into, c.buf[c.start:c.end])
	c.start, c.buf = 0, into
}

// read waits for more. A server that closes wakes it with an expired deadline (see Server.Shutdown). An incomplete
// message is then read to its end, and what is under way has its grace; otherwise read looks once more for what came at
// that moment.
func (c *conn) read() error {
	began := time.Now()
	partial := c.end > c.start
	if partial && c.since.IsZero() {
		c.since = began
	}
	for {
		by := c.deadline(partial, began)
		c.setReadDeadline(by)
		if c.server.closing() { // after the deadline was set: Shutdown sets its own later, or is noticed here
			if !partial {
				if by = c.lastDeadline(time.Now()); by.IsZero() {
					return errDone
				}
			}
			c.Conn.SetReadDeadline(by)
		}
		n, err := c.Conn.Read(c.buf[c.end:])
		c.end += n
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case n > 0: // an error is returned by the next call
			return nil
		case timeout && (time.Now().Before(by) || c.server.closing() && !partial):
			c.readBy = time.Time{} // it is over
			continue
		case timeout && partial:
			return broken(fmt.Sprintf("a %s that was not whole after %s", c.limits.name, c.limits.whole))
		case timeout && !c.begun && c.limits.first > 0:
			return broken(fmt.Sprintf("nothing came for %s", c.limits.first))
		case timeout, !partial && errors.Is(err, io.EOF):
			return errDone
		case err != nil:
			return err
		}
	}
}

// deadline is how long the MTA is waited for.
func (c *conn) deadline(partial bool, began time.Time) time.Time {
	switch {
	case partial:
		return c.since.Add(c.limits.whole)
	case !c.begun && c.limits.first > 0:
		return began.Add(c.limits.first)
	}
	return began.Add(c.limits.idle)
}

// setReadDeadline keeps a deadline that is only a little earlier: setting one costs as much as parsing a request, and a
// read that wakes too early waits again.
func (c *conn) setReadDeadline(by time.Time) {
	if early := by.Sub(c.readBy); early < 0 || early > c.limits.idle/16 {
		c.readBy = by
		c.Conn.SetReadDeadline(by)
	}
}

// lastDeadline is how long the MTA is waited for when the server closes, zero if no longer.
func (c *conn) lastDeadline(now time.Time) time.Time {
	if c.stopping.IsZero() {
		c.stopping = now
	}
	if last := c.stopping.Add(c.limits.grace); c.underWay && now.Before(last) {
		return last
	}
	if c.looked {
		return time.Time{}
	}
	c.looked = true
	return now.Add(lastLook)
}

// send writes an answer, and reports whether the MTA accepted it.
func (c *conn) send(b []byte) bool {
	by := time.Now().Add(c.limits.write)
	if by.Sub(c.writeBy) > c.limits.write/2 {
		c.writeBy = by
		c.Conn.SetWriteDeadline(by)
	}
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.writeBy.Before(by) { // it was an earlier one's
		c.writeBy = by
		c.Conn.SetWriteDeadline(by)
		_, err = c.Conn.Write(b[n:])
	}
	if err != nil {
		c.log(slog.LevelDebug, "the answer could not be sent", "error", err)
	}
	return err == nil
}

// judge rules on the client of facts.
func (c *conn) judge() response.Response { return c.server.Judge(c.server.ctx, c.facts) }

// warnNoAddress logs that a client without an address is accepted.
func (c *conn) warnNoAddress(args ...any) {
	if suppressed, due := c.server.noAddress.due(); due {
		c.log(slog.LevelWarn, noAddress,
			append(args, "suppressed", suppressed)...)
	}
}

// noVerdict logs that the connection is closed because there is no verdict.
func (c *conn) noVerdict(do helogate.Action) {
	c.log(slog.LevelError, "no verdict: the connection was closed without an answer", "action", do.String(), "client", c.facts.Client)
}

// unread logs why the connection is closed, if an administrator should know: the input is not what the protocol
// defines.
func (c *conn) unread(err error, what string) {
	if _, is := errors.AsType[broken](err); is {
		c.log(slog.LevelWarn, what+": the connection was closed", "error", err)
	} else if !errors.Is(err, errDone) {
		c.log(slog.LevelDebug, "connection lost", "error", err)
	}
}

// recovered ends a panic, with a line of log.
func (c *conn) recovered() {
	if v := recover(); v != nil {
		c.log(slog.LevelError, "panic: the connection was closed without an answer; please report this", "panic", fmt.Sprint(v), "client", c.facts.Client,
			"stage", c.facts.Stage, "helo", printable.Text(c.facts.Helo, 255), "stack", string(debug.Stack()))
	}
}

func (c *conn) log(level slog.Level, msg string, args ...any) {
	args = append(args, "listener", c.LocalAddr().String(), "peer", c.RemoteAddr().String())
	c.server.Log.Log(c.server.ctx, level, msg, args...)
}
