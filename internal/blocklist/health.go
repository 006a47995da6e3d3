package blocklist

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// Run tests each list when it is due, until ctx ends. When Run returns, all that it started has ended.
func (m *Monitor) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-m.wake:
		}
		if wait, some := m.runDue(ctx); some {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// runDue tests the lists that are due, in parallel, and returns how long until the next one is.
func (m *Monitor) runDue(ctx context.Context) (wait time.Duration, some bool) {
	s := m.state.Load()
	var tests sync.WaitGroup
	for _, z := range s.zones {
		if next := z.due(); !next.IsZero() && !next.After(m.config.Now()) {
			tests.Go(func() { m.testZone(ctx, s, z) })
		}
	}
	tests.Wait()
	now := m.config.Now()
	for _, z := range m.state.Load().zones {
		if next := z.due(); !next.IsZero() && (!some || next.Sub(now) < wait) {
			wait, some = max(0, next.Sub(now)), true
		}
	}
	return wait, some
}

func (z *zone) due() time.Time {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.next
}

// testZone tests a list and applies the result. A list without test entries is resumed untested: its answers will
// show whether it works.
func (m *Monitor) testZone(ctx context.Context, s *state, z *zone) {
	z.mu.Lock()
	test := z.tests()
	z.mu.Unlock()
	if test == nil {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.resume("it has no test entries, and its suspension ended", m.config.Now())
		return
	}
	found := m.runTest(ctx, s, test)
	if ctx.Err() != nil {
		return // an interrupted test has no result
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.apply(found, m.config.Now())
}

// apply applies the result of a test.
func (z *zone) apply(found diagnosis, now time.Time) {
	switch {
	case z.isSuspended() && now.Before(z.next): // suspended after the test began, because of answers about clients
	case z.isSuspended() && found.health == good:
		z.resume("its test entries are right", now)
	case z.isSuspended():
		z.extend(found, now)
	case found.health == wrong:
		z.suspend(found.why, found.remedy, maxWait, now)
	case found.health == silent:
		if z.silent++; z.silent >= maxSilent {
			z.suspend(found.why, found.remedy, z.every, now)
			return
		}
		z.next = now.Add(min(z.every, firstWait))
	default:
		z.silent, z.next = 0, now.Add(z.every)
	}
}

// health is the result of a test.
type health int

const (
	good   health = iota
	absent        // the entry that must be listed is not
	silent        // no answer
	wrong
)

type diagnosis struct {
	health      health
	why, remedy string
	listsAll    bool // it lists the entry that no list has
}

// A pair has a name below the zone that every list has, and one that no list has (RFC 5782 section 5).
type pair struct {
	listed, free string
	what, other  string // the same, as people write them
}

var (
	pair4     = pair{"2.0.0.127.", "1.0.0.127.", "127.0.0.2", "127.0.0.1"}
	pair6     = pair{"2" + mapped127, "1" + mapped127, "::ffff:7f00:2", "::ffff:7f00:1"}
	pairNames = pair{"test.", "invalid.", "TEST", "INVALID"}
)

// mapped127 is all but the last nibble of both IPv6 test entries.
const mapped127 = ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."

// A test says how a list is tested.
type test struct {
	zone  string
	uses  []Zone
	pairs []pair // one correct pair is enough
}

// tests returns how the list is tested, or nil if it is not.
func (z *zone) tests() *test {
	if !z.test {
		return nil
	}
	t := &test{zone: z.name, uses: z.uses}
	if z.addresses {
		t.pairs = append(t.pairs, pair4, pair6) // the second for lists with IPv6 only
	}
	if z.names {
		t.pairs = append(t.pairs, pairNames)
	}
	return t
}

// runTest asks for the test entries, pair by pair until one is right. A list that lists the world is wrong by any
// pair.
func (m *Monitor) runTest(ctx context.Context, s *state, t *test) diagnosis {
	var worst diagnosis
	for _, p := range t.pairs {
		found := m.runPair(ctx, s, t, p)
		if found.health == good || found.listsAll || found.health == silent {
			return found
		}
		if found.health > worst.health {
			worst = found
		}
	}
	if worst.health == absent {
		worst.health = wrong
	}
	return worst
}

func (m *Monitor) runPair(ctx context.Context, s *state, t *test, p pair) diagnosis {
	var listed, free *helogate.Answer
	var both sync.WaitGroup
	both.Go(func() {
		listed = s.wait(ctx, m.config.Ask, helogate.Question{Kind: helogate.A, Name: p.listed + t.zone})
	})
	both.Go(func() { free = s.wait(ctx, m.config.Ask, helogate.Question{Kind: helogate.A, Name: p.free + t.zone}) })
	both.Wait()
	for _, a := range []struct {
		what   string
		answer *helogate.Answer
	}{{p.other, free}, {p.what, listed}} {
		if why := t.wrong(a.answer.Values); why != "" {
			return diagnosis{health: wrong, why: "for its test entry " + a.what + " it answers " + why,
				remedy: "follow the answer, or remove the list from the configuration"}
		}
	}
	switch {
	case free.Status == helogate.OK:
		return diagnosis{health: wrong, listsAll: true, why: "it lists " + p.other + " (" + strings.Join(free.Values, ", ") + "), which no list does: it lists the world",
			remedy: "the list may be closed: see its website, and remove it from the configuration"}
	case listed.Status == helogate.TempFail:
		return noAnswer(p.what, listed)
	case free.Status == helogate.TempFail:
		return noAnswer(p.other, free)
	case listed.Status != helogate.OK:
		return diagnosis{health: absent, why: "its test entry " + p.what + " is not listed (RFC 5782 section 5)",
			remedy: "the list may be empty or closed: see its website; if it never had this entry, set test = false"}
	}
	return diagnosis{health: good}
}

// wrong says what is wrong with an answer, whatever codes are configured.
func (t *test) wrong(values []string) string {
	for _, u := range t.uses {
		if answer := check.ReadListAnswer(u.Family, check.Codes{}, values); answer.Error != "" {
			return answer.Error
		}
	}
	return ""
}

func noAnswer(what string, a *helogate.Answer) diagnosis {
	return diagnosis{health: silent, why: "no answer for its test entry " + what + ": " + a.Note,
		remedy: "check whether the list's servers answer, and whether your resolver works"}
}
