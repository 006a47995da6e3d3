package interop

import (
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

// A client that cannot be judged because DNS fails is deferred, never rejected: by the rfc preset 450 4.7.25 where
// reverse DNS is in trouble and 451 4.4.3 where that of the HELO name is, by balanced 451 4.4.3 for any.
func TestDNSInTrouble(t *testing.T) {
	l := theLab(t)
	cases := []struct{ what, client, helo, evil string }{
		{"nsd could not load the reverse zone", "203.0.113.40", "", ""},
		{"the reverse zone is aliases in a circle", "203.0.113.30", "", ""},
		{"its server says SERVFAIL", "203.0.113.101", "", "servfail.evil.test"},
		{"its server says REFUSED", "203.0.113.102", "", "refused.evil.test"},
		{"its server says FORMERR", "203.0.113.103", "", "formerr.evil.test"},
		{"its server is silent", "203.0.113.104", "", "drop.evil.test"},
		{"its server has more to say over TCP, and does not", "203.0.113.105", "", "tctimeout.evil.test"},
		{"its server replies with another id", "203.0.113.106", "", "wrongid.evil.test"},
		{"its server replies to another question", "203.0.113.107", "", "wrongq.evil.test"},
		{"its server's replies are cut off", "203.0.113.108", "", "truncpkt.evil.test"},
		{"its server's replies are no DNS", "203.0.113.109", "", "garbage.evil.test"},
		{"its server says that it is its own alias", "203.0.113.110", "", "selfloop.evil.test"},
		{"its server knows only others to ask", "203.0.113.111", "", "lame.evil.test"},
		{"nsd could not load the zone of HELO", "192.0.2.25", "mx.servfail.test", ""},
		{"HELO is aliases in a circle", "192.0.2.25", "loop1.trouble.example", ""},
		{"the server of HELO is silent", "192.0.2.25", "drop.helo.evil.test", "drop.helo.evil.test"},
		{"the server of HELO replies with another id", "192.0.2.25", "wrongid.helo.evil.test", "wrongid.helo.evil.test"},
		{"the server of HELO is no DNS", "192.0.2.25", "garbage.helo.evil.test", "garbage.helo.evil.test"},
	}
	// A server for each: unbound gives one up that has failed it once.
	evil, where := map[string]*testdns.Server{}, map[string]netip.AddrPort{}
	evil["tc.evil.test"] = startEvil(t, "")
	for _, c := range cases {
		if c.evil != "" {
			evil[c.evil] = startEvil(t, "")
		}
	}
	for name, server := range evil {
		where[name] = server.Addr()
	}
	unbound := l.mustPort(t)
	l.startUnbound(t, unbound, where)
	l.servePresets(t, impatient(enforce("balanced", unbound)))
	atOnce(len(cases), func(i int) {
		c := cases[i]
		code, about := "451 4.4.3", "A of "+c.helo
		if c.helo == "" {
			code, about, c.helo = "450 4.7.25", "PTR of "+c.client, "mail.example.com"
		}
		l.troubled(t, c.what, c.client, c.helo, code, about)
		if c.evil != "" && evil[c.evil].Queries() == 0 {
			t.Errorf("%s: it was not asked, so this is no test", c.what)
		}
	})
	for _, client := range []string{"192.0.2.150", "203.0.113.112"} {
		if got := l.postfix.services["rfc"].rcpt(client, "mail.example.com"); got != "250 2.1.5 Ok" {
			t.Errorf("a reply that is too long for UDP is no trouble, but %s: %s", client, got)
		}
	}
	if evil["tc.evil.test"].Queries() < 2 {
		t.Error("no query over TCP, so this is no test")
	}
}

// troubled checks the replies of rfc and balanced to a client whose DNS fails.
func (l *lab) troubled(t *testing.T, what, client, helo, code, about string) {
	const sorry = " <bob@example.net>: Recipient address rejected: Temporary DNS failure, please try again later: "
	rfc, balanced := l.postfix.services["rfc"], l.postfix.services["balanced"]
	for _, reply := range []struct{ by, got, want string }{
		{"rfc", rfc.rcpt(client, helo), code + sorry},
		{"balanced", balanced.rcpt(client, helo), "451 4.4.3" + sorry},
	} {
		if !strings.HasPrefix(reply.got, reply.want) || !strings.Contains(reply.got, about) {
			t.Errorf("%s: %s: %s\nnot %s... %s", what, reply.by, reply.got, reply.want, about)
		}
		if strings.Contains(reply.got, l.host.String()) {
			t.Errorf("%s: %s: %s\ndiscloses the address of our resolver to a client", what, reply.by, reply.got)
		}
	}
	if got := rfc.say(client, "EHLO "+helo, "MAIL FROM:<>", "RCPT TO:<postmaster@example.net>"); got != "250 2.1.5 Ok" {
		t.Errorf("%s: postmaster: %s", what, got)
	}
}

// The same when the resolver that helogate asks is itself the one that misbehaves.
func TestResolverMisbehaves(t *testing.T) {
	l := theLab(t)
	evil := startEvil(t, "192.0.2.66 PTR ok.evil.test")
	l.servePresets(t, impatient(enforce("balanced", evil.Addr())))
	const deferred = "451 4.4.3 <bob@example.net>: Recipient address rejected: Temporary DNS failure, please try again later: "
	never := strings.Fields("servfail refused formerr notimp drop tctimeout tctc truncpkt garbage wrongid noqr wrongop headeronly " +
		"halfcount ptrloop wrongq wrongtype wrongclass twoq lame cnameloop selfloop longchain")
	atLast := strings.Fields("ok aa0 ttl0 ttlhuge tc tcbroken upper forged noedns noednshdr extra slow50")
	atOnce(len(never)+len(atLast), func(i int) {
		behaviour, want := "", "250 2.1.5 Ok"
		if i < len(never) {
			behaviour, want = never[i], deferred
		} else {
			behaviour = atLast[i-len(never)]
		}
		got := l.postfix.services["rfc"].say("192.0.2.66", "EHLO "+behaviour+".evil.test", "MAIL FROM:<>", "RCPT TO:<bob@example.net>")
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s\nnot %s", behaviour, got, want)
		}
	})
}

// Whatever the resolver does with every query, no client is rejected. The smtpds of the presets serve here because each
// asks at another place; all judge by rfc.
func TestResolverMisbehavesAlways(t *testing.T) {
	l := theLab(t)
	behaviours := []string{"drop", "wrongid", "wrongq", "truncpkt", "tctimeout"}
	evil := make([]*testdns.Server, len(behaviours))
	for i, behaviour := range behaviours {
		var err error
		evil[i], err = testdns.Start(helogate.MustZone("192.0.2.25 PTR mail.example.com\nmail.example.com A 192.0.2.25"), testdns.Always(behaviour))
		must(t, err)
		t.Cleanup(evil[i].Close)
		l.serve(t, impatient(enforce("rfc", evil[i].Addr())), at(l.postfix.presets[presets[i]]))
	}
	atOnce(len(behaviours), func(i int) {
		l.postfix.services[presets[i]].deferred(t, "192.0.2.25", "mail.example.com")
		if evil[i].Queries() == 0 {
			t.Errorf("%s: it was not asked, so this is no test", behaviours[i])
		}
	})
}

// No resolver listens at its address. When it starts, clients are judged.
func TestResolverComes(t *testing.T) {
	l := theLab(t)
	addr := l.mustPort(t)
	d := l.serve(t, impatient(enforce("rfc", addr)), at(l.postfix.policy))
	main := l.postfix.services["main"]
	main.deferred(t, "192.0.2.60", "lone.example.com")
	d.waitFor("client=192.0.2.60", "action=defer", "connection refused by "+addr.String())
	main.deferred(t, "192.0.2.25", "mail.example.com")
	l.startUnbound(t, addr, nil)
	main.judgedAtLast(t)
}

// A resolver falls silent in the middle of its work, and wakes up again.
func TestResolverSleeps(t *testing.T) {
	l := theLab(t)
	addr := l.mustPort(t)
	unbound := l.startUnbound(t, addr, nil)
	d := l.serve(t, impatient(enforce("rfc", addr)), at(l.postfix.policy))
	main := l.postfix.services["main"]
	jane := func() string { // jane shares no name with the others, so the cache has nothing of them
		return main.say("203.0.113.96", "EHLO mail.jane.example", "MAIL FROM:<jane@jane.example>", "RCPT TO:<bob@example.net>")
	}
	if got := jane(); got != "250 2.1.5 Ok" {
		t.Errorf("all is well: %s", got)
	}
	unbound.signal(syscall.SIGSTOP)
	main.deferred(t, "192.0.2.60", "lone.example.com")
	d.waitFor("client=192.0.2.60", "action=defer", "no answer from "+addr.String()+" in time")
	main.deferred(t, "192.0.2.25", "mail.example.com")
	if got := jane(); got != "250 2.1.5 Ok" {
		t.Errorf("whose answers are in the cache: %s", got)
	}
	unbound.signal(syscall.SIGCONT)
	main.judgedAtLast(t)
}

// deferred checks that a client is deferred.
func (s *service) deferred(t *testing.T, from, helo string) {
	t.Helper()
	began := time.Now()
	got := s.rcpt(from, helo)
	if !strings.HasPrefix(got, "450 4.7.25 ") && !strings.HasPrefix(got, "451 4.4.3 ") {
		t.Errorf("%s %s: %s\nnot deferred", from, helo, got)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to say %s", took, got)
	}
}

// judgedAtLast waits until helogate has forgotten the failure of DNS: a good client is then accepted, and a bad one
// rejected.
func (s *service) judgedAtLast(t *testing.T) {
	t.Helper()
	for _, c := range []struct{ client, helo, want string }{
		{"192.0.2.25", "mail.example.com", "250 2.1.5 Ok"},
		{"192.0.2.60", "lone.example.com", "550 5.7.25 "},
	} {
		var got string
		err := eventually(func() bool {
			got = s.rcpt(c.client, c.helo)
			return !strings.HasPrefix(got, "45")
		})
		if err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s: %s, not %s", c.client, c.helo, got, c.want)
		}
	}
}

// atOnce does something n times, side by side: most of it is waiting.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// startEvil starts a DNS server that misbehaves for names below evil.test as their first label says.
func startEvil(t *testing.T, zone string) *testdns.Server {
	t.Helper()
	evil, err := testdns.Start(helogate.MustZone(zone), testdns.Misbehave("evil.test"))
	must(t, err)
	t.Cleanup(evil.Close)
	return evil
}

// startUnbound starts a resolver of the test's own.
func (l *lab) startUnbound(t *testing.T, listen netip.AddrPort, evil map[string]netip.AddrPort) *process {
	t.Helper()
	p, err := l.dns.startUnbound(l, listen, evil)
	must(t, err)
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("unbound said:\n%s", p.out.String())
		}
	})
	return p
}
