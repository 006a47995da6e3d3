package dns

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// records is a zone with authentic answers, own TTLs and aliases of reverse names, which a literal zone cannot have.
type records map[helogate.Question]*helogate.Answer

func (z records) Known(q helogate.Question) (*helogate.Answer, bool) {
	if a, ok := z[q]; ok {
		return a, true
	}
	for owned := range z {
		if owned.Name == q.Name {
			return &helogate.Answer{Status: helogate.NoData, TTL: 5 * time.Minute, Authentic: true}, true
		}
	}
	return &helogate.Answer{Status: helogate.NXDomain, TTL: 10 * time.Minute, Authentic: true}, true
}

func (z records) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := z.Known(q)
	return a
}

func (z records) add(kind helogate.Kind, name string, ttl time.Duration, values ...string) records {
	z[helogate.Question{Kind: kind, Name: name}] = &helogate.Answer{Status: helogate.OK, Values: values, TTL: ttl, Authentic: true}
	return z
}

func start(t testing.TB, zone helogate.Asker, opts ...testdns.Option) *testdns.Server {
	t.Helper()
	s, err := testdns.Start(zone, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// open makes a resolver that asks these servers, with a long timeout unless the test sets one.
func open(t testing.TB, c Config, servers ...*testdns.Server) *Resolver {
	t.Helper()
	return openAt(t, c, nil, servers...)
}

func openAt(t testing.TB, c Config, now func() time.Time, servers ...*testdns.Server) *Resolver {
	t.Helper()
	for _, s := range servers {
		c.Servers = append(c.Servers, s.Addr())
	}
	c.Timeout = valueOr(c.Timeout, 20*time.Second)
	c.Deadline = valueOr(c.Deadline, 30*time.Second)
	r, err := newWithClock(c, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// remote makes a resolver treat its servers as remote ones.
func remote(r *Resolver, trusted bool) *Resolver {
	for _, s := range r.servers {
		s.local, s.trusted, s.idle.conns = false, trusted, nil
	}
	return r
}

func ask(r *Resolver, kind helogate.Kind, name string) *helogate.Answer {
	return r.Ask(context.Background(), helogate.Question{Kind: kind, Name: name})
}

// describe writes an answer on one line.
func describe(a *helogate.Answer) string {
	s := a.Status.String()
	if a.Values != nil {
		s += fmt.Sprintf(" %q", a.Values)
	}
	s += " " + a.TTL.String()
	if a.Note != "" {
		s += ": " + a.Note
	}
	return s
}

func expect(t *testing.T, a *helogate.Answer, want string) {
	t.Helper()
	if got := describe(a); got != want {
		t.Errorf("answer is\n%s\nand should be\n%s", got, want)
	}
}

// until waits for a condition that another goroutine will meet.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// fakeClock is a clock that the test sets.
type fakeClock struct{ nano atomic.Int64 }

func newHand() *fakeClock {
	h := new(fakeClock)
	h.nano.Store(time.Now().UnixNano())
	return h
}

func (h *fakeClock) now() time.Time       { return time.Unix(0, h.nano.Load()) }
func (h *fakeClock) turn(d time.Duration) { h.nano.Add(int64(d)) }

// unusedAddress is an address of this machine without a listener.
func unusedAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	s, err := testdns.Start(records{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	return s.Addr()
}
