package engine

import (
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate"
)

// An Event is one verdict as it was given. It is lent: whoever is shown it must not change it, nor keep it or a part of
// it that is a pointer beyond the call; Clone and Record make what may be kept.
type Event struct {
	Facts    helogate.Facts   // as the listener showed them, with the time and the earlier HELO names of the session
	Judged   helogate.Facts   // those that were judged: the same, or the origin's that a forwarder names
	Verdict  helogate.Verdict //
	Listener Listener         // that asked
	Policy   string           // the name of the exception that was judged by; "" is the policy for everybody
	Held     bool             // the client is refused, and is not told at this stage
	Rejected bool             // the client is told that it is rejected, for the first time in its session; not for hammering
	At       time.Time        // when the verdict was given, by the engine's clock
	Took     time.Duration    // from question to verdict, lookups included

	record *helogate.Record
}

// A Listener is where a client was asked about.
type Listener struct {
	Protocol string // "postfix", "milter", …
	Address  string // where it listens
}

// Client returns the address that was judged.
func (e *Event) Client() netip.Addr { return e.Judged.Client }

// Record returns facts and verdict as a journal keeps them. It is made when somebody wants it, once, and may be kept.
func (e *Event) Record() *helogate.Record {
	if e.record == nil {
		e.record = &helogate.Record{Facts: e.Facts, Verdict: e.Verdict}
	}
	return e.record
}

// Clone returns a copy that may be kept.
func (e *Event) Clone() *Event {
	c := *e
	return &c
}

// events are those that nobody is shown any more.
var events = sync.Pool{New: func() any { return new(Event) }}

func (e *Event) free() {
	*e = Event{}
	events.Put(e)
}
