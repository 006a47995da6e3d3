package interop

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// greylisting is a configuration in which a first attempt waits for so long, and a client passes at once of whose
// attempts two have come again. To move the time, a test puts another delay into force.
func (l *lab) greylisting(preset, delay string) string {
	return enforce(preset, l.dns.resolver) + fmt.Sprintf("greylist.delay = %q\ngreylist.auto_pass = 2\n", delay)
}

// greylistAll greylists every client.
const greylistAll = "policy.checks.greylist = \"greylist\"\n"

// attempt is what a client tries to send.
type attempt struct{ client, helo, from, to string }

// jane and joe run mail servers at home, on two networks of one provider, and look like bots. mail is a good server.
var (
	jane = attempt{"203.0.113.96", "mail.jane.example", "jane@example.com", "bob@example.net"}
	joe  = attempt{"198.51.100.20", "mail.joe.example", "jane@example.com", "bob@example.net"}
	mail = attempt{"192.0.2.25", "mail.example.com", "jane@example.com", "bob@example.net"}
)

func (a attempt) sender(from string) attempt { a.from = from; return a }

// The replies to attempts: accepted, greylisted for all of 5 minutes, greylisted.
const (
	passes   = "250 2.1.5 Ok"
	waits    = waiting + "5 minutes; retry=00:05:00 [ID]"
	waiting  = "451 4.7.1 <bob@example.net>: Recipient address rejected: Greylisted, please try again in "
	moveTime = "1ms"
)

// tries is the reply to an attempt.
func (s *service) tries(a attempt) string {
	return s.say(a.client, "EHLO "+a.helo, "MAIL FROM:<"+a.from+">", "RCPT TO:<"+a.to+">")
}

// see holds the reply to an attempt to the one that is wanted.
func (s *service) see(t *testing.T, what string, a attempt, want string) {
	t.Helper()
	if got := s.tries(a); !fits(got, want) {
		t.Errorf("%s: %v: %s\nnot %s", what, a, got, want)
	}
}

// A client that looks like a bot is greylisted, and passes when it retries. Other clients are accepted at once.
func TestGreylist(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, l.greylisting("balanced", "5m"), at(l.postfix.policy))
	main := l.postfix.services["main"]
	main.see(t, "a good server", mail, passes)
	main.see(t, "a bot", attempt{"203.0.113.99", "203-0-113-99.dsl.provider.example", jane.from, jane.to}, "550 5.7.1 ...")
	main.see(t, "the first attempt", jane, waits)
	d.waitFor("msg=verdict", "stage=rcpt", "client=203.0.113.96", "action=greylist", "by=score", "score=2", "failed=generic-name,helo-fcrdns,greylist")
	main.see(t, "the other", joe, waits)
	got := ""
	if err := eventually(func() bool { got = main.tries(jane); return got == waiting+"5 minutes; retry=00:04:59 [ID]" }); err != nil {
		t.Errorf("too early: %s", got)
	}

	d.reload(l.greylisting("balanced", moveTime))
	main.see(t, "a retry", jane, passes)
	d.waitFor("msg=verdict", "client=203.0.113.96", "action=continue", "score=2")
	d.reload(l.greylisting("balanced", "5m"))
	main.see(t, "what has come again once", jane, passes)
	main.see(t, "another sender", jane.sender("joe@example.com"), waits)

	d.reload(l.greylisting("balanced", moveTime))
	main.see(t, "its retry", jane.sender("joe@example.com"), passes)
	d.reload(l.greylisting("balanced", "5m"))
	main.see(t, "retried twice", jane.sender("jim@example.com"), passes)
	main.see(t, "its neighbour did not", joe.sender("jim@example.com"), waits)
}

// Each recipient of a session waits by itself.
func TestGreylistRecipients(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, l.greylisting("balanced", "5m"), at(l.postfix.policy))
	main := l.postfix.services["main"]
	const bob, alice, postmaster = "bob@example.net", "alice@example.net", "postmaster@example.net"
	for _, session := range []struct {
		delay, want string
		to          []string
	}{
		{"5m", "451 451", []string{bob, bob}},
		{moveTime, "250 451 250", []string{bob, alice, postmaster}},
		{moveTime, "250 250", []string{alice, bob}},
	} {
		d.reload(l.greylisting("balanced", session.delay))
		if got := main.recipients(t, jane, session.to); got != session.want {
			t.Errorf("%s: %s, not %s", session.to, got, session.want)
		}
	}
}

// recipients are the codes with which an smtpd replies to several recipients of one session.
func (s *service) recipients(t *testing.T, a attempt, to []string) string {
	t.Helper()
	c, _, err := dial(s.SMTP)
	must(t, err)
	defer c.close()
	lines := []string{xclient(a.client), "EHLO " + a.helo, "MAIL FROM:<" + a.from + ">"}
	for _, one := range to {
		lines = append(lines, "RCPT TO:<"+one+">")
	}
	var codes []string
	for _, line := range lines {
		reply, err := c.say(line)
		must(t, err)
		codes = append(codes, reply[:min(len(reply), 3)])
	}
	return strings.Join(codes[3:], " ")
}

// If every client is greylisted, so is a good server, at RCPT. A client that is exempt from it does not wait, though
// it is judged as others are.
func TestGreylistEveryClient(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.serve(t, greylistAll+l.greylisting("balanced", "5m"), at(l.postfix.policy))
	stages := l.postfix.services["stages"]
	stages.see(t, "a good server", mail, waits) // and not before RCPT
	d.waitFor("msg=verdict", "stage=rcpt", "client=192.0.2.25", "action=greylist", "by=greylist", "score=0", "192.0.2.25")
	if hasLine(d.out.String(), "stage=mail", "greylist") {
		t.Error("it is greylisted before RCPT")
	}
	stages.see(t, "postmaster", attempt{mail.client, mail.helo, "", "postmaster@example.net"}, passes)
	exempt := "[[greylist.exempt]]\nname = \".example.com\"\n[[greylist.exempt]]\naddress = \"203.0.113.0/24\"\n"
	d.reload(greylistAll + l.greylisting("balanced", "5m") + exempt)
	stages.see(t, "exempt by name", mail, passes)
	stages.see(t, "exempt by address", jane, passes)
	stages.see(t, "exempt, and a bot", attempt{"203.0.113.99", "203-0-113-99.dsl.provider.example", jane.from, jane.to}, "550 5.7.1 ...")
	stages.see(t, "not exempt", joe, waits)
}

// Hosts of a large sender take turns, and each passes for what another has tried; those of a pool of desktops do not,
// nor does one that only says to be of the large sender.
func TestGreylistPools(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	main := l.postfix.services["main"]
	d := l.serve(t, greylistAll+l.greylisting("balanced", "5m"), at(l.postfix.policy))
	const newsletter = "news@example.com"
	out := func(client, helo string) attempt { return attempt{client, helo, newsletter, "bob@example.net"} }
	bySPF := func(client string) attempt {
		return attempt{client, "mail.spf.example", "jane@spf.example", "bob@example.net"}
	}
	firsts := []attempt{out("192.0.2.171", "out1.big.example"), bySPF("192.0.2.180"), jane}
	for _, a := range firsts {
		main.see(t, "the first attempt", a, waits)
	}
	d.reload(greylistAll + l.greylisting("balanced", moveTime))
	for _, c := range []struct {
		what string
		attempt
		want string
	}{
		{"another host of a large sender", out("198.51.100.21", "out2.big.example"), passes},
		{"and one more", out("203.0.113.171", "out3.big.example"), passes},
		{"anybody can write a PTR", out("198.51.100.22", "out2.big.example"), waiting + "..."},
		{"another host that SPF speaks for", bySPF("203.0.113.180"), passes},
		{"another desktop of a pool", joe, waiting + "..."},
	} {
		main.see(t, c.what, c.attempt, c.want)
	}
}

// In shadow mode no client waits, and the log says which would. These attempts count after the change to enforce.
func TestGreylistShadow(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	config := l.greylisting("balanced", "5m")
	d := l.serve(t, shadowed(config), at(l.postfix.policy))
	main := l.postfix.services["main"]
	main.see(t, "in shadow mode", jane, passes)
	d.waitFor("msg=verdict", "stage=rcpt", "client=203.0.113.96", "action=continue", "would=greylist", "would_by=score")
	d.reload(config)
	main.see(t, "enforced, and too early", jane, waiting+"...")
	main.see(t, "enforced, and not seen before", joe, waits)
	d.reload(shadowed(l.greylisting("balanced", moveTime)))
	main.see(t, "in shadow mode again", joe, passes)
	d.reload(config)
	main.see(t, "enforced, and retried before", joe, passes)
}

// helogate check says what the running service would do, and leaves no trace.
func TestGreylistCheck(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.keeping(t, l.greylisting("balanced", "5m"))
	main := l.postfix.services["main"]
	remembered := d.remembered(0)
	ask := func(what string, exit int, want string) {
		t.Helper()
		for range 2 {
			out, errs, got := d.command("check", "--from", jane.from, "--rcpt", jane.to, jane.client, jane.helo)
			if got != exit || !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("%s: exit %d, not %d: %s%s\nnot %s", what, got, exit, out, errs, want)
			}
		}
		if now := d.remembered(len(remembered)); !slices.Equal(now, remembered) {
			t.Errorf("%s: it leaves a trace:\n%s\nnot\n%s", what, now, remembered)
		}
	}
	ask("before the first attempt", 75, "203.0.113.0/24 is seen for the first time")
	main.see(t, "the first attempt", jane, waits)
	remembered = d.remembered(1)
	if !strings.Contains(remembered[0], `"203.0.113.0/24 jane@example.com bob@example.net"`) {
		t.Errorf("%s is remembered", remembered)
	}
	ask("after it", 75, "203.0.113.0/24 was first seen at ")
	d.reload(l.greylisting("balanced", moveTime))
	ask("when it may come again", 0, ", and has retried")
	main.see(t, "the retry", jane, passes)
	remembered = d.remembered(2)
	d.reload(l.greylisting("balanced", "5m"))
	ask("when it has", 0, "203.0.113.0/24 has retried, and is accepted since ")
}

// asked is the attempt as Postfix asks about it.
func (a attempt) asked() string {
	return "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=" + a.client + "\nclient_name=unknown\n" +
		"helo_name=" + a.helo + "\nsender=" + a.from + "\nrecipient=" + a.to + "\ninstance=1.1.0\n\n"
}

// Replies of the listener.
const (
	dunno        = "action=DUNNO"
	toldToWait   = "action=451 4.7.1 Greylisted, please try again in "
	storeTimeout = 200 * time.Millisecond
)

// A store that is not there, or that is silent, keeps no mail: it flows, and log and status say why.
func TestGreylistStoreDown(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	silent, err := net.Listen("tcp", l.mustPort(t).String())
	must(t, err)
	t.Cleanup(func() { silent.Close() })
	nobody := l.mustPort(t).String()
	for what, server := range map[string]string{"not there": nobody, "silent": silent.Addr().String()} {
		t.Run(what, func(t *testing.T) {
			d := l.prepare(t, "", at(l.postfix.policy))
			d.state = fmt.Sprintf("state.store = \"redis\"\nstate.redis.servers = [%q]\nstate.timeout = %q\n", server, storeTimeout)
			d.write(l.greylisting("balanced", "5m"))
			d.start(l)
			l.postfix.services["main"].see(t, "would wait", jane, passes)
			d.waitFor("msg=verdict", "client=203.0.113.96", "action=continue", "score=2", "unsure=greylist")
			c, err := askPolicy(l.postfix.policy)
			must(t, err)
			defer c.Close()
			for i := range 20 {
				got, err := c.ask(jane.sender(fmt.Sprintf("jane%d@example.com", i)).asked())
				if err != nil || got != dunno {
					t.Errorf("%s, %v", got, err)
				}
			}
			d.waitFor("level=ERROR", "the store is down: greylisting and callouts have no effect until it works again")
			if s := d.status(); s.State.Store != "redis" || s.State.DownSince == nil || s.State.Failed < 20 || s.State.LastError == "" {
				t.Errorf("status: %+v", s.State)
			}
			if out := d.run(d.toDaemon("status")...); !hasLine(out, "THE STORE IS DOWN since ", "meanwhile no client is greylisted") {
				t.Errorf("status: %s", out)
			}
		})
	}
}

// While 20 connections try again and again, the delay is exchanged: every attempt is answered, and no client that has
// passed waits again.
func TestGreylistReloadUnderUse(t *testing.T) {
	l := theLab(t)
	addr := l.mustPort(t)
	quiet := func(delay string) string { return "log.level = \"warn\"\n" + l.greylisting("balanced", delay) }
	d := l.serve(t, quiet("5m"), at(addr))
	var done atomic.Bool
	var all sync.WaitGroup
	var waited, passed atomic.Int64
	for i := range 20 {
		all.Go(func() {
			c, err := askPolicy(addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			has := map[string]bool{}
			for n := 0; !done.Load(); n++ {
				a := jane.sender(fmt.Sprintf("jane%d.%d@example.com", i, n/50%20))
				switch got, err := c.ask(a.asked()); {
				case err == nil && got == dunno:
					has[a.from] = true
					passed.Add(1)
				case err == nil && strings.HasPrefix(got, toldToWait) && !has[a.from]:
					waited.Add(1)
				default:
					t.Errorf("%s, which has passed before: %v: %s, %v", a.from, has[a.from], got, err)
					return
				}
			}
		})
	}
	for i := range 20 {
		before := waited.Load() + passed.Load()
		must(t, eventually(func() bool { return waited.Load()+passed.Load() > before+200 }))
		d.reload(quiet([...]string{moveTime, "5m"}[i%2]) + fmt.Sprintf("policy.greylist_at = 2\ngreylist.window = \"%dh\"\n", 10+i))
	}
	done.Store(true)
	all.Wait()
	if waited.Load() == 0 || passed.Load() == 0 {
		t.Errorf("%d waited and %d passed, so this is no test", waited.Load(), passed.Load())
	}
	t.Logf("%d waited, %d passed", waited.Load(), passed.Load())
}
