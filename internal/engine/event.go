package engine

import (
	"net/netip"
	"sync"
	"time"

	"github.com/helogate/helogate"
)

// An Event is one verdict. Observers borrow it: they must not change it, nor keep it or anything it points to after
// they return. Clone and Record return what can be kept.
type Event struct {
	Facts    helogate.Facts   // as the listener showed them, with the time and the earlier HELO names of the session
	Judged   helogate.Facts   // those that were judged: the same, or the origin's that a forwarder names
	Verdict  helogate.Verdict //
	Listener Listener         // where the question came from
	Policy   string           // the name of the exception whose policy was used; "" is the global policy
	Held     bool             // the client is to be refused, but not at this stage
	Rejected bool             // the client is rejected for the first time in its session; false for hammering
	At       time.Time        // the time of the verdict, by the engine's clock
	Took     time.Duration    // from question to verdict, lookups included

	record *helogate.Record
}

// A Listener is where the question about a client came from.
type Listener struct {
	Protocol string // "postfix", "milter", …
	Address  string // where it listens
}

// Client returns the address that was judged.
func (e *Event) Client() netip.Addr { return e.Judged.Client }

// Record returns facts and verdict for storing. It is made on the first call, and may be kept.
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

// events are those that can be reused.
var events = sync.Pool{New: func() any { return new(Event) }}

func (e *Event) free() {
	*e = Event{}
	events.Put(e)
}
