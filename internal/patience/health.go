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

// Health is an Asker before the resolver. It detects that most answers of the resolver are failures. It counts
// organisational domains, not questions: otherwise one domain with broken DNS could make the local resolver look
// broken. Only few failures count for the clients of one network, since a client can name any number of domains with
// broken DNS.
type Health struct {
	helogate.Asker
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	spans [spans]span // the last minute, and the current span
	down  bool
	since time.Time
	why   string
}

// span is the answers of a part of a minute.
type span struct {
	at           int64 // its number since the epoch
	good, failed map[string]bool
	of           map[netip.Prefix]int // failures by the network of the client
}

const (
	spanLength = 10 * time.Second
	spans      = 7
	minDomains = 10   // fewer prove nothing
	maxDomains = 2000 // of a span, to bound memory
	maxOfOne   = 2    // failures that count in a minute, for the clients of one network
)

// NewHealth returns a monitor of the resolver ask. now is nil for time.Now.
func NewHealth(ask helogate.Asker, log *slog.Logger, now func() time.Time) *Health {
	if now == nil {
		now = time.Now
	}
	return &Health{Asker: ask, log: log, now: now}
}

// Ask asks the resolver, and counts the answer.
func (h *Health) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	a := h.Asker.Ask(ctx, q)
	if ctx.Err() != context.Canceled { // a judgement that ended no longer needs the answer
		client, _ := helogate.ClientOf(ctx)
		h.count(domainOf(q), client, a.Status == helogate.TempFail)
	}
	return a
}

// domainOf returns what answers of one owner have in common: the registered domain, or the first part of a network.
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

// count counts an answer about a domain, for a client; the zero address is no client.
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

// mayFail records a failure for a client, and reports whether it counts.
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

// span returns the current span.
func (h *Health) span() *span {
	at := h.now().UnixNano() / int64(spanLength)
	s := &h.spans[at%spans]
	if s.at != at || s.good == nil {
		*s = span{at: at, good: map[string]bool{}, failed: map[string]bool{}, of: map[netip.Prefix]int{}}
	}
	return s
}

// judge evaluates the last minute. It logs when the resolver begins to fail, and when it answers again.
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
	if h.down { // hysteresis: it answers again only when two thirds do
		down = 2*failed > good
	}
	h.why = fmt.Sprintf("no answer for %d of %d domains in the last minute", failed, good+failed)
	switch {
	case down && !h.down:
		h.down, h.since = true, now
		h.log.Error("the local resolver fails: no client is deferred for DNS failures until it answers; repair it, or set dns.servers to others", "reason", h.why)
	case !down && h.down:
		h.down = false
		h.log.Warn("the local resolver answers again: clients are deferred for DNS failures", "down_since", h.since.UTC().Format(time.RFC3339))
	}
}

// Down reports whether the local resolver fails, since when, and why it is thought so.
func (h *Health) Down() (why string, since time.Time, is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judge() // time passes without questions, too
	return h.why, h.since, h.down
}
