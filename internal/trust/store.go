// Package trust remembers who is let in for a while, because it has proved itself by other means: POP before SMTP, say. It
// answers the questions of kind helogate.Trust.
//
// Entries end by themselves, by the store's own clock. They are kept in memory, and in a file over a restart, if there is one.
package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// How long somebody may be trusted. Who is to be let in for longer is exempt, which is written in the configuration, where
// the next administrator sees it.
const (
	MinFor = time.Second
	MaxFor = 30 * 24 * time.Hour
)

const (
	defaultMax = 1_000_000
	maxComment = 200 // bytes
)

// Config is what a store needs. The zero value is one in memory alone.
type Config struct {
	Path string           // the file that keeps it over a restart; "" is none
	Log  *slog.Logger     // told of what cannot be read or written; nil is nobody
	Now  func() time.Time // nil is time.Now
	Max  int              // entries at the most; 0 is 1,000,000, some 500 bytes each
}

// An Entry is one who is trusted.
type Entry struct {
	Address netip.Addr `json:"address"`           // unmapped, without a zone
	Since   time.Time  `json:"since"`             // since when without a break
	Until   time.Time  `json:"until"`             // the first instant at which it is over
	Comment string     `json:"comment,omitempty"` // printable ASCII
}

// Answer is what the entry answers to the question about its address: until when, in UTC, and the comment.
func (e Entry) Answer() *helogate.Answer {
	why := "until " + e.Until.UTC().Format("2006-01-02 15:04 UTC")
	if e.Comment != "" {
		why += ": " + e.Comment
	}
	return &helogate.Answer{Status: helogate.OK, Values: []string{why}, TTL: e.Until.Sub(e.Since)}
}

// A Store is a helogate.Asker for the kind helogate.Trust. It is safe for concurrent use.
type Store struct {
	now func() time.Time
	max int

	mu      sync.RWMutex // guards what follows
	records map[string]*record
	ends    ends
	peak    int // the most records since the room for them was last made anew
	closed  bool

	size atomic.Int64 // of records, for who would not even lock
	file *file        // nil: there is none
}

// record is an Entry made ready. Nobody writes to one that is in the store, but for its place.
type record struct {
	Entry
	answer helogate.Answer
	place  int // in ends
}

// Open makes a store, with what its file holds. A file that cannot be read, or written later, or that others may write to,
// is an error; lines of it that make no sense are said, and the file is kept beside as it was, with ".damaged" at its end.
func Open(c Config) (*Store, error) {
	s := &Store{now: c.Now, max: c.Max, records: map[string]*record{}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.max == 0 {
		s.max = defaultMax
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Path != "" {
		if err := s.open(c.Path, c.Log); err != nil {
			return nil, fmt.Errorf("trust: %w", err)
		}
	}
	return s, nil
}

// Close writes what is not yet in the file. The store answers on; nobody is added any more.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed || s.file == nil {
		return nil
	}
	return s.file.close()
}

var (
	notTrusted = &helogate.Answer{Status: helogate.NXDomain}
	otherKind  = &helogate.Answer{Status: helogate.TempFail, Note: "no question about trust"}
)

// Known returns whether the address in q is trusted, and why. It always knows. It costs no allocation.
func (s *Store) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind != helogate.Trust {
		return otherKind, true
	}
	if s.size.Load() == 0 {
		return notTrusted, true
	}
	s.mu.RLock()
	r := s.records[q.Name]
	s.mu.RUnlock()
	if r == nil || !s.now().Before(r.Until) {
		return notTrusted, true
	}
	return &r.answer, true
}

// Ask is Known.
func (s *Store) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := s.Known(q)
	return a
}

// ErrFull is that there are as many entries as there may be.
var ErrFull = errors.New("no room")

// Add trusts an address from now on, and returns the entry that is then in force. Of two ends for one address the later
// holds: a login renews, and one that asks for less takes nothing away; to shorten, Remove first. The comment is made
// printable and clipped to 200 bytes; "" leaves the one that is there.
func (s *Store) Add(addr netip.Addr, d time.Duration, comment string) (Entry, error) {
	addr = unzoned(addr)
	if err := sensible(addr, d); err != nil {
		return Entry{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Entry{}, errors.New("helogate is stopping")
	}
	now := s.now().UTC().Round(0)
	s.expire(now)
	e := Entry{Address: addr, Since: now, Until: now.Add(d), Comment: printable.Text(comment, maxComment)}
	old := s.records[addr.String()]
	switch {
	case old != nil && !e.Until.After(old.Until):
		return old.Entry, nil
	case old == nil && len(s.records) >= s.max:
		return Entry{}, fmt.Errorf("%w: %d addresses are trusted, and there may be no more", ErrFull, s.max)
	}
	e = s.put(e, old)
	s.changed()
	return e, nil
}

func sensible(addr netip.Addr, d time.Duration) error {
	switch {
	case !addr.IsValid():
		return errors.New("there is no address to trust")
	case addr.IsUnspecified() || addr.IsMulticast():
		return fmt.Errorf("%s is the address of no client", addr)
	case d < MinFor || d > MaxFor:
		return fmt.Errorf("trust is for between %s and %d days, not for %s; who is to be let in for longer is exempt: write [[exempt]] in the configuration",
			MinFor, MaxFor/(24*time.Hour), d)
	}
	return nil
}

// put stores an entry in place of an older one of its address, nil if there is none. It needs the lock.
func (s *Store) put(e Entry, old *record) Entry {
	if old != nil {
		e.Since = old.Since
		if e.Comment == "" {
			e.Comment = old.Comment
		}
	}
	r := &record{Entry: e, answer: *e.Answer()}
	s.records[e.Address.String()] = r
	if old != nil {
		s.ends.replace(old, r)
	} else {
		s.ends.add(r)
	}
	s.peak = max(s.peak, len(s.records))
	s.size.Store(int64(len(s.records)))
	return e
}

// Remove ends the trust in an address, and reports whether there was any.
func (s *Store) Remove(addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.now())
	r := s.records[unzoned(addr).String()]
	if r == nil {
		return false
	}
	s.ends.remove(r)
	s.drop(r)
	s.shrink()
	s.changed()
	return true
}

// Get returns the entry of an address, if it is trusted now.
func (s *Store) Get(addr netip.Addr) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.records[unzoned(addr).String()]
	if r == nil || !s.now().Before(r.Until) {
		return Entry{}, false
	}
	return r.Entry, true
}

// List returns who is trusted now, in the order of the addresses.
func (s *Store) List() []Entry {
	s.mu.Lock()
	s.expire(s.now())
	out := s.entries()
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Entry) int { return a.Address.Compare(b.Address) })
	return out
}

func (s *Store) entries() []Entry {
	out := make([]Entry, 0, len(s.ends))
	for _, r := range s.ends {
		out = append(out, r.Entry)
	}
	return out
}

// Len returns how many are trusted now.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.now())
	return len(s.records)
}
