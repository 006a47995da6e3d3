package hammering

import (
	"net/netip"
	"time"

	"github.com/helogate/helogate/internal/bounded"
)

// A LogLimiter tells which of many lines about one client are to be logged: the first, and then one a minute, with how many
// were left out. It is safe for concurrent use, and remembers 50,000 clients at the most; what was left out of a client that
// it forgets is not reported.
type LogLimiter struct{ clients *bounded.Map[key, logged] }

type logged struct {
	last    time.Time // that was to be logged
	leftOut int       // since
}

const (
	between = time.Minute
	// idle is how long a client that is quiet is remembered: what was left out of it is reported if it comes back.
	idle = time.Hour
)

// NewLogLimiter makes one that knows no client.
func NewLogLimiter() *LogLimiter { return &LogLimiter{bounded.New[key, logged](defaultMax, idle)} }

// Say reports whether a line about a client is to be logged now, and how many were left out since the last that was.
func (l *LogLimiter) Say(client netip.Addr, at time.Time) (leftOut int, say bool) {
	k, ok := keyOf(client)
	if !ok {
		return 0, true
	}
	l.clients.Use(k, at, func(c *logged, first bool) {
		if say = first || at.Sub(c.last) >= between; say {
			leftOut, c.leftOut, c.last = c.leftOut, 0, at
		} else {
			c.leftOut++
			leftOut = c.leftOut
		}
	})
	return leftOut, say
}
