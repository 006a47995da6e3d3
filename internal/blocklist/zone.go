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
	// maxFailing is how many more answers may fail than succeed. A list that loses every second answer is still useful;
	// one that loses more is suspended soon.
	maxFailing = 5
	// firstWait is the time from a suspension to the next test. It doubles with each failed test.
	firstWait = time.Minute
	maxWait   = time.Hour
	// maxSilent is how many consecutive tests may remain without an answer. The network may fail once.
	maxSilent = 3
)

// zone is the state of one list.
type zone struct {
	name string
	log  *slog.Logger
	wake func() // makes Run look for due tests

	suspended atomic.Pointer[helogate.Answer] // nil: it is in use

	mu        sync.Mutex // guards the fields below
	uses      []Zone
	test      bool
	addresses bool
	names     bool
	every     time.Duration

	inFlight map[string]bool // names that are being asked
	meter    meter
	seen     owners
	failing  int // failures minus answers, never below zero
	silent   int // tests in a row without an answer
	counts   struct{ listed, notListed, errors, failed uint64 }

	since time.Time     // of the suspension, or of its end
	why   string        // of the suspension
	wait  time.Duration // between the last suspension or failed test, and next
	most  time.Duration // limit of wait
	next  time.Time     // when the next test is due; zero: never
}

// add adds a use, before the zone is published.
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

// update takes over the settings of a reload. The zone is tested as before.
func (z *zone) update(o *zone, s Settings) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.uses = o.uses
	if z.every != s.Every && z.test && !z.isSuspended() {
		z.next = z.next.Add(min(0, s.Every-z.every))
	}
	z.every = s.Every
	if z.meter.rule != s.Breaker {
		z.meter = meter{rule: s.Breaker, usual: z.meter.usual, known: z.meter.known}
	}
}

func (z *zone) isSuspended() bool { return z.suspended.Load() != nil }

// families returns the families of the zone's uses.
func (z *zone) families() string {
	var out []string
	for _, u := range z.uses {
		if !slices.Contains(out, u.Family) {
			out = append(out, u.Family)
		}
	}
	return strings.Join(out, ", ")
}

// begin notes that a name is asked, and reports whether no other asker waits for it: parallel questions count as one
// answer.
func (z *zone) begin(name string) (first bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	first = !z.inFlight[name]
	z.inFlight[name] = true
	return first
}

// end ends the question about a name, and counts the answer if counts is set.
func (z *zone) end(name string, a *helogate.Answer, counts bool, now time.Time) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.inFlight, name)
	if !counts {
		return
	}
	listed, wrong := z.read(a.Values)
	switch {
	case a.Status == helogate.TempFail:
		z.counts.failed++
		z.countFailure(a.Note, now)
	case wrong != "":
		z.counts.errors++
		z.countFailure("it answers "+wrong, now)
	default:
		z.countAnswer(name, listed, now)
	}
}

// read reads an answer. It is a listing if it is one for any use of the zone.
func (z *zone) read(values []string) (listed bool, wrong string) {
	for _, u := range z.uses {
		answer := check.ReadListAnswer(u.Family, u.Codes, values)
		if answer.Listed != nil {
			return true, ""
		}
		if wrong == "" {
			wrong = answer.Error
		}
	}
	return false, wrong
}

func (z *zone) countAnswer(name string, listed bool, now time.Time) {
	if listed {
		z.counts.listed++
	} else {
		z.counts.notListed++
	}
	z.failing = max(0, z.failing-1)
	if z.isSuspended() {
		return // asked before the suspension
	}
	if !z.seen.first(owner(name, z.name), z.meter.rule.Window, now) {
		return
	}
	if why := z.meter.count(listed, now); why != "" {
		z.suspend(why, "check some of its listings; if they are right, raise breaker_rise or breaker_share in [blocklists], else remove the list", maxWait, now)
	}
}

func (z *zone) countFailure(how string, now time.Time) {
	if z.isSuspended() {
		return
	}
	if z.failing++; z.failing < maxFailing {
		return
	}
	z.suspend("most of its answers fail: "+how, "see the list's website, and check whether your resolver works", z.every, now)
}

// suspend suspends the zone for a while: longer if the last suspension was a short time ago, and at most for most.
func (z *zone) suspend(why, remedy string, most time.Duration, now time.Time) {
	if z.wait > 0 && now.Sub(z.since) < 2*z.wait {
		z.wait *= 2
	} else {
		z.wait = firstWait
	}
	z.most = min(most, maxWait)
	z.wait = min(z.wait, max(z.most, firstWait))
	z.since, z.next = now, now.Add(z.wait)
	z.failing, z.silent = 0, 0
	z.setReason(why)
	z.log.Error("a DNS list is suspended (circuit breaker open)", "zone", z.name, "family", z.families(), "reason", why, "remedy", remedy,
		"next_test", z.next.UTC().Format(time.RFC3339))
	z.wake()
}

// setReason sets why the zone is suspended.
func (z *zone) setReason(why string) {
	z.why = why
	z.suspended.Store(&helogate.Answer{Status: helogate.OK, Values: []string{why}})
}

// extend extends the suspension after a test that failed again.
func (z *zone) extend(found diagnosis, now time.Time) {
	if found.health != silent { // silence alone does not raise the limit
		z.most = maxWait
	}
	z.wait = min(2*z.wait, max(z.most, firstWait))
	z.next = now.Add(z.wait)
	z.setReason(found.why)
	z.log.Warn("a DNS list stays suspended", "zone", z.name, "family", z.families(), "reason", found.why, "next_test", z.next.UTC().Format(time.RFC3339))
}

// resume takes the zone into use again.
func (z *zone) resume(how string, now time.Time) {
	z.log.Info("a DNS list is in use again", "zone", z.name, "family", z.families(), "reason", how, "suspended_since", z.since.UTC().Format(time.RFC3339))
	z.why, z.since, z.next = "", now, time.Time{}
	if z.test {
		z.next = now.Add(z.every)
	}
	z.failing, z.silent = 0, 0
	z.meter.clear(now)
	z.suspended.Store(nil)
}

// state returns the state of the zone.
func (z *zone) state(now time.Time) ZoneState {
	z.mu.Lock()
	defer z.mu.Unlock()
	_, all := z.meter.sums(now)
	return ZoneState{
		Zone: z.name, Family: z.families(), Suspended: z.isSuspended(), Since: z.since, Reason: z.why, NextTest: z.next,
		Listed: z.counts.listed, NotListed: z.counts.notListed, Errors: z.counts.errors, Failed: z.counts.failed,
		Answers: all.answers, ListedPercent: all.share(), UsualPercent: z.meter.usual,
	}
}
