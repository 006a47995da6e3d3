package dns

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// An inflight is one lookup in progress, shared by all that ask the same question meanwhile. It does not end when the
// first asker gives up.
type inflight struct {
	done  chan struct{}
	entry *entry // set before done is closed
}

// join joins the lookup of a question, or starts it. It returns nil if ctx ends before there is room for another
// lookup.
func (r *Resolver) join(ctx context.Context, q helogate.Question, asked query) *inflight {
	if f := r.current(q); f != nil {
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
	go r.run(f, q, asked)
	return f
}

func (r *Resolver) current(q helogate.Question) *inflight {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.inflight[q]
	if f != nil {
		r.counts.coalesced.Add(1)
	}
	return f
}

// start registers a new lookup, unless there is one by now, or one has ended since the cache was read: a lookup
// enters the cache before it leaves the map.
func (r *Resolver) start(q helogate.Question) (*inflight, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.inflight[q]; f != nil {
		r.counts.coalesced.Add(1)
		return f, false
	}
	if e, ok := r.cache.GetEntryQuietly(q); ok {
		r.counts.coalesced.Add(1)
		return completed(e.Value), false
	}
	if r.closed {
		return completed(r.failed(trail{start: q.Name, kind: wire.TypeA}, "the resolver is closed")), false
	}
	f := &inflight{done: make(chan struct{})}
	r.inflight[q] = f
	r.wg.Add(1)
	return f, true
}

func completed(e *entry) *inflight {
	f := &inflight{done: make(chan struct{}), entry: e}
	close(f.done)
	return f
}

// run finds the answer, caches it, and ends the lookup.
func (r *Resolver) run(f *inflight, q helogate.Question, asked query) {
	defer r.wg.Done()
	ctx, cancel := context.WithTimeout(r.ctx, r.config.Deadline)
	defer cancel()
	f.entry = r.resolveSafely(ctx, q, asked)
	if r.ctx.Err() == nil { // an interruption by Close says nothing about DNS
		r.cache.Set(q, f.entry)
	}
	r.mu.Lock()
	delete(r.inflight, q)
	r.mu.Unlock()
	<-r.slots
	close(f.done)
}

// resolveSafely converts a panic to a failure. The bytes that are read here come from anywhere, and a bug that they
// trigger must not stop the mail of all other clients.
func (r *Resolver) resolveSafely(ctx context.Context, q helogate.Question, asked query) (e *entry) {
	defer func() {
		if p := recover(); p != nil {
			r.counts.failed[panicFailure].Add(1)
			slog.Error("dns: panic in a lookup: please report this bug", "kind", q.Kind, "name", asked.name, "panic", p, "stack", string(debug.Stack()))
			e = r.failed(trail{start: asked.name, kind: asked.kind}, "a bug in the resolver, see its log")
		}
	}()
	return r.resolve(ctx, asked)
}

// resolve follows the trail of a query to its end, with another query for each alias that the reply does not follow.
func (r *Resolver) resolve(ctx context.Context, q query) *entry {
	t := trail{start: q.name, kind: q.kind}
	for !t.ended {
		further, failed := r.lookup(ctx, q, t)
		if failed != nil {
			return r.failed(t, failed.note(r.servers))
		}
		if t = further; !t.ended {
			next, err := newQuery(t.name(), q.kind)
			if err != nil { // cannot happen: the name came from a message
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

// found returns the entry at the end of a trail.
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

// failed returns the entry of a lookup that failed.
func (r *Resolver) failed(t trail, note string) *entry {
	if len(t.links) > 0 && !t.ended {
		note = "alias of " + t.name() + ": " + note
	}
	return r.entry(helogate.Answer{Status: helogate.TempFail, TTL: r.config.FailTTL, Note: note}, t)
}

// entry returns the entry of an answer. An entry of kind A also has the answer to the question of kind CNAME. The
// first alias is a fact even if the lookup fails after it, or ends at a name that does not exist (RFC 6604 section
// 3). It is cached as long as the answer that it came with.
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

// clamp limits a TTL, in seconds.
func (r *Resolver) clamp(seconds uint32, s helogate.Status) time.Duration {
	ttl := min(time.Duration(seconds)*time.Second, r.config.MaxTTL)
	if s == helogate.NoData || s == helogate.NXDomain {
		ttl = min(ttl, maxNegative)
	}
	return ttl
}
