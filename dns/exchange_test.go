package dns

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

// Every kind of reply has a defined result. %s is the server.
func TestMisbehaviour(t *testing.T) {
	const inTime = "tempfail 30s: no answer from %s in time"
	const good = `ok ["192.0.2.66"] 1m0s`
	outcomes := map[string]string{
		"good": good, "aa0": good, "tc": good, "tcbroken": good, "upper": good, "forged": good, "noedns": good, "noednshdr": good, "extra": good,
		"ttl0": `ok ["192.0.2.66"] 0s`, "ttlhuge": `ok ["192.0.2.66"] 0s`,
		"servfail": "tempfail 30s: servfail from %s", "refused": "tempfail 30s: refused from %s",
		"formerr": "tempfail 30s: formerr from %s", "notimp": "tempfail 30s: notimp from %s",
		"nx": "nxdomain 1m0s", "empty": "nodata 1m0s",
		"drop": inTime, "tctimeout": inTime, "garbage": inTime, "headeronly": inTime, "noqr": inTime, "twoq": inTime,
		"wrongid": inTime, "wrongop": inTime, "wrongq": inTime, "wrongtype": inTime, "wrongclass": inTime,
		"truncpkt": "tempfail 30s: senseless reply from %s", "ptrloop": "tempfail 30s: senseless reply from %s",
		"halfcount": "tempfail 30s: senseless reply from %s", "nxdata": "tempfail 30s: senseless reply from %s",
		"tctc": "tempfail 30s: truncated reply over TCP from %s", "lame": "tempfail 30s: %s only refers to other servers",
		"cnameloop": "tempfail 30s: cname loop at cnameloop.evil.test", "selfloop": "tempfail 30s: cname loop at selfloop.evil.test",
		"longchain": "tempfail 30s: more than 10 aliases, from longchain.evil.test on",
		"dangling":  `ok ["192.0.2.7"] 1m0s: alias of target.test`,
		"rootptr":   "nodata 1m0s", // for A, a PTR record is irrelevant
	}
	s := start(t, records{}.add(helogate.A, "target.test", time.Hour, "192.0.2.7"), testdns.Misbehave("evil.test"))
	for _, b := range testdns.Behaviours() {
		if _, ok := outcomes[b]; !ok {
			t.Errorf("the result of %q is not in the table", b)
		}
	}
	for name, want := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Attempts: 1}
			if want == inTime {
				c.Timeout = 50 * time.Millisecond
			}
			r := open(t, c, s)
			expect(t, ask(r, helogate.A, name+".evil.test"), strings.ReplaceAll(want, "%s", s.Addr().String()))
			if n := r.Stats().Sent; name == "upper" && n != 1 {
				t.Errorf("%d messages for a case that is of no matter on this machine", n)
			}
			if _, poisoned := r.Known(helogate.Question{Kind: helogate.A, Name: "bank.test"}); poisoned {
				t.Error("a record that was not asked for is in the cache")
			}
		})
	}
}

// Whatever one server does wrong, the next is asked.
func TestNextServer(t *testing.T) {
	good := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"))
	for _, b := range []string{
		"servfail", "refused", "formerr", "notimp", "drop", "truncpkt", "lame", "tctc", "tctimeout", "nxdata", "wrongid",
	} {
		t.Run(b, func(t *testing.T) {
			t.Parallel()
			bad := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.13"), testdns.Always(b))
			r := open(t, Config{Timeout: 200 * time.Millisecond, Attempts: 5}, bad, good)
			expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
		})
	}
	t.Run("connection refused", func(t *testing.T) {
		r := open(t, Config{Servers: []netip.AddrPort{unusedAddress(t)}}, good) // with 20s a try: the refusal must count at once
		began := time.Now()
		expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if n := r.Stats().Failures["unreachable"]; n != 1 {
			t.Errorf("%d failures are counted as unreachable, not 1", n)
		}
	})
}

func TestNoteNamesEveryServer(t *testing.T) {
	fail := start(t, records{}, testdns.Always("servfail"))
	mute, dumb := start(t, records{}, testdns.Always("drop")), start(t, records{}, testdns.Always("drop"))
	gone := unusedAddress(t)
	r := open(t, Config{Timeout: 30 * time.Millisecond, Servers: []netip.AddrPort{gone}}, mute, fail, dumb)
	expect(t, ask(r, helogate.A, "a.test"), "tempfail 30s: connection refused by "+gone.String()+", servfail from "+
		fail.Addr().String()+", no answer from "+mute.Addr().String()+", "+dumb.Addr().String()+" in time")
	if n := fail.Queries(); n != 1 {
		t.Errorf("the server with servfail was asked %d times, not once", n)
	}
	if n := mute.Queries(); n != 2 {
		t.Errorf("the silent server was asked %d times, not twice", n)
	}
}

// A server that is down comes last, after a few failed tries. It is tried again after a while, and one reply is enough.
func TestAServerThatIsDownComesLast(t *testing.T) {
	zone := records{}
	for i := range 20 {
		zone.add(helogate.A, fmt.Sprintf("a%d.test", i), time.Minute, "192.0.2.1")
	}
	var dead atomic.Bool
	first := start(t, zone, testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		if dead.Load() {
			return nil
		}
		return m
	}))
	clock := newHand()
	r := openAt(t, Config{Timeout: 100 * time.Millisecond, Attempts: 5}, clock.now, first, start(t, zone))
	asked := 0
	for _, c := range []struct {
		what    string
		dead    bool
		pass    time.Duration
		asked   int // questions
		queries int // of these, to the first server
	}{
		{"it answers", false, 0, 2, 2},
		{"it does not", true, 0, maxUnanswered, maxUnanswered},
		{"it is down", true, 0, 2, 0},
		{"it is tried again", true, downFor, 2, 1},
		{"it is back", false, downFor, 2, 2},
		{"and has a good name again", true, 0, maxUnanswered - 1, maxUnanswered - 1},
	} {
		dead.Store(c.dead)
		clock.turn(c.pass)
		before := first.Queries()
		for range c.asked {
			expect(t, ask(r, helogate.A, fmt.Sprintf("a%d.test", asked)), `ok ["192.0.2.1"] 1m0s`)
			asked++
		}
		if n := first.Queries() - before; n != c.queries {
			t.Errorf("%s: %d queries, not %d", c.what, n, c.queries)
		}
	}
}

// The statistics of each server.
func TestServerStats(t *testing.T) {
	r := open(t, Config{}, start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1")))
	s := r.servers[0]
	expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
	if got := r.Stats().Servers; len(got) != 1 || got[0] != (ServerStats{Server: s.addr, Tries: 1}) {
		t.Errorf("%+v", got)
	}
	at := time.Now()
	for range maxUnanswered {
		s.record(noAnswer, at)
	}
	want := ServerStats{Server: s.addr, Tries: 1 + maxUnanswered, Failed: maxUnanswered, Down: true, LastFailure: at,
		LastError: "no answer from " + s.name + " in time"}
	if got := r.Stats().Servers[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestOneReplyAndAServerIsUp(t *testing.T) {
	now, s := time.Now(), new(server)
	for range maxUnanswered {
		s.record(noAnswer, now)
	}
	if !s.down.active(now) {
		t.Error("is not down after so much silence")
	}
	if s.record(rcodeFailure(wire.RcodeServerFailure), now); s.down.active(now) {
		t.Error("is down, and says servfail")
	}
}

func TestAttempts(t *testing.T) {
	for attempts, want := range map[int]string{1: "tempfail", 2: "tempfail", 3: "ok"} {
		var n atomic.Int32
		s := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
			if n.Add(1) < 3 {
				return nil
			}
			return m
		}))
		r := open(t, Config{Timeout: 200 * time.Millisecond, Attempts: attempts}, s)
		if a := ask(r, helogate.A, "a.test"); a.Status.String() != want {
			t.Errorf("with %d attempts, the third of which is answered: %s", attempts, describe(a))
		}
	}
}

// Forged replies are ignored, and do not end the wait.
func TestForgeriesArePassedOver(t *testing.T) {
	s := start(t, records{}, testdns.Misbehave("evil.test"))
	r := open(t, Config{Attempts: 1}, s)
	expect(t, ask(r, helogate.A, "forged.evil.test"), `ok ["192.0.2.66"] 1m0s`)
	if st := r.Stats(); st.Mismatched != 4 || st.Sent != 1 {
		t.Errorf("ignored %d of 4, sent %d of 1", st.Mismatched, st.Sent)
	}
}

func TestEDNSIsLeftOutWhereUnknown(t *testing.T) {
	for _, b := range []string{"noedns", "noednshdr"} {
		clock := newHand()
		s := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"), testdns.Always(b))
		r := openAt(t, Config{}, clock.now, s)
		for i, want := range []int{2, 3, 5} { // with and without; without; an hour later, with and without again
			if i == 2 {
				clock.turn(learnedFor)
			}
			clock.turn(2 * time.Minute)
			expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
			if n := s.Queries(); n != want {
				t.Errorf("%s: after %d questions %d queries, not %d", b, i+1, n, want)
			}
		}
	}
}

func TestFormerrOfANameSaysNothingAboutEDNS(t *testing.T) {
	s := start(t, records{}, testdns.Misbehave("evil.test"))
	r := open(t, Config{}, s)
	ask(r, helogate.A, "formerr.evil.test")
	if r.servers[0].noEDNS.active(time.Now()) {
		t.Error("the server is taken for one without EDNS")
	}
}

// long has so many letters that a random mix is not all lower case.
const long = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.test"

// A lost datagram costs a moment, not a Timeout and not the next attempt.
func TestLostDatagram(t *testing.T) {
	var n atomic.Int32
	s := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		if n.Add(1) == 1 {
			return nil
		}
		return m
	}))
	r := open(t, Config{Timeout: time.Minute, Attempts: 1}, s)
	expect(t, ask(r, helogate.A, "a.test"), `ok ["192.0.2.1"] 1m0s`)
	if n.Load() != 2 {
		t.Errorf("the server was asked %d times", n.Load())
	}
}

func TestLettersAreMixedOffTheMachine(t *testing.T) {
	var seen atomic.Value
	s := start(t, records{}.add(helogate.A, long, time.Minute, "192.0.2.1"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		seen.Store(m.Question[0].Name)
		return m
	}))
	for _, far := range []bool{false, true} {
		r := open(t, Config{}, s)
		if far {
			remote(r, false)
		}
		expect(t, ask(r, helogate.A, long), `ok ["192.0.2.1"] 1m0s`)
		if mixed := seen.Load() != long+"."; mixed != far {
			t.Errorf("off the machine %v, mixed %v", far, mixed)
		}
		if n := len(r.servers[0].idle.conns); far == (n > 0) {
			t.Errorf("off the machine %v, %d sockets kept", far, n)
		}
	}
}

// A reply over UDP with the question in another case is not trusted; one over TCP is.
func TestServersThatDoNotKeepCase(t *testing.T) {
	flatten := func(udp, tcp, noTCP bool) testdns.Option {
		return testdns.Rewrite(func(m *wire.Msg, overTCP bool) *wire.Msg {
			if overTCP && noTCP {
				return nil
			}
			if overTCP && tcp || !overTCP && udp {
				m.Question[0].Name = strings.ToLower(m.Question[0].Name)
			}
			if !overTCP && udp && !tcp && !noTCP {
				m.Answer[0].(*wire.A).A[3] = 13 // a forger who guessed everything but the case
			}
			return m
		})
	}
	for name, c := range map[string]struct {
		udp, tcp, noTCP bool
		first, second   int // queries
		learned         bool
	}{
		"keeps":                  {first: 1, second: 1},
		"flattens":               {udp: true, tcp: true, first: 2, second: 1, learned: true},
		"forged over UDP":        {udp: true, first: 2, second: 2},
		"flattens, has no TCP":   {udp: true, noTCP: true, first: 3, second: 1, learned: true},
		"flattens over TCP only": {tcp: true, first: 1, second: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone := records{}.add(helogate.A, long, time.Minute, "192.0.2.1").add(helogate.A, "b."+long, time.Minute, "192.0.2.1")
			s := start(t, zone, flatten(c.udp, c.tcp, c.noTCP))
			r := remote(open(t, Config{Timeout: 300 * time.Millisecond}, s), false)
			expect(t, ask(r, helogate.A, long), `ok ["192.0.2.1"] 1m0s`)
			first := s.Queries()
			expect(t, ask(r, helogate.A, "b."+long), `ok ["192.0.2.1"] 1m0s`)
			if second := s.Queries() - first; first != c.first || second != c.second {
				t.Errorf("%d and %d queries, not %d and %d", first, second, c.first, c.second)
			}
			if got := r.servers[0].foldsCase.active(time.Now()); got != c.learned {
				t.Errorf("learned: %v", got)
			}
		})
	}
}

// The reply is truncated and in another case, and TCP fails.
func TestNothingLeftToTry(t *testing.T) {
	s := start(t, records{}.add(helogate.A, long, time.Minute, "192.0.2.1"), testdns.Rewrite(func(m *wire.Msg, tcp bool) *wire.Msg {
		if tcp {
			return nil
		}
		m.Question[0].Name, m.Truncated = strings.ToLower(m.Question[0].Name), true
		return m
	}))
	r := remote(open(t, Config{Timeout: 50 * time.Millisecond, Attempts: 1}, s), false)
	expect(t, ask(r, helogate.A, long), "tempfail 30s: truncated reply, and no TCP, from "+s.Addr().String())
}

func TestAuthenticFromTheTrustedOnly(t *testing.T) {
	s := start(t, records{}.add(helogate.A, "a.test", time.Minute, "192.0.2.1"))
	for name, c := range map[string]struct{ local, trusted, want bool }{
		"loopback": {local: true, want: true}, "afar": {}, "trusted": {trusted: true, want: true},
	} {
		r := open(t, Config{}, s)
		if !c.local {
			remote(r, c.trusted)
		}
		if a := ask(r, helogate.A, "a.test"); a.Authentic != c.want {
			t.Errorf("%s: authentic is %v", name, a.Authentic)
		}
	}
	far := netip.MustParseAddrPort("192.0.2.53:53")
	r := open(t, Config{Servers: []netip.AddrPort{far, netip.MustParseAddrPort("192.0.2.54:53")}, Trusted: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:0")}})
	if r.servers[0].local || !r.servers[0].trusted || r.servers[1].trusted {
		t.Error("Trusted is not heeded")
	}
}

// 150 names of one address do not fit into a datagram, and none is lost.
func TestManyNames(t *testing.T) {
	var names []string
	for i := range 150 {
		names = append(names, "host-"+string(rune('a'+i/26))+string(rune('a'+i%26))+".a-rather-long-name-for-a-domain.example.org")
	}
	s := start(t, records{}.add(helogate.PTR, "192.0.2.1", time.Minute, names...))
	r := open(t, Config{}, s)
	a := ask(r, helogate.PTR, "192.0.2.1")
	if len(a.Values) != 150 || a.Status != helogate.OK {
		t.Errorf("%s, %d of 150 names: %s", a.Status, len(a.Values), a.Note)
	}
	if st := r.Stats(); st.TCP != 1 || st.Sent != 2 {
		t.Errorf("%d messages over TCP of %d", st.TCP, st.Sent)
	}
}
