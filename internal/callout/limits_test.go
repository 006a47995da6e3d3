package callout

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// zoneOf is the DNS of domains that have one mail host each.
func zoneOf(domains ...string) string {
	var b strings.Builder
	for i, d := range domains {
		fmt.Fprintf(&b, "%s A 192.0.2.%d\n", d, i+1)
	}
	return b.String()
}

// An organisation is asked so often an hour, whatever names below its own it makes up, and all together so often a
// minute.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.caller(zoneOf("example.org", "a.example.org", "example.com", "example.net"), func(c *Config) { c.PerDomainHour, c.PerMinute = 3, 5 })
		for i, step := range []struct {
			after   time.Duration
			address string
			want    string // "" means that a host is asked
		}{
			{0, "1@example.org", ""}, {0, "2@example.org", ""}, {0, "3@a.example.org", ""},
			{0, "4@example.org", "tempfail: 3 callouts an hour for example.org are used up"},
			{0, "4@a.example.org", "tempfail: 3 callouts an hour for example.org are used up"},
			{0, "1@example.com", ""}, {0, "2@example.com", ""},
			{0, "1@example.net", "tempfail: 5 callouts a minute are used up"},
			{time.Minute - 1, "1@example.net", "tempfail: 5 callouts a minute are used up"},
			{1, "1@example.net", ""},
			{59*time.Minute - 1, "4@example.org", "tempfail: 3 callouts an hour for example.org are used up"},
			{1, "4@example.org", ""}, {0, "5@example.org", ""}, {0, "6@example.org", ""},
			{0, "7@example.org", "tempfail: 3 callouts an hour for example.org are used up"},
		} {
			time.Sleep(step.after)
			w.asked()
			got := ask(t, c, step.address)
			if asked := w.asked() != ""; step.want == "" && !asked || step.want != "" && (asked || got != step.want) {
				t.Errorf("step %d, %s: %s, asked %t", i, step.address, got, asked)
			}
		}
		if n := c.Stats().Limited; n != 6 {
			t.Errorf("%d are counted as beyond a limit", n)
		}
	})
}

// What a limit forbade is nothing that is known of an address.
func TestLimitIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.caller(zoneOf("example.org"), func(c *Config) { c.PerMinute = 1 })
		ask(t, c, "1@example.org")
		ask(t, c, "2@example.org")
		if a, ok := c.Known(question("2@example.org")); ok {
			t.Errorf("known is %s", word(a))
		}
	})
}

// So many callouts at once, and so many connections to a host; whoever comes next is not kept waiting.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {"hang"}, "192.0.2.2": {"hang"}})
		c := w.caller("example.org A 192.0.2.1\nexample.com A 192.0.2.1\nexample.net A 192.0.2.2", func(c *Config) { c.Concurrent = 3 })
		answers := make(chan string, 4)
		begin := func(address string) {
			go func() { answers <- ask(t, c, address) }()
			synctest.Wait()
		}
		begin("1@example.org")
		begin("1@example.com")
		began := time.Now()
		want := "tempfail: 2 callouts at example.com [192.0.2.1] are under way, and there may be no more at once"
		if got := ask(t, c, "2@example.com"); got != want {
			t.Errorf("a third at one host: %s", got)
		}
		if a, ok := c.Known(question("2@example.com")); ok {
			t.Errorf("that is remembered: %s", word(a))
		}
		begin("1@example.net")
		if got, want := ask(t, c, "2@example.net"), "tempfail: 3 callouts are under way, and there may be no more at once"; got != want {
			t.Errorf("a fourth: %s", got)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s to say no", took)
		}
		for range 3 {
			<-answers
		}
		if len(c.limits.hosts) != 0 || c.Stats().InFlight != 0 {
			t.Errorf("%v are still connected", c.limits.hosts)
		}
	})
}

// However many domains and addresses there are, the room that they take has an end.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(60, 10, 2)
		most := 0
		for i := range 20_000 {
			l.take(fmt.Sprintf("d%d.example", i), time.Now())
			time.Sleep(time.Second)
			if i%100 == 0 {
				most = max(most, l.domains.Len(time.Now()))
			}
		}
		if most > 3600 || most < 3600-100 {
			t.Errorf("%d domains", most)
		}
		if n := l.minute.has(time.Now(), time.Minute); n > 60 || cap(l.minute) > 200 {
			t.Errorf("%d of the last minute, room for %d", n, cap(l.minute))
		}
	})
	m := newMemory(200)
	now := time.Now()
	for i := range 10_000 {
		m.put(fmt.Sprint(i), found(accepts, 1), now, now.Add(time.Hour))
		if i%100 == 0 && m.Len(now) > 200 {
			t.Fatalf("%d entries", m.Len(now))
		}
		if i > 0 && m.get(fmt.Sprint(i-1), now) == nil {
			t.Fatal("what was put last is lost")
		}
	}
}

// The newer of two entries is the one that counts, also when it is over sooner.
func TestMemoryReplaces(t *testing.T) {
	m, now := newMemory(2), time.Now()
	m.put("a", found(accepts, 1), now, now.Add(time.Hour))
	m.put("b", found(accepts, 1), now, now.Add(time.Hour))
	m.put("b", found(acceptsAll, 1), now, now.Add(time.Minute))
	if got := word(m.get("b", now)); got != acceptsAll {
		t.Error(got)
	}
	if got := m.get("b", now.Add(time.Minute)); got != nil {
		t.Errorf("an older entry is back: %s", word(got))
	}
}
