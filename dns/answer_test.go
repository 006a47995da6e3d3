package dns

import (
	"slices"
	"strings"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

func TestAnswers(t *testing.T) {
	const min = time.Minute
	zone := records{}.
		add(helogate.A, "many.test", min, "198.51.100.9", "9.0.2.1", "192.0.2.10", "192.0.2.9", "9.0.2.1").
		add(helogate.AAAA, "many.test", min, "2001:db8::10", "2001:db8::9", "2001:DB8:0::9").
		add(helogate.MX, "many.test", min, "100 b.test", "20 Z.test", "20 a.Test", "20 a.test").
		add(helogate.MX, "null.test", min, "0 .").
		add(helogate.TXT, "many.test", min, "v=spf1 "+strings.Repeat("a:x.test ", 50)+"-all", `say \"hi\" \\ \000`, "").
		add(helogate.SRV, "_x._tcp.test", min, "10 0 25 z.test", "9 1 25 B.test", "9 300 25 c.test", "9 1 9 B.test", "9 1 25 a.Test", "9 1 25 b.test").
		add(helogate.SRV, "_none._tcp.test", min, "0 0 0 .").
		add(helogate.SRV, "_odd._tcp.test", min, `65535 65535 65535 _x\ \.\000.test`).
		add(helogate.PTR, "192.0.2.1", min, "MX.test", "_x.test", `x\.y.test`, `\000\255\ .test`, "mx.test", ".").
		add(helogate.PTR, "192.0.2.2", min, ".").
		add(helogate.PTR, "2001:db8::1", min, "six.test").
		add(helogate.A, `_a\.b.\000.test`, min, "192.0.2.3").
		add(helogate.A, "ümlaut.test", min, "192.0.2.4").
		add(helogate.A, `\195\188mlaut.test`, min, "192.0.2.4")
	r := open(t, Config{}, start(t, zone))
	for _, c := range []struct {
		kind       helogate.Kind
		name, want string
	}{
		{helogate.A, "many.test", `ok ["9.0.2.1" "192.0.2.9" "192.0.2.10" "198.51.100.9"] 1m0s`},
		{helogate.AAAA, "many.test", `ok ["2001:db8::9" "2001:db8::10"] 1m0s`},
		{helogate.MX, "many.test", `ok ["20 a.test" "20 z.test" "100 b.test"] 1m0s`},
		{helogate.MX, "null.test", `ok ["0 ."] 1m0s`},
		{helogate.TXT, "many.test", `ok ["" "say \\\"hi\\\" \\\\ \\000" "v=spf1 ` + strings.Repeat("a:x.test ", 50) + `-all"] 1m0s`},
		{helogate.SRV, "_x._tcp.test", `ok ["9 300 25 c.test" "9 1 25 a.test" "9 1 25 b.test" "9 1 9 b.test" "10 0 25 z.test"] 1m0s`},
		{helogate.SRV, "_none._tcp.test", `ok ["0 0 0 ."] 1m0s`},
		{helogate.SRV, "_odd._tcp.test", `ok ["65535 65535 65535 _x\\ \\.\\000.test"] 1m0s`},
		{helogate.SRV, "many.test", `nodata 5m0s`},
		{helogate.PTR, "192.0.2.1", `ok ["\\000\\255\\ .test" "_x.test" "mx.test" "x\\.y.test"] 1m0s`},
		{helogate.PTR, "::ffff:192.0.2.1", `ok ["\\000\\255\\ .test" "_x.test" "mx.test" "x\\.y.test"] 1m0s`},
		{helogate.PTR, "192.0.2.2", `nodata 1m0s`},
		{helogate.PTR, "2001:db8::1", `ok ["six.test"] 1m0s`},
		{helogate.PTR, "192.0.2.3", `nxdomain 10m0s`},
		{helogate.A, `_a\.b.\000.test`, `ok ["192.0.2.3"] 1m0s`},
		{helogate.A, "ümlaut.test", `ok ["192.0.2.4"] 1m0s`},
		{helogate.A, "MANY.test.", `ok ["9.0.2.1" "192.0.2.9" "192.0.2.10" "198.51.100.9"] 1m0s`},
		{helogate.A, "null.test", `nodata 5m0s`},
		{helogate.A, "none.test", `nxdomain 10m0s`},
		{helogate.A, ".", `nxdomain 10m0s`},

		// names that DNS cannot hold
		{helogate.A, "", `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, "a..b", `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.MX, ".b", `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, strings.Repeat("a", 64) + ".test", `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, strings.Repeat("a", 256) + ".test", `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, strings.Repeat("a.", 128), `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, `a\`, `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, `a\25`, `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.A, `a\256`, `nxdomain 24h0m0s: not a name that DNS can hold`},
		{helogate.PTR, "mx.test", `nxdomain 24h0m0s: not an address`},
		{helogate.Callout, "x@y", `tempfail 0s: DNS is not asked for this kind`},
	} {
		t.Run(c.kind.String()+" "+c.name, func(t *testing.T) { expect(t, ask(r, c.kind, c.name), c.want) })
	}
}

func TestAliases(t *testing.T) {
	zone := records{}.
		add(helogate.A, "mx.test", 2*time.Hour, "192.0.2.1").
		add(helogate.MX, "mx.test", time.Hour, "10 mx.test").
		add(helogate.CNAME, "a.test", time.Hour, "b.test").
		add(helogate.CNAME, "b.test", 30*time.Second, "MX.test").
		add(helogate.CNAME, "gone.test", time.Hour, "nowhere.test").
		add(helogate.CNAME, "bare.test", time.Hour, "has-mx.test").
		add(helogate.MX, "has-mx.test", time.Hour, "10 mx.test").
		add(helogate.CNAME, "_srv.alias.test", time.Hour, "_srv.test").
		add(helogate.SRV, "_srv.test", time.Minute, "1 2 25 mx.test").
		add(helogate.CNAME, "loop1.test", time.Hour, "loop2.test").
		add(helogate.CNAME, "loop2.test", time.Hour, "loop1.test").
		add(helogate.CNAME, "7.2.0.192.in-addr.arpa", time.Minute, "7.0-25.2.0.192.in-addr.arpa").
		add(helogate.PTR, "7.0-25.2.0.192.in-addr.arpa", time.Hour, "mx.test")
	s := start(t, zone)
	r := open(t, Config{}, s)
	for _, c := range []struct {
		kind       helogate.Kind
		name, want string
	}{
		{helogate.A, "a.test", `ok ["192.0.2.1"] 30s: alias of mx.test`},
		{helogate.MX, "a.test", `ok ["10 mx.test"] 30s: alias of mx.test`},
		{helogate.CNAME, "a.test", `ok ["b.test"] 1h0m0s`},
		{helogate.CNAME, "b.test", `ok ["mx.test"] 30s`},
		{helogate.A, "b.test", `ok ["192.0.2.1"] 30s: alias of mx.test`},
		{helogate.CNAME, "mx.test", `nodata 2h0m0s`},
		{helogate.CNAME, "none.test", `nxdomain 10m0s`},
		{helogate.A, "gone.test", `nxdomain 10m0s: alias of nowhere.test`},
		{helogate.CNAME, "gone.test", `ok ["nowhere.test"] 1h0m0s`},
		{helogate.A, "bare.test", `nodata 5m0s: alias of has-mx.test`},
		{helogate.CNAME, "bare.test", `ok ["has-mx.test"] 1h0m0s`},
		{helogate.CNAME, "has-mx.test", `nodata 5m0s`},
		{helogate.SRV, "_srv.alias.test", `ok ["1 2 25 mx.test"] 1m0s: alias of _srv.test`},
		{helogate.A, "loop1.test", `tempfail 30s: cname loop at loop1.test`},
		{helogate.CNAME, "loop1.test", `ok ["loop2.test"] 1h0m0s`},
		{helogate.PTR, "192.0.2.7", `ok ["mx.test"] 1m0s: alias of 7.0-25.2.0.192.in-addr.arpa`},
	} {
		expect(t, ask(r, c.kind, c.name), c.want)
		if _, ok := r.Known(helogate.Question{Kind: c.kind, Name: c.name}); !ok {
			t.Errorf("%s of %s is not remembered", c.kind, c.name)
		}
	}
	for _, q := range s.Asked() {
		if q.Kind == helogate.CNAME {
			t.Errorf("a query for the CNAME of %s", q.Name)
		}
	}
	if want := 11; s.Queries() != want { // each kind and name once, except that A answers CNAME
		t.Errorf("%d queries, not %d: %v", s.Queries(), want, s.Asked())
	}
}

// Where servers do not follow aliases, the resolver does, within a limit.
func TestServersThatDoNotFollow(t *testing.T) {
	zone := records{}.
		add(helogate.A, "mx.test", time.Hour, "192.0.2.1").
		add(helogate.CNAME, "a.test", time.Hour, "b.test").
		add(helogate.CNAME, "b.test", time.Minute, "mx.test").
		add(helogate.CNAME, "gone.test", time.Hour, "nowhere.test").
		add(helogate.CNAME, "down.test", time.Hour, "servfail.evil.test").
		add(helogate.CNAME, "loop1.test", time.Hour, "loop2.test").
		add(helogate.CNAME, "loop2.test", time.Hour, "loop1.test")
	for i := range 20 {
		zone.add(helogate.CNAME, "c"+strings.Repeat("x", i)+".test", time.Hour, "c"+strings.Repeat("x", i+1)+".test")
	}
	s := start(t, zone, testdns.Misbehave("evil.test"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		if len(m.Answer) > 1 || m.Rcode != wire.RcodeSuccess && len(m.Answer) == 1 {
			m.Answer, m.Ns, m.Rcode = m.Answer[:1], nil, wire.RcodeSuccess
		}
		return m
	}))
	r := open(t, Config{}, s)
	for _, c := range []struct {
		kind       helogate.Kind
		name, want string
	}{
		{helogate.A, "a.test", `ok ["192.0.2.1"] 1m0s: alias of mx.test`},
		{helogate.CNAME, "a.test", `ok ["b.test"] 1h0m0s`},
		{helogate.A, "gone.test", `nxdomain 10m0s: alias of nowhere.test`},
		{helogate.CNAME, "gone.test", `ok ["nowhere.test"] 1h0m0s`},
		{helogate.A, "loop1.test", `tempfail 30s: cname loop at loop1.test`},
		{helogate.A, "c.test", `tempfail 30s: more than 10 aliases, from c.test on`},
		{helogate.CNAME, "c.test", `ok ["cx.test"] 1h0m0s`},
	} {
		expect(t, ask(r, c.kind, c.name), c.want)
	}
	down := ask(r, helogate.A, "dangling.evil.test") // its target does not exist
	expect(t, down, `nxdomain 1m0s: alias of target.test`)
}

func TestTheEndOfAnAliasFails(t *testing.T) {
	zone := records{}.add(helogate.A, "target.test", time.Hour, "192.0.2.1")
	s := start(t, zone, testdns.Misbehave("evil.test"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		if m.Question[0].Name == "target.test." {
			return m.SetRcode(m, wire.RcodeServerFailure)
		}
		return m
	}))
	r := open(t, Config{}, s)
	expect(t, ask(r, helogate.A, "dangling.evil.test"), "tempfail 30s: alias of target.test: servfail from "+s.Addr().String())
	expect(t, ask(r, helogate.CNAME, "dangling.evil.test"), `ok ["target.test"] 1m0s`)
}

// One alias that is not authentic makes the answer not authentic. The first alias itself stays authentic.
func TestAuthenticAllTheWay(t *testing.T) {
	zone := records{}.add(helogate.A, "target.test", time.Hour, "192.0.2.1")
	for _, signed := range []string{"dangling.evil.test.", "target.test."} {
		s := start(t, zone, testdns.Misbehave("evil.test"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
			m.AuthenticatedData = m.Question[0].Name == signed
			return m
		}))
		r := open(t, Config{}, s)
		if a := ask(r, helogate.A, "dangling.evil.test"); a.Authentic || a.Status != helogate.OK {
			t.Errorf("only %s is signed: %s, authentic %v", signed, describe(a), a.Authentic)
		}
		a := ask(r, helogate.CNAME, "dangling.evil.test")
		if a.Authentic != (signed == "dangling.evil.test.") || a.Status != helogate.OK {
			t.Errorf("only %s is signed: the alias: %s, authentic %v", signed, describe(a), a.Authentic)
		}
	}
}

// Two aliases of one name are an error of its zone. Their order has no effect.
func TestTwoAliases(t *testing.T) {
	targets := []string{"b.test.", "a.test."}
	for range 2 {
		m := new(wire.Msg)
		for _, target := range targets {
			h := wire.RR_Header{Name: "x.test.", Class: wire.ClassINET, Rrtype: wire.TypeCNAME, Ttl: 60}
			m.Answer = append(m.Answer, &wire.CNAME{Hdr: h, Target: target})
		}
		read, f := trail{start: "x.test", kind: wire.TypeA}.read(m, false)
		if f != nil || read.name() != "a.test" {
			t.Errorf("%v leads to %s, %v", targets, read.name(), f)
		}
		slices.Reverse(targets)
	}
}

func TestTTL(t *testing.T) {
	const day = 24 * time.Hour
	zone := records{}.
		add(helogate.A, "week.test", 7*day, "192.0.2.1").
		add(helogate.A, "hour.test", time.Hour, "192.0.2.1").
		add(helogate.A, "zero.test", 0, "192.0.2.1")
	zone[helogate.Question{Kind: helogate.A, Name: "never.test"}] = &helogate.Answer{Status: helogate.NXDomain, TTL: 7 * day}
	zone[helogate.Question{Kind: helogate.A, Name: "down.test"}] = &helogate.Answer{Status: helogate.TempFail}
	s := start(t, zone, testdns.Misbehave("evil.test"))
	clock := newHand()
	r := openAt(t, Config{}, clock.now, s)
	short := openAt(t, Config{MaxTTL: time.Minute, FailTTL: 5 * time.Second}, clock.now, s)
	for _, c := range []struct {
		r          *Resolver
		name, want string
		held       time.Duration
	}{
		{r, "week.test", `ok ["192.0.2.1"] 24h0m0s`, day},
		{r, "hour.test", `ok ["192.0.2.1"] 1h0m0s`, time.Hour},
		{r, "zero.test", `ok ["192.0.2.1"] 0s`, time.Second},
		{r, "never.test", `nxdomain 3h0m0s`, 3 * time.Hour},
		{r, "empty.evil.test", `nodata 1m0s`, time.Minute},
		{r, "down.test", "tempfail 30s: servfail from " + s.Addr().String(), 30 * time.Second},
		{short, "hour.test", `ok ["192.0.2.1"] 1m0s`, time.Minute},
		{short, "never.test", `nxdomain 1m0s`, time.Minute},
		{short, "down.test", "tempfail 5s: servfail from " + s.Addr().String(), 5 * time.Second},
	} {
		q := helogate.Question{Kind: helogate.A, Name: c.name}
		expect(t, ask(c.r, q.Kind, q.Name), c.want)
		clock.turn(c.held - 1)
		if a, ok := c.r.Known(q); !ok {
			t.Errorf("%s: forgotten before %v are over", c.name, c.held)
		} else {
			expect(t, a, c.want) // not a part of it
		}
		clock.turn(1)
		if _, ok := c.r.Known(q); ok {
			t.Errorf("%s: still known after %v", c.name, c.held)
		}
	}
}

// The negative TTL is the lesser of the SOA's own TTL and its last field (RFC 2308 section 5).
func TestNegativeTTL(t *testing.T) {
	soa := func(zone string, ttl, minimum uint32) wire.RR {
		return &wire.SOA{Hdr: wire.RR_Header{Name: zone, Class: wire.ClassINET, Rrtype: wire.TypeSOA, Ttl: ttl}, Minttl: minimum}
	}
	for _, c := range []struct {
		rr    wire.RR
		ttl   uint32
		proof bool
	}{
		{soa("test.", 100, 200), 100, true},
		{soa("TEST.", 200, 100), 100, true},
		{soa("a.test.", 5, 5), 5, true},
		{soa(".", 5, 5), 5, true},
		{soa("b.test.", 5, 5), noSOA, false},
		{soa("est.", 5, 5), noSOA, false},
		{soa("x.a.test.", 5, 5), noSOA, false},
	} {
		ttl, proof := negativeTTL([]wire.RR{c.rr}, "a.test")
		if ttl != c.ttl || proof != c.proof {
			t.Errorf("%v: %d %v, not %d %v", c.rr, ttl, proof, c.ttl, c.proof)
		}
	}
	if within(`a\.test`, "test") || !within(`a\\.test`, "test") {
		t.Error("an escaped dot is taken for one between labels, or the other way round")
	}
}
