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
	Servers    []netip.AddrPort // asked in this order, those that are down last; port 0 is 53; none: those of ResolvConf
	ResolvConf string           // read if there are no Servers; "" is /etc/resolv.conf
	Trusted    []netip.AddrPort // servers whose AD bit is believed; that of those on loopback always is

	Timeout  time.Duration // for one try at one server; 0 is what resolv.conf says, or 2s
	Attempts int           // rounds over the servers; 0 is what resolv.conf says, or 2
	Deadline time.Duration // the most that a flight may take, however long its askers would wait; 0 is 10s
	Flights  int           // how many may be under way; further ones wait for one to end; 0 is 2000

	MaxTTL    time.Duration // the most that an answer is believed; 0 is 24h
	FailTTL   time.Duration // how long a failure is remembered; 0 is 30s
	CacheSize int64         // bytes; 0 is 64 MiB
}

// A Resolver asks DNS servers, and remembers what they say. It is a [helogate.Asker] for the kinds PTR, A, AAAA, MX, TXT
// and CNAME. Values keep the escapes of presentation form (RFC 1035 section 5.1: \DDD, \. in names, \" and \\ in TXT), so
// that they hold printable ASCII and nothing else. It is safe for concurrent use. Close it when it is no longer needed.
type Resolver struct {
	config  Config
	servers []*server
	cache   cache
	now     func() time.Time
	counts  counts

	slots chan struct{} // one for each flight in the air
	ctx   context.Context
	stop  context.CancelFunc
	wg    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	flights map[helogate.Question]*inflight
	closed  bool
}

// New makes a resolver. It asks nothing yet. An error says what in the configuration, or in resolv.conf, is not right.
func New(c Config) (*Resolver, error) { return newResolver(c, nil) }

// newResolver lets tests bring their clock.
func newResolver(c Config, now func() time.Time) (*Resolver, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	cached, err := newCache(c.CacheSize, now)
	if err != nil {
		return nil, fmt.Errorf("dns: cache of %d bytes: %w", c.CacheSize, err)
	}
	r := &Resolver{
		config: c, cache: cached, now: now,
		slots: make(chan struct{}, c.Flights), flights: map[helogate.Question]*inflight{},
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

// complete checks a configuration, and fills in what it leaves open.
func (c *Config) complete() error {
	for name, negative := range map[string]bool{
		"Timeout": c.Timeout < 0, "Attempts": c.Attempts < 0, "Deadline": c.Deadline < 0, "Flights": c.Flights < 0,
		"MaxTTL": c.MaxTTL < 0, "FailTTL": c.FailTTL < 0, "CacheSize": c.CacheSize < 0,
	} {
		if negative {
			return fmt.Errorf("%s is negative; leave it 0 for the default", name)
		}
	}
	if len(c.Servers) == 0 {
		found, err := readResolvConf(orElse(c.ResolvConf, "/etc/resolv.conf"))
		if err != nil {
			return err
		}
		c.Servers = found.servers
		c.Timeout, c.Attempts = orElse(c.Timeout, found.timeout), orElse(c.Attempts, found.attempts)
	}
	var err error
	if c.Servers, err = withPorts(c.Servers); err != nil {
		return err
	}
	if c.Trusted, err = withPorts(c.Trusted); err != nil {
		return err
	}
	c.Timeout, c.Attempts = orElse(c.Timeout, 2*time.Second), orElse(c.Attempts, 2)
	c.Deadline, c.Flights = orElse(c.Deadline, 10*time.Second), orElse(c.Flights, 2000)
	c.MaxTTL, c.FailTTL = orElse(c.MaxTTL, 24*time.Hour), orElse(c.FailTTL, 30*time.Second)
	c.CacheSize = orElse(c.CacheSize, 64<<20)
	return nil
}

// orElse is v, or what to take if it is zero.
func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// withPorts gives servers the port 53 where they have none, and the one spelling of their address. Twice named is once
// asked.
func withPorts(servers []netip.AddrPort) ([]netip.AddrPort, error) {
	var complete []netip.AddrPort
	for _, s := range servers {
		if !s.Addr().IsValid() {
			return nil, fmt.Errorf("server %q has no address; give one like 127.0.0.1:53", s)
		}
		s = netip.AddrPortFrom(s.Addr().Unmap(), orElse(s.Port(), 53))
		if !slices.Contains(complete, s) {
			complete = append(complete, s)
		}
	}
	return complete, nil
}

// Known returns the answer that the cache has. It never waits, and costs no allocation.
func (r *Resolver) Known(q helogate.Question) (*helogate.Answer, bool) {
	e, ok := r.cache.GetIfPresent(key(q))
	if !ok {
		return nil, false
	}
	return e.of(q.Kind), true
}

// Ask returns the answer from the cache, or else from DNS. When ctx ends before it is there, that is a TempFail, which is
// not remembered: the servers are still being asked, until they answer or Config.Deadline is over.
func (r *Resolver) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a, ok := r.Known(q); ok {
		return a
	}
	asked, err := plan(q)
	if err != nil {
		return r.impossible(err)
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
	case <-f.landed:
		return f.entry.of(q.Kind)
	case <-ctx.Done():
	}
	select {
	case <-f.landed: // at the same moment: then it is an answer
		return f.entry.of(q.Kind)
	default:
		return notInTime
	}
}

var notInTime = &helogate.Answer{Status: helogate.TempFail, Note: "no answer in time"}

// impossible answers what DNS cannot be asked. What cannot be a name cannot exist, today or tomorrow; a kind that is not
// ours is somebody's mistake, and a mistake must not reject mail.
func (r *Resolver) impossible(err error) *helogate.Answer {
	if err == errKind {
		return &helogate.Answer{Status: helogate.TempFail, Note: err.Error()}
	}
	return &helogate.Answer{Status: helogate.NXDomain, TTL: r.config.MaxTTL, Note: err.Error()}
}

// Stats are counts since the start, for metrics.
type Stats struct {
	Hits, Misses uint64 // questions answered by the cache; questions that were not
	Coalesced    uint64 // of the misses: those that joined a flight already under way
	Sent, TCP    uint64 // messages sent to servers; of these over TCP
	PassedOver   uint64 // messages that were no reply to what was asked: forged, late or broken

	// Failures of single tries at single servers, by kind: timeout, servfail, refused, other_rcode, unreachable,
	// senseless, lame; and panic, which is a flight that ended in a bug of ours.
	Failures map[string]uint64

	Flights int    // in the air now
	Entries int    // in the cache now
	Weight  uint64 // of these, in bytes

	Servers []ServerStats // in the order of the configuration
}

// ServerStats are the counts of one server since the start.
type ServerStats struct {
	Server        netip.AddrPort
	Tries, Failed uint64    // of the tries, those without an answer, or with one that tells nothing
	Down          bool      // it has not answered lately, and is asked last
	LastFailure   time.Time // zero if there was none
	LastError     string    // what that was
}

// Stats returns the counts. They are read one after the other, so they may differ by what happens meanwhile.
func (r *Resolver) Stats() Stats {
	s := Stats{
		Hits: r.cache.Stats().Hits, Misses: r.counts.misses.Load(), Coalesced: r.counts.coalesced.Load(),
		Sent: r.counts.sent.Load(), TCP: r.counts.tcp.Load(), PassedOver: r.counts.passedOver.Load(),
		Failures: make(map[string]uint64, failureKinds),
		Flights:  len(r.slots), Entries: r.cache.EstimatedSize(), Weight: r.cache.WeightedSize(),
	}
	for kind, name := range failureNames {
		s.Failures[name] = r.counts.failed[kind].Load()
	}
	for _, server := range r.servers {
		one := ServerStats{
			Server: server.addr, Tries: server.tries.Load(), Failed: server.failed.Load(), Down: server.down.holds(r.now()),
		}
		if last := server.last.Load(); last != nil {
			one.LastFailure, one.LastError = last.at, last.text
		}
		s.Servers = append(s.Servers, one)
	}
	return s
}

// Close ends the flights in the air and all that runs in the background, and waits for it. What is asked afterwards is
// answered from the cache, or is a TempFail.
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
