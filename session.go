package helogate

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// A Session is one SMTP connection. It remembers the HELO names, and decides whether a refusal is replied now or held
// until a later stage. A program that embeds the judge calls it at each stage. The zero value is a new connection. It
// is safe for concurrent use.
//
// Each stage and each HELO name is judged anew; answers come from the Asker's cache. Only the earlier HELO names pass
// from one judgement to the next. A refusal that is held is not stored: the next stage finds it again, unless the
// client has corrected its HELO name.
type Session struct {
	mu       sync.Mutex
	whole    bool     // it has seen CONNECT or HELO, so it knows where the connection began
	accepted []string // HELO names, each as verb, space, argument; the last is the one that counts
	refused  helo     // the last HELO, if it was refused
}

// helo is a HELO or EHLO command.
type helo struct{ verb, name string }

// Limits of what is remembered, since the client chooses it.
const (
	maxHelos       = 5    // of a connection
	maxHelo        = 300  // bytes of one
	maxRefusedHelo = 1024 // bytes of one that is judged again: no valid name or literal is so long
	maxVerb        = 16   // bytes of a verb, which may be any text of the caller
)

// Judge judges one stage of the connection. It returns the reply that refuses the client now, or nil if the dialogue
// goes on. If the verdict's Action is Drop, the server closes the connection after the reply. The record has the facts
// as they were judged, with the earlier HELO names, and the verdict.
//
// A refusal is held before Policy.RejectAtStage. A deferral is also held before MAIL, since RFC 5321 section 4.3.2
// lists no 4yz code but 421 for a connection and for HELO. A greylisting is also held before RCPT, since it needs
// sender and recipient. A refused HELO leaves the session as it was (RFC 5321 section 4.1.4), so that a corrected one
// is not a changed one.
func (s *Session) Judge(ctx context.Context, p *Policy, f Facts, ask Asker) (*Reply, Record) {
	again := s.facts(&f)
	r := Record{Facts: f, Verdict: p.Judge(ctx, f, ask)}
	refused := r.Action.Refuses() || r.Action == Greylist
	now := refused && f.Stage >= p.earliest(r.Action)
	s.note(&f, now, again)
	if !now {
		return nil, r
	}
	reply := r.Reply
	return &reply, r
}

// earliest returns the stage from which on a refusal is replied.
func (p *Policy) earliest(d Action) Stage {
	switch d {
	case Greylist:
		return Rcpt
	case Defer:
		return max(p.RejectAtStage, Mail)
	}
	return p.RejectAtStage
}

// facts adds what the session knows to the facts. again is true if the client goes on with a HELO name that was
// refused: the server then has none, and a policy without helo-missing would accept the client.
func (s *Session) facts(f *Facts) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Stage == Connect { // an earlier connection from the same port has ended
		s.accepted, s.refused = nil, helo{}
	}
	s.whole = s.whole || f.Stage <= Helo
	if f.Stage >= Mail && f.Helo == "" && len(s.accepted) == 0 {
		again = s.refused != helo{}
		f.Verb, f.Helo = s.refused.verb, s.refused.name
	}
	if s.hasHelo(f) {
		n := len(s.accepted)
		if n > 0 && s.accepted[n-1] == heloLine(f) {
			n--
		}
		f.Earlier = slices.Clone(s.accepted[:n])
	}
	return again
}

// hasHelo reports whether the facts have a HELO name that is certain to be of this connection. If a server asks only at
// RCPT, the connection is not certain, since ports are reused; another client's HELO name must not count against this
// one.
func (s *Session) hasHelo(f *Facts) bool { return s.whole && f.Stage >= Helo && f.Helo != "" }

// note remembers the HELO name.
func (s *Session) note(f *Facts, refused, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.hasHelo(f):
	case f.Stage == Helo && refused:
		s.refused = helo{strings.Clone(verb(f)), strings.Clone(f.Helo[:min(len(f.Helo), maxRefusedHelo)])}
	case !again:
		s.accept(heloLine(f))
	}
}

func (s *Session) accept(name string) {
	s.refused = helo{}
	n := len(s.accepted)
	if n > 0 && s.accepted[n-1] == name {
		return
	}
	if n == maxHelos {
		s.accepted = slices.Delete(s.accepted, 1, 2) // the first and the latest matter most
	}
	s.accepted = append(s.accepted, name)
}

// heloLine returns a HELO as Facts.Earlier has it. Postfix shows the argument raw at EHLO, but from MAIL on with "?"
// for characters that a name cannot have. The same is done here, so that one name does not look like two.
func heloLine(f *Facts) string {
	b := append(append([]byte(verb(f)), ' '), f.Helo[:min(len(f.Helo), maxHelo)]...)
	name := b[len(verb(f))+1:]
	for i, c := range name {
		if c <= ' ' || c > '~' || strings.IndexByte(`<>()\";@`, c) >= 0 {
			name[i] = '?'
		}
	}
	return string(b)
}

func verb(f *Facts) string { return f.Verb[:min(len(f.Verb), maxVerb)] }
