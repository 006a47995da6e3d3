package engine

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helogate/helogate"
)

// Counts are what verdicts came to. The zero value has counted none.
type Counts struct {
	mu    sync.RWMutex
	all   map[countOf]*atomic.Uint64
	held  atomic.Uint64
	hitMu sync.Mutex
	hits  map[hitOf]*Hit
}

// countOf is a kind of verdict.
type countOf struct {
	action helogate.Action
	by     string
	dryRun bool
}

// A Count is how often a verdict was of one kind.
type Count struct {
	Action helogate.Action
	By     string // the deciding line, or "score"; "" for continue
	DryRun bool   // the decision if every dry-run effect were enforced, where that differs
	N      uint64
}

// hitOf is an entry of the administrator's lists, by its reference: numbers change with the file.
type hitOf struct{ check, ref string }

// A Hit is how often an entry of the administrator's lists accepted a client.
type Hit struct {
	Check string // "exempt" or "forwarder"
	Ref   string // helogate.Finding.Ref
	N     uint64
	Last  time.Time
}

// Observer returns what is shown verdicts.
func (c *Counts) Observer() Observer { return Observer{Name: "counts", Seen: c.add} }

// add counts a verdict.
func (c *Counts) add(e *Event) {
	v := &e.Verdict
	c.counter(countOf{v.Action, v.By, false}).Add(1)
	if v.DryRun.Action != v.Action || v.DryRun.By != v.By {
		c.counter(countOf{v.DryRun.Action, v.DryRun.By, true}).Add(1)
	}
	if e.Held {
		c.held.Add(1)
	}
	if v.DryRun.Action != helogate.Accept {
		return
	}
	for i := range v.Findings {
		if one := &v.Findings[i]; one.Check == v.DryRun.By && one.Ref != "" {
			c.hit(hitOf{one.Check, one.Ref}, e.Facts.Time)
		}
	}
}

func (c *Counts) counter(of countOf) *atomic.Uint64 {
	c.mu.RLock()
	n := c.all[of]
	c.mu.RUnlock()
	if n != nil {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n = c.all[of]; n == nil { // few: actions times the checks and rules of all policies so far
		if c.all == nil {
			c.all = map[countOf]*atomic.Uint64{}
		}
		n = new(atomic.Uint64)
		c.all[of] = n
	}
	return n
}

func (c *Counts) hit(of hitOf, at time.Time) {
	c.hitMu.Lock()
	defer c.hitMu.Unlock()
	h := c.hits[of]
	if h == nil {
		if c.hits == nil {
			c.hits = map[hitOf]*Hit{}
		}
		h = &Hit{Check: of.check, Ref: of.ref}
		c.hits[of] = h
	}
	h.N++
	if at.After(h.Last) {
		h.Last = at
	}
}

// Verdicts returns how often verdicts were of each kind, the most frequent first.
func (c *Counts) Verdicts() []Count {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []Count
	for of, n := range c.all {
		out = append(out, Count{of.action, of.by, of.dryRun, n.Load()})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Action, b.Action), cmp.Compare(a.By, b.By))
	})
	return out
}

// Hits returns the entries of the administrator's lists that accepted a client.
func (c *Counts) Hits() []Hit {
	c.hitMu.Lock()
	defer c.hitMu.Unlock()
	var out []Hit
	for _, h := range c.hits {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b Hit) int { return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.Ref, b.Ref)) })
	return out
}

// Held returns how often a refusal was postponed to a later stage.
func (c *Counts) Held() uint64 { return c.held.Load() }
