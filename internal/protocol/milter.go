package protocol

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Milter is the milter protocol (versions 2 to 6) of Sendmail and Postfix: a connection shows one SMTP session as it
// proceeds, and each command is answered before the client is.
//
// A client that is not refused is answered "continue", never "accept", so that every stage is judged and the MTA asks
// its other milters. A refusal is answered with code, enhanced code and text. Drop has the code 521, after which
// Postfix closes the connection; Sendmail does not, so the next command is answered 421, after which both do. At the
// end of the message helogate adds fields above all others, and removes fields that came with the message under its own
// name (RFC 8601 section 5). In case of an error (not the milter protocol, a panic, no verdict) the connection is
// closed without an answer, and the MTA does what its administrator configured: milter_default_action of Postfix, F= of
// Sendmail.
type Milter struct {
	// Name is the authserv-id of Authentication-Results: fields of others with it are removed. So are those with the
	// name in a response's own field. Without either, none are removed.
	Name string
}

const maxFrame = 1 << 20 // bytes: more than any header field that an MTA takes

var milterLimits = limits{
	name: "frame", size: frameHead + maxFrame,
	buffer: 2 << 10,
	first:  30 * time.Second,   // an MTA does not hesitate
	idle:   7210 * time.Second, // as in libmilter: longer than an MTA waits for its client, or for a message
	whole:  30 * time.Second,
	write:  10 * time.Second,
	grace:  2 * time.Second, // for a message to end
}

func (*Milter) missing() string { return "" }

func (d *Milter) answer(c *conn) error {
	c.limits, c.whole = &milterLimits, frameEnd
	s := &milterSession{conn: c, ownName: d.Name}
	var order milterOrder
	for {
		c.underWay = order.underWay()
		frame, err := c.next()
		if err == nil {
			frame = frame[frameHead:]
			err = order.check(frame)
		}
		if err != nil {
			c.unread(err, "not the milter protocol, or a wrong use of it")
			return nil
		}
		if !s.command(frame[0], frame[1:]) || len(s.out) > 0 && !c.send(s.out) {
			return nil
		}
	}
}

const frameHead = 4 // bytes: the length of what follows, most significant first

// frameEnd returns how many bytes the frame at the start of b has, 0 if it is not whole.
func frameEnd(b []byte, _ int) (int, error) {
	if len(b) < frameHead {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > maxFrame {
		return 0, broken(fmt.Sprintf("a frame of %d bytes, not of 1 to %d", n, maxFrame))
	}
	if len(b) < frameHead+int(n) {
		return 0, nil
	}
	return frameHead + int(n), nil
}
