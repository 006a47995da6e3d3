package door

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"
)

// A milterConn reads the frames of an MTA's connection.
type milterConn struct {
	net.Conn
	*Milter
	order milterOrder

	buf        []byte // buf[start:end] was read and not yet given
	start, end int
	since      time.Time // when the first byte of that which is not whole yet came; zero if there is none
	stopping   time.Time // when the door was first seen to be closing
	looked     bool      // for what had come by then
}

const (
	milterBuffer = 2 << 10 // what an idle connection costs; most frames fit
	frameHead    = 4       // bytes: the length of what follows, most significant first
)

func (d *Milter) newConn(c net.Conn) *milterConn { return &milterConn{Conn: c, Milter: d} }

// next waits for a frame, and returns its command and data; it is well formed and in order, and valid until the next call.
func (c *milterConn) next() ([]byte, error) {
	c.since = time.Time{}
	if c.start == c.end {
		c.start, c.end = 0, 0
		if len(c.buf) > milterBuffer {
			c.buf = nil // an idle connection holds no large one
		}
	}
	for {
		have := c.buf[c.start:c.end]
		size := frameHead
		if len(have) >= frameHead {
			n := binary.BigEndian.Uint32(have)
			if n == 0 || uint64(n) > uint64(c.MaxFrame) {
				return nil, broken(fmt.Sprintf("a frame of %d bytes, not of 1 to %d", n, c.MaxFrame))
			}
			size += int(n)
		}
		if len(have) >= size && size > frameHead {
			c.start += size
			return have[frameHead:size], c.order.check(have[frameHead:size])
		}
		c.room()
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// room makes the buffer such that a byte more fits. It grows by what has come, not by what a length promises.
func (c *milterConn) room() {
	if c.end < len(c.buf) {
		return
	}
	into := c.buf
	if c.start == 0 {
		into = make([]byte, min(max(2*len(c.buf), milterBuffer), frameHead+max(c.MaxFrame, milterBuffer)))
	}
	c.end = copy(into, c.buf[c.start:c.end])
	c.start, c.buf = 0, into
}

// read waits for more. A server that closes sets a deadline that is over (see server.shutdown) and so wakes it.
func (c *milterConn) read() error {
	for {
		now := time.Now()
		partial := c.end > c.start
		deadline := c.deadline(partial, now)
		c.Conn.SetReadDeadline(deadline)
		closing := c.server.closing() // after setting it: who closes sets his later, or is seen here
		if closing && !partial {
			deadline = c.lastDeadline(now)
			if deadline.IsZero() {
				return errDone
			}
			c.Conn.SetReadDeadline(deadline)
		}
		n, err := c.Conn.Read(c.buf[c.end:])
		c.end += n
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case n > 0: // an error comes again
			if c.since.IsZero() {
				c.since = time.Now()
			}
			return nil
		case timeout && c.server.closing() && (!partial || time.Now().Before(deadline)):
			continue
		case timeout && partial:
			return broken(fmt.Sprintf("a frame that was not whole after %s", c.FrameTimeout))
		case timeout && !c.order.begun:
			return broken(fmt.Sprintf("nothing was said for %s", c.FirstTimeout))
		case timeout, !partial && errors.Is(err, io.EOF):
			return errDone
		case err != nil:
			return err
		}
	}
}

// deadline is how long the MTA is waited for.
func (c *milterConn) deadline(partial bool, now time.Time) time.Time {
	switch {
	case partial:
		if c.since.IsZero() {
			c.since = now
		}
		return c.since.Add(c.FrameTimeout)
	case !c.order.begun:
		return now.Add(c.FirstTimeout)
	}
	return now.Add(c.IdleTimeout)
}

// lastDeadline is how long the MTA is waited for when the door closes, zero if no longer: for a message under way as long as
// Grace; else one last look is taken for what came at that moment.
func (c *milterConn) lastDeadline(now time.Time) time.Time {
	if c.stopping.IsZero() {
		c.stopping = now
	}
	if last := c.stopping.Add(c.Grace); c.order.underWay() && now.Before(last) {
		return last
	}
	if c.looked {
		return time.Time{}
	}
	c.looked = true
	return now.Add(lastLook)
}

func (c *milterConn) log(level slog.Level, msg string, args ...any) {
	args = append(args, "door", c.LocalAddr().String(), "peer", c.RemoteAddr().String())
	c.Log.Log(c.server.ctx, level, msg, args...)
}
