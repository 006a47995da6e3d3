package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An nginx is a private one, whose configuration is what docs/nginx has.
type nginx struct {
	dir    string
	smtp   netip.AddrPort
	policy netip.AddrPort // where it asks
}

// startNginx starts one, and stops it with the test.
func (l *lab) startNginx(t *testing.T) *nginx {
	t.Helper()
	root := peerRoot(t, "nginx", "usr/lib/nginx/modules/ngx_mail_module.so")
	dir, err := os.MkdirTemp(l.dir, "nginx-")
	must(t, err)
	n := &nginx{dir: dir, smtp: l.mustPort(t), policy: l.mustPort(t)}
	page, err := os.ReadFile("../docs/nginx/nginx.conf")
	must(t, err)
	text := string(page)
	for _, change := range [][2]string{
		{"127.0.0.1:10043", n.policy.String()},
		{"listen   25;", fmt.Sprintf("listen %s backlog=1000 proxy_protocol; set_real_ip_from 127.0.0.0/8;", n.smtp)},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("docs/nginx/nginx.conf has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	conf := filepath.Join(dir, "nginx.conf")
	must(t, render(conf, "testdata/nginx.conf", map[string]any{"Dir": dir, "Root": root, "Page": text}))
	cmd := exec.Command(filepath.Join(root, "usr/sbin/nginx"), "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries(root))
	p, err := start("nginx", cmd)
	must(t, err)
	t.Cleanup(p.stop)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("nginx's log:\n%s", n.log())
		}
	})
	must(t, eventually(func() bool { return !refuses(n.smtp) || !p.alive() }))
	if !p.alive() {
		t.Fatalf("nginx does not start: %s%s", p.out.String(), n.log())
	}
	return n
}

func (n *nginx) log() string {
	b, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
	return string(b)
}

// behind starts a helogate that nginx asks. Accepted clients go on to the lab's Postfix, which asks it, too, and
// refuses no client because of it.
func (n *nginx) behind(l *lab, t *testing.T, settings string) *daemon {
	t.Helper()
	listener := fmt.Sprintf("\n[[listen]]\nprotocol = \"nginx\"\naddress = %q\nnginx.backend = %q\n", n.policy, l.postfix.services["main"].SMTP)
	return l.serve(t, settings+enforce("rfc", l.dns.resolver)+listener, at(l.postfix.policy)+"\nmode = \"shadow\"")
}

const nginxTrouble = "451 4.3.2 Internal server error"

func TestNginx(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	n := l.startNginx(t)
	d := n.behind(l, t, "")
	clients := map[string]struct {
		from  string
		lines []string
		want  string
	}{
		"a real mail server":   {"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, passes},
		"its whole mail":       {"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob, "DATA", "Subject: a message\r\n\r\nIts text.\r\n."}, "250 2.0.0 Ok: queued as ..."},
		"by IPv6":              {"2001:db8::25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, passes},
		"by HELO":              {"192.0.2.25", []string{"HELO mail.example.com", "MAIL FROM:<>", rcptToBob}, passes},
		"no PTR":               {"192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, rcptToBob}, noPTROf60},
		"and it may go on":     {"192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, rcptToBob, "RCPT TO:<postmaster@example.net>"}, passes},
		"SERVFAIL":             {"203.0.113.40", []string{"EHLO mail.example.com", mailFromJane, rcptToBob, rcptToBob}, noDNSOf40},
		"exempt":               {"203.0.113.200", []string{"EHLO localhost", mailFromJane, rcptToBob}, passes},
		"accept is no permit":  {"203.0.113.200", []string{"EHLO localhost", mailFromJane, "RCPT TO:<x@elsewhere.example>"}, "554 5.7.1 <x@elsewhere.example>: Relay access denied"},
		"nor for accepted":     {"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, "RCPT TO:<x@elsewhere.example>"}, "554 5.7.1 <x@elsewhere.example>: Relay access denied"},
		"nor permits others":   {"203.0.113.200", []string{"EHLO localhost", mailFromJane, "RCPT TO:<x@example.net>"}, "550 5.1.1 <x@example.net>: Recipient address rejected: User unknown in relay recipient table"},
		"no login":             {"192.0.2.60", []string{"EHLO lone.example.com", janesLogin}, nginxTrouble},
		"a HELO name of bytes": {"192.0.2.25", []string{"EHLO \xff\"$remote_addr\\r\\nAuth-Status:", mailFromJane, rcptToBob}, `550 5.5.2 HELO \xff"$remote_addr\\r\\nAuth-Status: is malformed: ...`},
		"a control character":  {"192.0.2.25", []string{"EHLO a\x01b", mailFromJane, rcptToBob}, nginxTrouble},
		"a CR":                 {"192.0.2.25", []string{"EHLO a\rAuth-Status: OK"}, "500 5.5.1 Invalid command"},
	}
	t.Run("clients", func(t *testing.T) { // refused clients wait, so all connect at once
		for name, c := range clients {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := replyTo(t, n.smtp, c.from, c.lines...); !fits(got, c.want) {
					t.Errorf("%s\nnot %s", got, c.want)
				}
			})
		}
	})
	d.waitFor("msg=verdict", "stage=rcpt", "client=192.0.2.60", "to=bob@example.net", "by=rdns")
}

// A refused client waits for at least a second. Its connection is closed only by drop.
func TestNginxWaits(t *testing.T) {
	l := theLab(t)
	n := l.startNginx(t)
	n.behind(l, t, "policy.checks = { rdns = \"drop\" }\n")
	for _, c := range []struct {
		from, want, next string
		wait             time.Duration
	}{
		{"203.0.113.40", noDNSOf40, noDNSOf40, time.Second},
		{"192.0.2.60", strings.Replace(noPTROf60, "550", "521", 1), closed, 0},
	} {
		conn, _ := posing(t, n.smtp, c.from, 40001)
		conn.send("EHLO lone.example.com")
		conn.send(mailFromJane)
		began := time.Now()
		if got := conn.send(rcptToBob); !fits(got, c.want) {
			t.Errorf("%s: %s, not %s", c.from, got, c.want)
		}
		if took := time.Since(began); took < c.wait {
			t.Errorf("%s: after %s", c.from, took)
		}
		if got := conn.send(rcptToBob); got != c.next {
			t.Errorf("%s: then %s, not %s", c.from, got, c.next)
		}
		conn.close()
	}
}

// Without helogate every client is deferred, also in the middle of a session.
func TestNginxKilled(t *testing.T) {
	l := theLab(t)
	n := l.startNginx(t)
	d := n.behind(l, t, "")
	if shown := sample(t, "nginx.md", "451 4.3.2 "); shown != nginxTrouble {
		t.Errorf("the page shows %s, not %s", shown, nginxTrouble)
	}
	conn, _ := posing(t, n.smtp, "192.0.2.60", 40001)
	defer conn.close()
	conn.send("EHLO lone.example.com")
	conn.send(mailFromJane)
	if got := conn.send(rcptToBob); got != noPTROf60 {
		t.Errorf("%s\nnot %s", got, noPTROf60)
	}
	d.signal(syscall.SIGKILL)
	must(t, d.wait())
	running.remove(d.process)
	if got := conn.send(rcptToBob); got != nginxTrouble {
		t.Errorf("in mid-session %s", got)
	}
	if got := conn.send(rcptToBob); got != closed {
		t.Errorf("afterwards %s", got)
	}
	if got := replyTo(t, n.smtp, "192.0.2.25", "EHLO mail.example.com", mailFromJane, rcptToBob); got != nginxTrouble {
		t.Errorf("another session %s", got)
	}
	d.start(l)
	if got := replyTo(t, n.smtp, "192.0.2.25", "EHLO mail.example.com", mailFromJane, rcptToBob); got != passes {
		t.Errorf("when it is back %s", got)
	}
}

func TestNginxManySessions(t *testing.T) {
	l := theLab(t)
	n := l.startNginx(t)
	manySessions(t, n.smtp, n.behind(l, t, ""), flood{every: 10, hangsUp: true, passes: passes, down: nginxTrouble})
}
