// Package blocklist watches the DNS lists that are asked about clients, block-lists and allow-lists alike, and sets aside
// those that cannot be believed: a list whose domain was sold lists the world, one that has had enough of our resolver says
// so in words that look like a listing, and one that is dead costs every judgement its wait.
//
// A Guard stands between the judge and the resolver. It answers the questions of kind helogate.SetAside, tests each list by
// the entries that RFC 5782 section 5 asks of all of them, counts what lists answer, and waits for none longer than for its
// time.
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

// Config is what a guard needs.
type Config struct {
	Ask helogate.Asker   // who knows DNS
	Log *slog.Logger     // told when a list is set aside, and when it is in use again; nil is nobody
	Now func() time.Time // nil is time.Now
	Settings
}

// Settings are what a reload may change. The zero value of a number is its default.
type Settings struct {
	Zones   []Zone
	Every   time.Duration // between two tests of a list; 0 is 10m
	Timeout time.Duration // how long an answer is waited for; 0 is 3s
	Breaker Breaker
}

// A Zone is one use of a list. Two of one zone are watched as one.
type Zone struct {
	Zone      string
	Family    string      // check.DNSBL, check.RHSBL or check.DNSWL
	Codes     check.Codes // the answers that are listings
	Addresses bool        // whether it is asked about addresses
	Names     bool        // whether it is asked about names
	Test      bool        // whether it has the entries of RFC 5782 section 5; not, if any use of the zone says so
}

// Of is the use that a check makes of a list.
func Of(l check.List, test bool) Zone {
	addresses, names := l.Asks()
	return Zone{Zone: l.Zone, Family: l.Family, Codes: l.Codes, Addresses: addresses, Names: names, Test: test}
}

func (s Settings) withDefaults() Settings {
	s.Every, s.Timeout = cmp.Or(s.Every, 10*time.Minute), cmp.Or(s.Timeout, 3*time.Second)
	s.Breaker = s.Breaker.withDefaults()
	return s
}

// A Guard is a helogate.Asker for SetAside and all that its Config.Ask answers. It is safe for concurrent use. A list is in
// use until something is known against it: mail must not wait for the first tests.
type Monitor struct {
	config Config
	wake   chan struct{} // there may be something to do earlier than Run thinks

	set   sync.Mutex // held while Set exchanges what follows
	state atomic.Pointer[state]
}

// state is what a reload exchanges. Nobody writes to it.
type state struct {
	Settings
	zones map[string]*zone
}

// New makes a guard. It tests nothing before Run.
func New(c Config) *Monitor {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	g := &Monitor{config: c, wake: make(chan struct{}, 1)}
	g.state.Store(&state{zones: map[string]*zone{}})
	g.Set(c.Settings)
	return g
}

// Set exchanges lists and numbers. What is known of a list that stays is kept, unless it is to be tested otherwise; a list
// that is new is tested soon.
func (g *Monitor) Set(s Settings) {
	g.set.Lock()
	defer g.set.Unlock()
	old, now := g.state.Load(), g.config.Now()
	next := &state{Settings: s.withDefaults(), zones: map[string]*zone{}}
	for _, use := range s.Zones {
		use.Zone = hostname.Canonical(use.Zone)
		z := next.zones[use.Zone]
		if z == nil {
			z = &zone{name: use.Zone, test: true, log: g.config.Log, wake: g.look, flying: map[string]bool{}}
			next.zones[use.Zone] = z
		}
		z.add(use)
	}
	for name, z := range next.zones {
		if was := old.zones[name]; was != nil && was.testedAs(z) {
			was.adopt(z, next.Settings)
			next.zones[name] = was
			continue
		}
		z.start(next.Settings, now)
	}
	g.state.Store(next)
	g.look()
}

// look has Run look what is due.
func (g *Monitor) look() {
	select {
	case g.wake <- struct{}{}:
	default: // it will
	}
}

var inUse = &helogate.Answer{Status: helogate.NXDomain}

// Known returns what is at hand: of a list that is set aside why, and of DNS what its asker knows. It costs no allocation.
func (g *Monitor) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind != helogate.Suspended {
		return g.config.Ask.Known(q)
	}
	if z := g.state.Load().zones[q.Name]; z != nil {
		if a := z.aside.Load(); a != nil {
			return a, true
		}
	}
	return inUse, true
}

// Ask asks DNS. Of a list it waits no longer than Settings.Timeout; the asker may go on for who comes next.
func (g *Monitor) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if q.Kind == helogate.Suspended {
		a, _ := g.Known(q)
		return a
	}
	s := g.state.Load()
	z := s.zoneOf(q)
	if z == nil {
		return g.config.Ask.Ask(ctx, q)
	}
	if q.Kind != helogate.Listing {
		return s.wait(ctx, g.config.Ask, q)
	}
	first, began := z.begin(q.Name), g.config.Now()
	a := s.wait(ctx, g.config.Ask, q)
	if !first {
		return a // it is counted by who asked first
	}
	now := g.config.Now()
	// Who went away, or had hardly time left, says nothing against the list.
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

// zoneOf returns the list that a question asks, nil if it asks none.
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
func (g *Monitor) State() []ZoneState {
	now := g.config.Now()
	out := []ZoneState{}
	for _, z := range g.state.Load().zones {
		out = append(out, z.state(now))
	}
	slices.SortFunc(out, func(a, b ZoneState) int { return cmp.Compare(a.Zone, b.Zone) })
	return out
}
