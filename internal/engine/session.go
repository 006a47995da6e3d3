package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// A Session is one SMTP connection: what the client has called itself in it. Each stage and each greeting is judged anew
// (the answers come from the cache); nothing but the earlier greetings goes from one judgement into the next. What is
// held until RCPT needs no keeping: it is found again there, or a corrected greeting has mended it.
type Session struct {
	mu        sync.Mutex
	seen      bool     // at CONNECT or HELO
	greetings []string // verb, space, argument; the last is the one in force
	refused   greeting // the last one, if it was refused
	rejected  bool     // at any stage
}

// greeting is what a client said in HELO or EHLO, whole.
type greeting struct{ verb, helo string }

// Bounds, since all of it is the client's: the greetings of a connection, and the bytes of one that are remembered.
const (
	maxGreetings = 5
	maxGreeting  = 300
	maxRefused   = 1024 // of one that is judged again: no name and no literal is so long
)

// Judge judges one stage of the session. A refused greeting leaves the session as it was (RFC 5321 section 4.1.4): a
// corrected one is not held to it.
func (s *Session) Judge(ctx context.Context, g *Gate, f helogate.Facts) response.Response {
	begun := s.begun(f.Stage)
	goesOn := f.Stage >= helogate.Mail && f.Helo == ""
	if goesOn {
		f.Verb, f.Helo = s.goesOn()
	}
	greets := begun && f.Stage >= helogate.Helo && f.Helo != ""
	said := ""
	if greets {
		said = f.Verb + " " + asPostfixShows(f.Helo[:min(len(f.Helo), maxGreeting)])
		f.Earlier = s.before(said)
	}
	ruling := g.rule(ctx, s, f)
	switch {
	case !greets:
	case f.Stage == helogate.Helo && ruling.Do.Refuses():
		s.refuse(greeting{f.Verb, f.Helo})
	case !goesOn:
		s.greeted(said)
	}
	return ruling
}

// goesOn returns the greeting that was refused, of a client that goes on as if nothing were: its MTA has none then, and a
// policy that does not ask for one would let it through.
func (s *Session) goesOn() (verb, helo string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.greetings) > 0 {
		return "", "" // an earlier one is in force, and the door knows best which
	}
	return s.refused.verb, s.refused.helo
}

// firstRejection notes a rejection, and reports whether it is the first of the session.
func (s *Session) firstRejection() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.rejected
	s.rejected = true
	return !was
}

func (s *Session) refuse(g greeting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = greeting{strings.Clone(g.verb), g.helo[:min(len(g.helo), maxRefused)]}
}

// asPostfixShows is a HELO argument with "?" for what Postfix shows so from MAIL on, though it is raw at EHLO. Without it,
// one greeting would look like two.
func asPostfixShows(helo string) string {
	b := []byte(helo)
	for i, c := range b {
		if c <= ' ' || c > '~' || strings.IndexByte(`<>()\";@`, c) >= 0 {
			b[i] = '?'
		}
	}
	return string(b)
}

// begun reports whether the door shows us the dialogue as it goes. At CONNECT it begins anew: whoever had this port before
// has gone. Of one that asks at RCPT alone nobody can tell which connection it is about, since ports are used again, and a
// greeting of another connection must not be held against anybody.
func (s *Session) begun(at helogate.Stage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == helogate.Connect {
		s.greetings, s.refused, s.rejected = nil, greeting{}, false
	}
	s.seen = s.seen || at <= helogate.Helo
	return s.seen
}

// before returns the greetings before one that is in force or is about to be.
func (s *Session) before(greeting string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.greetings)
	if n > 0 && s.greetings[n-1] == greeting {
		n--
	}
	return slices.Clone(s.greetings[:n])
}

func (s *Session) greeted(said string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = greeting{}
	n := len(s.greetings)
	if n > 0 && s.greetings[n-1] == said {
		return
	}
	if n == maxGreetings {
		s.greetings = slices.Delete(s.greetings, 1, 2) // the first and the latest tell most
	}
	s.greetings = append(s.greetings, said)
}

// sessions are those of doors that have no connection of their own to tie a session to: Postfix asks anew for each stage.
// They are found by the door's name for the connection, and forgotten when it has not been heard of for some time.
type sessions struct {
	mu  sync.Mutex
	all map[string]*Session
	old map[string]*Session // those before the last turn
	at  time.Time           // of the last turn
}

// A client that says nothing for so long has been cut off by its server (RFC 5321 section 4.5.3.2.7 asks for 5 minutes).
const (
	sessionTurn = 10 * time.Minute
	maxSessions = 20_000 // in a turn; a flood of connections must not grow the process
)

func newSessions(now time.Time) *sessions { return &sessions{all: map[string]*Session{}, at: now} }

// get finds a session or begins one. Two generations do for expiry: who is used moves to the young one.
func (s *sessions) get(name string, now time.Time) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at) >= sessionTurn || len(s.all) >= maxSessions {
		s.old, s.all, s.at = s.all, map[string]*Session{}, now
	}
	if found := s.all[name]; found != nil {
		return found
	}
	found := s.old[name]
	if found == nil {
		found = &Session{}
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
