// Package hammering counts the recent rejections of each client, so that a client that never stops is answered at once,
// and not logged line by line. It answers questions of the kind helogate.Hammering.
//
// All counts are in memory, bounded, and lost at a restart. A client is an IPv4 address, or the /64 of an IPv6 address,
// in which a client can use any address.
package hammering

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/bounded"
)

const defaultMax = 50_000

// Config configures a Tracker.
type Config struct {
	Tries  int              // rejections that are too many, at least 1
	Within time.Duration    // the time in which they count
	Max    int              // clients at the most, some 200 bytes each; 0 is 50,000
	Now    func() time.Time // nil is time.Now
}

// slots are what Within is divided into. A rejection counts until its slot begins to be older than Within: never for
// longer than Within, and for no less than 15/16 of it.
const slots = 16

// A Tracker counts rejections by client, and is a helogate.Asker for the kind helogate.Hammering. It is safe for
// concurrent use.
type Tracker struct {
	tries   int
	slot    time.Duration
	now     func() time.Time
	clients *bounded.Map[key, tally]
	loud    atomic.Int64 // the first slot in which no client has too many; then 0, and Known looks up no client
}

// tally is the rejections of one client.
type tally struct {
	newest int64         // number of the newest slot
	counts [slots]uint32 // of slot n at n modulo slots
}

// New returns an empty tracker.
func New(c Config) *Tracker {
	b := &Tracker{tries: c.Tries, slot: max(c.Within/slots, 1), now: c.Now}
	if b.now == nil {
		b.now = time.Now
	}
	b.clients = bounded.New[key, tally](cmp.Or(c.Max, defaultMax), b.slot*slots)
	return b
}

// Rejected counts a rejection of a client. If there are too many clients, those that were rejected once are dropped
// first.
func (b *Tracker) Rejected(client netip.Addr, at time.Time) {
	key, ok := keyOf(client)
	if !ok {
		return
	}
	b.clients.Use(key, b.now(), func(t *tally, _ bool) {
		t.add(b.slotOf(at))
		if n, _ := t.sum(t.newest); n >= b.tries {
			b.loud.Store(max(b.loud.Load(), t.newest+slots)) // under the lock of the map
		}
	})
}

func (b *Tracker) slotOf(at time.Time) int64 { return at.UnixNano() / int64(b.slot) }

var (
	quiet     = &helogate.Answer{Status: helogate.NXDomain}
	otherKind = &helogate.Answer{Status: helogate.TempFail, Note: "no question about hammering"}
)

// Known returns whether the address in q was rejected too often, and how often. It always knows the answer. While no
// client was, it only compares a number.
func (b *Tracker) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind != helogate.Hammering {
		return otherKind, true
	}
	loud := b.loud.Load()
	if loud == 0 {
		return quiet, true
	}
	now := b.now()
	slot := b.slotOf(now)
	if slot >= loud {
		b.loud.CompareAndSwap(loud, 0)
		return quiet, true
	}
	addr, _ := netip.ParseAddr(q.Name)
	key, ok := keyOf(addr)
	if !ok {
		return quiet, true
	}
	t, _ := b.clients.Get(key, now)
	n, since := t.sum(slot)
	if n < b.tries {
		return quiet, true
	}
	first := time.Unix(0, since*int64(b.slot)).UTC().Format(time.RFC3339)
	return &helogate.Answer{
		Status: helogate.OK, Values: []string{fmt.Sprintf("%d rejections since %s", n, first)}, TTL: b.slot * slots,
	}, true
}

// Ask is Known.
func (b *Tracker) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := b.Known(q)
	return a
}

// Len returns the number of clients in memory.
func (b *Tracker) Len() int {
	return b.clients.Len(b.now())
}

// add counts a rejection in a slot, unless the slot is older than all that are kept.
func (t *tally) add(slot int64) {
	if slot <= t.newest-slots {
		return
	}
	for n := max(t.newest+1, slot-slots+1); n <= slot; n++ {
		*t.at(n) = 0
	}
	t.newest = max(t.newest, slot)
	*t.at(slot)++
}

// sum returns the rejections that still count in a slot, and the slot of the first of them.
func (t *tally) sum(slot int64) (n int, first int64) {
	for s := t.newest; s > max(slot, t.newest)-slots; s-- {
		if c := *t.at(s); c > 0 {
			n, first = n+int(c), s
		}
	}
	return n, first
}

func (t *tally) at(slot int64) *uint32 { return &t.counts[uint64(slot)%slots] }
