package interop

import (
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

// Without helogate mail flows; with it again, clients are judged, also by the smtpds that were there all the time.
func TestKilled(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	for _, smtpd := range []string{"main", "kept"} {
		t.Run(smtpd, func(t *testing.T) {
			s := l.postfix.services[smtpd]
			d := l.prepare(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
			const flows, refused = "250 2.1.5 Ok", "550 5.7.25 "
			for _, step := range []struct {
				what, want string
				do         func()
			}{
				{"before it is there", flows, func() {}},
				{"when it is there", refused, func() { d.start(l) }},
				{"after it was killed", flows, func() { d.signal(syscall.SIGKILL); must(t, d.wait()); running.remove(d.process) }},
				{"when it is back", refused, func() { d.start(l) }},
				{"after it was stopped", flows, func() { d.stop() }},
			} {
				step.do()
				if got := s.rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, step.want) {
					t.Errorf("%s: %s, not %s", step.what, got, step.want)
				}
			}
		})
	}
}

// A client that is being judged when helogate stops still gets its answer.
func TestStopAnswersWhatIsInFlight(t *testing.T) {
	l := theLab(t)
	release := make(chan struct{})
	slow, err := testdns.Start(helogate.MustZone("mail.example.com A 192.0.2.25"), testdns.Rewrite(func(reply *dns.Msg, _ bool) *dns.Msg {
		<-release
		return reply
	}))
	must(t, err)
	t.Cleanup(slow.Close)
	t.Cleanup(func() { // before slow is closed, which waits for its replies
		select {
		case <-release:
		default:
			close(release)
		}
	})
	d := l.serve(t, enforce("rfc", slow.Addr()), at(l.postfix.policy))
	reply := make(chan string, 1)
	go func() { reply <- l.postfix.services["main"].rcpt("192.0.2.25", "mail.example.com") }()
	must(t, eventually(func() bool { return slow.Queries() > 0 }))
	d.signal(syscall.SIGTERM)
	d.waitFor("stopping")
	must(t, eventually(func() bool { return refuses(l.postfix.policy) }))
	if !d.alive() {
		t.Fatal("it has ended though a client waits for an answer")
	}
	close(release)
	const want = "550 5.7.25 <bob@example.net>: Recipient address rejected: 192.0.2.25 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"
	if got := <-reply; got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
	must(t, d.wait())
	if d.err != nil {
		t.Errorf("helogate ended with %v", d.err)
	}
}

// If no client waits, it stops, though Postfix keeps its connections open.
func TestStopsThoughConnected(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	l.postfix.services["kept"].rcpt("192.0.2.25", "mail.example.com")
	d.signal(syscall.SIGTERM)
	must(t, d.wait())
	if d.err != nil {
		t.Errorf("it ended with %v", d.err)
	}
}
