package helogate

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// A Session is one SMTP connection. It remembers what the client said in HELO and EHLO, and knows which refusals a server
// replies at once and which it holds, so that a program that embeds the judge only has to ask it at each stage. The zero
// value is a connection that begins. It is safe for concurrent use.
//
// Each stage and each HELO name is judged anew; answers come from the Asker's cache. Nothing but the earlier HELO names
// goes from one judgement into the next. What is held needs no keeping: the next stage finds it again, unless a corrected
// HELO name has mended it.
type Session struct {
	mu       sync.Mutex
	whole    bool     // it has seen CONNECT or HELO, so that it knows where the connection began
	accepted []string // HELO names, each as verb, space, argument; the last is the one that counts
	refused  helo     // the last one, if it was refused
}

// helo is what a client said in HELO or EHLO, whole.
type helo struct{ verb, name string }

// Bounds of what is remembered, since all of it is the client's.
const (
	maxHelos       = 5    // of a connection
	maxHelo        = 300  // bytes of one
	maxRefusedHelo = 1024 // bytes of one that is judged again: no name and no literal is so long
	maxVerb        = 16   // bytes of a verb: a caller may show another's text for one
)

// Judge judges one stage of the connection. It returns the reply that refuses the client now; nil, and the client goes on.
// After a reply for a verdict whose Action is Drop, the server closes the connection. The record has the facts as they
// were judged, with the earlier HELO names, and the verdict.
//
// A refusal is held before Policy.RejectAtStage; a deferral also before MAIL, since RFC 5321 section 4.3.2 lists no 4yz
// but 421 for a connection and for HELO; a greylisting also before RCPT, where it is known who tries to send to whom. A
// refused HELO leaves the session as it was (RFC 5321 section 4.1.4): a corrected one is not held to it.
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

// facts adds what the session knows to the facts. again is true where the client goes on with a HELO name that was
// refused: its server has none then, and a policy that does not ask for one would accept it.
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
	if s.greets(f) {
		n := len(s.accepted)
		if n > 0 && s.accepted[n-1] == greeting(f) {
			n--
		}
		f.Earlier = slices.Clone(s.accepted[:n])
	}
	return again
}

// greets reports whether the facts have a HELO name of this connection for sure. Where a server asks at RCPT alone, nobody
// can tell which connection it is about, since ports are used again; another's HELO name must not be held against a client.
func (s *Session) greets(f *Facts) bool { return s.whole && f.Stage >= Helo && f.Helo != "" }

// note remembers the HELO name.
func (s *Session) note(f *Facts, refused, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.greets(f):
	case f.Stage == Helo && refused:
		s.refused = helo{strings.Clone(verb(f)), strings.Clone(f.Helo[:min(len(f.Helo), maxRefusedHelo)])}
	case !again:
		s.accept(greeting(f))
	}
}

func (s *Session) accept(name string) {
	s.refused = helo{}
	n := len(s.accepted)
	if n > 0 && s.accepted[n-1] == name {
		return
	}
	if n == maxHelos {
		s.accepted = slices.Delete(s.accepted, 1, 2) // the first and the latest tell most
	}
	s.accepted = append(s.accepted, name)
}

// said is the HELO name as it stands in Facts.Earlier. Postfix shows it raw at EHLO, and from MAIL on with "?" for what is
// no part of a name: without the same here, one name would look like two.
func greeting(f *Facts) string {
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
