package blocklist

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/internal/testlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dns is a DNS that a test changes, and whose cache is empty.
type dns struct {
	mu    sync.Mutex
	zone  *helogate.Zone
	all   string // what every name below bl.example has; "" is nothing
	slow  time.Duration
	asked int
}

func newDNS(text string) *dns { return &dns{zone: helogate.MustZone(text)} }

func (d *dns) become(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.zone = helogate.MustZone(text)
}

// answerAll gives every name below bl.example an address.
func (d *dns) answerAll(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = address
}

// questions is how many were asked.
func (d *dns) questions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *dns) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

func (d *dns) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	d.mu.Lock()
	zone, all, slow := d.zone, d.all, d.slow
	d.asked++
	d.mu.Unlock()
	if slow > 0 {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return &helogate.Answer{Status: helogate.TempFail, Note: "no answer in time"}
		}
	}
	if all != "" && strings.HasSuffix(q.Name, ".bl.example") {
		return &helogate.Answer{Status: helogate.OK, Values: []string{all}}
	}
	return zone.Ask(ctx, q)
}

const healthy = `
	2.0.0.127.bl.example A 127.0.0.2
	9.2.0.192.bl.example A 127.0.0.2`

func codes(t testing.TB, text ...string) check.Codes {
	t.Helper()
	c, err := check.ParseCodes(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bl(t testing.TB) Zone {
	return Zone{Zone: "bl.example", Family: check.DNSBL, Codes: codes(t, "127.0.0.2-127.0.0.11"), Addresses: true, Test: true}
}

// running starts a guard in a bubble of synctest, and ends it with the test.
func running(t *testing.T, d helogate.Asker, s Settings) (*Monitor, *testlog.Buffer) {
	t.Helper()
	log := &testlog.Buffer{}
	g := New(Config{Ask: d, Log: slog.New(slog.NewTextHandler(log, nil)), Settings: s})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return g, log
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// aside is why a zone is set aside, "" if it is in use.
func aside(t testing.TB, g *Monitor, zone string) string {
	t.Helper()
	q := helogate.Question{Kind: helogate.Suspended, Name: zone}
	a, ok := g.Known(q)
	if !ok || g.Ask(context.Background(), q) == nil {
		t.Fatal("it is not known whether a list is set aside")
	}
	if a.Status != helogate.OK {
		return ""
	}
	return a.Values[0]
}

func ask(g *Monitor, n int) *helogate.Answer {
	return g.Ask(context.Background(), helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.%d.2.192.bl.example", n%256, n/256)})
}

// stateOf is the state of the only zone.
func stateOf(g *Monitor) ZoneState { return g.State()[0] }

// Each list is tested at the start by what RFC 5782 section 5 asks of it.
func TestTestEntries(t *testing.T) {
	const test6, free6 = "2" + mapped127, "1" + mapped127
	for _, c := range []struct{ name, uses, zone, want string }{
		{"addresses", "addresses", "2.0.0.127.bl.example A 127.0.0.2", ""},
		{"a code that nobody wants is a listing here", "addresses", "2.0.0.127.bl.example A 127.0.5.5", ""},
		{"IPv6 alone", "addresses", test6 + "bl.example A 127.0.0.2", ""},
		{"names", "names", "test.bl.example A 127.0.0.2", ""},
		{"both, by addresses", "addresses names", "2.0.0.127.bl.example A 127.0.0.2", ""},
		{"both, by names", "addresses names", "test.bl.example A 127.0.0.2", ""},
		{"both, and addresses are refused", "addresses names", "test.bl.example A 127.0.1.2\n2.0.0.127.bl.example A 127.0.1.255\n1.0.0.127.bl.example A 127.0.1.255", ""},
		{"empty", "addresses", "", "its test entry 127.0.0.2 is not listed (RFC 5782 section 5)"},
		{"no names", "names", "2.0.0.127.bl.example A 127.0.0.2", "its test entry TEST is not listed (RFC 5782 section 5)"},
		{"the world", "addresses", "2.0.0.127.bl.example A 127.0.0.2\n1.0.0.127.bl.example A 127.0.0.2", "it lists 127.0.0.1 (127.0.0.2), which no list does: it lists the world"},
		{"the world alone", "addresses", "1.0.0.127.bl.example A 127.0.0.4", "it lists 127.0.0.1 (127.0.0.4), which no list does: it lists the world"},
		{"the world in IPv6", "addresses", test6 + "bl.example A 127.0.0.2\n" + free6 + "bl.example A 127.0.0.2", "it lists ::ffff:7f00:1 (127.0.0.2), which no list does: it lists the world"},
		{"the world of names", "addresses names", "invalid.bl.example A 127.0.0.2\ntest.bl.example A 127.0.0.2", "it lists INVALID (127.0.0.2), which no list does: it lists the world"},
		{"refused", "addresses", "2.0.0.127.bl.example A 127.255.255.254", "asked about its test entry 127.0.0.2, it answers 127.255.255.254: query refused: the list does not answer public resolvers; use a local resolver, or a key of the list"},
		{"parked", "addresses", "2.0.0.127.bl.example A 203.0.113.7\n1.0.0.127.bl.example A 203.0.113.7", "asked about its test entry 127.0.0.1, it answers 203.0.113.7: no answer of a DNS list: its domain was abandoned, or a resolver answers for names that do not exist"},
		{"silent for now", "addresses", "2.0.0.127.bl.example A tempfail", ""},
		{"the world, but for names", "addresses names", "1.0.0.127.bl.example A 127.0.0.2\ntest.bl.example A 127.0.0.2", "it lists 127.0.0.1 (127.0.0.2), which no list does: it lists the world"},
		{"not tested", "addresses untested", "1.0.0.127.bl.example A 127.0.0.2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := bl(t)
				z.Addresses, z.Names = strings.Contains(c.uses, "addresses"), strings.Contains(c.uses, "names")
				z.Test = !strings.Contains(c.uses, "untested")
				d := newDNS(c.zone)
				g, log := running(t, d, Settings{Zones: []Zone{z}})
				if got := aside(t, g, "bl.example"); got != c.want {
					t.Errorf(" got %s\nwant %s", got, c.want)
				}
				if said := strings.Contains(log.String(), "level=ERROR msg=\"a DNS list is set aside: nothing follows from it any more\" zone=bl.example family=dnsbl why="); said != (c.want != "") {
					t.Errorf("the log says %s", log)
				}
				if n := d.questions(); n == 0 != !z.Test {
					t.Errorf("%d questions", n)
				}
			})
		})
	}
}

// An allow-list that is over its limits answers high trust, or a code of its own.
func TestAllowList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := Zone{Zone: "wl.example", Family: check.DNSWL, Codes: codes(t, "127.0.10.0/24"), Addresses: true, Test: true}
		other := z
		other.Zone = "other.example"
		g, _ := running(t, newDNS(`
			2.0.0.127.wl.example    A 127.0.10.3
			1.0.0.127.wl.example    A 127.0.10.3
			2.0.0.127.other.example A 127.0.0.255`), Settings{Zones: []Zone{z, other}})
		if got := aside(t, g, "wl.example"); got != "it lists 127.0.0.1 (127.0.10.3), which no list does: it lists the world" {
			t.Error(got)
		}
		if got := aside(t, g, "other.example"); !strings.Contains(got, "127.0.0.255: query refused: too many queries") {
			t.Error(got)
		}
	})
}

// A list that is set aside is tried after 1m, 2m, 4m … up to 1h, and comes back when its test entries are right.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		g, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
		for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			was := d.questions()
			pass(wait*time.Minute - time.Second)
			if d.questions() != was {
				t.Fatalf("tried before %d minutes were over", wait)
			}
			pass(time.Second)
			if d.questions() == was {
				t.Fatalf("not tried after %d minutes", wait)
			}
		}
		d.become(healthy)
		pass(59 * time.Minute)
		if aside(t, g, "bl.example") == "" {
			t.Error("it is in use before it was tried")
		}
		pass(time.Minute)
		if s := stateOf(g); s.Suspended || s.Reason != "" || time.Until(s.NextTest) != 10*time.Minute || aside(t, g, "bl.example") != "" {
			t.Errorf("it is not back: %+v", s)
		}
		if !strings.Contains(log.String(), `level=INFO msg="a DNS list is in use again" zone=bl.example family=dnsbl how="its test entries are right"`) {
			t.Errorf("the log says %s", log)
		}
		// Soon in trouble again, it is tried again as late as before.
		d.become("")
		pass(10 * time.Minute)
		if s := stateOf(g); !s.Suspended || time.Until(s.NextTest) != time.Hour {
			t.Errorf("soon in trouble again: %+v", s)
		}
		d.become(healthy)
		pass(time.Hour)
		pass(3 * time.Hour)
		d.become("")
		pass(10 * time.Minute)
		if s := stateOf(g); !s.Suspended || time.Until(s.NextTest) > time.Minute {
			t.Errorf("in trouble after hours: %+v", s)
		}
	})
}

// A list that was well is found out by the next test.
func TestIsTestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: 5 * time.Minute})
		d.answerAll("127.0.0.2")
		pass(5*time.Minute - time.Second)
		if got := aside(t, g, "bl.example"); got != "" {
			t.Error(got)
		}
		pass(time.Second)
		if got := aside(t, g, "bl.example"); got == "" {
			t.Error("nobody noticed")
		}
	})
}

// One test that is not answered is an accident, three are none. A list that is silent is tried no less often than it is
// tested when it is well: it may be our resolver.
func TestSilentTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("2.0.0.127.bl.example A tempfail")
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		pass(time.Minute)
		d.become(healthy)
		pass(time.Minute)
		d.become("2.0.0.127.bl.example A 127.0.0.2\n1.0.0.127.bl.example A tempfail")
		pass(11 * time.Minute)
		if got := aside(t, g, "bl.example"); got != "" {
			t.Error(got)
		}
		pass(time.Minute)
		if got := aside(t, g, "bl.example"); got != "asked about its test entry 127.0.0.1, it does not answer: the zone says so" {
			t.Error(got)
		}
		pass(40 * time.Minute)
		if s := stateOf(g); time.Until(s.NextTest) > 10*time.Minute {
			t.Errorf("tried only at %s", s.NextTest)
		}
	})
}

// A dead list costs a few judgements its time, and then none.
func TestDeadList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		d.slow = time.Hour
		z := bl(t)
		g, log := running(t, d, Settings{Zones: []Zone{z}})
		list := check.List{Family: check.DNSBL, Watched: true, Zone: "bl.example", Codes: z.Codes}
		p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{
			Check: check.ListChecks(check.DNSBL, []check.List{list})[0], On: map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Budget = 8 * time.Second
		for i := range 8 {
			began := time.Now()
			v := p.Judge(t.Context(), helogate.Facts{Stage: helogate.Connect, Client: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, g)
			want, outcome := 3*time.Second, helogate.TempError
			if i >= 5 {
				want, outcome = 0, helogate.None
			}
			if took := time.Since(began); took != want || v.Action != helogate.Continue || v.Findings[0].Outcome != outcome {
				t.Errorf("judgement %d took %s: %s, %s", i, took, v.Action, v.Findings[0])
			}
		}
		if got := aside(t, g, "bl.example"); got != "most of its answers fail: no answer in 3s" {
			t.Error(got)
		}
		if s := stateOf(g); s.Failed != 5 || s.Errors != 0 || s.Listed != 0 {
			t.Errorf("%+v", s)
		}
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log says %s", log)
		}
	})
}

// Where half of the answers fail, the other half is of use.
func TestHalfDead(t *testing.T) {
	g := New(Config{Ask: newDNS(healthy + "\n1.0.2.192.bl.example A tempfail\n2.0.2.192.bl.example A 127.255.255.254"), Settings: Settings{Zones: []Zone{bl(t)}}})
	for range 50 {
		ask(g, 1) // fails
		ask(g, 3)
		ask(g, 2) // refuses
		ask(g, 4)
	}
	if got := aside(t, g, "bl.example"); got != "" {
		t.Error(got)
	}
	for range maxFailing - 1 {
		ask(g, 2)
	}
	if got := aside(t, g, "bl.example"); got != "" {
		t.Error(got)
	}
	ask(g, 2)
	if got := aside(t, g, "bl.example"); !strings.HasPrefix(got, "most of its answers fail: it answers 127.255.255.254: query refused") {
		t.Error(got)
	}
}

// Where two of three fail, it is of none.
func TestMostlyDead(t *testing.T) {
	g := New(Config{Ask: newDNS("1.0.2.192.bl.example A tempfail"), Settings: Settings{Zones: []Zone{bl(t)}}})
	for range 3 * maxFailing {
		ask(g, 1)
		ask(g, 1)
		ask(g, 3)
	}
	if got := aside(t, g, "bl.example"); got != "most of its answers fail: the zone says so" {
		t.Error(got)
	}
}

// What was asked before a list was set aside is answered later, and is nothing to shout about again.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		g, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
		d.answerAll("127.0.0.2")
		for n := range 300 {
			ask(g, n)
		}
		d.answerAll("203.0.113.7")
		for n := range 300 {
			ask(g, n)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("set aside %d times: %s", n, log)
		}
	})
}

// What was counted before a list was set aside says nothing of how it is afterwards.
func TestCountsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: 2 * time.Minute})
		d.answerAll("127.0.0.2")
		for n := range 90 {
			ask(g, n)
		}
		pass(2 * time.Minute)
		if aside(t, g, "bl.example") == "" {
			t.Fatal("it lists the world")
		}
		d.answerAll("")
		pass(time.Minute)
		d.answerAll("127.0.0.2")
		for n := range 20 {
			ask(g, 100+n)
		}
		if got := aside(t, g, "bl.example"); got != "" {
			t.Error(got)
		}
	})
}

// What is said of a list is what the last test found; and a test that began before it was set aside does not take it back.
func TestStaysAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		d.become("2.0.0.127.bl.example A 127.255.255.255")
		pass(time.Minute)
		if got := aside(t, g, "bl.example"); !strings.Contains(got, "too many queries") {
			t.Error(got)
		}
		z := g.state.Load().zones["bl.example"]
		z.mu.Lock()
		z.examined(diagnosis{health: good}, time.Now())
		z.mu.Unlock()
		if got := aside(t, g, "bl.example"); got == "" {
			t.Error("taken back by a test that came too late")
		}
	})
}

// A test that is interrupted since the service stops says nothing.
func TestStopsInATest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDNS(""), &testlog.Buffer{}
		g := New(Config{Ask: d, Log: slog.New(slog.NewTextHandler(log, nil)), Settings: Settings{Zones: []Zone{bl(t)}}})
		ctx, cancel := context.WithCancel(context.Background())
		var run sync.WaitGroup
		run.Go(func() { g.Run(ctx) })
		synctest.Wait()
		d.mu.Lock()
		d.slow = time.Hour
		d.mu.Unlock()
		pass(time.Minute)
		cancel()
		run.Wait()
		if strings.Contains(log.String(), "stays set aside") {
			t.Errorf("the log says %s", log)
		}
	})
}

// A zone of two uses has no test entries if one of them says so.
func TestUsesOfOneZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untested, names := bl(t), bl(t)
		untested.Test = false
		names.Family, names.Addresses, names.Names = check.RHSBL, false, true
		for _, zones := range [][]Zone{{untested, names}, {names, untested}} {
			d := newDNS("")
			g, _ := running(t, d, Settings{Zones: zones})
			if s := g.State(); len(s) != 1 || s[0].Suspended || d.questions() != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// A list without test entries comes back to be tried, and counts decide.
func TestUntestedListComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, z := newDNS(""), bl(t)
		z.Test = false
		g, _ := running(t, d, Settings{Zones: []Zone{z}})
		d.answerAll("203.0.113.7")
		for _, wait := range []time.Duration{1, 2, 4, 8, 10, 10} {
			for n := range maxFailing {
				ask(g, n)
			}
			if s := stateOf(g); !s.Suspended || time.Until(s.NextTest) != wait*time.Minute {
				t.Fatalf("not set aside for %d minutes: %+v", wait, s)
			}
			pass(wait * time.Minute)
			if got := aside(t, g, "bl.example"); got != "" {
				t.Fatal(got)
			}
		}
	})
}

// A list that begins to list whomever it is asked about is set aside though its test entries are right.
func TestBreakerTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		g, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
		n := 0
		for range 12 { // a tenth is listed
			for range 20 {
				n++
				listed := ""
				if n%10 == 0 {
					listed = "127.0.0.4"
				}
				d.answerAll(listed)
				ask(g, n)
			}
			d.answerAll("")
			pass(time.Minute)
		}
		if s := stateOf(g); s.Suspended || s.UsualPercent != 10 || s.ListedPercent != 10 || s.NotListed != 216 || s.Listed != 24 {
			t.Errorf("before: %+v", s)
		}
		d.answerAll("127.0.0.4")
		for i := range 200 {
			ask(g, n+1+i)
			if aside(t, g, "bl.example") != "" {
				break
			}
		}
		d.answerAll("")
		want := "60% of its last 100 answers are listings, and 10% are usual"
		if got := aside(t, g, "bl.example"); got != want && !strings.HasSuffix(got, "and 10% are usual") {
			t.Errorf("%s, want something like %s", got, want)
		}
		if s := stateOf(g); s.Answers != 0 {
			t.Errorf("counting does not begin anew: %+v", s)
		}
		pass(time.Minute)
		if got := aside(t, g, "bl.example"); got != "" {
			t.Errorf("its test entries are right, and still: %s", got)
		}
		if !strings.Contains(log.String(), "breaker_rise") {
			t.Errorf("the log does not say what to do: %s", log)
		}
	})
}

// Only the codes that somebody asked for are listings: a list of scores has an answer for everybody.
func TestOtherCodesTripNothing(t *testing.T) {
	d := newDNS("")
	d.answerAll("127.0.4.99")
	g := New(Config{Ask: d, Settings: Settings{Zones: []Zone{bl(t)}}})
	for n := range 300 {
		ask(g, n)
	}
	if s := stateOf(g); s.Suspended || s.NotListed != 300 {
		t.Errorf("%+v", s)
	}
	two := bl(t)
	two.Codes = codes(t, "127.0.4.0/24")
	g = New(Config{Ask: d, Settings: Settings{Zones: []Zone{bl(t), two}}})
	for n := range 300 {
		ask(g, n)
	}
	if s := stateOf(g); !s.Suspended || s.Listed != 300 {
		t.Errorf("what the second use lists is not seen: %+v", s)
	}
}

// What many ask at once is one answer, and who does not wait for it says nothing against the list.
func TestCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		d.slow = 2 * time.Second
		z := bl(t)
		z.Test = false
		g, _ := running(t, d, Settings{Zones: []Zone{z}})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { ask(g, 1) })
		}
		all.Wait()
		if s := stateOf(g); s.NotListed != 1 {
			t.Errorf("many: %+v", s)
		}
		for n := range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			all.Go(func() {
				g.Ask(ctx, helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.bl.example", n)})
				cancel()
			})
			if n%2 == 0 {
				cancel()
			}
		}
		all.Wait()
		if s := stateOf(g); s.Failed != 0 || s.Suspended {
			t.Errorf("who gave up: %+v", s)
		}
		for n := range 5 { // but one who waited for long enough does, if he has less time than lists have
			ctx, cancel := context.WithTimeout(context.Background(), 1600*time.Millisecond)
			g.Ask(ctx, helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.bl.example", n)})
			cancel()
		}
		if s := stateOf(g); s.Failed != 5 || !s.Suspended {
			t.Errorf("who waited: %+v", s)
		}
	})
}

// What is no question to a list goes through, and is neither counted nor cut short.
func TestOtherQuestionsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("bl.example A after=5s 192.0.2.1\nx.bl.example AAAA after=5s 2001:db8::1\nx.bl.example TXT after=2s hello\ny.bl.example TXT after=5s hello\nother.example A after=5s 192.0.2.1")
		z := bl(t)
		z.Test = false
		g, _ := running(t, d, Settings{Zones: []Zone{z}})
		for _, c := range []struct {
			kind helogate.Kind
			name string
			want helogate.Status
		}{
			{helogate.Listing, "bl.example", helogate.OK}, // the zone itself is not below it
			{helogate.AAAA, "x.bl.example", helogate.OK},
			{helogate.Listing, "other.example", helogate.OK},
			{helogate.TXT, "x.bl.example", helogate.OK},
			{helogate.TXT, "y.bl.example", helogate.TempFail},
			{helogate.Listing, "notbl.example", helogate.NXDomain},
			{helogate.A, "1.2.0.192.bl.example", helogate.NXDomain}, // a client says such a name, and is no answer of the list
		} {
			if a := g.Ask(t.Context(), helogate.Question{Kind: c.kind, Name: c.name}); a.Status != c.want {
				t.Errorf("%s of %s: %+v", c.kind, c.name, a)
			}
		}
		if s := stateOf(g); s.Listed+s.NotListed+s.Errors+s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// On reload a list that stays keeps what is known of it, and one that is new is tested at once.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("2.0.0.127.new.example A 127.255.255.255")
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		if aside(t, g, "bl.example") == "" {
			t.Fatal("an empty list is in use")
		}
		next := bl(t)
		next.Zone = "New.example."
		g.Set(Settings{Zones: []Zone{bl(t), next}})
		synctest.Wait()
		if aside(t, g, "bl.example") == "" || aside(t, g, "new.example") == "" {
			t.Errorf("%+v", g.State())
		}
		untested := bl(t)
		untested.Test = false
		g.Set(Settings{Zones: []Zone{untested}})
		if aside(t, g, "bl.example") != "" || aside(t, g, "new.example") != "" || len(g.State()) != 1 {
			t.Errorf("%+v", g.State())
		}
		g.Set(Settings{})
		if len(g.State()) != 0 {
			t.Errorf("%+v", g.State())
		}
		// A list that is well is tested sooner where tests are to be more frequent.
		d.become(healthy)
		g.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Hour})
		synctest.Wait()
		g.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Minute})
		if s := stateOf(g); time.Until(s.NextTest) != time.Minute {
			t.Errorf("%+v", s)
		}
	})
}

// always knows one answer.
type always struct{ a *helogate.Answer }

func (k always) Known(helogate.Question) (*helogate.Answer, bool)        { return k.a, true }
func (k always) Ask(context.Context, helogate.Question) *helogate.Answer { return k.a }

func TestKnownCostsNothing(t *testing.T) {
	g := New(Config{Ask: always{inUse}, Settings: Settings{Zones: []Zone{bl(t)}}})
	for _, q := range []helogate.Question{{Kind: helogate.Listing, Name: "1.2.0.192.bl.example"}, {Kind: helogate.Suspended, Name: "bl.example"}} {
		if n := testing.AllocsPerRun(100, func() { g.Known(q) }); n != 0 {
			t.Errorf("%v: %.0f allocations", q, n)
		}
	}
}

// All at once: clients, tests, reloads and status.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		g, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: time.Second})
		var stop atomic.Bool
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := 0; !stop.Load(); n++ {
					switch i {
					case 0:
						g.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Duration(1+n%3) * time.Second})
					case 1:
						g.State()
					case 2:
						d.answerAll([]string{"", "127.0.0.2", "203.0.113.7"}[n/50%3])
					default:
						ask(g, n%1000)
						aside(t, g, "bl.example")
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		pass(5 * time.Second)
		stop.Store(true)
		all.Wait()
	})
}
