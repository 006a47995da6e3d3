package helogate_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	. "github.com/helogate/helogate"
)

// named is a check that fails for HELO names under bad.example.
var named = Check{Name: "named", Needs: Helo, Run: func(c *Case) Finding {
	if strings.HasSuffix(c.Helo, ".bad.example") {
		return c.Fail("a bad name")
	}
	return c.Pass("a good name")
}}

// What becomes of the HELO names of connections (promise 9). A line is one judgement: the connection, the stage, the
// HELO name that counts, after "=" the reply, and after "|" the earlier HELO names in the facts. Go's escapes hold.
// Names under bad.example are rejected.
var dialogues = []struct{ name, from, lines string }{
	{"every HELO name is judged, not only the first", "helo", `
		a helo EHLO mx.example.org  = 250   |
		a helo EHLO x.bad.example   = 550 | EHLO mx.example.org`},
	{"each stage is judged anew, the same HELO name is no other", "rcpt", `
		a helo EHLO x.bad.example   = 250   |
		a mail EHLO x.bad.example   = 250   |
		a rcpt EHLO x.bad.example   = 550 |
		a rcpt EHLO x.bad.example   = 550 |`},
	{"a held one counts: the client read 250", "rcpt", `
		a helo EHLO x.bad.example   = 250   |
		a helo EHLO mx.example.org  = 250   | EHLO x.bad.example
		a rcpt EHLO mx.example.org  = 250   | EHLO x.bad.example`},
	{"a refused one leaves the session as it was, a corrected one has not changed", "helo", `
		a helo EHLO x.bad.example   = 550 |
		a helo EHLO mx.example.org  = 250   |
		a mail EHLO mx.example.org  = 250   |
		a rcpt EHLO mx.example.org  = 250   |`},
	{"a refused one after a good one leaves the good one", "helo", `
		a helo EHLO mx.example.org  = 250   |
		a helo EHLO x.bad.example   = 550 | EHLO mx.example.org
		a mail EHLO mx.example.org  = 250   |`},
	{"a client that goes on after a refusal is refused again", "helo", `
		a helo EHLO x.bad.example   = 550 |
		a mail EHLO x.bad.example   = 550 |
		a rcpt EHLO x.bad.example   = 550 |`},
	{"a client that goes on after a refusal is refused again, also where the MTA shows no HELO name then", "helo", `
		a helo EHLO x.bad.example   = 550 |
		a mail - -                  = 550 |
		a rcpt - -                  = 550 |`},
	{"a HELO name that was refused is forgotten when one is taken", "helo", `
		a helo EHLO x.bad.example   = 550 |
		a helo EHLO mx.example.org  = 250   |
		a mail - -                  = 250   |`},
	{"a HELO name that was refused after one that was taken leaves that", "helo", `
		a helo EHLO mx.example.org  = 250   |
		a helo EHLO x.bad.example   = 550 | EHLO mx.example.org
		a mail - -                  = 250   |`},
	{"a refused HELO name is not held against the next connection", "helo", `
		a helo EHLO x.bad.example   = 550 |
		a connect - -               = 250   |
		a mail - -                  = 250   |`},
	{"the same HELO name after STARTTLS is no change", "rcpt", `
		a helo EHLO mx.example.org  = 250   |
		a helo EHLO mx.example.org  = 250   |
		a rcpt EHLO mx.example.org  = 250   |`},
	{"HELO after EHLO is another HELO name", "rcpt", `
		a helo EHLO mx.example.org  = 250   |
		a helo HELO mx.example.org  = 250   | EHLO mx.example.org
		a rcpt HELO mx.example.org  = 250   | EHLO mx.example.org`},
	{"back to the first name is a change too", "rcpt", `
		a helo EHLO a.example.org   = 250   |
		a helo EHLO b.example.org   = 250   | EHLO a.example.org
		a helo EHLO a.example.org   = 250   | EHLO a.example.org; EHLO b.example.org`},
	{"a connect begins anew, whatever client had the port before", "rcpt", `
		a helo EHLO a.example.org   = 250   |
		a connect - -               = 250   |
		a helo EHLO b.example.org   = 250   |
		a rcpt EHLO b.example.org   = 250   |`},
	{"connections do not mix", "helo", `
		a helo EHLO a.example.org   = 250   |
		b helo EHLO b.example.org   = 250   |
		a rcpt EHLO a.example.org   = 250   |
		b helo EHLO c.example.org   = 250   | EHLO b.example.org
		a rcpt EHLO a.example.org   = 250   |`},
	{"no HELO name: a connect and a MAIL without one change nothing", "helo", `
		a connect - -               = 250   |
		a helo EHLO a.example.org   = 250   |
		a mail - -                  = 250   |
		a rcpt EHLO a.example.org   = 250   |`},
	{"the MTA that asks only at RCPT shows the last", "rcpt", `
		a rcpt EHLO a.example.org   = 250   |
		a rcpt EHLO b.example.org   = 250   |`}, // it may be another connection from the same port
	{"from MAIL on Postfix shows ? for what does not print, which is no other HELO name", "rcpt", `
		a helo EHLO a\x20b(c)\x1b\xff@ = 250 |
		a mail EHLO a?b?c????          = 250 |`},
	{"of very many the first and the latest are kept", "rcpt", `
		a helo EHLO 1.example.org = 250 |
		a helo EHLO 2.example.org = 250 | EHLO 1.example.org
		a helo EHLO 3.example.org = 250 | EHLO 1.example.org; EHLO 2.example.org
		a helo EHLO 4.example.org = 250 | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org
		a helo EHLO 5.example.org = 250 | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org; EHLO 4.example.org
		a helo EHLO 6.example.org = 250 | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org; EHLO 4.example.org; EHLO 5.example.org
		a helo EHLO 7.example.org = 250 | EHLO 1.example.org; EHLO 3.example.org; EHLO 4.example.org; EHLO 5.example.org; EHLO 6.example.org`},
}

func TestSessionDialogues(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			p := policy(t, Thresholds{}, Line{Check: named, On: on("fail=reject")})
			var err error
			if p.RejectAtStage, err = ParseStage(d.from); err != nil {
				t.Fatal(err)
			}
			sessions := map[string]*Session{"a": {}, "b": {}}
			for l := range strings.Lines(strings.TrimSpace(d.lines)) {
				said, want, _ := strings.Cut(strings.TrimSpace(l), " = ")
				w := strings.Fields(said)
				want, earlier, _ := strings.Cut(want, "|")
				reply, r := sessions[w[0]].Judge(t.Context(), p, dialogueFacts(t, w), MustZone(""))
				got := "250"
				if reply != nil {
					got = fmt.Sprint(reply.Code)
				}
				if got != strings.TrimSpace(want) {
					t.Errorf("%s: the reply is %s", strings.TrimSpace(l), got)
				}
				if got := strings.Join(r.Earlier, "; "); got != strings.TrimSpace(earlier) {
					t.Errorf("%s: earlier are %s", strings.TrimSpace(l), got)
				}
			}
		})
	}
}

// dialogueFacts reads "a helo EHLO mx.example.org"; "-" is nothing.
func dialogueFacts(t *testing.T, w []string) Facts {
	t.Helper()
	stage, err := ParseStage(w[1])
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{Stage: stage, Client: netip.MustParseAddr("192.0.2.1"), Recipient: "john@example.net"}
	if w[2] != "-" {
		f.Verb = w[2]
		if _, err := fmt.Sscanf(`"`+w[3]+`"`, "%q", &f.Helo); err != nil {
			t.Fatalf("%s: %v", w[3], err)
		}
	}
	return f
}

// Promise 10: what is replied, and what is held. A line an action and the stage from which a policy refuses, with the
// reply at connect, helo, mail and rcpt.
func TestSessionHolds(t *testing.T) {
	for _, c := range []struct{ action, from, want string }{
		{"reject", "connect", "554 550 550 550"},
		{"reject", "helo", "- 550 550 550"},
		{"reject", "mail", "- - 550 550"},
		{"reject", "rcpt", "- - - 550"},
		{"drop", "connect", "554 550 550 550"},
		{"drop", "rcpt", "- - - 550"},
		{"defer", "connect", "- - 451 451"},
		{"defer", "helo", "- - 451 451"},
		{"defer", "rcpt", "- - - 451"},
		{"greylist", "connect", "- - - 451"},
		{"greylist", "rcpt", "- - - 451"},
		{"accept", "connect", "- - - -"},
		{"note", "connect", "- - - -"},
		{"would reject", "connect", "- - - -"},
	} {
		p := policy(t, Thresholds{}, Line{Check: saysNow("fail-a"), On: on("fail=" + c.action)})
		var err error
		if p.RejectAtStage, err = ParseStage(c.from); err != nil {
			t.Fatal(err)
		}
		var s Session
		var got []string
		for stage := Connect; stage <= Rcpt; stage++ {
			f := client("192.0.2.1 mx.example.org a@example.org b@example.net")
			f.Stage = stage
			reply, r := s.Judge(t.Context(), p, f, MustZone(""))
			switch {
			case reply == nil:
				got = append(got, "-")
			default:
				got = append(got, fmt.Sprint(reply.Code))
			}
			if reply != nil && *reply != r.Reply {
				t.Errorf("%s from %s: the reply is %s, the record's %s", c.action, c.from, reply, r.Reply)
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s from %s: %s, want %s", c.action, c.from, got, c.want)
		}
	}
}

// A program that sets nothing refuses at RCPT.
func TestSessionRefusesAtRcpt(t *testing.T) {
	if p := policy(t, Thresholds{}); p.RejectAtStage != Rcpt || p.DryRun().RejectAtStage != Rcpt || p.FromPreset("x").RejectAtStage != Rcpt {
		t.Error(p.RejectAtStage)
	}
}

// What is remembered of a HELO name of 10 KB is no more than a name may be long, and some; it is judged whole.
func TestSessionIsBounded(t *testing.T) {
	p := policy(t, Thresholds{}, Line{Check: named, On: on("fail=reject")})
	p.RejectAtStage = Helo
	long := strings.Repeat("a", 10_000)
	var s Session
	f := client("192.0.2.1")
	for i, name := range []string{long, long + "b", "mx.example.org"} {
		f.Stage, f.Helo = Helo, name
		_, r := s.Judge(t.Context(), p, f, MustZone(""))
		if r.Helo != name {
			t.Errorf("%d: not all of it was judged", i)
		}
		if i == 2 && (len(r.Earlier) != 1 || len(r.Earlier[0]) != len("EHLO ")+300) {
			t.Errorf("%d HELO names are remembered, of %d bytes the first", len(r.Earlier), len(r.Earlier[0]))
		}
	}
	var verbs Session
	f.Verb, f.Helo = long, "mx.example.org"
	verbs.Judge(t.Context(), p, f, MustZone(""))
	f.Helo = "mx2.example.org"
	if _, r := verbs.Judge(t.Context(), p, f, MustZone("")); len(r.Earlier) != 1 || len(r.Earlier[0]) != 16+len(" mx.example.org") {
		t.Errorf("%d bytes of a verb and a HELO name are remembered", len(r.Earlier[0]))
	}
	f.Verb = "EHLO"
	var refused Session
	f.Helo = long + ".bad.example"
	refused.Judge(t.Context(), p, f, MustZone(""))
	f.Stage, f.Helo = Mail, ""
	if _, r := refused.Judge(t.Context(), p, f, MustZone("")); len(r.Helo) != 1024 {
		t.Errorf("%d bytes of a refused HELO name are remembered", len(r.Helo))
	}
}

// Recipients may be judged side by side.
func TestSessionIsSafe(t *testing.T) {
	p := policy(t, Thresholds{}, Line{Check: named, On: on("fail=reject")})
	var s Session
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			f := client(fmt.Sprintf("192.0.2.1 %d.example.org a@example.org b@example.net", i%3))
			f.Stage = Stage(i % 4)
			s.Judge(t.Context(), p, f, MustZone(""))
		})
	}
	wg.Wait()
}
