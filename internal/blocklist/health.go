package blocklist

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// Run tests the lists, each when it is due, until ctx ends; all that it started has ended then.
func (g *Monitor) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-g.wake:
		}
		if wait, some := g.testDue(ctx); some {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// testDue tests what is due, side by side, and says how long until the next is.
func (g *Monitor) testDue(ctx context.Context) (wait time.Duration, some bool) {
	s := g.state.Load()
	var tests sync.WaitGroup
	for _, z := range s.zones {
		if next := z.due(); !next.IsZero() && !next.After(g.config.Now()) {
			tests.Go(func() { g.try(ctx, s, z) })
		}
	}
	tests.Wait()
	now := g.config.Now()
	for _, z := range g.state.Load().zones {
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

// try tests a list, and does what follows. One that has no test entries is taken back untested: what it answers will tell.
func (g *Monitor) try(ctx context.Context, s *state, z *zone) {
	z.mu.Lock()
	test := z.tests()
	z.mu.Unlock()
	if test == nil {
		z.mu.Lock()
		defer z.mu.Unlock()
		z.takeBack("it has no test entries, and is tried", g.config.Now())
		return
	}
	found := g.examine(ctx, s, test)
	if ctx.Err() != nil {
		return // what was interrupted says nothing
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.examined(found, g.config.Now())
}

// examined does what follows from a test.
func (z *zone) examined(found diagnosis, now time.Time) {
	switch {
	case z.isAside() && now.Before(z.next): // set aside since the test began, by what clients' answers were
	case z.isAside() && found.health == good:
		z.takeBack("its test entries are right", now)
	case z.isAside():
		z.stayAside(found, now)
	case found.health == wrong:
		z.setAside(found.why, found.do, maxWait, now)
	case found.health == silent:
		if z.silent++; z.silent >= maxSilent {
			z.setAside(found.why, found.do, z.every, now)
			return
		}
		z.next = now.Add(min(z.every, firstWait))
	default:
		z.silent, z.next = 0, now.Add(z.every)
	}
}

// health is what a test says.
type health int

const (
	good   health = iota
	absent        // the entry that must be listed is not
	silent        // no answer
	wrong
)

type diagnosis struct {
	health  health
	why, do string
	world   bool // it lists what no list lists
}

// pair is a name below the zone that is listed in every list, and one that is in none (RFC 5782 section 5).
type pair struct {
	listed, free string
	what, other  string // the same for people
}

var (
	pair4     = pair{"2.0.0.127.", "1.0.0.127.", "127.0.0.2", "127.0.0.1"}
	pair6     = pair{"2" + mapped127, "1" + mapped127, "::ffff:7f00:2", "::ffff:7f00:1"}
	pairNames = pair{"test.", "invalid.", "TEST", "INVALID"}
)

// mapped127 is all but the last nibble of both IPv6 test entries.
const mapped127 = ".0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."

// test is what a list is tested by.
type test struct {
	zone  string
	uses  []Zone
	pairs []pair // one that is right is enough
}

// tests returns how the list is tested, nil if it is not.
func (z *zone) tests() *test {
	if !z.test {
		return nil
	}
	t := &test{zone: z.name, uses: z.uses}
	if z.addresses {
		t.pairs = append(t.pairs, pair4, pair6) // the second for lists that have IPv6 alone
	}
	if z.names {
		t.pairs = append(t.pairs, pairNames)
	}
	return t
}

// examine asks for the test entries, pair by pair until one is right. A list that lists the world is wrong by any.
func (g *Monitor) examine(ctx context.Context, s *state, t *test) diagnosis {
	var worst diagnosis
	for _, p := range t.pairs {
		found := g.examinePair(ctx, s, t, p)
		if found.health == good || found.world || found.health == silent {
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

func (g *Monitor) examinePair(ctx context.Context, s *state, t *test, p pair) diagnosis {
	var listed, free *helogate.Answer
	var both sync.WaitGroup
	both.Go(func() {
		listed = s.wait(ctx, g.config.Ask, helogate.Question{Kind: helogate.A, Name: p.listed + t.zone})
	})
	both.Go(func() { free = s.wait(ctx, g.config.Ask, helogate.Question{Kind: helogate.A, Name: p.free + t.zone}) })
	both.Wait()
	for _, a := range []struct {
		what   string
		answer *helogate.Answer
	}{{p.other, free}, {p.what, listed}} {
		if why := t.wrong(a.answer.Values); why != "" {
			return diagnosis{health: wrong, why: "asked about its test entry " + a.what + ", it answers " + why,
				do: "do what the answer says, or take the list out of the configuration"}
		}
	}
	switch {
	case free.Status == helogate.OK:
		return diagnosis{health: wrong, world: true, why: "it lists " + p.other + " (" + strings.Join(free.Values, ", ") + "), which no list does: it lists the world",
			do: "the list is closed, or in trouble: see its own page, and take it out of the configuration"}
	case listed.Status == helogate.TempFail:
		return noAnswer(p.what, listed)
	case free.Status == helogate.TempFail:
		return noAnswer(p.other, free)
	case listed.Status != helogate.OK:
		return diagnosis{health: absent, why: "its test entry " + p.what + " is not listed (RFC 5782 section 5)",
			do: "the list may be empty or gone: see its own page; if it never had that entry, write test = false"}
	}
	return diagnosis{health: good}
}

// wrong says what is wrong with an answer, whatever the codes are that are asked for.
func (t *test) wrong(values []string) string {
	for _, u := range t.uses {
		if said := check.ReadListAnswer(u.Family, check.Codes{}, values); said.Error != "" {
			return said.Error
		}
	}
	return ""
}

func noAnswer(what string, a *helogate.Answer) diagnosis {
	return diagnosis{health: silent, why: "asked about its test entry " + what + ", it does not answer: " + a.Note,
		do: "see whether the list's servers answer, and whether your resolver is well"}
}
