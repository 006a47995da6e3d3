package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// qmailPage is a file of docs/qmail-spp, which docs/qmail-spp.md shows.
func qmailPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/qmail-spp/" + name)
	must(t, err)
	return string(b)
}

// A qmailLab is a helogate, and a qmail that asks it.
type qmailLab struct {
	*lab
	daemon *daemon
	qmail  *qmail
	socket string
}

var builtSpp sync.Once

// spp builds the plugin beside helogate.
func (l *lab) spp(t *testing.T) string {
	t.Helper()
	path := filepath.Join(l.dir, "helogate-qmail-spp")
	builtSpp.Do(func() {
		if out, err := exec.Command("go", "build", "-o", path, "../cmd/helogate-qmail-spp").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
	return path
}

// qmailLab starts a helogate by a configuration of the page's, with more before it, and prepares a qmail of a list of
// plugins.
func (l *lab) qmailLab(t *testing.T, config, page, list string, env ...string) *qmailLab {
	t.Helper()
	dir, err := os.MkdirTemp(l.dir, "spp")
	must(t, err)
	socket := filepath.Join(dir, "judge.sock")
	q := &qmailLab{lab: l, socket: socket}
	q.daemon = l.serve(t, enforce("rfc", l.dns.resolver)+config+"\n"+strings.Replace(qmailPage(t, page), "/run/helogate/judge.sock", socket, 1), at(l.mustPort(t)))
	q.qmail = newQmail(t, l.spp(t), list, append([]string{"HELOGATE_SOCKET=" + socket, "HELOGATE_CONFIG=" + q.daemon.config}, env...)...)
	return q
}

const (
	sppBob   = "RCPT TO:<bob@example.net>"
	sppOther = "RCPT TO:<bob@elsewhere.example>"
	sppRelay = "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
	sppNoPTR = "550 5.7.25 192.0.2.60 has no PTR record; ..."
	sppLater = "450 4.7.25 Temporary DNS failure, please try again later: no answer for PTR of 203.0.113.40 ..."
)

// A qmailScene is a client's dialogue: commands and what is answered, "" for anything that is no refusal.
type qmailScene struct {
	what, client, helo string
	env                []string
	dialogue           []string // command, answer, …, from MAIL on
}

func (q *qmailLab) play(t *testing.T, c qmailScene) *qmailSession {
	t.Helper()
	s, got := q.qmail.connect(c.client, c.env...)
	if got != "220 mx.example.net ESMTP" {
		t.Errorf("%s: the banner is %s", c.what, got)
	}
	dialogue := append([]string{"EHLO " + c.helo, "", "MAIL FROM:<jane@example.com>", ""}, c.dialogue...)
	for pair := range slices.Chunk(dialogue, 2) {
		if got := s.say(pair[0]); !fits(got, pair[1]) {
			t.Errorf("%s: %s: %q, not %q; log: %s", c.what, pair[0], got, pair[1], s.log.String())
		}
	}
	return s
}

var sppScenes = []qmailScene{
	{"a good server", "192.0.2.25", "mail.example.com", nil, []string{sppBob, "250 ok", sppBob, "250 ok", ".", ""}},
	{"the same by IPv6", "2001:db8::25", "mail.example.com", nil, []string{sppBob, "250 ok", ".", ""}},
	{"accept is no permit", "203.0.113.200", "localhost", nil, []string{sppOther, sppRelay, sppBob, "250 ok", ".", ""}},
	{"no objection is no permit", "192.0.2.25", "mail.example.com", nil, []string{sppOther, sppRelay}},
	{"no PTR", "192.0.2.60", "lone.example.com", nil, []string{sppBob, sppNoPTR, "RCPT TO:<postmaster@example.net>", "250 ok", sppBob, sppNoPTR, ".", ""}},
	{"SERVFAIL", "203.0.113.40", "mail.example.com", nil, []string{sppBob, sppLater, ".", "503 RCPT first (#5.5.1)"}},
	{"authenticated", "192.0.2.60", "lone.example.com", []string{"SMTPAUTHUSER=jane"}, []string{sppBob, "250 ok"}},
	{"may relay", "192.0.2.60", "lone.example.com", []string{"RELAYCLIENT="}, []string{sppOther, "250 ok"}},
	{"let by tcprules", "192.0.2.60", "lone.example.com", []string{"NOHELODNSCHECK="}, []string{sppBob, "250 ok"}},
}

// The plugin gives the same answer with the daemon and alone, and the daemon may be killed during a session.
func TestQmailSpp(t *testing.T) {
	q := theLab(t).qmailLab(t, "", "helogate.toml", qmailPage(t, "smtpplugins"))
	for _, c := range sppScenes {
		q.play(t, c)
	}
	s := q.play(t, sppScenes[0])
	if len(s.message) != 1 || !strings.HasPrefix(s.message[0], "X-Helogate: id=") {
		t.Errorf("headers of the message: %q", s.message)
	}
	s.message = nil
	for _, line := range []string{"MAIL FROM:<jane@example.com>", "RSET", "MAIL FROM:<jane@example.com>", sppBob, "."} { // a second one
		s.say(line)
	}
	if len(s.message) != 1 {
		t.Errorf("headers of the second message: %q", s.message)
	}

	killed, _ := q.qmail.connect("192.0.2.60")
	for _, line := range []string{"EHLO lone.example.com", "MAIL FROM:<jane@example.com>"} {
		if got := killed.say(line); got[0] != '2' {
			t.Errorf("%s: %s", line, got)
		}
	}
	q.daemon.signal(syscall.SIGKILL)
	must(t, q.daemon.wait())
	if got := killed.say(sppBob); !fits(got, sppNoPTR) {
		t.Errorf("after the kill: %s; log: %s", got, killed.log.String())
	}
	for _, c := range sppScenes {
		c.what += ", alone"
		q.play(t, c)
	}
}

// A rejection closes where the command could be done without; and no command has an answer of two.
func TestQmailSppStages(t *testing.T) {
	list := "[connection]\nplugins/c\n" + qmailPage(t, "smtpplugins")
	for _, c := range []struct {
		stage, answer string
		closed        bool
	}{
		{"connect", "554 5.7.25 192.0.2.60 has no PTR record; ...", true},
		{"helo", "550 5.7.25 192.0.2.60 has no PTR record; ...", true},
		{"mail", sppNoPTR, true},
		{"rcpt", sppNoPTR, false},
	} {
		q := theLab(t).qmailLab(t, fmt.Sprintf("policy.reject_at_stage = %q\n", c.stage), "helogate.toml", list)
		s, got := q.qmail.connect("192.0.2.60")
		for _, line := range []string{"EHLO lone.example.com", "MAIL FROM:<jane@example.com>", sppBob} {
			if got[0] == '2' {
				got = s.say(line)
			}
		}
		if !fits(got, c.answer) || strings.Contains(got, "\n") || s.closed != c.closed {
			t.Errorf("%s: %q, closed %t", c.stage, got, s.closed)
		}
		q.daemon.stop()
	}
}

// In helodnscheck's place: its list of plugins, its letters, its moreipme, its words and its log. By the page's
// configuration all that the letters ask is in the daemon's evidence; by another, and without a daemon, the plugin asks
// DNS itself.
func TestQmailSppLetters(t *testing.T) {
	const list, letters = "[helo]\nplugins/helodnscheck\n", "HELO_DNS_CHECK=PLRIVH"
	q := theLab(t).qmailLab(t, "", "helodnscheck.toml", list, letters)
	sppLetters(t, q, "by the page", false)
	q.daemon.stop()
	sppLetters(t, q, "alone", true)
	q = theLab(t).qmailLab(t, "", "helogate.toml", list, letters)
	sppLetters(t, q, "by another policy's evidence", true)
}

// sppLetters plays clients; alone is whether the plugin may have to judge some of them alone, which it then logs.
func sppLetters(t *testing.T, q *qmailLab, what string, alone bool) {
	t.Helper()
	must(t, writeFile(filepath.Join(q.qmail.dir, "control/moreipme"), "198.51.100.1\n192.0.2.24/255.255.255.255\n"))
	const welcome = "250 mx.example.net"
	for _, c := range []struct {
		client, helo, answer, log, header string
		env                               []string
	}{
		{"192.0.2.25", "mail.example.com", welcome, "", "", nil},
		{"192.0.2.25", "[192.0.2.25]", welcome, "", "", nil},
		{"109.237.103.41", "yq3H9cDKgS", "553 sorry, invalid host name in HELO/EHLO command. (#5.7.1)",
			"helo-dns-check: HELO [yq3H9cDKgS] from [109.237.103.41] doesn't solve\n", "", nil},
		{"183.240.55.119", "others.example", "553 sorry, HELO doesn't match IP (#5.7.1)",
			"helo-dns-check: HELO [others.example] is a local domain but IP [183.240.55.119] is not a RELAYCLIENT\n", "", nil},
		{"183.240.55.119", "localhost", "553 sorry, localhost HELO/EHLO doesn't match IP (#5.7.1)",
			"helo-dns-check: HELO [localhost] is a local domain but IP [183.240.55.119] is not a RELAYCLIENT\n", "", nil},
		{"183.240.55.119", "others.example", welcome, "", "", []string{"RELAYCLIENT="}},
		{"183.240.55.119", "others.example", welcome, "", "", []string{"NOHELODNSCHECK="}},
		{"203.0.113.40", "mail.example.com", welcome, "helo-dns-check: HELO [mail.example.com] doesn't match IP [203.0.113.40]\n",
			"X-Helo-Check: HELO [mail.example.com] doesn't match IP [203.0.113.40]", nil},
		{"203.0.113.200", "localhost", welcome, "", "", nil}, // exempt by the configuration
	} {
		s, _ := q.qmail.connect(c.client, c.env...)
		got := s.say("EHLO " + c.helo)
		if got != c.answer || s.closed != (got[0] == '5') || strings.Join(s.headers, "\n") != c.header {
			t.Errorf("%s: %s says %s: %q, closed %t, headers %q", what, c.client, c.helo, got, s.closed, s.headers)
		}
		if log := s.log.String(); !alone && log != c.log || !strings.Contains(log, c.log) {
			t.Errorf("%s: %s says %s: log %q", what, c.client, c.helo, log)
		}
	}
}

// 500 clients at once, and helogate stops amid them: each is answered, and by the verdict that it was always given.
func TestQmailSppMany(t *testing.T) {
	const clients, atOnce = 500, 40 // as many as tcpserver accepts by default
	q := theLab(t).qmailLab(t, "", "helogate.toml", "[rcpt]\nplugins/helogate-rcpt\n")
	var wg, half sync.WaitGroup
	half.Add(clients / 2)
	places := make(chan struct{}, atOnce)
	wrong := make(chan string, clients)
	for i := range clients {
		wg.Go(func() {
			c := sppScenes[[]int{0, 4}[i%2]]
			s, _ := q.qmail.connect(c.client, fmt.Sprintf("TCPREMOTEPORT=%d", 20000+i))
			s.say("EHLO " + c.helo)
			s.say("MAIL FROM:<jane@example.com>")
			places <- struct{}{}
			got := s.say(sppBob)
			<-places
			if !fits(got, c.dialogue[1]) {
				wrong <- c.client + ": " + got + " " + s.log.String()
			}
			if i < clients/2 {
				half.Done()
			}
		})
	}
	half.Wait()
	q.daemon.stop()
	wg.Wait()
	close(wrong)
	for w := range wrong {
		t.Error(w)
	}
}
