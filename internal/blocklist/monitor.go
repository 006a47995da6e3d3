// Package blocklist monitors DNS blocklists and allowlists (RFC 5782), and suspends those that cannot be trusted: a
// list whose domain was sold lists the world, a list that refuses the resolver says so with an answer that looks like
// a listing, and a list that is down delays every judgement.
//
// A Monitor stands between the judge and the resolver. It tests each list by the test entries of RFC 5782 section 5,
// counts the answers of lists, and limits the wait for each answer. It is a circuit breaker: a suspended list is not
// asked, and is tested again after a while. The monitor answers questions of kind helogate.Suspended, by which checks
// learn that a list is suspended.
package blocklist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/hostname"
)

// Config is the configuration of a Monitor.
type Config struct {
	Ask helogate.Asker   // answers questions of DNS
	Log *slog.Logger     // gets a message when a list is suspended and when it is in use again; may be nil
	Now func() time.Time // nil is time.Now
	Settings
}

// Settings are the parts of the configuration that a reload may change. The zero value of a number is its default.
type Settings struct {
	Zones   []Zone
	Every   time.Duration // between two tests of a list; 0 is 10m
	Timeout time.Duration // the maximum wait for an answer; 0 is 3s
	Breaker Breaker
}

// A Zone is one use of a list. All uses of one zone are monitored together.
type Zone struct {
	Zone      string
	Family    string      // check.DNSBL, check.RHSBL or check.DNSWL
	Codes     check.Codes // the answers that are listings
	Addresses bool        // it is asked about addresses
	Names     bool        // it is asked about names
	Test      bool        // it has the entries of RFC 5782 section 5; false if it is false for any use of the zone
}

// Of returns the use that a check makes of a list.
func Of(l check.List, test bool) Zone {
	addresses, names := l.Asks()
	return Zone{Zone: l.Zone, Family: l.Family, Codes: l.Codes, Addresses: addresses, Names: names, Test: test}
}

func (s Settings) withDefaults() Settings {
	s.Every, s.Timeout = cmp.Or(s.Every, 10*time.Minute), cmp.Or(s.Timeout, 3*time.Second)
	s.Breaker = s.Breaker.withDefaults()
	return s
}

// A Monitor is a helogate.Asker for kind Suspended and all kinds of Config.Ask. It is safe for concurrent use. A list
// is in use until there is evidence against it: mail does not wait for the first tests.
type Monitor struct {
	config Config
	wake   chan struct{} // a test may be due earlier than Run expects

	set   sync.Mutex // held while Set replaces state
	state atomic.Pointer[state]
}

// state is what a reload replaces. It is never written to.
type state struct {
	Settings
	zones map[string]*zone
}

// New returns a Monitor. It tests nothing before Run.
func New(c Config) *Monitor {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	m := &Monitor{config: c, wake: make(chan struct{}, 1)}
	m.state.Store(&state{zones: map[string]*zone{}})
	m.Set(c.Settings)
	return m
}

// Set replaces lists and numbers. The state of a list is kept, unless it is tested in another way now. A new list is
// tested soon.
func (m *Monitor) Set(s Settings) {
	m.set.Lock()
	defer m.set.Unlock()
	old, now := m.state.Load(), m.config.Now()
	next := &state{Settings: s.withDefaults(), zones: map[string]*zone{}}
	for _, use := range s.Zones {
		use.Zone = hostname.Canonical(use.Zone)
		z := next.zones[use.Zone]
		if z == nil {
			z = &zone{name: use.Zone, test: true, log: m.config.Log, wake: m.wakeUp, inFlight: map[string]bool{}}
			next.zones[use.Zone] = z
		}
		z.add(use)
	}
	for name, z := range next.zones {
		if was := old.zones[name]; was != nil && was.testedAs(z) {
			was.update(z, next.Settings)
			next.zones[name] = was
			continue
		}
		z.start(next.Settings, now)
	}
	m.state.Store(next)
	m.wakeUp()
}

// wakeUp makes Run look for due tests.
func (m *Monitor) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default: // it is about to
	}
}

var inUse = &helogate.Answer{Status: helogate.NXDomain}

// Known returns what is known without waiting: why a list is suspended, or the answer that Config.Ask knows. It does
// not allocate.
func (m *Monitor) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind != helogate.Suspended {
		return m.config.Ask.Known(q)
	}
	if z := m.state.Load().zones[q.Name]; z != nil {
		if a := z.suspended.Load(); a != nil {
			return a, true
		}
	}
	return inUse, true
}

// Ask asks DNS. It waits for a list no longer than Settings.Timeout; Config.Ask may complete the lookup for a later
// asker.
func (m *Monitor) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind == helogate.Suspended {
		a, _ := m.Known(q)
		return a
	}
	s := m.state.Load()
	z := s.zoneOf(q)
	if z == nil {
		return m.config.Ask.Ask(ctx, q)
	}
	if q.Kind != helogate.Listing {
		return s.wait(ctx, m.config.Ask, q)
	}
	first, began := z.begin(q.Name), m.config.Now()
	a := s.wait(ctx, m.config.Ask, q)
	if !first {
		return a // the first asker counts it
	}
	now := m.config.Now()
	// An asker that gave up, or had hardly any time left, is no evidence against the list.
	gaveUp := a.Status == helogate.TempFail && ctx.Err() != nil && (errors.Is(ctx.Err(), context.Canceled) || now.Sub(began) < s.Timeout/2)
	z.end(q.Name, a, !gaveUp, now)
	return a
}

// wait asks for no longer than the time that lists have.
func (s *state) wait(ctx context.Context, ask helogate.Asker, q helogate.Question) *helogate.Answer {
	limited, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	a := ask.Ask(limited, q)
	if a.Status == helogate.TempFail && limited.Err() != nil && ctx.Err() == nil {
		return &helogate.Answer{Status: helogate.TempFail, Note: fmt.Sprintf("no answer in %s", s.Timeout)}
	}
	return a
}

// zoneOf returns the list that a question is for, nil if there is none.
func (s *state) zoneOf(q helogate.Question) *zone {
	if len(s.zones) == 0 || q.Kind != helogate.Listing && q.Kind != helogate.TXT {
		return nil
	}
	for rest := q.Name; ; {
		_, below, found := strings.Cut(rest, ".")
		if !found {
			return nil
		}
		if z := s.zones[below]; z != nil {
			return z
		}
		rest = below
	}
}

// ZoneState is the state of a list.
type ZoneState struct {
	Zone      string    `json:"zone"`
	Family    string    `json:"family"` // several, if it is used as several: "dnsbl, rhsbl"
	Suspended bool      `json:"suspended"`
	Since     time.Time `json:"since,omitzero"`     // of Suspended, true or false; zero if it was never suspended
	Reason    string    `json:"reason,omitempty"`   // of the suspension
	NextTest  time.Time `json:"next_test,omitzero"` // of its test entries; zero if there is none

	// Counts since the start. What the resolver has in its cache is not counted again.
	Listed    uint64 `json:"listed"`
	NotListed uint64 `json:"not_listed"`
	Errors    uint64 `json:"errors"` // answers that refuse the query, or that no list gives
	Failed    uint64 `json:"failed"` // no answer, or not in time

	Answers       int     `json:"answers"`                 // in the breaker's window, listed or not
	ListedPercent float64 `json:"listed_percent"`          // of these
	UsualPercent  float64 `json:"usual_percent,omitempty"` // that are listed; 0 while it is not known
}

// State returns the state of each list, in the order of their names.
func (m *Monitor) State() []ZoneState {
	now := m.config.Now()
	out := []ZoneState{}
	for _, z := range m.state.Load().zones {
		out = append(out, z.state(now))
	}
	slices.SortFunc(out, func(a, b ZoneState) int { return cmp.Compare(a.Zone, b.Zone) })
	return out
}
