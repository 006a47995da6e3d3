package interop

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A client whose DNS fails is deferred for as long as dns.failure_grace, and is then accepted, with a note. One case
// never ends so: a rejection that waits for a check that may permit.
func TestPatience(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	patient := func(patience string) string {
		return strings.Replace(enforce("balanced", l.dns.resolver), "dns = { ", fmt.Sprintf("dns = { failure_grace = %q, ", patience), 1)
	}
	d := l.keeping(t, patient("4h"))
	main := l.postfix.services["main"]
	failing := attempt{"203.0.113.40", "mail.example.com", "jane@example.com", "bob@example.net"} // its reverse zone does
	other := failing
	other.helo = "out.example.com"
	liar := failing
	liar.helo = "localhost" // which is rejected, unless it is exempt by its name
	const deferred = "451 4.4.3 <bob@example.net>: Recipient address rejected: Temporary DNS failure, please try again later: ..."
	main.see(t, "the first time", failing, deferred)
	d.waitFor("msg=verdict", "client=203.0.113.40", "action=defer", "unsure=")
	all := d.remembered(1)
	if !strings.Contains(all[0], `"kind":"deferred","key":"203.0.113.0/24 mail.example.com"`) {
		t.Errorf("%s is remembered", all)
	}
	d.imports("deferred", "203.0.113.0/24 mail.example.com", 4*time.Hour-time.Minute)
	main.see(t, "a minute before patience ends", failing, deferred)
	d.imports("deferred", "203.0.113.0/24 mail.example.com", 4*time.Hour+time.Minute)
	main.see(t, "a minute after", failing, passes)
	d.waitFor("msg=verdict", "client=203.0.113.40", "action=continue", "unsure=")
	main.see(t, "with another name", other, deferred)
	d.imports("deferred", "203.0.113.0/24 localhost", 24*time.Hour)
	if got := main.tries(liar); !strings.HasPrefix(got, "45") {
		t.Errorf("a client that may be exempt, while DNS fails: %s", got)
	}

	out, _, exit := d.command("check", "--from", failing.from, "--rcpt", failing.to, failing.client, failing.helo)
	if out := strings.Join(strings.Fields(out), " "); exit != 0 || !strings.Contains(out, "patience deferred for DNS failures since ") || !strings.Contains(out, ": the grace period is over") {
		t.Errorf("helogate check: exit %d: %s", exit, out)
	}
	d.reload(patient("8h"))
	main.see(t, "with more patience", failing, deferred)
}

// When most queries fail, the own resolver is failing: no client is deferred for that. Deferring resumes by itself.
func TestResolverIsOurs(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	addr := l.mustPort(t)
	unbound := l.startUnbound(t, addr, nil)
	d := l.serve(t, impatient(enforce("balanced", addr)), at(l.postfix.policy))
	main := l.postfix.services["main"]
	failing := attempt{"203.0.113.40", "mail.example.com", "jane@example.com", "bob@example.net"}
	const deferred = "451 4.4.3 ..."
	main.see(t, "all is well but for its own DNS", failing, deferred)
	if s := d.status(); s.DNS.FailingSince != nil {
		t.Errorf("one client's DNS fails, and status says: %s", s.DNS.FailingReason)
	}

	unbound.signal(syscall.SIGSTOP)
	askOfMany(t, l, 20, "silent")
	must(t, eventually(func() bool { return d.status().DNS.FailingSince != nil }))
	main.see(t, "the resolver is silent", failing, passes)
	main.see(t, "what is known for certain is held against it", attempt{"192.0.2.28", "exchange01.corp.local", failing.from, failing.to}, "451 4.7.1 ...")
	d.waitFor("level=ERROR", "the local resolver fails: no client is deferred for DNS failures", "no answer for ")
	if out := d.run(d.toDaemon("status")...); !hasLine(out, "RESOLVER FAILING since ", "meanwhile DNS failures defer no client") {
		t.Errorf("status: %s", out)
	}

	unbound.signal(syscall.SIGCONT)
	must(t, eventually(func() bool { askOfMany(t, l, 100, "well"); return d.status().DNS.FailingSince == nil }))
	d.waitFor("level=WARN", "the local resolver answers again: clients are deferred for DNS failures")
	main.see(t, "all works again", failing, deferred)
	if n := strings.Count(d.out.String(), "the local resolver fails:"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}

// askOfMany has helogate judge so many clients, each of its own network and domain, side by side.
func askOfMany(t *testing.T, l *lab, n int, what string) {
	atOnce(n, func(i int) {
		c, err := askPolicy(l.postfix.policy)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		domain := fmt.Sprintf("%s%d.example", what, i)
		if got, err := c.ask(attempt{fmt.Sprintf("2001:db8:%x::1", i+1), "mail." + domain, "jane@" + domain, "bob@example.net"}.asked()); err != nil {
			t.Errorf("%s, %v", got, err)
		}
	})
}
