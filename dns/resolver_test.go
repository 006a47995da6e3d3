package dns

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

var _ helogate.Asker = (*Resolver)(nil)

// gate is a server that answers when the test opens it.
func gate(t *testing.T) (s *testdns.Server, open func()) {
	t.Helper()
	gate := make(chan struct{})
	open = sync.OnceFunc(func() { close(gate) })
	zone := records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1").add(helogate.A, "b.test", time.Minute, "192.0.2.2")
	s = start(t, zone, testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg { <-gate; return m }))
	t.Cleanup(open)
	return s, open
}

func TestOneFlightAQuestion(t *testing.T) {
	s, release := gate(t)
	r := open(t, Config{}, s)
	const askers = 50
	answers := make(chan *helogate.Answer)
	for i := range askers {
		kind := []helogate.Kind{helogate.A, helogate.CNAME}[i%2]
		go func() { answers <- ask(r, kind, "a.test") }()
	}
	until(t, "all but one join", func() bool { return r.Stats().Coalesced == askers-1 })
	if n := r.Stats().InFlight; n != 1 {
		t.Errorf("%d lookups in progress", n)
	}
	release()
	count := map[string]int{}
	for range askers {
		count[describe(<-answers)]++
	}
	want := map[string]int{`ok ["192.0.2.1"] 1m0s`: askers / 2, "nodata 1m0s": askers / 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
	if n := s.Queries(); n != 1 {
		t.Errorf("%d queries", n)
	}
}

// A lookup goes on when its first asker gives up. The asker's failure is not cached, the answer is.
func TestFlightGoesOn(t *testing.T) {
	s, release := gate(t)
	r := open(t, Config{}, s)
	ctx, cancel := context.WithCancel(context.Background())
	q := helogate.Question{Kind: helogate.A, Name: "a.test"}
	gaveUp := make(chan *helogate.Answer)
	go func() { gaveUp <- r.Ask(ctx, q) }()
	until(t, "the query arrives", func() bool { return s.Queries() == 1 })
	cancel()
	expect(t, <-gaveUp, "tempfail 0s: no answer in time")
	if _, ok := r.Known(q); ok {
		t.Error("a time-out of the asker is remembered")
	}
	misses := r.Stats().Misses
	expect(t, r.Ask(ctx, helogate.Question{Kind: helogate.A, Name: "b.test"}), "tempfail 0s: no answer in time")
	if r.Stats().Misses != misses {
		t.Error("an asker without time starts a lookup")
	}
	release()
	expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
	expect(t, r.Ask(ctx, q), `ok ["192.0.2.1"] 1m0s`) // from the cache, although no time is left
	if n := s.Queries(); n != 1 {
		t.Errorf("%d queries", n)
	}
}

func TestDeadlineOfAFlight(t *testing.T) {
	s := start(t, records{}, testdns.Always("drop"))
	r := open(t, Config{Timeout: time.Hour, Deadline: 50 * time.Millisecond}, s)
	expect(t, ask(r, helogate.A, "a.test"), "tempfail 30s: no answer from "+s.Addr().String()+" in time")
	if _, ok := r.Known(helogate.Question{Kind: helogate.A, Name: "a.test"}); !ok {
		t.Error("the failure is not remembered")
	}
}

func TestNoMoreFlightsThanSlots(t *testing.T) {
	s, release := gate(t)
	r := open(t, Config{MaxInFlight: 1}, s)
	answers := make(chan *helogate.Answer)
	go func() { answers <- ask(r, helogate.A, "a.test") }()
	until(t, "the query arrives", func() bool { return s.Queries() == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	expect(t, r.Ask(ctx, helogate.Question{Kind: helogate.A, Name: "b.test"}), "tempfail 0s: no answer in time")
	go func() { answers <- ask(r, helogate.A, "b.test") }()
	go func() { answers <- ask(r, helogate.A, "a.test") }()
	until(t, "who asks the same joins, and needs no slot", func() bool { return r.Stats().Coalesced == 1 })
	if n := s.Queries(); n != 1 {
		t.Errorf("%d queries with one slot", n)
	}
	release()
	<-answers
	<-answers
	<-answers
	if n := s.Queries(); n != 2 {
		t.Errorf("%d queries at the end", n)
	}
}

func TestClose(t *testing.T) {
	s, _ := gate(t)
	r := open(t, Config{}, s)
	answer := make(chan *helogate.Answer)
	go func() { answer <- ask(r, helogate.A, "a.test") }()
	until(t, "the query arrives", func() bool { return s.Queries() == 1 })
	r.Close() // and it does not wait for the server
	if a := <-answer; a.Status != helogate.TempFail {
		t.Error(describe(a))
	}
	if n := r.Stats().Entries; n != 0 {
		t.Error("what Close interrupted is remembered")
	}
	expect(t, ask(r, helogate.A, "b.test"), "tempfail 30s: the resolver is closed")
	expect(t, ask(r, helogate.CNAME, "b.test"), "tempfail 30s: the resolver is closed")
	r.Close()
}

func TestAPanicIsAFailure(t *testing.T) {
	r := open(t, Config{}, start(t, records{}))
	defer func(s []*server, l *slog.Logger) { r.servers = s; slog.SetDefault(l) }(r.servers, slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	r.servers = []*server{nil}
	expect(t, ask(r, helogate.A, "a.test"), "tempfail 30s: a bug in the resolver, see its log")
	if n := r.counts.failed[panicFailure].Load(); n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

func TestStats(t *testing.T) {
	s := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"), testdns.Misbehave("evil.test"))
	r := open(t, Config{}, s)
	for range 3 {
		ask(r, helogate.A, "a.test")
	}
	ask(r, helogate.A, "servfail.evil.test")
	ask(r, helogate.A, "tc.evil.test")
	want := Stats{Hits: 2, Misses: 3, Sent: 4, TCP: 1, Entries: 3, Failures: map[string]uint64{"servfail": 1}}
	none := cmpopts.IgnoreMapEntries(func(_ string, n uint64) bool { return n == 0 })
	if diff := cmp.Diff(want, r.Stats(), none, cmpopts.IgnoreFields(Stats{}, "Weight", "InFlight", "Servers")); diff != "" {
		t.Error(diff)
	}
	if w := r.Stats().Weight; w < 3*entryWeight {
		t.Errorf("3 entries weigh %d", w)
	}
}

// The limit of the cache limits memory, as far as a garbage collector allows a statement.
func TestCacheMemory(t *testing.T) {
	const bound = 16 << 20
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	c, err := newCache(bound, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.StopAllGoroutines()
	r := &Resolver{config: Config{MaxTTL: time.Hour, FailTTL: time.Hour}}
	for i := range 200_000 { // a flood of clients, each with a forward-confirmed name
		addr := fmt.Sprintf("2001:db8::%x:%x", i>>16, i&0xffff)
		name := fmt.Sprintf("host-%d.dynamic.example.org", i)
		c.Set(helogate.Question{Kind: helogate.PTR, Name: addr}, r.found(trail{
			kind: wire.TypePTR, status: helogate.OK, ttl: 3600, values: []string{name},
		}))
		c.Set(helogate.Question{Kind: helogate.A, Name: strings.Clone(name)}, r.found(trail{
			kind: wire.TypeA, status: helogate.OK, ttl: 3600, values: []string{strings.Clone(addr)},
		}))
	}
	c.CleanUp()
	grown := int64(heap() - before)
	t.Logf("%d entries weigh %d bytes and take %d", c.EstimatedSize(), c.WeightedSize(), grown)
	if w := c.WeightedSize(); w > bound {
		t.Errorf("weighs %d of %d", w, bound)
	}
	if grown > bound*5/4 {
		t.Errorf("takes %d bytes of memory, and should take no more than %d", grown, bound)
	}
	runtime.KeepAlive(c)
}

func TestCacheSizeIsHeeded(t *testing.T) {
	zone := records{}
	for i := range 100 {
		zone.add(helogate.A, fmt.Sprintf("a%d.test", i), time.Hour, "192.0.2.1")
	}
	r := open(t, Config{CacheSize: 20_000}, start(t, zone))
	for i := range 100 {
		ask(r, helogate.A, fmt.Sprintf("a%d.test", i))
	}
	r.cache.CleanUp()
	if st := r.Stats(); st.Weight > 20_000 || st.Entries > 50 {
		t.Errorf("%d entries that weigh %d, of 20000", st.Entries, st.Weight)
	}
}

func TestConfigErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for want, c := range map[string]Config{
		"dns: Timeout is negative; leave it 0 for the default":                      {Timeout: -1},
		"dns: CacheSize is negative; leave it 0 for the default":                    {CacheSize: -1},
		`dns: server "invalid AddrPort" has no address; give one like 127.0.0.1:53`: {Servers: make([]netip.AddrPort, 1)},
		"dns: no DNS servers are configured, and open " + dir + "/none: no such file or directory; name them in the configuration": {
			ResolvConf: dir + "/none",
		},
		"dns: " + dir + "/empty has no nameserver line; add one, or name the servers in the configuration": {
			ResolvConf: write("empty", "search example.org\n"),
		},
		"dns: " + dir + `/wrong: line 2: nameserver "ns.example.org" is not an address`: {
			ResolvConf: write("wrong", "\nnameserver ns.example.org\n"),
		},
	} {
		_, err := New(c)
		if err == nil || err.Error() != want {
			t.Errorf("the error is\n%v\nand should be\n%s", err, want)
		}
	}
}

func TestResolvConf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	text := "# by hand\ndomain example.org\nnameserver 192.0.2.53 # near\r\n nameserver\tfe80::1%eth0\n;nameserver 192.0.2.99\n" +
		"nameserver 192.0.2.53\noptions edns0 timeout:3 attempts:9\noptions ndots:2 timeout:x\nnameserver ::1\nnameserver"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{ResolvConf: file}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c.Servers), "[192.0.2.53:53 [fe80::1%eth0]:53 [::1]:53]"; got != want {
		t.Errorf("servers are %s, not %s", got, want)
	}
	if c.Timeout != 3*time.Second || c.Attempts != 5 {
		t.Errorf("timeout %v, attempts %d", c.Timeout, c.Attempts)
	}
	c = Config{ResolvConf: file, Timeout: time.Second, Attempts: 1}
	if err := c.complete(); err != nil || c.Timeout != time.Second || c.Attempts != 1 {
		t.Errorf("the configuration does not go before resolv.conf: %v, %d, %v", c.Timeout, c.Attempts, err)
	}
	c = Config{Servers: []netip.AddrPort{netip.MustParseAddrPort("[::ffff:192.0.2.1]:0")}}
	if err := c.complete(); err != nil || c.Servers[0].String() != "192.0.2.1:53" || c.Timeout != 2*time.Second || c.Attempts != 2 ||
		c.Deadline != 10*time.Second || c.MaxTTL != 24*time.Hour || c.FailTTL != 30*time.Second || c.CacheSize != 64<<20 || c.MaxInFlight != 2000 {
		t.Errorf("defaults are %+v, %v", c, err)
	}
}

func BenchmarkKnown(b *testing.B) {
	zone := records{}
	var questions []helogate.Question
	for i := range 1000 {
		name := fmt.Sprintf("mail%d.example.org", i)
		zone.add(helogate.A, name, time.Hour, "192.0.2.1")
		questions = append(questions, helogate.Question{Kind: helogate.A, Name: name})
	}
	r := open(b, Config{}, start(b, zone))
	for _, q := range questions {
		r.Ask(context.Background(), q)
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := r.Known(questions[i%len(questions)]); !ok {
				b.Fatal("not known")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				r.Known(questions[i%len(questions)])
			}
		})
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Known(helogate.Question{Kind: helogate.AAAA, Name: "mail.example.org"})
		}
	})
}

// BenchmarkAsk measures an uncached question to a server on this machine, both in this process.
func BenchmarkAsk(b *testing.B) {
	s := start(b, yes{})
	for _, far := range []bool{false, true} {
		b.Run(map[bool]string{false: "loopback", true: "fresh socket"}[far], func(b *testing.B) {
			r := open(b, Config{}, s)
			if far {
				remote(r, false)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if a := ask(r, helogate.A, fmt.Sprintf("a%d.test", i)); a.Status != helogate.OK {
					b.Fatal(describe(a))
				}
			}
		})
		b.Run(map[bool]string{false: "loopback, 32 askers", true: "fresh socket, 32 askers"}[far], func(b *testing.B) {
			r := open(b, Config{}, s)
			if far {
				remote(r, false)
			}
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				id := fmt.Sprintf("%p", pb)
				for i := 0; pb.Next(); i++ {
					if a := ask(r, helogate.A, fmt.Sprintf("a%d.%s.test", i, id)); a.Status != helogate.OK {
						b.Error(describe(a))
					}
				}
			})
		})
	}
}

// yes has an address for every name.
type yes struct{}

func (yes) Known(q helogate.Question) (*helogate.Answer, bool) {
	if q.Kind == helogate.A {
		return &helogate.Answer{Status: helogate.OK, Values: []string{"192.0.2.1"}, TTL: time.Hour}, true
	}
	return &helogate.Answer{Status: helogate.NoData, TTL: time.Hour}, true
}

func (z yes) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := z.Known(q)
	return a
}
