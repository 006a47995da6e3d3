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

// dns is a DNS without a cache that a test can change.
type dns struct {
	mu    sync.Mutex
	zone  *helogate.Zone
	all   string // address of every name below bl.example; "" is none
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

// questions returns the number of questions.
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

// running starts a monitor in a bubble of synctest, and ends it with the test.
func running(t *testing.T, d helogate.Asker, s Settings) (*Monitor, *testlog.Buffer) {
	t.Helper()
	log := &testlog.Buffer{}
	m := New(Config{Ask: d, Log: slog.New(slog.NewTextHandler(log, nil)), Settings: s})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return m, log
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// reasonFor returns why a zone is suspended, "" if it is in use.
func reasonFor(t testing.TB, m *Monitor, zone string) string {
	t.Helper()
	q := helogate.Question{Kind: helogate.Suspended, Name: zone}
	a, ok := m.Known(q)
	if !ok || m.Ask(context.Background(), q) == nil {
		t.Fatal("it is not known whether a list is suspended")
	}
	if a.Status != helogate.OK {
		return ""
	}
	return a.Values[0]
}

func ask(m *Monitor, n int) *helogate.Answer {
	return m.Ask(context.Background(), helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.%d.2.192.bl.example", n%256, n/256)})
}

// stateOf is the state of the only zone.
func stateOf(m *Monitor) ZoneState { return m.State()[0] }

// Each list is tested at the start by the entries of RFC 5782 section 5.
func TestTestEntries(t *testing.T) {
	const test6, free6 = "2" + mapped127, "1" + mapped127
	for _, c := range []struct{ name, uses, zone, want string }{
		{"addresses", "addresses", "2.0.0.127.bl.example A 127.0.0.2", ""},
		{"a code that is not configured is a listing here", "addresses", "2.0.0.127.bl.example A 127.0.5.5", ""},
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
		{"refused", "addresses", "2.0.0.127.bl.example A 127.255.255.254", "for its test entry 127.0.0.2 it answers 127.255.255.254: query refused: the list does not answer public resolvers; use a local resolver, or a key of the list"},
		{"parked", "addresses", "2.0.0.127.bl.example A 203.0.113.7\n1.0.0.127.bl.example A 203.0.113.7", "for its test entry 127.0.0.1 it answers 203.0.113.7: no answer of a DNS list: its domain was abandoned, or a resolver answers for names that do not exist"},
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
				m, log := running(t, d, Settings{Zones: []Zone{z}})
				if got := reasonFor(t, m, "bl.example"); got != c.want {
					t.Errorf(" got %s\nwant %s", got, c.want)
				}
				if answer := strings.Contains(log.String(), "level=ERROR msg=\"a DNS list is suspended (circuit breaker open)\" zone=bl.example family=dnsbl reason="); answer != (c.want != "") {
					t.Errorf("the log says %s", log)
				}
				if n := d.questions(); n == 0 != !z.Test {
					t.Errorf("%d questions", n)
				}
			})
		})
	}
}

// An allowlist whose query limit is exceeded answers high trust, or a code of its own.
func TestAllowList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := Zone{Zone: "wl.example", Family: check.DNSWL, Codes: codes(t, "127.0.10.0/24"), Addresses: true, Test: true}
		other := z
		other.Zone = "other.example"
		m, _ := running(t, newDNS(`
			2.0.0.127.wl.example    A 127.0.10.3
			1.0.0.127.wl.example    A 127.0.10.3
			2.0.0.127.other.example A 127.0.0.255`), Settings{Zones: []Zone{z, other}})
		if got := reasonFor(t, m, "wl.example"); got != "it lists 127.0.0.1 (127.0.10.3), which no list does: it lists the world" {
			t.Error(got)
		}
		if got := reasonFor(t, m, "other.example"); !strings.Contains(got, "127.0.0.255: query refused: too many queries") {
			t.Error(got)
		}
	})
}

// A suspended list is tested after 1m, 2m, 4m … up to 1h, and is resumed when its test entries are right.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		m, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
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
		if reasonFor(t, m, "bl.example") == "" {
			t.Error("it is in use before it was tried")
		}
		pass(time.Minute)
		if s := stateOf(m); s.Suspended || s.Reason != "" || time.Until(s.NextTest) != 10*time.Minute || reasonFor(t, m, "bl.example") != "" {
			t.Errorf("it is not back: %+v", s)
		}
		if !strings.Contains(log.String(), `level=INFO msg="a DNS list is in use again" zone=bl.example family=dnsbl reason="its test entries are right"`) {
			t.Errorf("the log says %s", log)
		}
		// Suspended again soon, it is tested as late as before.
		d.become("")
		pass(10 * time.Minute)
		if s := stateOf(m); !s.Suspended || time.Until(s.NextTest) != time.Hour {
			t.Errorf("soon in trouble again: %+v", s)
		}
		d.become(healthy)
		pass(time.Hour)
		pass(3 * time.Hour)
		d.become("")
		pass(10 * time.Minute)
		if s := stateOf(m); !s.Suspended || time.Until(s.NextTest) > time.Minute {
			t.Errorf("in trouble after hours: %+v", s)
		}
	})
}

// The next test detects a list that stopped working.
func TestIsTestedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: 5 * time.Minute})
		d.answerAll("127.0.0.2")
		pass(5*time.Minute - time.Second)
		if got := reasonFor(t, m, "bl.example"); got != "" {
			t.Error(got)
		}
		pass(time.Second)
		if got := reasonFor(t, m, "bl.example"); got == "" {
			t.Error("the list is still in use")
		}
	})
}

// One unanswered test is tolerated, three are not. A silent list is tested at least as often as one in use, because the
// local resolver may be the cause.
func TestSilentTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("2.0.0.127.bl.example A tempfail")
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		pass(time.Minute)
		d.become(healthy)
		pass(time.Minute)
		d.become("2.0.0.127.bl.example A 127.0.0.2\n1.0.0.127.bl.example A tempfail")
		pass(11 * time.Minute)
		if got := reasonFor(t, m, "bl.example"); got != "" {
			t.Error(got)
		}
		pass(time.Minute)
		if got := reasonFor(t, m, "bl.example"); got != "no answer for its test entry 127.0.0.1: the zone says so" {
			t.Error(got)
		}
		pass(40 * time.Minute)
		if s := stateOf(m); time.Until(s.NextTest) > 10*time.Minute {
			t.Errorf("tried only at %s", s.NextTest)
		}
	})
}

// A dead list delays a few judgements, and then none.
func TestDeadList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		d.slow = time.Hour
		z := bl(t)
		m, log := running(t, d, Settings{Zones: []Zone{z}})
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
			v := p.Judge(t.Context(), helogate.Facts{Stage: helogate.Connect, Client: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, m)
			want, outcome := 3*time.Second, helogate.TempError
			if i >= 5 {
				want, outcome = 0, helogate.None
			}
			if took := time.Since(began); took != want || v.Action != helogate.Continue || v.Findings[0].Outcome != outcome {
				t.Errorf("judgement %d took %s: %s, %s", i, took, v.Action, v.Findings[0])
			}
		}
		if got := reasonFor(t, m, "bl.example"); got != "most of its answers fail: no answer in 3s" {
			t.Error(got)
		}
		if s := stateOf(m); s.Failed != 5 || s.Errors != 0 || s.Listed != 0 {
			t.Errorf("%+v", s)
		}
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log says %s", log)
		}
	})
}

// A list that loses half of its answers stays in use.
func TestHalfDead(t *testing.T) {
	m := New(Config{Ask: newDNS(healthy + "\n1.0.2.192.bl.example A tempfail\n2.0.2.192.bl.example A 127.255.255.254"), Settings: Settings{Zones: []Zone{bl(t)}}})
	for range 50 {
		ask(m, 1) // fails
		ask(m, 3)
		ask(m, 2) // refuses
		ask(m, 4)
	}
	if got := reasonFor(t, m, "bl.example"); got != "" {
		t.Error(got)
	}
	for range maxFailing - 1 {
		ask(m, 2)
	}
	if got := reasonFor(t, m, "bl.example"); got != "" {
		t.Error(got)
	}
	ask(m, 2)
	if got := reasonFor(t, m, "bl.example"); !strings.HasPrefix(got, "most of its answers fail: it answers 127.255.255.254: query refused") {
		t.Error(got)
	}
}

// A list that loses two of three answers is suspended.
func TestMostlyDead(t *testing.T) {
	m := New(Config{Ask: newDNS("1.0.2.192.bl.example A tempfail"), Settings: Settings{Zones: []Zone{bl(t)}}})
	for range 3 * maxFailing {
		ask(m, 1)
		ask(m, 1)
		ask(m, 3)
	}
	if got := reasonFor(t, m, "bl.example"); got != "most of its answers fail: the zone says so" {
		t.Error(got)
	}
}

// Answers to questions from before the suspension are not logged again.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		m, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
		d.answerAll("127.0.0.2")
		for n := range 300 {
			ask(m, n)
		}
		d.answerAll("203.0.113.7")
		for n := range 300 {
			ask(m, n)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("suspended %d times: %s", n, log)
		}
	})
}

// Counts from before a suspension do not count after it.
func TestCountsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: 2 * time.Minute})
		d.answerAll("127.0.0.2")
		for n := range 90 {
			ask(m, n)
		}
		pass(2 * time.Minute)
		if reasonFor(t, m, "bl.example") == "" {
			t.Fatal("it lists the world")
		}
		d.answerAll("")
		pass(time.Minute)
		d.answerAll("127.0.0.2")
		for n := range 20 {
			ask(m, 100+n)
		}
		if got := reasonFor(t, m, "bl.example"); got != "" {
			t.Error(got)
		}
	})
}

// The reason is that of the last test. A test that began before the suspension does not end it.
func TestStaysAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("")
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		d.become("2.0.0.127.bl.example A 127.255.255.255")
		pass(time.Minute)
		if got := reasonFor(t, m, "bl.example"); !strings.Contains(got, "too many queries") {
			t.Error(got)
		}
		z := m.state.Load().zones["bl.example"]
		z.mu.Lock()
		z.apply(diagnosis{health: good}, time.Now())
		z.mu.Unlock()
		if got := reasonFor(t, m, "bl.example"); got == "" {
			t.Error("taken back by a test that came too late")
		}
	})
}

// A test that is interrupted by the end of the service has no result.
func TestStopsInATest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDNS(""), &testlog.Buffer{}
		m := New(Config{Ask: d, Log: slog.New(slog.NewTextHandler(log, nil)), Settings: Settings{Zones: []Zone{bl(t)}}})
		ctx, cancel := context.WithCancel(context.Background())
		var run sync.WaitGroup
		run.Go(func() { m.Run(ctx) })
		synctest.Wait()
		d.mu.Lock()
		d.slow = time.Hour
		d.mu.Unlock()
		pass(time.Minute)
		cancel()
		run.Wait()
		if strings.Contains(log.String(), "stays suspended") {
			t.Errorf("the log says %s", log)
		}
	})
}

// A zone with two uses has no test entries if one of them says so.
func TestUsesOfOneZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		untested, names := bl(t), bl(t)
		untested.Test = false
		names.Family, names.Addresses, names.Names = check.RHSBL, false, true
		for _, zones := range [][]Zone{{untested, names}, {names, untested}} {
			d := newDNS("")
			m, _ := running(t, d, Settings{Zones: zones})
			if s := m.State(); len(s) != 1 || s[0].Suspended || d.questions() != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// A list without test entries is resumed after its suspension, and its answers decide.
func TestUntestedListComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, z := newDNS(""), bl(t)
		z.Test = false
		m, _ := running(t, d, Settings{Zones: []Zone{z}})
		d.answerAll("203.0.113.7")
		for _, wait := range []time.Duration{1, 2, 4, 8, 10, 10} {
			for n := range maxFailing {
				ask(m, n)
			}
			if s := stateOf(m); !s.Suspended || time.Until(s.NextTest) != wait*time.Minute {
				t.Fatalf("not suspended for %d minutes: %+v", wait, s)
			}
			pass(wait * time.Minute)
			if got := reasonFor(t, m, "bl.example"); got != "" {
				t.Fatal(got)
			}
		}
	})
}

// A list that begins to list every client is suspended although its test entries are right.
func TestBreakerTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		m, log := running(t, d, Settings{Zones: []Zone{bl(t)}})
		n := 0
		for range 12 { // a tenth is listed
			for range 20 {
				n++
				listed := ""
				if n%10 == 0 {
					listed = "127.0.0.4"
				}
				d.answerAll(listed)
				ask(m, n)
			}
			d.answerAll("")
			pass(time.Minute)
		}
		if s := stateOf(m); s.Suspended || s.UsualPercent != 10 || s.ListedPercent != 10 || s.NotListed != 216 || s.Listed != 24 {
			t.Errorf("before: %+v", s)
		}
		d.answerAll("127.0.0.4")
		for i := range 200 {
			ask(m, n+1+i)
			if reasonFor(t, m, "bl.example") != "" {
				break
			}
		}
		d.answerAll("")
		want := "60% of its last 100 answers are listings, 10% is usual"
		if got := reasonFor(t, m, "bl.example"); got != want && !strings.HasSuffix(got, ", 10% is usual") {
			t.Errorf("%s, want something like %s", got, want)
		}
		if s := stateOf(m); s.Answers != 0 {
			t.Errorf("counting does not begin anew: %+v", s)
		}
		pass(time.Minute)
		if got := reasonFor(t, m, "bl.example"); got != "" {
			t.Errorf("its test entries are right, and still: %s", got)
		}
		if !strings.Contains(log.String(), "breaker_rise") {
			t.Errorf("the log does not say what to do: %s", log)
		}
	})
}

// Only configured codes are listings: a list of scores has an answer for every address.
func TestOtherCodesTripNothing(t *testing.T) {
	d := newDNS("")
	d.answerAll("127.0.4.99")
	m := New(Config{Ask: d, Settings: Settings{Zones: []Zone{bl(t)}}})
	for n := range 300 {
		ask(m, n)
	}
	if s := stateOf(m); s.Suspended || s.NotListed != 300 {
		t.Errorf("%+v", s)
	}
	two := bl(t)
	two.Codes = codes(t, "127.0.4.0/24")
	m = New(Config{Ask: d, Settings: Settings{Zones: []Zone{bl(t), two}}})
	for n := range 300 {
		ask(m, n)
	}
	if s := stateOf(m); !s.Suspended || s.Listed != 300 {
		t.Errorf("what the second use lists is not seen: %+v", s)
	}
}

// Parallel questions count as one answer, and an asker that gives up is no evidence against the list.
func TestCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		d.slow = 2 * time.Second
		z := bl(t)
		z.Test = false
		m, _ := running(t, d, Settings{Zones: []Zone{z}})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { ask(m, 1) })
		}
		all.Wait()
		if s := stateOf(m); s.NotListed != 1 {
			t.Errorf("many: %+v", s)
		}
		for n := range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			all.Go(func() {
				m.Ask(ctx, helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.bl.example", n)})
				cancel()
			})
			if n%2 == 0 {
				cancel()
			}
		}
		all.Wait()
		if s := stateOf(m); s.Failed != 0 || s.Suspended {
			t.Errorf("who gave up: %+v", s)
		}
		for n := range 5 { // but an asker that waited long enough is evidence, although it had less time than Timeout
			ctx, cancel := context.WithTimeout(context.Background(), 1600*time.Millisecond)
			m.Ask(ctx, helogate.Question{Kind: helogate.Listing, Name: fmt.Sprintf("%d.bl.example", n)})
			cancel()
		}
		if s := stateOf(m); s.Failed != 5 || !s.Suspended {
			t.Errorf("who waited: %+v", s)
		}
	})
}

// Questions that are not for a list pass, without a count and without a time limit.
func TestOtherQuestionsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("bl.example A after=5s 192.0.2.1\nx.bl.example AAAA after=5s 2001:db8::1\nx.bl.example TXT after=2s hello\ny.bl.example TXT after=5s hello\nother.example A after=5s 192.0.2.1")
		z := bl(t)
		z.Test = false
		m, _ := running(t, d, Settings{Zones: []Zone{z}})
		for _, c := range []struct {
			kind helogate.Kind
			name string
			want helogate.Status
		}{
			{helogate.Listing, "bl.example", helogate.OK}, // the zone itself is not below the zone
			{helogate.AAAA, "x.bl.example", helogate.OK},
			{helogate.Listing, "other.example", helogate.OK},
			{helogate.TXT, "x.bl.example", helogate.OK},
			{helogate.TXT, "y.bl.example", helogate.TempFail},
			{helogate.Listing, "notbl.example", helogate.NXDomain},
			{helogate.A, "1.2.0.192.bl.example", helogate.NXDomain}, // a client used such a name in HELO; it is not an answer of the list
		} {
			if a := m.Ask(t.Context(), helogate.Question{Kind: c.kind, Name: c.name}); a.Status != c.want {
				t.Errorf("%s of %s: %+v", c.kind, c.name, a)
			}
		}
		if s := stateOf(m); s.Listed+s.NotListed+s.Errors+s.Failed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// On reload a list keeps its state, and a new list is tested at once.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS("2.0.0.127.new.example A 127.255.255.255")
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}})
		if reasonFor(t, m, "bl.example") == "" {
			t.Fatal("an empty list is in use")
		}
		next := bl(t)
		next.Zone = "New.example."
		m.Set(Settings{Zones: []Zone{bl(t), next}})
		synctest.Wait()
		if reasonFor(t, m, "bl.example") == "" || reasonFor(t, m, "new.example") == "" {
			t.Errorf("%+v", m.State())
		}
		untested := bl(t)
		untested.Test = false
		m.Set(Settings{Zones: []Zone{untested}})
		if reasonFor(t, m, "bl.example") != "" || reasonFor(t, m, "new.example") != "" || len(m.State()) != 1 {
			t.Errorf("%+v", m.State())
		}
		m.Set(Settings{})
		if len(m.State()) != 0 {
			t.Errorf("%+v", m.State())
		}
		// A list in use is tested sooner after a reload with a shorter interval.
		d.become(healthy)
		m.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Hour})
		synctest.Wait()
		m.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Minute})
		if s := stateOf(m); time.Until(s.NextTest) != time.Minute {
			t.Errorf("%+v", s)
		}
	})
}

// always has one answer.
type always struct{ a *helogate.Answer }

func (k always) Known(helogate.Question) (*helogate.Answer, bool)        { return k.a, true }
func (k always) Ask(context.Context, helogate.Question) *helogate.Answer { return k.a }

func TestKnownCostsNothing(t *testing.T) {
	m := New(Config{Ask: always{inUse}, Settings: Settings{Zones: []Zone{bl(t)}}})
	for _, q := range []helogate.Question{{Kind: helogate.Listing, Name: "1.2.0.192.bl.example"}, {Kind: helogate.Suspended, Name: "bl.example"}} {
		if n := testing.AllocsPerRun(100, func() { m.Known(q) }); n != 0 {
			t.Errorf("%v: %.0f allocations", q, n)
		}
	}
}

// Clients, tests, reloads and status at the same time.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDNS(healthy)
		m, _ := running(t, d, Settings{Zones: []Zone{bl(t)}, Every: time.Second})
		var stop atomic.Bool
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for n := 0; !stop.Load(); n++ {
					switch i {
					case 0:
						m.Set(Settings{Zones: []Zone{bl(t)}, Every: time.Duration(1+n%3) * time.Second})
					case 1:
						m.State()
					case 2:
						d.answerAll([]string{"", "127.0.0.2", "203.0.113.7"}[n/50%3])
					default:
						ask(m, n%1000)
						reasonFor(t, m, "bl.example")
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
