package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/control"
)

// tries is the reply to a client that is in order, with a mail from a sender.
func (in *internet) tries(sender string) string {
	return in.postfix.services["socket"].tries(mail.sender(sender))
}

// callsOut is a configuration with a callout for every sender.
func callsOut(budget, timeout string) string {
	config := "policy.checks.callout = \"reject\"\npolicy.checks.callout-postmaster = \"score 1\"\n" +
		enforce("rfc", netip.MustParseAddrPort("127.0.0.1:53")) +
		fmt.Sprintf("callout = { domains = [\"*\"], helo = \"mx.example.net\", timeout = %q }\n", timeout)
	return strings.Replace(config, `timeout = "5s", budget = "30s"`, fmt.Sprintf("timeout = %q, budget = %[1]q", budget), 1)
}

// callouts are those that the status counts.
func (d *daemon) callouts() control.Callouts {
	d.t.Helper()
	c := d.status().Callouts
	if c == nil {
		d.t.Fatal("helogate status says nothing of callouts")
	}
	return *c
}

// begun is how many callouts have been begun.
func begun(c control.Callouts) int64 {
	return c.Accepts + c.Refuses + c.AcceptsAll + c.RefusesNull + c.Undecided + int64(c.InFlight)
}

// connections is how often a domain's mail host was connected to, as it says itself.
func (in *internet) connections(domain string) (n int) {
	for line := range strings.Lines(in.senders.log()) {
		if strings.Contains(line, "postfix/"+domain+"/smtpd[") && strings.Contains(line, "]: connect from unknown[198.51.100.1]") {
			n++
		}
	}
	return n
}

// seeConnections holds against helogate what the mail hosts have counted: a connection for each callout in the log,
// none to others, and no dialogue that went further than RCPT.
func (in *internet) seeConnections(t *testing.T, d *daemon, called ...string) {
	t.Helper()
	must(t, eventually(func() bool { // the log is written a while later
		return strings.Count(d.out.String(), "msg=callout ") >= int(begun(d.callouts()))
	}))
	for _, h := range senderHosts {
		logged := strings.Count(d.out.String(), `host="mx.`+h.domain+` [`+h.at+`]"`)
		if (logged > 0) != slices.Contains(called, h.domain) {
			t.Errorf("%s: %d callouts in the log", h.domain, logged)
		}
		err := eventually(func() bool { return in.connections(h.domain) >= logged })
		if got := in.connections(h.domain); err != nil || got != logged {
			t.Errorf("%s: %d connections for %d callouts in the log", h.domain, got, logged)
		}
	}
	if log := in.senders.log(); strings.Contains(log, "data=") || strings.Contains(log, "improper command pipelining") {
		t.Errorf("a mail host got more than it should:\n%s", log)
	}
}

// unknownSender is the rejection of mail from joe@some.example. Postfix makes 5.1.3 of the 5.1.7, for it is asked about
// a recipient.
const unknownSender = "550 5.1.3 <bob@example.net>: Recipient address rejected: some.example does not accept mail for joe@some.example: 550 5.1.1 " +
	"<joe@some.example>: Recipient address rejected: User unknown in relay recipient table; use a sender address that exists [ID] Questions: postmaster@example.net"

// calledOut has senders, the reply to their mail, and the finding of each check, as helogate check prints it
// afterwards.
var calledOut = []struct{ sender, reply, callout, postmaster string }{
	{"jane@some.example", passes, "pass callout some.example accepts mail for jane@some.example",
		"fail callout-postmaster score 1 some.example does not accept mail for postmaster@some.example: 550 5.1.1 "},
	{"joe@some.example", unknownSender, "fail callout reject some.example does not accept mail for joe@some.example: 550 5.1.1 ",
		"fail callout-postmaster score 1 some.example does not accept mail for postmaster@some.example: 550 5.1.1 "},
	{"jane@all.example", passes, "neutral callout all.example accepts mail for every address, so nothing is known of jane@all.example",
		"pass callout-postmaster all.example accepts mail for postmaster@all.example"},
	{"jane@null.example", passes, "neutral callout null.example cannot be asked: it does not accept the null sender: 550 5.7.1 <>: Sender address rejected: no bounces here",
		"neutral callout-postmaster null.example cannot be asked: it does not accept the null sender: 550 5.7.1 "},
	{"jane@wait.example", passes, "temperror callout CALLOUT of jane@wait.example: mx.wait.example [198.51.100.28]: it answers to RCPT 450 4.7.1 ",
		"fail callout-postmaster score 1 wait.example does not accept mail for postmaster@wait.example: 550 5.1.1 "},
	{"jane@hang.example", passes, "temperror callout CALLOUT of jane@hang.example: mx.hang.example [198.51.100.30]: no reply to the connection in time",
		"temperror callout-postmaster CALLOUT of postmaster@hang.example: mx.hang.example [198.51.100.30]: no reply to the connection in time"},
	{"jane@ours.example", passes, "temperror callout CALLOUT of jane@ours.example: mx.ours.example is 198.51.100.70, which is never asked: it is an own address",
		"temperror callout-postmaster CALLOUT of postmaster@ours.example: mx.ours.example is 198.51.100.70, which is never asked: it is an own address"},
	{"jane@inside.example", passes, "temperror callout CALLOUT of jane@inside.example: mx.inside.example is 10.0.0.25, which is never asked: ",
		"temperror callout-postmaster CALLOUT of postmaster@inside.example: mx.inside.example is 10.0.0.25, which is never asked: "},
}

// The service asks a sender's mail host once and replies with the result. helogate check asks no host and prints the
// result.
func TestCalloutServe(t *testing.T) {
	in := startInternet(t)
	d := in.start(t, callsOut("8s", "4s"))
	for _, c := range calledOut {
		before := begun(d.callouts())
		d.checkSays(c.sender, "none callout no callout has been made for "+c.sender)
		if begun(d.callouts()) != before {
			t.Errorf("%s: helogate check has asked", c.sender)
		}
		in.see(t, c.sender, c.reply)
		once := d.callouts()
		if begun(once) == before || once.InFlight > 0 {
			t.Errorf("%s: %d callouts before, and not one more that has ended: %+v", c.sender, before, once)
		}
		in.see(t, c.sender, c.reply)
		if again := d.callouts(); begun(again) != begun(once) || again.Cached < once.Cached+2 {
			t.Errorf("%s: asked again: %+v after %+v", c.sender, again, once)
		}
		d.checkSays(c.sender, c.callout, c.postmaster)
	}
	d.waitFor("msg=verdict", "from=jane@some.example", "action=continue", "score=1", "callout-postmaster")
	d.waitFor("msg=verdict", "from=joe@some.example", "action=reject", "by=callout")
	d.waitFor("msg=verdict", "from=jane@hang.example", "action=continue", "score=0", "unsure=callout,callout-postmaster")
	in.seeNoneAsked(t, d)
	in.seeConnections(t, d, "some.example", "all.example", "null.example", "wait.example", "hang.example")
	c := d.callouts()
	if c.Accepts != 1 || c.Refuses != 3 || c.AcceptsAll == 0 || c.RefusesNull == 0 || c.Undecided != 7 || c.Limited != 0 {
		t.Errorf("the status counts %+v", c)
	}
	if status := d.run(d.toDaemon("status")...); !hasLine(status, "callouts ", "3 refuse", "1 accept", " accept all", " refuse the null sender", "7 undecided", " cached") {
		t.Errorf("helogate status:\n%s", status)
	}
	in.seeKept(t, d)
}

// see compares the reply to mail from a sender with the expected reply.
func (in *internet) see(t *testing.T, sender, want string) {
	t.Helper()
	if got := in.tries(sender); !fits(got, want) {
		t.Errorf("%s: %s\nnot %s", sender, got, want)
	}
}

// checkSays holds helogate check to lines of its table.
func (d *daemon) checkSays(sender string, lines ...string) {
	d.t.Helper()
	out, errs, _ := d.command("check", "--all", "--from", sender, "--rcpt", mail.to, mail.client, mail.helo)
	for _, want := range lines {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			d.t.Errorf("helogate check of %s: %s%s\nnot %s", sender, out, errs, want)
		}
	}
}

// seeNoneAsked checks that a client that is rejected without a callout, and mail that needs none, cause no callout.
func (in *internet) seeNoneAsked(t *testing.T, d *daemon) {
	t.Helper()
	before := begun(d.callouts())
	for _, sender := range []string{"", "postmaster@spare.example", "abuse@spare.example", "Postmaster@spare.example"} {
		in.see(t, sender, passes)
	}
	for _, a := range []attempt{
		{"192.0.2.60", "lone.example.com", "jane@spare.example", "bob@example.net"},
		{mail.client, "localhost", "jane@spare.example", "bob@example.net"},
	} {
		in.postfix.services["socket"].see(t, "refused for less", a, "550 5.7...")
	}
	for _, sender := range []string{"jane@spare.example", "joe@some.example"} { // one needs a callout, one is cached
		in.postfix.services["socket"].see(t, "exempt", attempt{"192.0.2.40", "mx.friend.example", sender, "bob@example.net"}, passes)
	}
	if now := begun(d.callouts()); now != before {
		t.Errorf("%d callouts", now-before)
	}
}

// seeKept sees that what is known lasts over a restart.
func (in *internet) seeKept(t *testing.T, d *daemon) {
	t.Helper()
	d.stop()
	d.start(in.lab)
	for _, c := range calledOut[:4] {
		in.see(t, c.sender, c.reply)
	}
	if c := d.callouts(); begun(c) != 0 || c.Cached == 0 {
		t.Errorf("after a restart: %+v", c)
	}
}

// A mail does not wait for a mail host that is slow, nor is it refused. What that says in the end is there for the next
// one.
func TestCalloutServeSlow(t *testing.T) {
	in := startInternet(t)
	d := in.start(t, callsOut("2s", "20s"))
	for _, sender := range []string{"joe@late.example", "jane@hang.example"} {
		in.see(t, sender, passes)
		if c := d.callouts(); c.InFlight == 0 {
			t.Errorf("%s: waited for the end of it: %+v", sender, c)
		}
		d.waitFor("msg=verdict", "from="+sender, "action=continue", "unsure=callout")
	}
	d.waitFor("msg=callout", "address=joe@late.example", "User unknown")
	before := begun(d.callouts())
	in.see(t, "joe@late.example", strings.ReplaceAll(unknownSender, "some.example", "late.example"))
	if now := begun(d.callouts()); now != before {
		t.Errorf("asked again: %d callouts more", now-before)
	}
}

// A client that has not yet passed greylisting causes no callout.
func TestCalloutServeGreylist(t *testing.T) {
	in := startInternet(t)
	delay := func(d string) string {
		return greylistAll + callsOut("8s", "4s") + fmt.Sprintf("greylist.delay = %q\n", d)
	}
	d := in.start(t, delay("5m"))
	for range 2 {
		in.see(t, "jane@some.example", waiting+"...")
		in.see(t, "joe@some.example", waiting+"...")
	}
	if c := d.callouts(); begun(c) != 0 {
		t.Errorf("before they came again: %+v", c)
	}
	d.reload(delay(moveTime))
	in.see(t, "jane@some.example", passes)
	in.see(t, "joe@some.example", unknownSender)
	in.seeConnections(t, d, "some.example")
}
