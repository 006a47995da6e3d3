// Package callout asks the mail servers of a sender's domain whether they accept mail for the sender's address: the
// callback verification of WCSAP, the callout of Exim, the address verification of Postfix. It connects as a server
// that delivers a bounce does (RFC 5321 section 4.5.5), goes as far as RCPT, and quits; it never sends mail.
//
// That is a burden on the owners of domains that may only have been forged, and they may list this host for it. So the
// results are stored in a [state.Store], and limits apply to the rate and the number of callouts. See docs/callout.md.
//
// Anything but a definite answer, for whatever reason, is a tempfail.
package callout

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
	"github.com/helogate/helogate/internal/state"
)

// Config is what callouts need. Numbers that are 0 are the default.
type Config struct {
	Helo     string         // the name for EHLO, or an address literal; "" is the name of this host
	DNS      helogate.Asker // finds the mail hosts
	Store    state.Store    // remembers what was found; nil: memory alone does
	Own      []netip.Addr   // own addresses, to which those of this host are added: they are never asked
	Networks []netip.Prefix // own networks: their addresses are never asked

	Timeout       time.Duration // for a callout, all hosts of a domain together; 20s
	PerMX         int           // connections at once to one address of a mail host; 2
	PerDomainHour int           // callouts an hour about the addresses of an organisational domain; 10
	Concurrent    int           // callouts at once; 20
	PerMinute     int           // callouts a minute; 60
	Port          uint16        // that mail hosts listen on; 25

	Log *slog.Logger     // has a line for each callout; nil discards them
	Now func() time.Time // for what is remembered, and for how long; nil is time.Now

	// Dial connects to a mail server; nil uses the network. AllowLoopback permits this host. Both are for tests.
	Dial          func(context.Context, netip.AddrPort) (net.Conn, error)
	AllowLoopback bool
}

// A Caller is a helogate.Asker for the kind helogate.Callout. It is safe for concurrent use. Close it when it is no
// longer needed.
type Caller struct {
	config   Config
	own      []netip.Addr
	ownNames []string // own addresses and names: a refusal that names one is about this host
	random   func() string
	memory   memory
	limits   limits
	counts   counts

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	flights map[string]*inflight
	trying  map[string]chan struct{} // domains that are being tested with a random address
	closed  bool
}

const stopping = "helogate is stopping"

// maxMemory limits the entries in memory, which take some 500 bytes each.
const maxMemory = 20_000

// New makes a Caller. It makes no connection yet. An error says what is wrong in the configuration.
func New(c Config) (*Caller, error) { return newCaller(c, interfaces()) }

// newCaller lets tests set the addresses of this host.
func newCaller(c Config, here []netip.Addr) (*Caller, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("callout: %w", err)
	}
	out := &Caller{
		config: c, ownNames: []string{strings.ToLower(c.Helo)}, memory: newMemory(maxMemory),
		random:  func() string { return "helogate-" + strings.ToLower(rand.Text()) },
		limits:  newLimits(c.PerMinute, c.PerDomainHour, c.PerMX),
		flights: map[string]*inflight{}, trying: map[string]chan struct{}{},
	}
	for _, a := range slices.Concat(c.Own, here) {
		out.own = append(out.own, a.Unmap())
		out.ownNames = append(out.ownNames, a.Unmap().String())
	}
	out.ctx, out.stop = context.WithCancel(context.Background())
	return out, nil
}

// complete checks a configuration, and fills in what it leaves open.
func (c *Config) complete() error {
	if c.DNS == nil {
		return errors.New("there is no DNS to find mail hosts with")
	}
	for name, n := range map[string]int{
		"per_mx": c.PerMX, "per_domain_hour": c.PerDomainHour, "concurrent": c.Concurrent, "per_minute": c.PerMinute, "timeout": int(c.Timeout),
	} {
		if n < 0 {
			return fmt.Errorf("%s is below zero", name)
		}
	}
	if c.Helo == "" {
		c.Helo, _ = os.Hostname() // "" is no name
	}
	if k := hostname.ParseHelo(c.Helo).Form; k != hostname.FQDN && k != hostname.Literal {
		return fmt.Errorf("%q cannot be used as a HELO name, since it is %s: set helo to a forward-confirmed name of this host", c.Helo, k)
	}
	c.Timeout = cmp.Or(c.Timeout, 20*time.Second)
	c.PerMX, c.PerDomainHour = cmp.Or(c.PerMX, 2), cmp.Or(c.PerDomainHour, 10)
	c.Concurrent, c.PerMinute = cmp.Or(c.Concurrent, 20), cmp.Or(c.PerMinute, 60)
	c.Port = cmp.Or(c.Port, 25)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to.String())
		}
	}
	return nil
}

// Close ends the callouts that are under way. Later ones are tempfails.
func (c *Caller) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wg.Wait()
}

// Known returns what memory has about the address in q, or about its whole domain. It never waits.
func (c *Caller) Known(q helogate.Question) (*helogate.Answer, bool) {
	a := c.remembered(q)
	if a != nil {
		c.counts.remembered.Add(1)
	}
	return a, a != nil
}

// Ask returns what is remembered about the address in q, or asks its mail servers. Beyond a limit the answer is a
// tempfail at once. A callout that outlasts ctx continues, for the next question.
func (c *Caller) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a := c.recalled(ctx, q); a != nil {
		c.counts.remembered.Add(1)
		return a
	}
	f, beyond := c.fly(q.Name)
	if f == nil {
		return tempFail(beyond)
	}
	select {
	case <-f.done:
		return f.answer
	case <-ctx.Done():
		return tempFail("no answer yet: the callout goes on")
	}
}

// Peek returns what is remembered about the address in q, in memory or in the store, or NXDomain. It makes no callout.
func (c *Caller) Peek(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a := c.recalled(ctx, q); a != nil {
		return a
	}
	return &helogate.Answer{Status: helogate.NXDomain}
}

// remembered returns what is in memory, or nil. What is known of a domain applies to all its addresses.
func (c *Caller) remembered(q helogate.Question) *helogate.Answer {
	if q.Kind != helogate.Callout {
		return tempFail("no question about a callout")
	}
	if name, ok := parsed.CalloutName(q.Name); !ok || name != q.Name {
		return tempFail("no callout for what is not a mailbox")
	}
	now := c.config.Now()
	if a := c.memory.get(domainOf(q.Name), now); a != nil && isAnswer(a) {
		return a
	}
	return c.memory.get(q.Name, now)
}

// recalled is remembered, plus what is in the store.
func (c *Caller) recalled(ctx context.Context, q helogate.Question) *helogate.Answer {
	if a := c.remembered(q); a != nil || c.config.Store == nil {
		return a
	}
	now := c.config.Now()
	for _, key := range [...]string{domainOf(q.Name), q.Name} {
		r, is, err := c.config.Store.Get(ctx, state.Callout, state.Key(key), now)
		if err != nil { // a callout now would be repeated for each mail
			return tempFail("what callouts have found cannot be read: " + err.Error())
		}
		if is && isValid(r.Value) {
			c.memory.put(key, &helogate.Answer{Status: helogate.OK, Values: []string{r.Value}, TTL: r.Expires.Sub(r.Last)}, now, r.Expires)
		}
	}
	return c.remembered(q)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// A flight is a callout under way.
type inflight struct {
	done   chan struct{}
	answer *helogate.Answer // read it after done
}

// fly joins the callout about an address that is under way, or begins one; nil if that is beyond a limit.
func (c *Caller) fly(address string) (f *inflight, beyond string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[address]; f != nil {
		return f, ""
	}
	if a := c.remembered(helogate.Question{Kind: helogate.Callout, Name: address}); a != nil { // it has just come in
		f = &inflight{done: make(chan struct{}), answer: a}
		close(f.done)
		return f, ""
	}
	domain := domainOf(address)
	switch {
	case c.closed:
		beyond = stopping
	case len(c.flights) >= c.config.Concurrent:
		beyond = strconv.Itoa(c.config.Concurrent) + " callouts are under way, and there may be no more at once"
	default: // by organisational domain: its owner can make any number of names below it
		beyond = c.limits.take(cmp.Or(hostname.Org(domain), domain), c.config.Now())
	}
	if beyond != "" {
		c.counts.limited.Add(1)
		return nil, beyond
	}
	f = &inflight{done: make(chan struct{})}
	c.flights[address] = f
	c.wg.Go(func() { c.run(f, address) })
	return f, ""
}

func (c *Caller) run(f *inflight, address string) {
	ctx, cancel := context.WithTimeout(c.ctx, c.config.Timeout)
	defer cancel()
	began := c.config.Now()
	r := c.call(ctx, address)
	c.log(address, r, c.config.Now().Sub(began))
	f.answer = c.remember(address, r)
	c.counts.add(r)
	c.mu.Lock()
	delete(c.flights, address)
	c.mu.Unlock()
	close(f.done)
}

func (c *Caller) log(address string, r result, took time.Duration) {
	said := []any{"address", address, "result", cmp.Or(r.value, "inconclusive")}
	if r.value == "" {
		said = append(said, "reason", r.answer().Note)
	}
	if r.domain != "" {
		said = append(said, "domain", r.domain)
	}
	if r.host != "" {
		said = append(said, "host", r.host)
	}
	c.config.Log.Info("callout", append(said, "duration_ms", took.Milliseconds())...)
}
