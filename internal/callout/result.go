package callout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/state"
)

// What was found, as the values of helogate.Callout have it.
const (
	accepts     = "accepts"
	refuses     = "refuses "
	acceptsAll  = "accepts all"
	refusesNull = "refuses null "

	// chooses is remembered of a domain that does not take every address: that is not tried again for a while.
	chooses = "chooses"
)

// How long results are remembered. A new mailbox must not wait long.
const (
	keepAccepted = 7 * 24 * time.Hour
	keepRefused  = 3 * time.Hour
	keepDomain   = 7 * 24 * time.Hour
	keepDoubt    = 15 * time.Minute // in memory alone
)

// A result is what a callout has come to.
type result struct {
	value   string // what was found about the address; "" is nothing definite
	note    string // why there is no result; it may contain text of another host
	domain  string // what was found about its domain by the way: acceptsAll, chooses or ""
	host    string // the server and address that were asked last; "" if none was
	limited bool   // no more connections to the host were allowed
}

// answer is the answer to the question about the address.
func (r result) answer() *helogate.Answer {
	switch {
	case r.domain == acceptsAll:
		return found(acceptsAll, keepDomain)
	case r.value == "":
		a := tempFail(r.note)
		a.TTL = keepDoubt
		return a
	case r.value == accepts:
		return found(accepts, keepAccepted)
	case strings.HasPrefix(r.value, refusesNull):
		return found(r.value, keepDomain)
	case r.host == "": // from DNS, which has its own cache
		return found(r.value, keepDoubt)
	}
	return found(r.value, keepRefused)
}

func found(value string, keep time.Duration) *helogate.Answer {
	return &helogate.Answer{Status: helogate.OK, Values: []string{value}, TTL: keep}
}

func tempFail(note string) *helogate.Answer {
	const longest = 300
	return &helogate.Answer{Status: helogate.TempFail, Note: printable.Text(note, longest)}
}

// isAnswer reports whether what is remembered of a domain answers for its addresses.
func isAnswer(a *helogate.Answer) bool { return !slices.Equal(a.Values, []string{chooses}) }

// isValid reports whether a value of the store is one that helogate writes. A store can be shared, and its text ends up
// in replies.
func isValid(value string) bool {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) || len(value) > maxText+len(refusesNull) {
		return false
	}
	return value == accepts || value == acceptsAll || value == chooses || strings.HasPrefix(value, refuses)
}

// remember keeps a result, and returns the answer. The result for the domain was kept when it was found.
func (c *Caller) remember(address string, r result) *helogate.Answer {
	a := r.answer()
	switch {
	case r.limited: // that is nothing about the address
	case r.domain == acceptsAll:
	case strings.HasPrefix(r.value, refusesNull):
		c.keep(domainOf(address), a, true)
	default:
		c.keep(address, a, r.value != "" && r.host != "")
	}
	return a
}

// keep remembers an answer for its TTL, in memory, and also in the store if lasting is set.
func (c *Caller) keep(key string, a *helogate.Answer, lasting bool) {
	now := c.config.Now()
	c.memory.put(key, a, now, now.Add(a.TTL))
	if !lasting || c.config.Store == nil {
		return
	}
	const wait = 5 * time.Second // whatever is left of the callout's or the judgement's time
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), wait)
	defer cancel()
	err := c.config.Store.Put(ctx, state.Record{
		Bucket: state.Callout, Key: state.Key(key), First: now, Last: now, Count: 1, Value: a.Values[0], Expires: now.Add(a.TTL),
	})
	if err != nil {
		c.config.Log.Warn("the result of a callout could not be stored: it is kept in memory", "key", key, "error", err)
	}
}

// Stats are counts since New, and how many callouts are under way.
type Stats struct {
	Accepts, Refuses        int64 // callouts that found this of the address
	AcceptsAll, RefusesNull int64 // or of its domain
	Undecided               int64 // callouts that found nothing definite
	Cached                  int64 // questions that took no callout
	Limited                 int64 // questions that would have taken one beyond a limit
	InFlight                int
}

type counts struct {
	accepts, refuses, acceptsAll, refusesNull, undecided, remembered, limited atomic.Int64
}

func (n *counts) add(r result) {
	switch {
	case r.domain == acceptsAll:
		n.acceptsAll.Add(1)
	case r.value == accepts:
		n.accepts.Add(1)
	case strings.HasPrefix(r.value, refusesNull):
		n.refusesNull.Add(1)
	case r.value != "":
		n.refuses.Add(1)
	default:
		n.undecided.Add(1)
	}
}

// Stats returns the counts.
func (c *Caller) Stats() Stats {
	c.mu.Lock()
	underWay := len(c.flights)
	c.mu.Unlock()
	n := &c.counts
	return Stats{
		Accepts: n.accepts.Load(), Refuses: n.refuses.Load(), AcceptsAll: n.acceptsAll.Load(), RefusesNull: n.refusesNull.Load(),
		Undecided: n.undecided.Load(), Cached: n.remembered.Load(), Limited: n.limited.Load(), InFlight: underWay,
	}
}

// String is a line for people: "3 accepts, 1 refuses, …".
func (s Stats) String() string {
	return fmt.Sprintf("%d accepts, %d refuses, %d accepts all, %d refuses null, %d undecided; %d remembered, %d beyond a limit, %d under way",
		s.Accepts, s.Refuses, s.AcceptsAll, s.RefusesNull, s.Undecided, s.Cached, s.Limited, s.InFlight)
}
