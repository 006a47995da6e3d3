package hammering

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hand is a clock that the test turns.
type hand struct{ time.Time }

func (h *hand) now() time.Time { return h.Time }

func (h *hand) turn(d time.Duration) { h.Time = h.Add(d) }

func open(c Config) (*Tracker, *hand) {
	h := &hand{noon}
	c.Now = h.now
	return New(c), h
}

func ask(b *Tracker, client string) string {
	a := b.Ask(context.Background(), helogate.Question{Kind: helogate.Hammering, Name: client})
	return strings.TrimSpace(fmt.Sprintf("%s %s", a.Status, strings.Join(a.Values, ";")))
}

func expect(t *testing.T, b *Tracker, client, want string) {
	t.Helper()
	if got := ask(b, client); got != want {
		t.Errorf("%s: %s, want %s", client, got, want)
	}
}

func TestBook(t *testing.T) {
	b, clock := open(Config{Tries: 3, Within: 16 * time.Minute})
	client := netip.MustParseAddr("192.0.2.1")
	expect(t, b, "192.0.2.1", "nxdomain")
	b.Rejected(client, clock.now())
	clock.turn(5 * time.Minute)
	b.Rejected(client, clock.now())
	expect(t, b, "192.0.2.1", "nxdomain")
	b.Rejected(client, clock.now())
	expect(t, b, "192.0.2.1", "ok 3 rejections since 2026-03-01T12:00:00Z")
	expect(t, b, "192.0.2.2", "nxdomain")
	b.Rejected(client, clock.now())
	expect(t, b, "192.0.2.1", "ok 4 rejections since 2026-03-01T12:00:00Z")
	clock.turn(11*time.Minute - 1) // one nanosecond before the first is too old
	expect(t, b, "192.0.2.1", "ok 4 rejections since 2026-03-01T12:00:00Z")
	clock.turn(1)
	expect(t, b, "192.0.2.1", "ok 3 rejections since 2026-03-01T12:05:00Z")
	clock.turn(5 * time.Minute)
	expect(t, b, "192.0.2.1", "nxdomain")

	a, known := b.Known(helogate.Question{Kind: helogate.Trust, Name: "192.0.2.1"})
	if a.Status != helogate.TempFail || !known {
		t.Errorf("a question about trust: %v", a)
	}
}

func TestClients(t *testing.T) {
	b, clock := open(Config{Tries: 1, Within: time.Minute})
	for _, client := range []string{"192.0.2.1", "2001:db8:0:1::1", "::ffff:192.0.2.7", "fe80::1%eth0"} {
		b.Rejected(netip.MustParseAddr(client), clock.now())
	}
	b.Rejected(netip.Addr{}, clock.now())
	const is, no = "ok 1 rejections since 2026-03-01T12:00:00Z", "nxdomain"
	for client, want := range map[string]string{
		"192.0.2.1": is, "192.0.2.2": no, "192.0.2.7": is,
		"2001:db8:0:1::1": is, "2001:db8:0:1:ffff::1": is, "2001:db8:0:2::1": no, "::1": no,
		"fe80::1": is, "": no, "mx.example.org": no,
	} {
		expect(t, b, client, want)
	}
	if b.Len() != 4 {
		t.Errorf("%d clients are remembered", b.Len())
	}
}

// A client that is not rejected any more is forgotten, and of too many, those that were rejected once.
func TestBounds(t *testing.T) {
	b, clock := open(Config{Tries: 1, Within: time.Minute, Max: 100})
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}) }
	for range 3 {
		b.Rejected(client(10_000), clock.now())
	}
	for i := range 10_000 {
		b.Rejected(client(i), clock.now())
	}
	if n := b.Len(); n > 100 || n < 50 {
		t.Errorf("%d clients are remembered", n)
	}
	expect(t, b, client(9_999).String(), "ok 1 rejections since 2026-03-01T12:00:00Z")
	expect(t, b, client(9_900).String(), "nxdomain")
	expect(t, b, client(10_000).String(), "ok 3 rejections since 2026-03-01T12:00:00Z")
	clock.turn(time.Minute)
	b.Rejected(client(1), clock.now())
	if n := b.Len(); n != 1 {
		t.Errorf("%d clients are remembered after a minute", n)
	}
}

// A client is never called to account for what is older than Within, and nothing that is younger than 15/16 of it is
// forgotten, whatever the order in which rejections are told.
func TestCountIsExactEnough(t *testing.T) {
	const within = 16 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		tries := rapid.IntRange(1, 5).Draw(t, "tries")
		b, clock := open(Config{Tries: tries, Within: within})
		client := netip.MustParseAddr("192.0.2.1")
		var all []time.Time
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			clock.turn(time.Duration(rapid.Int64Range(0, int64(6*time.Minute)).Draw(t, "turn")))
			at := clock.now().Add(-time.Duration(rapid.SampledFrom([]int64{0, 0, 0, int64(time.Minute), int64(20 * time.Minute)}).Draw(t, "late")))
			b.Rejected(client, at)
			all = append(all, at)
			clock.turn(time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "wait")))
			surely, perhaps := 0, 0
			for _, x := range all {
				if age := clock.Sub(x); age <= within*15/16 {
					surely++
				} else if age < within {
					perhaps++
				}
			}
			got := 0
			fmt.Sscanf(ask(b, "192.0.2.1"), "ok %d", &got)
			if got < tries && surely >= tries || got >= tries && (got < surely || got > surely+perhaps) || got > 0 && got < tries {
				t.Fatalf("%d, of %d within 15/16 and %d more", got, surely, perhaps)
			}
		}
	})
}

func TestTogether(t *testing.T) {
	b, m := New(Config{Tries: 3, Within: time.Minute, Max: 50}), NewLogLimiter()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2_000 {
				client := netip.AddrFrom4([4]byte{192, 0, 2, byte(i * (g + 1))})
				b.Rejected(client, time.Now())
				ask(b, client.String())
				m.Say(client, time.Now())
				b.Len()
			}
		})
	}
	wg.Wait()
	if n := b.Len(); n > 50 || n < 25 {
		t.Errorf("%d clients are remembered", b.Len())
	}
}

func TestKnownAllocatesNothingForOthers(t *testing.T) {
	b, clock := open(Config{Tries: 1, Within: time.Minute})
	q := helogate.Question{Kind: helogate.Hammering, Name: "192.0.2.2"}
	for range 2 {
		if n := testing.AllocsPerRun(100, func() { b.Known(q) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		b.Rejected(netip.MustParseAddr("192.0.2.1"), clock.now())
	}
}

func BenchmarkKnown(b *testing.B) {
	for _, c := range []struct {
		name, client string
		tries        int
	}{{"nobody", "192.0.2.1", 2}, {"another", "203.0.113.1", 1}, {"another6", "2001:db8::1", 1}, {"it", "192.0.2.1", 1}} {
		b.Run(c.name, func(b *testing.B) {
			book := New(Config{Tries: c.tries, Within: time.Hour})
			for i := range 50_000 {
				book.Rejected(netip.AddrFrom4([4]byte{192, 0, byte(2 + i>>8), byte(i)}), time.Now())
			}
			book.Rejected(netip.MustParseAddr("192.0.2.1"), time.Now())
			q := helogate.Question{Kind: helogate.Hammering, Name: c.client}
			b.ReportAllocs()
			for b.Loop() {
				book.Known(q)
			}
		})
	}
}

func BenchmarkRejected(b *testing.B) {
	book, now := New(Config{Tries: 30, Within: time.Hour}), time.Now()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		book.Rejected(netip.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
}
