package trust

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/helogate/helogate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	morning = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	addrs   = cmpopts.EquateComparable(netip.Addr{})
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func inMemory(t testing.TB, c *clock, most int) *Store {
	t.Helper()
	s, err := Open(Config{Now: c.now, Max: most})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func question(addr string) helogate.Question {
	return helogate.Question{Kind: helogate.Trust, Name: addr}
}

// answer is what the store says of an address: the one value, or the status.
func answer(s *Store, addr string) string {
	a, ok := s.Known(question(addr))
	if !ok || len(a.Values) > 1 {
		return fmt.Sprintf("known %t, values %q", ok, a.Values)
	}
	if a.Status == helogate.OK {
		return a.Values[0]
	}
	return a.Status.String()
}

func TestKnown(t *testing.T) {
	c := &clock{morning}
	s := inMemory(t, c, 0)
	add := func(addr string, d time.Duration, comment string) {
		t.Helper()
		if _, err := s.Add(netip.MustParseAddr(addr), d, comment); err != nil {
			t.Fatal(err)
		}
	}
	add("192.0.2.1", 30*time.Minute, "POP login of jane")
	add("::ffff:192.0.2.2", time.Hour, "")
	add("2001:DB8::1%eth0", time.Second, "caf\xe9\n\x1b[2J")
	for _, c := range [][2]string{
		{"192.0.2.1", "until 2026-11-21 09:30 UTC: POP login of jane"},
		{"192.0.2.2", "until 2026-11-21 10:00 UTC"},
		{"2001:db8::1", `until 2026-11-21 09:00 UTC: caf\xe9\x0a\x1b[2J`},
		{"192.0.2.3", "nxdomain"},
		{"", "nxdomain"},
	} {
		if got := answer(s, c[0]); got != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
	if a := s.Ask(t.Context(), helogate.Question{Kind: helogate.A, Name: "192.0.2.1"}); a.Status != helogate.TempFail {
		t.Errorf("a question of another kind: %v", a)
	}
	if a := s.Ask(t.Context(), question("192.0.2.1")); a.Status != helogate.OK || a.TTL != 30*time.Minute {
		t.Errorf("Ask is not Known: %v", a)
	}
}

// An entry is trusted before its end and not at it, also before it is removed.
func TestExpiry(t *testing.T) {
	c := &clock{morning}
	s := inMemory(t, c, 0)
	if _, err := s.Add(netip.MustParseAddr("192.0.2.1"), time.Minute, ""); err != nil {
		t.Fatal(err)
	}
	c.at = morning.Add(time.Minute - 1)
	if got := answer(s, "192.0.2.1"); !strings.HasPrefix(got, "until") {
		t.Errorf("before its end: %s", got)
	}
	c.at = morning.Add(time.Minute)
	if got := answer(s, "192.0.2.1"); got != "nxdomain" {
		t.Errorf("at its end: %s", got)
	}
	if s.size.Load() != 1 {
		t.Error("Known takes no write lock, so it must not remove entries")
	}
	if s.Len() != 0 || s.size.Load() != 0 || len(s.expiries) != 0 {
		t.Error("the expired entry is still there")
	}
}

func TestRenew(t *testing.T) {
	c := &clock{morning}
	s := inMemory(t, c, 0)
	a := netip.MustParseAddr("192.0.2.1")
	for _, step := range []struct {
		wait, d time.Duration
		comment string
		want    string
	}{
		{0, 30 * time.Minute, "pop3 jane", "09:30 pop3 jane"},
		{10 * time.Minute, 30 * time.Minute, "pop3 john", "09:40 pop3 john"}, // the later end, with its comment
		{0, 5 * time.Minute, "pop3 jim", "09:40 pop3 john"},                  // does not shorten it
		{0, time.Hour, "", "10:10 pop3 john"},
	} {
		c.at = c.at.Add(step.wait)
		e, err := s.Add(a, step.d, step.comment)
		got := e.Until.Format("15:04 ") + e.Comment
		if err != nil || got != step.want {
			t.Errorf("got %s, %v, want %s", got, err, step.want)
		}
		if diff := cmp.Diff([]Entry{e}, s.List(), addrs); diff != "" {
			t.Error(diff)
		}
		if !e.Since.Equal(morning) {
			t.Errorf("trusted without a break since %s", e.Since)
		}
	}
	c.at = c.at.Add(2 * time.Hour)
	if e, _ := s.Add(a, time.Hour, ""); !e.Since.Equal(c.at) || e.Comment != "" {
		t.Errorf("after a break it is new: %v", e)
	}
}

func TestAddRefuses(t *testing.T) {
	s := inMemory(t, &clock{morning}, 0)
	for _, c := range []struct {
		addr string
		d    time.Duration
		want string
	}{
		{"", time.Hour, "the address is missing"},
		{"0.0.0.0", time.Hour, "0.0.0.0 cannot be the address of a client"},
		{"::", time.Hour, ":: cannot be the address of a client"},
		{"ff02::1", time.Hour, "cannot be the address of a client"},
		{"192.0.2.1", 0, "trusted for 1s to 30 days, not for 0s"},
		{"192.0.2.1", -time.Hour, "trusted for 1s to 30 days"},
		{"192.0.2.1", MinFor - 1, "trusted for 1s to 30 days"},
		{"192.0.2.1", MaxFor + 1, "write an [[exempt]] entry"},
	} {
		addr, _ := netip.ParseAddr(c.addr)
		if _, err := s.Add(addr, c.d, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v, want %q", c.addr, c.d, err, c.want)
		}
	}
	for _, d := range []time.Duration{MinFor, MaxFor} {
		if _, err := s.Add(netip.MustParseAddr("192.0.2.1"), d, ""); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(netip.MustParseAddr("192.0.2.2"), time.Hour, ""); err == nil {
		t.Error("added after Close")
	}
	if err := s.Close(); err != nil {
		t.Error("a second Close:", err)
	}
}

func TestCommentIsClipped(t *testing.T) {
	s := inMemory(t, &clock{morning}, 0)
	e, err := s.Add(netip.MustParseAddr("192.0.2.1"), time.Hour, strings.Repeat("long ", 1000))
	if err != nil || len(e.Comment) != maxComment || !strings.HasSuffix(e.Comment, "...") {
		t.Errorf("%d bytes, %v: %s", len(e.Comment), err, e.Comment)
	}
}

// A flood of logins fills the store up to its maximum. Expired entries make room, and their memory is given back.
func TestFull(t *testing.T) {
	c := &clock{morning}
	const most = 5000
	s := inMemory(t, c, most)
	a := netip.MustParseAddr("2001:db8::")
	for range most {
		if _, err := s.Add(a, time.Minute, ""); err != nil {
			t.Fatal(err)
		}
		a = a.Next()
	}
	if _, err := s.Add(a, time.Minute, ""); !errors.Is(err, ErrFull) || err.Error() != "no room: 5000 addresses are trusted, which is the maximum" {
		t.Errorf("one more: %v", err)
	}
	if _, err := s.Add(a.Prev(), time.Hour, ""); err != nil {
		t.Errorf("to renew needs no room: %v", err)
	}
	c.at = c.at.Add(2 * time.Minute)
	if _, err := s.Add(a, time.Minute, ""); err != nil || s.Len() != 2 {
		t.Errorf("room is not made: %v, %d left", err, s.Len())
	}
	if s.peak > leastRoom || cap(s.expiries) > leastRoom {
		t.Errorf("memory is not given back: room for %d and %d", s.peak, cap(s.expiries))
	}
	if got := answer(s, a.String()); !strings.HasPrefix(got, "until") {
		t.Errorf("lost on the way: %s", got)
	}
}

func TestRemove(t *testing.T) {
	c := &clock{morning}
	s := inMemory(t, c, 0)
	for _, a := range []string{"192.0.2.2", "192.0.2.1", "2001:db8::1"} {
		if _, err := s.Add(netip.MustParseAddr(a), time.Minute, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		addr string
		want bool
	}{{"192.0.2.3", false}, {"::ffff:192.0.2.2", true}, {"192.0.2.2", false}, {"2001:db8::1%eth0", true}} {
		if got := s.Remove(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: removed %t", c.addr, got)
		}
	}
	if s.Remove(netip.Addr{}) {
		t.Error("no address was there")
	}
	if l := s.List(); len(l) != 1 || l[0].Address.String() != "192.0.2.1" {
		t.Errorf("left are %v", l)
	}
	c.at = c.at.Add(time.Minute)
	if s.Remove(netip.MustParseAddr("192.0.2.1")) {
		t.Error("an expired entry was removed")
	}
}

// Whatever the order of calls, the store behaves as a map would.
func TestStoreIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{morning}
		s, _ := Open(Config{Now: c.now})
		model := map[netip.Addr]time.Time{}
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			return netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(1, 8).Draw(t, "address"))})
		})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				a, d := address.Draw(t, "a"), time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds"))*time.Second
				if _, err := s.Add(a, d, ""); err != nil {
					t.Fatal(err)
				}
				if end := c.at.Add(d); end.After(model[a]) {
					model[a] = end
				}
			},
			"remove": func(t *rapid.T) {
				a := address.Draw(t, "a")
				if was := s.Remove(a); was != c.at.Before(model[a]) {
					t.Fatalf("removed %s: %t", a, was)
				}
				delete(model, a)
			},
			"wait": func(t *rapid.T) {
				c.at = c.at.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "seconds")) * time.Second)
			},
			"look": func(t *rapid.T) {
				a := address.Draw(t, "a")
				want := c.at.Before(model[a])
				if known, _ := s.Known(question(a.String())); (known.Status == helogate.OK) != want {
					t.Fatalf("%s: %s", a, known.Status)
				}
				if e, ok := s.Get(a); ok != want || ok && e.Address != a {
					t.Fatalf("%s: %v, %t", a, e, ok)
				}
			},
			"": func(t *rapid.T) {
				want := 0
				for _, end := range model {
					if c.at.Before(end) {
						want++
					}
				}
				list := s.List()
				if len(list) != want || s.Len() != want || len(s.expiries) != want {
					t.Fatalf("%d entries, want %d", len(list), want)
				}
				for _, e := range list {
					if !e.Until.Equal(model[e.Address]) {
						t.Fatalf("%s ends %s, want %s", e.Address, e.Until, model[e.Address])
					}
				}
				if !slices.IsSortedFunc(list, func(a, b Entry) int { return a.Address.Compare(b.Address) }) {
					t.Fatal("not in order")
				}
			},
		})
	})
}

func TestConcurrent(t *testing.T) {
	s := inMemory(t, &clock{morning}, 0)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 2)})
			for range 500 {
				if _, err := s.Add(a, time.Minute, "again"); err != nil {
					t.Error(err)
				}
				s.Known(question(a.String()))
				s.List()
				s.Remove(a)
			}
		})
	}
	wg.Wait()
}

func TestKnownAllocatesNothing(t *testing.T) {
	s := inMemory(t, &clock{morning}, 0)
	if _, err := s.Add(netip.MustParseAddr("192.0.2.1"), time.Hour, "x"); err != nil {
		t.Fatal(err)
	}
	for _, q := range []helogate.Question{question("192.0.2.1"), question("192.0.2.2")} {
		if n := testing.AllocsPerRun(100, func() { s.Known(q) }); n != 0 {
			t.Errorf("%s: %v allocations", q.Name, n)
		}
	}
}

func BenchmarkKnown(b *testing.B) {
	for _, entries := range []int{0, 1, 100_000} {
		s, err := Open(Config{})
		if err != nil {
			b.Fatal(err)
		}
		a := netip.MustParseAddr("2001:db8::")
		for range entries {
			if _, err := s.Add(a, time.Hour, "pop3 jane"); err != nil {
				b.Fatal(err)
			}
			a = a.Next()
		}
		b.Run(fmt.Sprintf("no-of-%d", entries), func(b *testing.B) {
			q := question("192.0.2.1")
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					s.Known(q)
				}
			})
		})
	}
}
