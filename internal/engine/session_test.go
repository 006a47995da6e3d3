package engine

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// What becomes of the greetings of connections (promise 9). A line is one judgement: the connection, the stage, the
// greeting in force, and after "=" what the door is told, and after "|" what the check was shown of earlier greetings.
// In a greeting, Go's escapes hold. Refused are HELO names under bad.example; that the name changed is noted.
var dialogues = []struct{ name, from, lines string }{
	{"every greeting is judged, not only the first", "helo", `
		a helo EHLO mx.example.org  = continue   |
		a helo EHLO x.bad.example   = reject 550 | EHLO mx.example.org`},
	{"each stage is judged anew, the same greeting is no other", "rcpt", `
		a helo EHLO x.bad.example   = continue   |
		a mail EHLO x.bad.example   = continue   |
		a rcpt EHLO x.bad.example   = reject 550 |
		a rcpt EHLO x.bad.example   = reject 550 |`},
	{"a held one counts: the client was told 250", "rcpt", `
		a helo EHLO x.bad.example   = continue   |
		a helo EHLO mx.example.org  = continue   | EHLO x.bad.example
		a rcpt EHLO mx.example.org  = continue   | EHLO x.bad.example`},
	{"a refused one leaves the session as it was, a corrected one has not changed", "helo", `
		a helo EHLO x.bad.example   = reject 550 |
		a helo EHLO mx.example.org  = continue   |
		a mail EHLO mx.example.org  = continue   |
		a rcpt EHLO mx.example.org  = continue   |`},
	{"a refused one after a good one leaves the good one in force", "helo", `
		a helo EHLO mx.example.org  = continue   |
		a helo EHLO x.bad.example   = reject 550 | EHLO mx.example.org
		a mail EHLO mx.example.org  = continue   |`},
	{"who goes on after a refusal is refused again", "helo", `
		a helo EHLO x.bad.example   = reject 550 |
		a mail EHLO x.bad.example   = reject 550 |
		a rcpt EHLO x.bad.example   = reject 550 |`},
	{"who goes on after a refusal is refused again, also where the MTA has no greeting then", "helo", `
		a helo EHLO x.bad.example   = reject 550 |
		a mail - -                  = reject 550 |
		a rcpt - -                  = reject 550 |`},
	{"a greeting that was refused is forgotten when one is taken", "helo", `
		a helo EHLO x.bad.example   = reject 550 |
		a helo EHLO mx.example.org  = continue   |
		a mail - -                  = continue   |`},
	{"a greeting that was refused after one that was taken leaves that in force", "helo", `
		a helo EHLO mx.example.org  = continue   |
		a helo EHLO x.bad.example   = reject 550 | EHLO mx.example.org
		a mail - -                  = continue   |`},
	{"a refused greeting is not held against the next connection", "helo", `
		a helo EHLO x.bad.example   = reject 550 |
		a connect - -               = continue   |
		a mail - -                  = continue   |`},
	{"greeting again after STARTTLS is no change", "rcpt", `
		a helo EHLO mx.example.org  = continue   |
		a helo EHLO mx.example.org  = continue   |
		a rcpt EHLO mx.example.org  = continue   |`},
	{"HELO after EHLO is another greeting", "rcpt", `
		a helo EHLO mx.example.org  = continue   |
		a helo HELO mx.example.org  = continue   | EHLO mx.example.org
		a rcpt HELO mx.example.org  = continue   | EHLO mx.example.org`},
	{"back to the first name is a change too", "rcpt", `
		a helo EHLO a.example.org   = continue   |
		a helo EHLO b.example.org   = continue   | EHLO a.example.org
		a helo EHLO a.example.org   = continue   | EHLO a.example.org; EHLO b.example.org`},
	{"a connect begins anew, whoever had the port before", "rcpt", `
		a helo EHLO a.example.org   = continue   |
		a connect - -               = continue   |
		a helo EHLO b.example.org   = continue   |
		a rcpt EHLO b.example.org   = continue   |`},
	{"connections do not mix", "helo", `
		a helo EHLO a.example.org   = continue   |
		b helo EHLO b.example.org   = continue   |
		a rcpt EHLO a.example.org   = continue   |
		b helo EHLO c.example.org   = continue   | EHLO b.example.org
		a rcpt EHLO a.example.org   = continue   |`},
	{"without a name there is no connection to remember", "helo", `
		- helo EHLO a.example.org   = continue   |
		- helo EHLO b.example.org   = continue   |`},
	{"no greeting is none: a connect and a MAIL without one change nothing", "helo", `
		a connect - -               = continue   |
		a helo EHLO a.example.org   = continue   |
		a mail - -                  = continue   |
		a rcpt EHLO a.example.org   = continue   |`},
	{"the MTA that asks only at RCPT shows the last", "rcpt", `
		a rcpt EHLO a.example.org   = continue   |
		a rcpt EHLO b.example.org   = continue   |`}, // it may be another connection from the same port
	{"from MAIL on Postfix shows ? for what does not print, which is no other greeting", "rcpt", `
		a helo EHLO a\x20b(c)\x1b\xff@ = continue |
		a mail EHLO a?b?c????          = continue |`},
	{"of very many the first and the latest are kept", "rcpt", `
		a helo EHLO 1.example.org = continue |
		a helo EHLO 2.example.org = continue | EHLO 1.example.org
		a helo EHLO 3.example.org = continue | EHLO 1.example.org; EHLO 2.example.org
		a helo EHLO 4.example.org = continue | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org
		a helo EHLO 5.example.org = continue | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org; EHLO 4.example.org
		a helo EHLO 6.example.org = continue | EHLO 1.example.org; EHLO 2.example.org; EHLO 3.example.org; EHLO 4.example.org; EHLO 5.example.org
		a helo EHLO 7.example.org = continue | EHLO 1.example.org; EHLO 3.example.org; EHLO 4.example.org; EHLO 5.example.org; EHLO 6.example.org`},
}

func TestDialogues(t *testing.T) {
	bad, err := check.ParseBadHelo(".bad.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			from, err := helogate.ParseStage(d.from)
			if err != nil {
				t.Fatal(err)
			}
			b := newBench("")
			gate := b.Gate(here, Rules{Policy: mustPolicy(line(check.BadHelo(check.BadHeloList{bad}), "reject"), line(check.HeloChanged, "note")), RejectAt: from})
			for l := range strings.Lines(strings.TrimSpace(d.lines)) {
				said, want, _ := strings.Cut(strings.TrimSpace(l), " = ")
				f := factsOf(t, strings.Fields(said))
				want, earlier, _ := strings.Cut(want, "|")
				if got := told(gate.Judge(t.Context(), f)); got != strings.TrimSpace(want) {
					t.Errorf("%s: the door is told %s", strings.TrimSpace(l), got)
				}
				r := b.seen[len(b.seen)-1]
				if got := strings.Join(r.Earlier, "; "); got != strings.TrimSpace(earlier) {
					t.Errorf("%s: shown were %s", strings.TrimSpace(l), got)
				}
				wantChanged := earlier != "" && strings.TrimSpace(earlier) != ""
				if got := outcome(r, "helo-changed") == helogate.Fail; got != wantChanged && r.Action != helogate.Reject {
					t.Errorf("%s: helo-changed says %s", strings.TrimSpace(l), outcome(r, "helo-changed"))
				}
			}
		})
	}
}

// factsOf reads "a helo EHLO mx.example.org"; "-" is nothing.
func factsOf(t *testing.T, w []string) helogate.Facts {
	t.Helper()
	stage, err := helogate.ParseStage(w[1])
	if err != nil {
		t.Fatal(err)
	}
	f := helogate.Facts{Stage: stage, Client: netip.MustParseAddr("192.0.2.1"), Recipient: "john@example.net"}
	if w[0] != "-" {
		f.Session = "[192.0.2.1]:" + w[0]
	}
	if w[2] != "-" {
		var helo string
		if _, err := fmt.Sscanf(`"`+w[3]+`"`, "%q", &helo); err != nil {
			t.Fatalf("%s: %v", w[3], err)
		}
		f.Verb, f.Helo = w[2], helo
	}
	return f
}

func outcome(r *helogate.Record, name string) helogate.Outcome {
	for _, f := range r.Findings {
		if f.Check == name {
			return f.Outcome
		}
	}
	return 0
}

// TestSessionOfADoor: a door with a connection of its own keeps the session itself.
func TestSessionOfADoor(t *testing.T) {
	b := newBench("")
	gate := b.Gate(here, Rules{Policy: mustPolicy(line(check.HeloChanged, "reject")), RejectAt: helogate.Helo})
	var one, other Session
	for i, c := range []struct {
		s    *Session
		helo string
		want string
	}{
		{&one, "a.example.org", "continue"},
		{&other, "b.example.org", "continue"},
		{&one, "b.example.org", "reject 550"},
		{&one, "a.example.org", "continue"}, // the refused one was as if it had not been
	} {
		f := spammer(helogate.Helo)
		f.Helo = c.helo
		if got := told(c.s.Judge(t.Context(), gate, f)); got != c.want {
			t.Errorf("%d: %s: the door is told %s, want %s", i, c.helo, got, c.want)
		}
		if at := b.seen[len(b.seen)-1].Time; !at.Equal(noon) {
			t.Errorf("%d: judged at %s, want the engine's time", i, at)
		}
	}
}

// TestGreetingIsBounded: what is remembered of a greeting of 10 KB is no more than a name may be long, and some.
func TestGreetingIsBounded(t *testing.T) {
	b := newBench("")
	gate := b.Gate(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	long := strings.Repeat("a", 10_000)
	for _, helo := range []string{long, long + "b", "mx.example.org"} {
		f := spammer(helogate.Helo)
		f.Helo = helo
		gate.Judge(t.Context(), f)
	}
	last := b.seen[len(b.seen)-1]
	if len(last.Earlier) != 1 || len(last.Earlier[0]) != len("EHLO ")+maxGreeting {
		t.Errorf("%d greetings are remembered, of %d bytes the first", len(last.Earlier), len(last.Earlier[0]))
	}
	if b.seen[0].Helo != long {
		t.Error("the judge did not see all of it")
	}
}

// TestFloodOfSessions: however many connections come, two generations are kept, and who is in use is not forgotten.
func TestFloodOfSessions(t *testing.T) {
	b := newBench("")
	b.verdicts.Out = io.Discard
	gate := b.Gate(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	most := 0
	for i := range 5 * maxSessions {
		if i%(maxSessions/2) == 0 {
			if earlier := b.greets(t, gate, "in use", fmt.Sprint(i, ".example.org")); i > 0 && len(earlier) == 0 {
				t.Fatalf("after %d others, a session in use is forgotten", i)
			}
		}
		b.greets(t, gate, fmt.Sprint("[192.0.2.1]:", i), "mx.example.org")
		most = max(most, len(b.sessions.all)+len(b.sessions.old))
	}
	if most > 2*maxSessions || most < maxSessions {
		t.Errorf("%d sessions are kept, want at least a generation of %d, and no more than two", most, maxSessions)
	}
}

// greets has a client greet, and returns what is remembered of the connection.
func (b *bench) greets(t *testing.T, gate *Gate, session, helo string) []string {
	f := helogate.Facts{Stage: helogate.Helo, Client: netip.MustParseAddr("192.0.2.1"), Verb: "EHLO", Helo: helo, Session: session}
	gate.Judge(t.Context(), f)
	r := b.seen[len(b.seen)-1]
	b.seen = b.seen[:0]
	return r.Earlier
}

// TestSessionsEnd: a connection that has not been heard of for two turns is forgotten, one that has is not.
func TestSessionsEnd(t *testing.T) {
	b := newBench("")
	gate := b.Gate(here, Rules{Policy: mustPolicy(line(failing, "note"))})
	b.greets(t, gate, "a", "1.example.org")
	b.greets(t, gate, "b", "1.example.org")
	for i := range 3 {
		b.now = b.now.Add(sessionTurn)
		if got := b.greets(t, gate, "a", fmt.Sprint(i+2, ".example.org")); len(got) != i+1 {
			t.Fatalf("after %d turns, remembered is %v", i+1, got)
		}
	}
	if got := b.greets(t, gate, "b", "2.example.org"); len(got) != 0 {
		t.Errorf("not heard of for three turns, and remembered is %v", got)
	}
	if n := len(b.sessions.all) + len(b.sessions.old); n > 3 {
		t.Errorf("%d sessions are kept", n)
	}
}
