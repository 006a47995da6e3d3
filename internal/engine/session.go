package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
)

// A session is one SMTP connection.
type session struct {
	helogate.Session
	rejected atomic.Bool // at any stage
}

// sessions are those of doors that have no connection of their own to tie a session to: Postfix asks anew for each stage.
// They are found by the door's name for the connection, and forgotten when it has not been heard of for some time.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session
	old map[string]*session // those before the last turn
	at  time.Time           // of the last turn
}

// A client that says nothing for so long has been cut off by its server (RFC 5321 section 4.5.3.2.7 asks for 5 minutes).
const (
	sessionTurn = 10 * time.Minute
	maxSessions = 20_000 // in a turn; a flood of connections must not grow the process
)

func newSessions(now time.Time) *sessions { return &sessions{all: map[string]*session{}, at: now} }

// get finds a session or begins one. Two generations do for expiry: who is used moves to the young one.
func (s *sessions) get(name string, now time.Time) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at) >= sessionTurn || len(s.all) >= maxSessions {
		s.old, s.all, s.at = s.all, map[string]*session{}, now
	}
	if found := s.all[name]; found != nil {
		return found
	}
	found := s.old[name]
	if found == nil {
		found = &session{}
	}
	s.all[name] = found
	return found
}

// Sessions returns how many connections are remembered.
func (e *Engine) Sessions() int {
	e.sessions.mu.Lock()
	defer e.sessions.mu.Unlock()
	n := len(e.sessions.all)
	for name := range e.sessions.old {
		if e.sessions.all[name] == nil {
			n++
		}
	}
	return n
}
