package interop

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// A milterMTA is an MTA that asks helogate by the milter protocol, as the tests see it.
type milterMTA struct {
	name     string
	listener string // the setting of the listener that it asks
	dial     func(from string) (*client, string, error)
	header   func(t *testing.T, reply string) string // of the message that a reply says to have been taken
	relaying string                                  // its reply to a client that wants to relay
	down     string                                  // how its answer to RCPT begins when there is no helogate
	plain    string                                  // a HELO name with a % that reaches helogate whole
}

func (m *milterMTA) test(t *testing.T, l *lab) {
	t.Run("replies", func(t *testing.T) { m.testReplies(t, l) })
	t.Run("stages", func(t *testing.T) { m.testStages(t, l) })
	t.Run("headers", func(t *testing.T) { m.testHeaders(t, l) })
	t.Run("killed", func(t *testing.T) { m.testKilled(t, l) })
	t.Run("stopped", func(t *testing.T) { m.testStopped(t, l) })
}

// serve starts a helogate at the listener. Its other listener is Postfix's, of which it says something when it is
// ready.
func (m *milterMTA) serve(t *testing.T, l *lab, config string) *daemon {
	t.Helper()
	return l.serve(t, enforce("rfc", l.dns.resolver)+config+m.listener, at(l.mustPort(t)))
}

// last says lines as a client, and returns the last reply. Where one before it says no, that is returned in
// parentheses.
func (m *milterMTA) last(t *testing.T, from string, lines ...string) string {
	t.Helper()
	c, reply, err := m.dial(from)
	must(t, err)
	defer c.close()
	for _, line := range lines {
		if !fits(reply, "") {
			return fmt.Sprintf("(%s, before %s)", reply, line)
		}
		reply, err = c.say(line)
		must(t, err)
	}
	return reply
}

const (
	janesMail = "MAIL FROM:<jane@example.com>"
	bobsRcpt  = "RCPT TO:<bob@example.net>"
)

// Which clients are accepted and which refused, with the replies. The MTA still checks relaying of accepted clients.
func (m *milterMTA) testReplies(t *testing.T, l *lab) {
	m.serve(t, l, "")
	const noPTR = "192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"
	toOthers := "RCPT TO:<someone@elsewhere.example>"
	for _, c := range []struct {
		title, client string
		lines         []string
		codes, text   string // MTAs put text of their own before the reply
	}{
		{"a real mail server", "192.0.2.25", []string{"EHLO mail.example.com", janesMail, bobsRcpt}, "250 2.1.5 ", ""},
		{"and another place", "192.0.2.25", []string{"EHLO mail.example.com", janesMail, toOthers}, m.relaying, "Relay"},
		{"no PTR", "192.0.2.60", []string{"EHLO lone.example.com", janesMail, bobsRcpt}, "550 5.7.25 ", noPTR},
		{"and postmaster", "192.0.2.60", []string{"EHLO lone.example.com", janesMail, "RCPT TO:<postmaster@example.net>"}, "250 2.1.5 ", ""},
		{"DNS in trouble", "203.0.113.40", []string{"EHLO mail.example.com", janesMail, bobsRcpt}, "450 4.7.25 ", "Temporary DNS failure, please try again later: "},
		{"exempt", "203.0.113.200", []string{"HELO localhost", janesMail, bobsRcpt}, "250 2.1.5 ", ""},
		{"and another place, exempt", "203.0.113.200", []string{"HELO localhost", janesMail, toOthers}, m.relaying, "Relay"},
		{"authenticated", "192.0.2.60", []string{"EHLO lone.example.com", "AUTH PLAIN AGphbmUAc2VjcmV0", janesMail, bobsRcpt}, "250 2.1.5 ", ""},
		{"a HELO name with %", "192.0.2.25", []string{"EHLO " + m.plain, janesMail, bobsRcpt}, "550 5.5.2 ", "HELO " + m.plain + " is "},
		{"a HELO name, corrected", "192.0.2.25", []string{"EHLO " + m.plain, "EHLO mail.example.com", janesMail, bobsRcpt}, "250 2.1.5 ", ""},
		{"no HELO", "203.0.113.200", []string{"MAIL FROM:<>", bobsRcpt}, "250 2.1.5 ", ""},
		{"a second message", "192.0.2.60", []string{"EHLO lone.example.com", janesMail, "RSET", "MAIL FROM:<>", bobsRcpt}, "550 5.7.25 ", noPTR},
	} {
		if got := m.last(t, c.client, c.lines...); !strings.HasPrefix(got, c.codes) || !strings.Contains(got, c.text) {
			t.Errorf("%s: %s: %s\nnot %s %s", m.name, c.title, got, c.codes, c.text)
		}
	}
}

// What is refused before RCPT is sent where docs/milter.md says, drop closes, and a client that corrects its HELO name
// is not held to the one before.
func (m *milterMTA) testStages(t *testing.T, l *lab) {
	for stage, want := range map[string][]string{
		"connect": {"554 ", "250 ", "5"},
		"helo":    {"220 ", "250 ", "521 5.7.25 "},
		"mail":    {"220 ", "250 ", "521 5.7.25 "},
		"rcpt":    {"220 ", "250 ", "250 2.1.0 ", "521 5.7.25 "},
	} {
		d := m.serve(t, l, fmt.Sprintf("policy.reject_at_stage = %q\npolicy.checks = { rdns = \"drop\" }\n", stage))
		c, got, err := m.dial("192.0.2.60")
		must(t, err)
		for i, line := range []string{"EHLO lone.example.com", janesMail, bobsRcpt, ""} {
			if i < len(want) && !strings.HasPrefix(got, want[i]) {
				t.Errorf("%s: %s, reply %d: %s, not %s", m.name, stage, i, got, want[i])
			}
			if i == len(want)-1 {
				break
			}
			got, err = c.say(line)
			must(t, err)
		}
		if stage != "connect" { // closed at once, or after one more word
			if got, _ = c.say("NOOP"); got != closed {
				c.say("RSET")
				got, _ = c.say(janesMail)
				if strings.HasPrefix(got, "421 4.7.0 ") {
					got, _ = c.reply()
				}
			}
			if got != closed {
				t.Errorf("%s: %s: not closed but %s", m.name, stage, got)
			}
		}
		c.close()
		if stage == "helo" {
			bad, good := "EHLO "+m.plain, "EHLO mail.example.com"
			if got := m.last(t, "192.0.2.25", bad, janesMail); !strings.HasPrefix(got, "550 5.5.2 ") {
				t.Errorf("%s: a bad HELO name: %s", m.name, got)
			}
			if got := m.last(t, "192.0.2.25", bad, good, janesMail); !strings.HasPrefix(got, "250 ") {
				t.Errorf("%s: a bad HELO name, corrected: %s", m.name, got)
			}
		}
		d.stop()
	}
}

// helogate's headers are above all others, once, and forged ones are removed.
func (m *milterMTA) testHeaders(t *testing.T, l *lab) {
	m.serve(t, l, `
[headers]
authentication_results = true
x_helogate             = true
x_helo                 = true
x_helo_check           = true
name                   = "mx.example.net"
`)
	reply := m.last(t, "192.0.2.25", "EHLO mail.example.com", janesMail, bobsRcpt, "RCPT TO:<alice@example.net>", "DATA",
		strings.Join([]string{"X-Helogate: id=forged", "Authentication-Results: mx.example.net; spf=pass",
			"Authentication-Results: other.example; spf=pass", "authentication-results:\r\n (a (comment))\r\n\t\"MX.example.net.\" 1; spf=pass",
			"X-HELO: forged", "X-Helo-Check: forged", "Subject: a message", "", "Its text.", "."}, "\r\n"))
	var got []string
	for line := range strings.Lines(m.header(t, reply)) {
		line = idField.ReplaceAllString(strings.TrimRight(line, "\r\n"), "id=ID")
		name, _, _ := strings.Cut(line, ":")
		if slices.ContainsFunc([]string{"Authentication-Results", "X-Helogate", "X-HELO", "X-Helo-Check", "Received", "Subject"},
			func(s string) bool { return strings.EqualFold(s, name) }) {
			got = append(got, strings.TrimSuffix(line, " (unknown [192.0.2.25])"))
		}
	}
	want := []string{
		"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25; spf=none smtp.helo=mail.example.com; spf=none smtp.mailfrom=example.com",
		"X-Helogate: id=ID; action=continue; score=0",
		"X-HELO: mail.example.com",
		"Received: from mail.example.com",
		"Authentication-Results: other.example; spf=pass",
		"Subject: a message",
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("%s: the header has\n%s\nnot\n%s", m.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// When helogate dies, the MTA treats sessions in progress and new clients as its administrator has set.
// When it is back, clients are judged.
func (m *milterMTA) testKilled(t *testing.T, l *lab) {
	d := m.serve(t, l, "")
	bad := []string{"EHLO lone.example.com", janesMail, bobsRcpt}
	if got := m.last(t, "192.0.2.60", bad...); !strings.HasPrefix(got, "550 5.7.25 ") {
		t.Errorf("%s: before: %s", m.name, got)
	}
	c, _, err := m.dial("192.0.2.60")
	must(t, err)
	defer c.close()
	for _, line := range bad[:2] {
		got, err := c.say(line)
		must(t, err)
		if !fits(got, "") {
			t.Fatalf("%s: %s: %s", m.name, line, got)
		}
	}
	d.signal(syscall.SIGKILL)
	must(t, d.wait())
	running.remove(d.process)
	got, err := c.say(bobsRcpt)
	must(t, err)
	if !strings.HasPrefix(got, m.down) {
		t.Errorf("%s: in the middle: %s, not %s", m.name, got, m.down)
	}
	if got := m.last(t, "192.0.2.60", bad...); !strings.Contains(got, m.down) {
		t.Errorf("%s: when there is none: %s, not %s", m.name, got, m.down)
	}
	d.start(l)
	if got := m.last(t, "192.0.2.60", bad...); !strings.HasPrefix(got, "550 5.7.25 ") {
		t.Errorf("%s: when it is back: %s", m.name, got)
	}
}

// 500 sessions. When 200 of them have begun a message, helogate is stopped, and the last 100 come when it has: it stops
// in time, no session hangs, and no message is lost.
func (m *milterMTA) testStopped(t *testing.T, l *lab) {
	d := m.serve(t, l, "")
	const sessions, late, enough = 500, 100, 200
	var begun, taken atomic.Int32
	atOnce(sessions, func(i int) {
		if i >= sessions-late {
			<-d.done
		}
		c, _, err := m.dial("192.0.2.25")
		if err != nil {
			t.Errorf("session %d: %v", i, err)
			return
		}
		defer c.close()
		for _, line := range []string{"EHLO mail.example.com", janesMail, bobsRcpt, "DATA", "Subject: a message\r\n\r\nIts text.\r\n."} {
			if got, err := c.say(line); err != nil || !fits(got, "") {
				t.Errorf("session %d: %.20s: %s %v", i, line, got, err)
				return
			}
			if line == janesMail && begun.Add(1) == enough {
				d.signal(syscall.SIGTERM)
			}
		}
		taken.Add(1)
	})
	judged := strings.Count(d.out.String(), "stage=rcpt")
	if d.err != nil || taken.Load() != sessions || judged == 0 || judged > sessions-late {
		t.Errorf("%s: %d taken, %d of them judged; helogate ended with %v", m.name, taken.Load(), judged, d.err)
	}
	running.remove(d.process)
}
