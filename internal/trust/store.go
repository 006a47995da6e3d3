// Package trust has the addresses that are accepted for a limited time because the client has authenticated by other
// means, as with POP before SMTP. It answers questions of the kind helogate.Trust.
//
// Entries expire by the clock of the store. They are in memory and, if a file is configured, survive a restart.
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

// The shortest and the longest trust. A longer exemption belongs in the configuration, where the next administrator
// sees it.
const (
	MinFor = time.Second
	MaxFor = 30 * 24 * time.Hour
)

const (
	defaultMax = 1_000_000
	maxComment = 200 // bytes
)

// Config is the configuration of a store. The zero value is a store in memory without a file.
type Config struct {
	Path string           // of the file; "" is none
	Log  *slog.Logger     // for errors of the file; nil is none
	Now  func() time.Time // nil is time.Now
	Max  int              // entries; 0 is 1,000,000; each takes about 500 bytes
}

// An Entry is a trusted address.
type Entry struct {
	Address netip.Addr `json:"address"`           // unmapped, without a zone
	Since   time.Time  `json:"since"`             // trusted since then without a break
	Until   time.Time  `json:"until"`             // the first instant after its end
	Comment string     `json:"comment,omitempty"` // printable ASCII
}

// Answer returns the answer to the question about the address: the end in UTC, and the comment.
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

	mu       sync.RWMutex // guards the fields below
	records  map[string]*record
	expiries expiryQueue
	peak     int // the most records since the last shrink
	closed   bool

	size atomic.Int64 // of records, to be read without the lock
	file *file        // nil if there is none
}

// record is an Entry with its answer. A record in the store does not change, except for its place.
type record struct {
	Entry
	answer helogate.Answer
	place  int // in ends
}

// Open returns a store with the entries of its file. It is an error if the file cannot be read or written, or if other
// users can write to it. Wrong lines are logged, and a copy of the file is kept with the suffix ".damaged".
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

// Close writes pending changes to the file. The store still answers questions, and accepts no more addresses.
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
	otherKind  = &helogate.Answer{Status: helogate.TempFail, Note: "not a question about trust"}
)

// Known returns whether the address in q is trusted, and why. It always has an answer, and does not allocate.
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

// ErrFull means that the store has the maximum of entries.
var ErrFull = errors.New("no room")

// Add trusts an address for a duration from now, and returns the entry that it has then. If the address is trusted
// already, the later end stays: a login can extend the trust and not shorten it. To shorten it, Remove it first. The
// comment is made printable and cut to 200 bytes; "" leaves an existing one.
func (s *Store) Add(addr netip.Addr, d time.Duration, comment string) (Entry, error) {
	addr = unzoned(addr)
	if err := validate(addr, d); err != nil {
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
		return Entry{}, fmt.Errorf("%w: %d addresses are trusted, which is the maximum", ErrFull, s.max)
	}
	e = s.put(e, old)
	s.changed()
	return e, nil
}

func validate(addr netip.Addr, d time.Duration) error {
	switch {
	case !addr.IsValid():
		return errors.New("the address is missing")
	case addr.IsUnspecified() || addr.IsMulticast():
		return fmt.Errorf("%s cannot be the address of a client", addr)
	case d < MinFor || d > MaxFor:
		return fmt.Errorf("an address can be trusted for %s to %d days, not for %s; for longer, write an [[exempt]] entry into the configuration",
			MinFor, MaxFor/(24*time.Hour), d)
	}
	return nil
}

// put stores an entry. old is the record of its address that it replaces, or nil. The caller holds the lock.
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
		s.expiries.replace(old, r)
	} else {
		s.expiries.add(r)
	}
	s.peak = max(s.peak, len(s.records))
	s.size.Store(int64(len(s.records)))
	return e
}

// Remove ends the trust in an address, and reports whether it was trusted.
func (s *Store) Remove(addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.now())
	r := s.records[unzoned(addr).String()]
	if r == nil {
		return false
	}
	s.expiries.remove(r)
	s.drop(r)
	s.shrink()
	s.changed()
	return true
}

// Get returns the entry of an address if it is trusted now.
func (s *Store) Get(addr netip.Addr) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.records[unzoned(addr).String()]
	if r == nil || !s.now().Before(r.Until) {
		return Entry{}, false
	}
	return r.Entry, true
}

// List returns the entries that are trusted now, sorted by address.
func (s *Store) List() []Entry {
	s.mu.Lock()
	s.expire(s.now())
	out := s.entries()
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Entry) int { return a.Address.Compare(b.Address) })
	return out
}

func (s *Store) entries() []Entry {
	out := make([]Entry, 0, len(s.expiries))
	for _, r := range s.expiries {
		out = append(out, r.Entry)
	}
	return out
}

// Len returns the number of addresses that are trusted now.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.now())
	return len(s.records)
}
