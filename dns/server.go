package dns

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// A server is a configured server, and what is known about it.
type server struct {
	addr    netip.AddrPort
	name    string
	place   int  // in the configuration
	local   bool // on this machine: forging is not possible, so the case of letters is not mixed
	trusted bool // its AD bit is trusted, RFC 4035 section 4.9.3

	noEDNS     learned // it does not know EDNS
	foldsCase  learned // it does not preserve the case of letters in the question
	down       learned // it does not answer
	unanswered atomic.Int32
	idle       idle

	tries, failed atomic.Uint64
	last          atomic.Pointer[lastFailure]
}

// lastFailure is shown in the status.
type lastFailure struct {
	at   time.Time
	text string
}

// maxIdle is how many sockets to a server on this machine are kept open for the next query.
const maxIdle = 64

func newServer(addr netip.AddrPort, place int, trusted bool) *server {
	s := &server{addr: addr, name: addr.String(), place: place, local: addr.Addr().IsLoopback()}
	s.trusted = trusted || s.local
	if s.local {
		s.idle.conns = make(chan connection, maxIdle)
	}
	return s
}

// A learned fact expires after a while, because servers are repaired and replaced.
type learned struct{ until atomic.Int64 }

const (
	learnedFor = time.Hour        // what a server can and cannot do
	downFor    = 10 * time.Second // whether it is up
)

func (l *learned) set(now time.Time, hold time.Duration) { l.until.Store(now.Add(hold).UnixNano()) }
func (l *learned) reset()                                { l.until.Store(0) }
func (l *learned) active(now time.Time) bool             { return now.UnixNano() < l.until.Load() }

// maxUnanswered is how many consecutive tries must remain without any reply before a server counts as down. One is
// not enough: anyone can own a name whose lookup takes forever, and could so move the queries to a less preferred
// server.
const maxUnanswered = 5

// record counts a try, and learns from it whether the server is up.
func (s *server) record(f *failure, now time.Time) {
	s.tries.Add(1)
	if f != nil {
		s.failed.Add(1)
		s.last.Store(&lastFailure{now, failures{f}.note([]*server{s})})
	}
	if f == nil || f.kind != timeoutFailure && f.kind != unreachableFailure {
		if s.unanswered.Load() != 0 {
			s.unanswered.Store(0)
			s.down.reset()
		}
		return
	}
	if s.unanswered.Add(1) >= maxUnanswered {
		s.down.set(now, downFor)
	}
}

// order returns the servers as configured, with those that are down last. Otherwise each question would first wait
// for a server that is down, and a judgement with four consecutive questions would end without an answer.
func (r *Resolver) order() []*server {
	now := r.now()
	down := func(s *server) bool { return s.down.active(now) }
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

// idle keeps sockets to a server on this machine for the next query. They have received their reply; a late duplicate
// is ignored like any message that does not match.
type idle struct{ conns chan connection }

func (i idle) get() (connection, bool) {
	select {
	case l := <-i.conns:
		return l, true
	default:
		return connection{}, false
	}
}

func (i idle) put(l connection) {
	if l.tcp {
		l.conn.Close()
		return
	}
	select {
	case i.conns <- l:
	default: // the channel is full, or nil
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
