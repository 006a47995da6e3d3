package dns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
)

// Config says which servers are asked, and for how long. The zero value asks the servers of /etc/resolv.conf.
type Config struct {
	Servers    []netip.AddrPort // asked in this order, those that are down last; port 0 is 53; if empty, those of ResolvConf
	ResolvConf string           // read if Servers is empty; "" is /etc/resolv.conf
	Trusted    []netip.AddrPort // servers whose AD bit is trusted; servers on loopback are always trusted

	Timeout     time.Duration // of one try at one server; 0 is the value of resolv.conf, or 2s
	Attempts    int           // rounds over the servers; 0 is the value of resolv.conf, or 2
	Deadline    time.Duration // the maximum duration of a lookup, however long its askers wait; 0 is 10s
	MaxInFlight int           // the maximum number of lookups at a time, further ones wait; 0 is 2000

	MaxTTL    time.Duration // the maximum time for which an answer is cached; 0 is 24h
	FailTTL   time.Duration // for how long a failure is cached; 0 is 30s
	CacheSize int64         // bytes; 0 is 64 MiB
}

// A Resolver asks DNS servers and caches the answers. It is a [helogate.Asker] for the kinds PTR, A, AAAA, MX, TXT,
// SRV and CNAME. Values keep the escapes of presentation form (RFC 1035 section 5.1: \DDD, \. in names, \" and \\ in
// TXT), so they are printable ASCII. It is safe for concurrent use. Close it when it is no longer needed.
type Resolver struct {
	config  Config
	servers []*server
	cache   cache
	now     func() time.Time
	counts  counts

	slots chan struct{} // one for each lookup in progress
	ctx   context.Context
	stop  context.CancelFunc
	wg    sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	inflight map[helogate.Question]*inflight
	closed   bool
}

// New returns a resolver. It asks nothing yet. An error says what is wrong in the configuration or in resolv.conf.
func New(c Config) (*Resolver, error) { return newWithClock(c, nil) }

// newWithClock is New with a test's clock.
func newWithClock(c Config, now func() time.Time) (*Resolver, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	cached, err := newCache(c.CacheSize, now)
	if err != nil {
		return nil, fmt.Errorf("dns: cache of %d bytes: %w", c.CacheSize, err)
	}
	r := &Resolver{
		config: c, cache: cached, now: now,
		slots: make(chan struct{}, c.MaxInFlight), inflight: map[helogate.Question]*inflight{},
	}
	if r.now == nil {
		r.now = time.Now
	}
	for i, addr := range c.Servers {
		r.servers = append(r.servers, newServer(addr, i, slices.Contains(c.Trusted, addr)))
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// complete checks a configuration, and fills in the defaults.
func (c *Config) complete() error {
	for name, negative := range map[string]bool{
		"Timeout": c.Timeout < 0, "Attempts": c.Attempts < 0, "Deadline": c.Deadline < 0, "MaxInFlight": c.MaxInFlight < 0,
		"MaxTTL": c.MaxTTL < 0, "FailTTL": c.FailTTL < 0, "CacheSize": c.CacheSize < 0,
	} {
		if negative {
			return fmt.Errorf("%s is negative; leave it 0 for the default", name)
		}
	}
	if len(c.Servers) == 0 {
		found, err := readResolvConf(valueOr(c.ResolvConf, "/etc/resolv.conf"))
		if err != nil {
			return err
		}
		c.Servers = found.servers
		c.Timeout, c.Attempts = valueOr(c.Timeout, found.timeout), valueOr(c.Attempts, found.attempts)
	}
	var err error
	if c.Servers, err = withPorts(c.Servers); err != nil {
		return err
	}
	if c.Trusted, err = withPorts(c.Trusted); err != nil {
		return err
	}
	c.Timeout, c.Attempts = valueOr(c.Timeout, 2*time.Second), valueOr(c.Attempts, 2)
	c.Deadline, c.MaxInFlight = valueOr(c.Deadline, 10*time.Second), valueOr(c.MaxInFlight, 2000)
	c.MaxTTL, c.FailTTL = valueOr(c.MaxTTL, 24*time.Hour), valueOr(c.FailTTL, 30*time.Second)
	c.CacheSize = valueOr(c.CacheSize, 64<<20)
	return nil
}

// valueOr returns v, or the default if v is zero.
func valueOr[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// withPorts adds port 53 where a server has no port, unmaps addresses, and drops duplicates.
func withPorts(servers []netip.AddrPort) ([]netip.AddrPort, error) {
	var complete []netip.AddrPort
	for _, s := range servers {
		if !s.Addr().IsValid() {
			return nil, fmt.Errorf("server %q has no address; give one like 127.0.0.1:53", s)
		}
		s = netip.AddrPortFrom(s.Addr().Unmap(), valueOr(s.Port(), 53))
		if !slices.Contains(complete, s) {
			complete = append(complete, s)
		}
	}
	return complete, nil
}

// Known returns the cached answer. It never waits, and does not allocate.
func (r *Resolver) Known(q helogate.Question) (*helogate.Answer, bool) {
	e, ok := r.cache.GetIfPresent(key(q))
	if !ok {
		return nil, false
	}
	return e.of(q.Kind), true
}

// Ask returns the answer from the cache, or else from DNS. If ctx ends before there is an answer, Ask returns a
// TempFail, which is not cached: the lookup goes on until the servers answer or Config.Deadline ends.
func (r *Resolver) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a, ok := r.Known(q); ok {
		return a
	}
	asked, err := plan(q)
	if err != nil {
		return r.unaskable(err)
	}
	if ctx.Err() != nil {
		return notInTime
	}
	r.counts.misses.Add(1)
	f := r.join(ctx, helogate.Question{Kind: key(q).Kind, Name: strings.Clone(q.Name)}, asked)
	if f == nil {
		return notInTime
	}
	select {
	case <-f.done:
		return f.entry.of(q.Kind)
	case <-ctx.Done():
	}
	select {
	case <-f.done: // done at the same moment: then there is an answer
		return f.entry.of(q.Kind)
	default:
		return notInTime
	}
}

var notInTime = &helogate.Answer{Status: helogate.TempFail, Note: "no answer in time"}

// unaskable answers a question that cannot be sent. A name that DNS cannot hold does not exist, now or later. An
// unknown kind is a programming error, which must not reject mail.
func (r *Resolver) unaskable(err error) *helogate.Answer {
	if err == errKind {
		return &helogate.Answer{Status: helogate.TempFail, Note: err.Error()}
	}
	return &helogate.Answer{Status: helogate.NXDomain, TTL: r.config.MaxTTL, Note: err.Error()}
}

// Stats are counts since the start, for metrics.
type Stats struct {
	Hits, Misses uint64 // questions answered by the cache; questions that were not
	Coalesced    uint64 // of the misses: those that joined a lookup in progress
	Sent, TCP    uint64 // messages sent to servers; of these over TCP
	Mismatched   uint64 // messages that do not match the query: forged, late or broken

	// Failures of single tries at single servers, by kind: timeout, servfail, refused, other_rcode, unreachable,
	// senseless, lame; and panic, which counts lookups that ended in a bug.
	Failures map[string]uint64

	InFlight int    // lookups in progress now
	Entries  int    // entries in the cache now
	Weight   uint64 // of Entries, in bytes

	Servers []ServerStats // in the order of the configuration
}

// ServerStats are the counts of one server since the start.
type ServerStats struct {
	Server        netip.AddrPort
	Tries, Failed uint64    // of the tries, those without a usable answer
	Down          bool      // it has not answered recently, and is asked last
	LastFailure   time.Time // zero if there was none
	LastError     string    // its description
}

// Stats returns the counts. It reads them one after the other, so they need not fit together exactly.
func (r *Resolver) Stats() Stats {
	s := Stats{
		Hits: r.cache.Stats().Hits, Misses: r.counts.misses.Load(), Coalesced: r.counts.coalesced.Load(),
		Sent: r.counts.sent.Load(), TCP: r.counts.tcp.Load(), Mismatched: r.counts.mismatched.Load(),
		Failures: make(map[string]uint64, failureKinds),
		InFlight: len(r.slots), Entries: r.cache.EstimatedSize(), Weight: r.cache.WeightedSize(),
	}
	for kind, name := range failureNames {
		s.Failures[name] = r.counts.failed[kind].Load()
	}
	for _, server := range r.servers {
		one := ServerStats{
			Server: server.addr, Tries: server.tries.Load(), Failed: server.failed.Load(), Down: server.down.active(r.now()),
		}
		if last := server.last.Load(); last != nil {
			one.LastFailure, one.LastError = last.at, last.text
		}
		s.Servers = append(s.Servers, one)
	}
	return s
}

// Close ends all lookups and background work, and waits for their end. Later questions are answered from the cache,
// or with a TempFail.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.wg.Wait()
	r.cache.StopAllGoroutines()
	for _, s := range r.servers {
		s.idle.close()
	}
}
