package engine

import (
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
)

// A session is one SMTP connection.
type session struct {
	helogate.Session
	rejected atomic.Bool // at any stage
}

// sessions are those of listeners without a connection per SMTP session: Postfix asks anew for each stage. They are
// found by the listener's name for the connection, and dropped when it has not been used for some time.
type sessions struct{ *bounded.Map[string, *session] }

const (
	// A client that sends nothing for so long has been disconnected by its server (RFC 5321 section 4.5.3.2.7 asks for
	// 5 minutes).
	sessionKeep = 20 * time.Minute
	maxSessions = 40_000 // a flood of connections must not grow the process
)

func newSessions() sessions { return sessions{bounded.New[string, *session](maxSessions, sessionKeep)} }

// get finds a session or begins one.
func (s sessions) get(name string, now time.Time) (found *session) {
	s.Use(name, now, func(is **session, begins bool) {
		if begins {
			*is = &session{}
		}
		found = *is
	})
	return found
}

// Sessions returns how many connections are remembered.
func (e *Engine) Sessions() int { return e.sessions.Len(e.Now()) }
