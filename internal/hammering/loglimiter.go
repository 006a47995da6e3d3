package hammering

import (
	"net/netip"
	"time"

	"github.com/helogate/helogate/internal/bounded"
)

// A LogLimiter decides which of many log lines about one client are written: the first, and then one a minute, with the
// number of lines that were suppressed. It is safe for concurrent use. It has at most 50,000 clients in memory; the
// number for a client that it drops is lost.
type LogLimiter struct{ clients *bounded.Map[key, logged] }

type logged struct {
	last    time.Time // of the last line that was written
	leftOut int       // lines since then
}

const (
	between = time.Minute
	// idle is how long a quiet client stays in memory: if it comes back, its suppressed lines are reported.
	idle = time.Hour
)

// NewLogLimiter returns a limiter without clients.
func NewLogLimiter() *LogLimiter { return &LogLimiter{bounded.New[key, logged](defaultMax, idle)} }

// Say reports whether to write a line about a client now, and how many lines were suppressed since the last one.
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
