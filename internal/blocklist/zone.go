package blocklist

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

const (
	// maxFailing is by how many more answers than came may fail. Where every second is lost, a list is still of use; where
	// more are, it is set aside soon.
	maxFailing = 5
	// firstWait is until a list that is set aside is tried again; each time it fails, twice as long.
	firstWait = time.Minute
	maxWait   = time.Hour
	// maxSilent tests may go unanswered in a row. The network may fail once.
	maxSilent = 3
)

// zone is one list.
type zone struct {
	name string
	log  *slog.Logger
	wake func() // has Run look what is due

	aside atomic.Pointer[helogate.Answer] // nil: it is in use

	mu        sync.Mutex // guards what follows
	uses      []Zone
	test      bool
	addresses bool
	names     bool
	every     time.Duration

	flying  map[string]bool // names that are being asked
	meter   meter
	heard   owners
	failing int // by how many more failed than came; never below zero
	silent  int // tests in a row without an answer
	counts  struct{ listed, notListed, errors, failed uint64 }

	since time.Time     // it is set aside, or in use again
	why   string        // it is set aside
	wait  time.Duration // between since and next, when it was last set aside or tried in vain
	most  time.Duration // that wait may become
	next  time.Time     // when it is due for a test, or to be tried; zero: never
}

// add adds a use, before anybody else knows of the zone.
func (z *zone) add(use Zone) {
	z.uses = append(z.uses, use)
	z.test = z.test && use.Test
	z.addresses, z.names = z.addresses || use.Addresses, z.names || use.Names
}

// start takes a new zone into use.
func (z *zone) start(s Settings, now time.Time) {
	z.every, z.meter.rule = s.Every, s.Breaker
	if z.test {
		z.next = now
	}
}

// testedAs reports whether two zones of one name are tested alike.
func (z *zone) testedAs(o *zone) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.test == o.test && z.addresses == o.addresses && z.names == o.names
}

// adopt takes over what a reload says of the zone, which is tested as before.
func (z *zone) adopt(o *zone, s Settings) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.uses = o.uses
	if z.every != s.Every && z.test && !z.isAside() {
		z.next = z.next.Add(min(0, s.Every-z.every))
	}
	z.every = s.Every
	if z.meter.rule != s.Breaker {
		z.meter = meter{rule: s.Breaker, usual: z.meter.usual, known: z.meter.known}
	}
}

func (z *zone) isAside() bool { return z.aside.Load() != nil }

// families names what the zone is used as.
func (z *zone) families() string {
	var out []string
	for _, u := range z.uses {
		if !slices.Contains(out, u.Family) {
			out = append(out, u.Family)
		}
	}
	return strings.Join(out, ", ")
}

// begin says that a name is being asked, and whether by nobody else: what many ask at once is one answer.
func (z *zone) begin(name string) (first bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	first = !z.flying[name]
	z.flying[name] = true
	return first
}

// end counts the answer to a name, if it counts.
func (z *zone) end(name string, a *helogate.Answer, counts bool, now time.Time) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.flying, name)
	if !counts {
		return
	}
	listed, wrong := z.read(a.Values)
	switch {
	case a.Status == helogate.TempFail:
		z.counts.failed++
		z.fails(a.Note, now)
	case wrong != "":
		z.counts.errors++
		z.fails("it answers "+wrong, now)
	default:
		z.answers(name, listed, now)
	}
}

// read says what an answer is to the uses of the zone: a listing where it is to one of them.
func (z *zone) read(values []string) (listed bool, wrong string) {
	for _, u := range z.uses {
		said := check.ReadListAnswer(u.Family, u.Codes, values)
		if said.Listed != nil {
			return true, ""
		}
		if wrong == "" {
			wrong = said.Error
		}
	}
	return false, wrong
}

func (z *zone) answers(name string, listed bool, now time.Time) {
	if listed {
		z.counts.listed++
	} else {
		z.counts.notListed++
	}
	z.failing = max(0, z.failing-1)
	if z.isAside() {
		return // who was asked before that
	}
	if !z.heard.first(owner(name, z.name), z.meter.rule.Window, now) {
		return
	}
	if why := z.meter.count(listed, now); why != "" {
		z.setAside(why, "see whether its listings are right; if they are, raise breaker_rise or breaker_share in [blocklists], else take the list out", maxWait, now)
	}
}

func (z *zone) fails(how string, now time.Time) {
	if z.isAside() {
		return
	}
	if z.failing++; z.failing < maxFailing {
		return
	}
	z.setAside("most of its answers fail: "+how, "see what the list's own page says, and whether your resolver is well", z.every, now)
}

// setAside sets the zone aside, to be tried again after a while: longer if it was set aside a short time ago, and at most
// what is said.
func (z *zone) setAside(why, do string, most time.Duration, now time.Time) {
	if z.wait > 0 && now.Sub(z.since) < 2*z.wait {
		z.wait *= 2
	} else {
		z.wait = firstWait
	}
	z.most = min(most, maxWait)
	z.wait = min(z.wait, max(z.most, firstWait))
	z.since, z.next = now, now.Add(z.wait)
	z.failing, z.silent = 0, 0
	z.because(why)
	z.log.Error("a DNS list is set aside: nothing follows from it any more", "zone", z.name, "family", z.families(), "why", why, "do", do,
		"next_try", z.next.UTC().Format(time.RFC3339))
	z.wake()
}

// because says why the zone is set aside.
func (z *zone) because(why string) {
	z.why = why
	z.aside.Store(&helogate.Answer{Status: helogate.OK, Values: []string{why}})
}

// stayAside has the zone wait for longer, after a test that found it no better.
func (z *zone) stayAside(found diagnosis, now time.Time) {
	if found.health != silent { // which it may have been before
		z.most = maxWait
	}
	z.wait = min(2*z.wait, max(z.most, firstWait))
	z.next = now.Add(z.wait)
	z.because(found.why)
	z.log.Warn("a DNS list stays set aside", "zone", z.name, "family", z.families(), "why", found.why, "next_try", z.next.UTC().Format(time.RFC3339))
}

// takeBack takes the zone into use again.
func (z *zone) takeBack(how string, now time.Time) {
	z.log.Info("a DNS list is in use again", "zone", z.name, "family", z.families(), "how", how, "suspended_since", z.since.UTC().Format(time.RFC3339))
	z.why, z.since, z.next = "", now, time.Time{}
	if z.test {
		z.next = now.Add(z.every)
	}
	z.failing, z.silent = 0, 0
	z.meter.clear(now)
	z.aside.Store(nil)
}

// state says how the zone is.
func (z *zone) state(now time.Time) ZoneState {
	z.mu.Lock()
	defer z.mu.Unlock()
	_, all := z.meter.sums(now)
	return ZoneState{
		Zone: z.name, Family: z.families(), Suspended: z.isAside(), Since: z.since, Reason: z.why, NextTest: z.next,
		Listed: z.counts.listed, NotListed: z.counts.notListed, Errors: z.counts.errors, Failed: z.counts.failed,
		Answers: all.answers, ListedPercent: all.share(), UsualPercent: z.meter.usual,
	}
}
