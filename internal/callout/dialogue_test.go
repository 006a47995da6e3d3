package callout

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const oneHost = `
	example.org    MX 10 mx.example.org
	mx.example.org A 192.0.2.1`

// dialogues are the replies of hosts, and the result of each. Every byte that the callout sends is checked.
var dialogues = []struct {
	name   string
	script script
	want   string
}{
	{"accepts, and refuses another", scene + `S: 250 2.1.0 Ok
		C: RCPT TO:<jane@example.org>
		S: 250 2.1.5 Ok
		C: RSET
		S: 250 2.0.0 Ok
		C: MAIL FROM:<>
		S: 250 2.1.0 Ok
		C: RCPT TO:<nobody@example.org>
		S: 550 5.1.1 <nobody@example.org>: User unknown` + quits, "accepts"},
	{"accepts all", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 251 will forward
		C: RSET
		S: 250 Ok
		C: MAIL FROM:<>
		S: 250 Ok
		C: RCPT TO:<nobody@example.org>
		S: 250 Ok` + quits, "accepts all"},
	{"accepts, and wants no second", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 250 Ok
		C: RSET
		S: 421 one is enough
		hang`, "accepts"},
	{"accepts, and would have the second wait", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 250 Ok
		C: RSET
		S: 250 Ok
		C: MAIL FROM:<>
		S: 250 Ok
		C: RCPT TO:<nobody@example.org>
		S: 450 later` + quits, "accepts"},
	{"a greeting of lines, and HELO", `S: 220-mx.example.org
		S: 220-No spam
		S: 220 ESMTP
		C: EHLO mx.example.net
		S: 502 what?
		C: HELO mx.example.net
		S: 250 mx.example.org
		C: MAIL FROM:<>
		S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 No such user here` + quits, "refuses 550 No such user here"},
	{"refuses, by the enhanced code", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 554 5.1.1 unknown` + quits, "refuses 554 5.1.1 unknown"},
	{"refuses, in lines and in colours", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S= "550-5.1.1 no\x1b[31m\r\n550-5.1.1 such\n550 5.1.1 user\r\n"` + quits, `refuses 550 5.1.1 no\x1b[31m such user`},
	{"forwards nobody", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 551 5.0.0 try <jane@example.com>` + quits, "refuses 551 5.0.0 try <jane@example.com>"},
	{"a mailbox that is disabled", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 5.2.1 disabled` + quits, "refuses 550 5.2.1 disabled"},
	{"refuses <> at MAIL", scene + `S: 553 sorry, no bounces` + quits, "refuses null 553 sorry, no bounces"},
	{"refuses <> at MAIL, by policy", scene + `S: 554 5.7.1 <>: Sender address rejected: Access denied` + quits,
		"refuses null 554 5.7.1 <>: Sender address rejected: Access denied"},
	{"refuses <> at MAIL, for its form", scene + `S: 501 5.1.7 bad sender` + quits, "refuses null 501 5.1.7 bad sender"},
	{"refuses <> at RCPT", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 <>: Sender address rejected` + quits, "refuses null 550 <>: Sender address rejected"},

	{"greylists", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 451 4.7.1 Greylisted` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 451 4.7.1 Greylisted"},
	{"a full mailbox", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 552 5.2.2 over quota` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 552 5.2.2 over quota"},
	{"no relaying, a matter of policy", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 5.7.1 Relay access denied` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 550 5.7.1 Relay access denied"},
	{"a refusal that names our address", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 see http://list.example/?198.51.100.25` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 550 see http://list.example/?198.51.100.25"},
	{"a refusal of <> that names us", scene + `S: 550 MX.example.net is listed` + quits,
		"tempfail: mx.example.org [192.0.2.1]: it answers to MAIL FROM:<> 550 MX.example.net is listed"},
	{"a refusal of the reverse-path at RCPT", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 550 5.1.8 sender does not resolve` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 550 5.1.8 sender does not resolve"},
	{"552 and 554 without more", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		S: 554 no` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT 554 no"},
	{"TLS first", scene + `S: 530 5.7.0 Must issue a STARTTLS command first` + quits,
		"tempfail: mx.example.org [192.0.2.1]: it answers to MAIL FROM:<> 530 5.7.0 Must issue a STARTTLS command first"},
	{"a blocklist at MAIL", scene + `S: 554 5.7.1 blocked` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to MAIL FROM:<> 554 5.7.1 blocked"},
	{"a blocklist at the greeting", `S: 554 5.7.1 You are listed` + quits, "tempfail: mx.example.org [192.0.2.1]: its banner is 554 5.7.1 You are listed"},
	{"busy at the greeting", `S: 421 too many
		hang`, "tempfail: mx.example.org [192.0.2.1]: its banner is 421 too many"},
	{"neither EHLO nor HELO", `S: 220 hi
		C: EHLO mx.example.net
		S: 550 no
		C: HELO mx.example.net
		S: 550 no` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to EHLO and HELO 550 no"},
	{"EHLO later", `S: 220 hi
		C: EHLO mx.example.net
		S: 451 later` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to EHLO and HELO 451 later"},
	{"data before its time", scene + `S: 354 go ahead` + quits, "tempfail: mx.example.org [192.0.2.1]: it answers to MAIL FROM:<> 354 go ahead"},

	{"hangs up", scene + `close`, "tempfail: mx.example.org [192.0.2.1]: after MAIL: EOF"},
	{"hangs up at once", `close`, "tempfail: mx.example.org [192.0.2.1]: after the connection: EOF"},
	{"says nothing", `hang`, "tempfail: mx.example.org [192.0.2.1]: no reply to the connection in time"},
	{"says nothing to RCPT", scene + `S: 250 Ok
		C: RCPT TO:<jane@example.org>
		hang`, "tempfail: mx.example.org [192.0.2.1]: no reply to RCPT in time"},
	{"half a reply", scene + `S= "250"
		hang`, "tempfail: mx.example.org [192.0.2.1]: no reply to MAIL in time"},
	{"another protocol", `S: SSH-2.0-x
		hang`, "tempfail: mx.example.org [192.0.2.1]: after the connection: SSH-2.0-x is no line of a reply"},
	{"two codes", `S: 220-a
		S: 250 b
		hang`, "tempfail: mx.example.org [192.0.2.1]: after the connection: 250 b is no line of a reply"},
	{"more than was asked", scene + `S= "250 Ok\r\n550 no\r\n"
		hang`, "tempfail: mx.example.org [192.0.2.1]: after MAIL: it says more than it was asked"},
	{"a line without end", `S= "` + "220 " + script(strings.Repeat("x", 2000)) + `"
		hang`, "tempfail: mx.example.org [192.0.2.1]: after the connection: a line of a reply is longer than 1000 octets"},
	{"lines without end", script(strings.Repeat("S: 220-x\n", 101)) + `hang`, "tempfail: mx.example.org [192.0.2.1]: after the connection: a reply has more than 100 lines"},
}

func TestDialogues(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]script{"192.0.2.1": {d.script}})
				c := w.caller(oneHost, func(c *Config) { c.Own = addrs("198.51.100.25") })
				began := time.Now()
				if got := ask(t, c, "jane@example.org"); got != d.want {
					t.Errorf("got  %s\nwant %s", got, d.want)
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %s", took)
				}
				if w.asked() != "192.0.2.1" {
					t.Error("more than one connection")
				}
			})
		})
	}
}

// A sender address that contains our name does not turn its refusal into a refusal of our host.
func TestOurNameInTheAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const address, refusal = "x-mx.example.net@example.org", "550 5.1.1 <X-mx.example.net@example.org>: unknown"
		w := newWorld(t, map[string][]script{"192.0.2.1": {rcpt(address, refusal) + quits, rcpt("joe@example.org", refusal) + quits}})
		c := w.caller(oneHost, nil)
		if got := ask(t, c, address); got != refuses+refusal {
			t.Error(got)
		}
		if got := ask(t, c, "joe@example.org"); got != "tempfail: mx.example.org [192.0.2.1]: it answers to RCPT "+refusal {
			t.Error(got)
		}
	})
}

// A host that answers each command just in time does not get more of it than all of them may have.
func TestTarPit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {`wait 9s
			S: 220 slow
			C: EHLO mx.example.net
			wait 9s
			S: 250 slow
			C: MAIL FROM:<>
			hang`}})
		c := w.caller(oneHost, nil)
		began := time.Now()
		if got, want := ask(t, c, "jane@example.org"), "tempfail: mx.example.org [192.0.2.1]: no reply to MAIL in time"; got != want {
			t.Errorf("got %s, not %s", got, want)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// Nor do many hosts together; but one that says nothing leaves time for another.
func TestTarPits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {`hang`}, "192.0.2.2": {`hang`}, "192.0.2.3": {`hang`}})
		c := w.caller(oneHost+"\nmx.example.org A 192.0.2.2\nmx.example.org A 192.0.2.3", nil)
		began := time.Now()
		if got, want := ask(t, c, "jane@example.org"), "tempfail: mx.example.org [192.0.2.2]: no reply to the connection in time"; got != want {
			t.Errorf("got %s, not %s", got, want)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if got := w.asked(); got != "192.0.2.1 192.0.2.2" {
			t.Errorf("asked %s", got)
		}
	})
}

// A host that is not to be reached takes a quarter of the time.
func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.2": {no}})
		c := w.caller(oneHost+"\nmx.example.org A 192.0.2.2", func(c *Config) {
			c.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				if to.Addr().String() != "192.0.2.1" {
					return w.dial(ctx, to)
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		began := time.Now()
		if got := ask(t, c, "jane@example.org"); got != "refuses 550 no" || time.Since(began) != 5*time.Second {
			t.Errorf("got %s after %s", got, time.Since(began))
		}
	})
}

// Addresses that need quotes are written with them, and nothing that is no address comes near a command.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]script{"192.0.2.1": {scene + `S: 250 Ok
			C: RCPT TO:<"jane doe"@example.org>
			S: 550 no` + quits}})
		c := w.caller(oneHost, nil)
		if got := ask(t, c, `"jane doe"@example.org`); got != "refuses 550 no" {
			t.Error(got)
		}
		w.asked()
		for _, address := range []string{"", "jane", "<jane@example.org>", "jane@example.org\r\nDATA", "jane doe@example.org", "jane@EXAMPLE.org", "jane@[192.0.2.1]"} {
			if got := ask(t, c, address); got != "tempfail: no callout for what is not a mailbox" {
				t.Errorf("%q: %s", address, got)
			}
		}
		if got := w.asked(); got != "" {
			t.Errorf("asked %s", got)
		}
	})
}
