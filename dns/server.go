package dns

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// A server is one that is asked, and what was learned about it.
type server struct {
	addr    netip.AddrPort
	name    string
	place   int  // in the configuration
	local   bool // on this machine: nobody between us can forge, and the case of letters need not be mixed
	trusted bool // its AD bit is believed, RFC 4035 section 4.9.3

	noEDNS   learned // it does not know EDNS
	flattens learned // it does not keep the case of the letters in the question
	down     learned // it does not answer
	silence  atomic.Int32
	idle     idle

	tries, failed atomic.Uint64
	last          atomic.Pointer[lastFailure]
}

// lastFailure is for people who ask how a server is.
type lastFailure struct {
	at   time.Time
	text string
}

// idleLines is how many sockets to a server on this machine are kept open for the next query.
const idleLines = 64

func newServer(addr netip.AddrPort, place int, trusted bool) *server {
	s := &server{addr: addr, name: addr.String(), place: place, local: addr.Addr().IsLoopback()}
	s.trusted = trusted || s.local
	if s.local {
		s.idle.lines = make(chan line, idleLines)
	}
	return s
}

// A learned thing is believed for a while: servers are repaired and replaced.
type learned struct{ until atomic.Int64 }

const (
	learnedFor = time.Hour        // what a server can and cannot do
	downFor    = 10 * time.Second // whether it is there
)

func (l *learned) learn(now time.Time, hold time.Duration) { l.until.Store(now.Add(hold).UnixNano()) }
func (l *learned) forget()                                 { l.until.Store(0) }
func (l *learned) holds(now time.Time) bool                { return now.UnixNano() < l.until.Load() }

// enoughSilence is how many tries in a row must remain without any reply before a server is taken to be down. One is not
// enough: anyone can own a name that takes for ever, and could so move us to a server that the administrator likes less.
const enoughSilence = 5

// heed learns from a try whether the server is there at all.
func (s *server) heed(f *failure, now time.Time) {
	s.tries.Add(1)
	if f != nil {
		s.failed.Add(1)
		s.last.Store(&lastFailure{now, failures{f}.note([]*server{s})})
	}
	if f == nil || f.kind != timeoutFailure && f.kind != unreachableFailure {
		if s.silence.Load() != 0 {
			s.silence.Store(0)
			s.down.forget()
		}
		return
	}
	if s.silence.Add(1) >= enoughSilence {
		s.down.learn(now, downFor)
	}
}

// order is that of the configuration, but a server that is down comes last: otherwise each question waits for it
// first, and a judgement with four in a row is over before it has an answer.
func (r *Resolver) order() []*server {
	now := r.now()
	down := func(s *server) bool { return s.down.holds(now) }
	if !slices.ContainsFunc(r.servers, down) {
		return r.servers
	}
	ordered := slices.Clone(r.servers)
	slices.SortStableFunc(ordered, func(a, b *server) int {
		switch {
		case down(a) == down(b):
			return 0
		case down(b):
			return -1
		}
		return 1
	})
	return ordered
}

// idle keeps sockets to a server on this machine for the next query. They have answered, so nothing is due on them; a
// late duplicate is passed over like any reply that does not fit.
type idle struct{ lines chan line }

func (i idle) get() (line, bool) {
	select {
	case l := <-i.lines:
		return l, true
	default:
		return line{}, false
	}
}

func (i idle) put(l line) {
	if l.tcp {
		l.conn.Close()
		return
	}
	select {
	case i.lines <- l:
	default: // enough are kept, or none: a nil channel takes none
		l.conn.Close()
	}
}

func (i idle) close() {
	for {
		l, ok := i.get()
		if !ok {
			return
		}
		l.conn.Close()
	}
}
