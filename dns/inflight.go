package dns

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// A flight finds out one answer, for everyone who asks for it meanwhile. It does not end when its first asker gives up.
type inflight struct {
	landed chan struct{}
	entry  *entry // once landed
}

// board joins the flight for a question, or starts it. It is nil if ctx ends before there is room in the air.
func (r *Resolver) join(ctx context.Context, q helogate.Question, asked query) *inflight {
	if f := r.underway(q); f != nil {
		return f
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	f, started := r.start(q)
	if !started {
		<-r.slots
		return f
	}
	go r.fly(f, q, asked)
	return f
}

func (r *Resolver) underway(q helogate.Question) *inflight {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.flights[q]
	if f != nil {
		r.counts.coalesced.Add(1)
	}
	return f
}

// start registers a new flight, unless there is one by now, or one has landed since the cache was looked into: a flight
// is in the cache before it is off the list.
func (r *Resolver) start(q helogate.Question) (*inflight, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[q]; f != nil {
		r.counts.coalesced.Add(1)
		return f, false
	}
	if e, ok := r.cache.GetEntryQuietly(q); ok {
		r.counts.coalesced.Add(1)
		return arrived(e.Value), false
	}
	if r.closed {
		return arrived(r.failed(trail{start: q.Name, kind: wire.TypeA}, "the resolver is closed")), false
	}
	f := &inflight{landed: make(chan struct{})}
	r.flights[q] = f
	r.wg.Add(1)
	return f, true
}

func arrived(e *entry) *inflight {
	f := &inflight{landed: make(chan struct{}), entry: e}
	close(f.landed)
	return f
}

// fly finds the answer, remembers it, and lands.
func (r *Resolver) fly(f *inflight, q helogate.Question, asked query) {
	defer r.wg.Done()
	ctx, cancel := context.WithTimeout(r.ctx, r.config.Deadline)
	defer cancel()
	f.entry = r.safely(ctx, q, asked)
	if r.ctx.Err() == nil { // what Close interrupted is no fact about the DNS
		r.cache.Set(q, f.entry)
	}
	r.mu.Lock()
	delete(r.flights, q)
	r.mu.Unlock()
	<-r.slots
	close(f.landed)
}

// safely makes a failure of a panic. The bytes that are read here are anybody's, and a bug they find must not stop the
// mail of everyone else.
func (r *Resolver) safely(ctx context.Context, q helogate.Question, asked query) (e *entry) {
	defer func() {
		if p := recover(); p != nil {
			r.counts.failed[panicFailure].Add(1)
			slog.Error("dns: a bug: panic while asking", "kind", q.Kind, "name", asked.name, "panic", p, "stack", string(debug.Stack()))
			e = r.failed(trail{start: asked.name, kind: asked.kind}, "a bug in the resolver, see its log")
		}
	}()
	return r.resolve(ctx, asked)
}

// resolve follows the trail of a query to its end, which may take a query for each alias on it.
func (r *Resolver) resolve(ctx context.Context, q query) *entry {
	t := trail{start: q.name, kind: q.kind}
	for !t.ended {
		further, failed := r.lookup(ctx, q, t)
		if failed != nil {
			return r.failed(t, failed.note(r.servers))
		}
		if t = further; !t.ended {
			next, err := newQuery(t.name(), q.kind)
			if err != nil { // cannot be: it came off the wire
				return r.failed(t, "alias of "+t.name()+": "+err.Error())
			}
			q = next
		}
	}
	if t.status == helogate.TempFail {
		return r.failed(t, t.note)
	}
	return r.found(t)
}

// found is the entry at the end of a trail.
func (r *Resolver) found(t trail) *entry {
	ttl := r.clamp(t.ttl, t.status)
	a := helogate.Answer{Status: t.status, Values: t.values, TTL: ttl, Authentic: t.authentic}
	for _, l := range t.links {
		a.TTL = min(a.TTL, r.clamp(l.ttl, helogate.OK))
	}
	if len(t.links) > 0 {
		a.Note = "alias of " + t.name()
	}
	return r.entry(a, t)
}

// failed is the entry of a trail that led nowhere.
func (r *Resolver) failed(t trail, note string) *entry {
	if len(t.links) > 0 && !t.ended {
		note = "alias of " + t.name() + ": " + note
	}
	return r.entry(helogate.Answer{Status: helogate.TempFail, TTL: r.config.FailTTL, Note: note}, t)
}

// entry makes the entry of an answer. That of kind A has what the trail says about the question of kind CNAME, too. The first link is a fact even if the trail gets lost
// after it, or ends at a name that does not exist (RFC 6604 section 3). It is held as long as the answer it came with.
func (r *Resolver) entry(a helogate.Answer, t trail) *entry {
	e := &entry{answer: a, hold: max(a.TTL, minHold)}
	if t.kind != wire.TypeA {
		return e
	}
	alias := helogate.Answer{Status: a.Status, TTL: a.TTL, Authentic: a.Authentic, Note: a.Note}
	switch {
	case len(t.links) > 0:
		first := t.links[0]
		alias = helogate.Answer{
			Status: helogate.OK, Values: []string{first.target}, TTL: r.clamp(first.ttl, helogate.OK), Authentic: t.first,
		}
	case a.Status == helogate.OK:
		alias.Status = helogate.NoData
		alias.TTL = min(a.TTL, maxNegative)
	}
	e.alias = &alias
	return e
}

// clamp is a TTL as it is believed.
func (r *Resolver) clamp(seconds uint32, s helogate.Status) time.Duration {
	ttl := min(time.Duration(seconds)*time.Second, r.config.MaxTTL)
	if s == helogate.NoData || s == helogate.NXDomain {
		ttl = min(ttl, maxNegative)
	}
	return ttl
}
