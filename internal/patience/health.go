package patience

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Health is an Asker before the resolver, that sees whether most of what it answers are failures. It counts organisational
// domains, not questions: else one whose DNS is broken could make it look as if ours were. And of what is asked for the
// clients of one network few failures count, for a client can name as many domains as he likes that nobody answers for.
type Health struct {
	helogate.Asker
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	spans [spans]span // the last minute, and the span that has begun
	down  bool
	since time.Time
	why   string
}

// span is what was answered in a part of a minute.
type span struct {
	at           int64 // its number since the epoch
	good, failed map[string]bool
	of           map[netip.Prefix]int // how many of the failures were for a client of this network
}

const (
	spanLength = 10 * time.Second
	spans      = 7
	minDomains = 10   // too few answers say nothing
	maxDomains = 2000 // of a span: more say nothing that these do not
	maxOfOne   = 2    // failures of the last minute, for the clients of one network
)

// NewHealth returns the resolver ask, watched. now is nil for time.Now.
func NewHealth(ask helogate.Asker, log *slog.Logger, now func() time.Time) *Health {
	if now == nil {
		now = time.Now
	}
	return &Health{Asker: ask, log: log, now: now}
}

// Ask asks the resolver, and counts what it answers.
func (h *Health) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	a := h.Asker.Ask(ctx, q)
	if ctx.Err() != context.Canceled { // a judgement that ended had no more need of it
		client, _ := helogate.ClientOf(ctx)
		h.count(domainOf(q), client, a.Status == helogate.TempFail)
	}
	return a
}

// domainOf is in whose hands the answer is: a registered domain, or the owner of a network.
func domainOf(q helogate.Question) string {
	if q.Kind != helogate.PTR {
		return cmp.Or(hostname.Org(q.Name), q.Name)
	}
	if i := strings.IndexAny(q.Name, ".:"); i > 0 { // 192.0 of 192.0.2.1, 2001:db8 of 2001:db8::1
		if j := strings.IndexAny(q.Name[i+1:], ".:"); j >= 0 {
			return q.Name[:i+1+j]
		}
	}
	return q.Name
}

// count counts an answer about a domain, for a client; the zero address is nobody.
func (h *Health) count(domain string, client netip.Addr, failed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.span()
	of := s.good
	if failed {
		if of = s.failed; client.IsValid() && !of[domain] && !h.mayFail(s, client) {
			return
		}
	}
	if len(of) < maxDomains {
		of[domain] = true
	}
	h.judge()
}

// mayFail notes a failure for a client, and says whether it counts.
func (h *Health) mayFail(s *span, client netip.Addr) bool {
	network, n := networkOf(client), 0
	for i := range h.spans {
		if h.spans[i].at > s.at-spans {
			n += h.spans[i].of[network]
		}
	}
	if n >= maxOfOne || len(s.of) >= maxDomains {
		return false
	}
	s.of[network]++
	return true
}

// networkOf is a /24 or a /64.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

// span returns that which is now.
func (h *Health) span() *span {
	at := h.now().UnixNano() / int64(spanLength)
	s := &h.spans[at%spans]
	if s.at != at || s.good == nil {
		*s = span{at: at, good: map[string]bool{}, failed: map[string]bool{}, of: map[netip.Prefix]int{}}
	}
	return s
}

// judge looks at the last minute. It shouts when the resolver falls ill, and when it is well again.
func (h *Health) judge() {
	now := h.now()
	oldest := now.UnixNano()/int64(spanLength) - spans + 1
	good, failed := 0, 0
	for i := range h.spans {
		if s := &h.spans[i]; s.at >= oldest {
			good, failed = good+len(s.good), failed+len(s.failed)
		}
	}
	down := good+failed >= minDomains && failed > good
	if h.down { // and is well again only when it plainly is
		down = 2*failed > good
	}
	h.why = fmt.Sprintf("no answer about %d of %d domains in the last minute", failed, good+failed)
	switch {
	case down && !h.down:
		h.down, h.since = true, now
		h.log.Error("our own resolver fails: nobody is deferred for it while it does; mend it, or name others in dns.servers", "why", h.why)
	case !down && h.down:
		h.down = false
		h.log.Warn("the resolver answers again: clients are deferred for failures of their DNS", "down_since", h.since.UTC().Format(time.RFC3339))
	}
}

// Sick reports whether our own resolver fails, since when, and what shows it.
func (h *Health) Sick() (why string, since time.Time, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judge() // time goes on though nobody asks
	return h.why, h.since, h.down
}
