package interop

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// An opensmtpd is a private smtpd, whose filter is as docs/opensmtpd has it.
type opensmtpd struct {
	*process
	t    *testing.T
	dir  string
	smtp netip.AddrPort
	d    *daemon // helogate, which smtpd starts
}

const opensmtpdUID = 64111

// startOpenSMTPD starts one, with a helogate of that configuration, and stops it with the test. smtpd has users of its
// own by name, which a mount namespace knows, and directories that it does not let be changed.
func (l *lab) startOpenSMTPD(t *testing.T, config string) *opensmtpd {
	t.Helper()
	root := peerRoot(t, "opensmtpd", "usr/sbin/smtpd")
	o := &opensmtpd{t: t, d: l.prepare(t, config), smtp: l.mustPort(t)}
	o.dir = filepath.Dir(o.d.config)
	must(t, os.Chown(o.dir, opensmtpdUID, opensmtpdUID)) // for the control socket
	o.prepare(l)
	const script = `for f in passwd group resolv.conf; do mount --bind "$0/$f" "/etc/$f" || exit; done
for d in /var/lib /var/spool /run /usr/libexec; do mount -t tmpfs tmpfs $d || exit; done
mkdir -p /usr/libexec/opensmtpd /var/lib/opensmtpd/empty /var/spool/smtpd && chmod 711 /var/spool/smtpd &&
mount --bind "$2/usr/libexec/opensmtpd" /usr/libexec/opensmtpd &&
ulimit -n 4096 && exec env LD_LIBRARY_PATH="$1" "$2/usr/sbin/smtpd" -d -f "$0/smtpd.conf"`
	var err error
	o.process, err = startLeashed("smtpd", "unshare", "-m", "/bin/sh", "-c", script, o.dir, libraries(root), root)
	must(t, err)
	t.Cleanup(func() {
		o.stop()
		if t.Failed() {
			t.Logf("smtpd said:\n%s", o.out.String())
		}
	})
	must(t, eventually(func() bool { return !refuses(o.smtp) || !o.alive() }))
	o.waitFor("msg=listening protocol=opensmtpd listener=stdio")
	return o
}

// prepare writes the files of smtpd's.
func (o *opensmtpd) prepare(l *lab) {
	o.t.Helper()
	page, err := os.ReadFile("../docs/opensmtpd/smtpd.conf")
	must(o.t, err)
	text := string(page)
	for _, r := range [][2]string{
		{"/usr/local/bin/helogate", l.helogate},
		{"/etc/helogate/helogate.toml", o.d.config},
		{"192.0.2.10 port 25", fmt.Sprintf("%s port %d proxy-v2 hostname mx.example.net", o.smtp.Addr(), o.smtp.Port())},
	} {
		if strings.Count(text, r[0]) != 1 {
			o.t.Fatalf("docs/opensmtpd/smtpd.conf does not have %q once", r[0])
		}
		text = strings.Replace(text, r[0], r[1], 1)
	}
	must(o.t, render(filepath.Join(o.dir, "smtpd.conf"), "testdata/opensmtpd.conf", map[string]any{"Dir": o.dir, "Page": text}))
	must(o.t, os.Mkdir(filepath.Join(o.dir, "mail"), 0o755))
	must(o.t, os.Chown(filepath.Join(o.dir, "mail"), 65534, -1))
	users := fmt.Sprintf("nobody:x:65534:65534::%s/mail:/bin/sh\n", o.dir)
	groups := ""
	for i, name := range []string{"opensmtpd", "opensmtpq"} {
		users += fmt.Sprintf("%s:x:%d:%[2]d::/var/lib/opensmtpd/empty:/usr/sbin/nologin\n", name, opensmtpdUID+i)
		groups += fmt.Sprintf("%s:x:%d:\n", name, opensmtpdUID+i)
	}
	for file, lines := range map[string]string{"passwd": users, "group": groups} {
		is, err := os.ReadFile("/etc/" + file)
		must(o.t, err)
		must(o.t, writeFile(filepath.Join(o.dir, file), lines+string(is)))
	}
	must(o.t, writeFile(filepath.Join(o.dir, "resolv.conf"), "nameserver 127.0.0.1\n")) // no resolver: its answers are not used
}

// waitFor waits until a line of smtpd's log, in which helogate's is, holds all the words.
func (o *opensmtpd) waitFor(words ...string) {
	o.t.Helper()
	if eventually(func() bool { return hasLine(o.out.String(), words...) || !o.alive() }) != nil || !hasLine(o.out.String(), words...) {
		o.t.Fatalf("smtpd's log has no line with %q:\n%s", words, o.out.String())
	}
}

// ended waits until smtpd has ended by itself.
func (o *opensmtpd) ended() {
	o.t.Helper()
	o.waitFor("lost processor: helogate")
	must(o.t, eventually(func() bool { return refuses(o.smtp) }))
}

// pid is helogate's.
func (o *opensmtpd) pid() int {
	o.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(o.t, err)
	for _, file := range all {
		line, _ := os.ReadFile(file)
		if strings.HasPrefix(string(line), o.d.binary+"\x00opensmtpd\x00") && strings.Contains(string(line), o.d.config) {
			n, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			must(o.t, err)
			return n
		}
	}
	o.t.Fatal("there is no helogate")
	return 0
}

// as begins a session as another client, as a proxy announces it (PROXY protocol, version 2), and returns the banner.
func (o *opensmtpd) as(from string) (*client, string, error) {
	c, err := call(o.smtp)
	if err != nil {
		return nil, "", err
	}
	client, server, family := netip.MustParseAddr(from), netip.MustParseAddr("198.51.100.1"), byte(0x11)
	if client.Is6() {
		server, family = netip.MustParseAddr("2001:db8:1::1"), 0x21
	}
	addrs := append(client.AsSlice(), server.AsSlice()...)
	addrs = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(addrs, 40000), 25)
	head := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21"), family)
	head = append(binary.BigEndian.AppendUint16(head, uint16(len(addrs))), addrs...)
	if _, err := c.conn.Write(head); err != nil {
		c.close()
		return nil, "", err
	}
	banner, err := c.reply()
	return c, banner, err
}

// replyTo is the last reply of a dialogue, or why there is none.
func (o *opensmtpd) replyTo(from string, lines ...string) string {
	c, reply, err := o.as(from)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	defer c.close()
	for _, line := range lines {
		if reply, err = c.say(line); err != nil {
			return fmt.Sprintf("(%v)", err)
		}
	}
	return reply
}

const opensmtpdTakes = "250 2.1.5 Destination address valid: Recipient ok"

// Authentication cannot be tested here: smtpd takes no password without TLS, and Debian's 6.8.0p2 is at odds with
// the OpenSSL of the same Debian. The dialogues of internal/protocol have what it would say.
func TestOpenSMTPD(t *testing.T) {
	l := theLab(t)
	o := l.startOpenSMTPD(t, enforce("rfc", l.dns.resolver))
	for _, c := range []struct {
		title, from string
		lines       []string
		want        string
	}{
		{"a real mail server", "192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, opensmtpdTakes},
		{"by IPv6", "2001:db8::25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, opensmtpdTakes},
		{"by HELO, a bounce", "192.0.2.25", []string{"HELO mail.example.com", "MAIL FROM:<>", rcptToBob}, opensmtpdTakes},
		{"a sender with the separator", "192.0.2.25", []string{"EHLO mail.example.com", "MAIL FROM:<a|b|proceed@example.com>", rcptToBob}, opensmtpdTakes},
		{"no PTR", "192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, rcptToBob}, noPTROf60},
		{"no PTR, by IPv6", "2001:db8::60", []string{"EHLO six.example.com", mailFromJane, rcptToBob},
			"550 5.7.25 2001:db8::60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"},
		{"no PTR, to postmaster", "192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, "RCPT TO:<postmaster@example.net>"}, opensmtpdTakes},
		{"a second recipient", "192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, "RCPT TO:<postmaster@example.net>", rcptToBob}, noPTROf60},
		{"SERVFAIL", "203.0.113.40", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, noDNSOf40},
		{"exempt", "203.0.113.200", []string{"EHLO lone.example.com", mailFromJane, rcptToBob}, opensmtpdTakes},
		{"exempt is no permit", "203.0.113.200", []string{"EHLO lone.example.com", mailFromJane, "RCPT TO:<joe@example.org>"},
			"550 Invalid recipient: <joe@example.org>"},
		{"a domain of our own is not either", "198.51.100.65", []string{"EHLO x.example.net", mailFromJane, "RCPT TO:<joe@example.org>"},
			"550 Invalid recipient: <joe@example.org>"},
		{"a name that smtpd refuses by itself", "192.0.2.60", []string{"EHLO a|b"}, "501 5.5.4 ..."},
	} {
		if got := o.replyTo(c.from, c.lines...); !fits(got, c.want) {
			t.Errorf("%s: %s\nnot %s", c.title, got, c.want)
		}
	}
	if !o.alive() {
		t.Error("smtpd has ended")
	}
}

// What is added to a message that is delivered, and what is taken out of it.
func TestOpenSMTPDHeaders(t *testing.T) {
	l := theLab(t)
	o := l.startOpenSMTPD(t, enforce("balanced", l.dns.resolver)+`
[headers]
authentication_results = true
x_helogate             = true
x_helo                 = true
name                   = "mx.example.net"
`)
	c, _, err := o.as("192.0.2.25")
	must(t, err)
	defer c.close()
	for _, subject := range []string{"one", "two"} {
		for _, line := range []string{"EHLO mail.example.com", mailFromJane, rcptToBob, "RCPT TO:<postmaster@example.net>", "DATA",
			"Authentication-Results: mx.example.net;\r\n\tspf=pass smtp.mailfrom=bank.example\r\nAuthentication-Results: mx.example.com; none\r\n" +
				"Subject: " + subject + "\r\nX-Long: " + strings.Repeat("x", 900) + "\r\n\r\n..dot\r\nAuthentication-Results: mx.example.net\r\na|b\r\n."} {
			got, err := c.say(line)
			must(t, err)
			if !fits(got, "") && (subject == "one" || !strings.HasPrefix(line, "EHLO")) {
				t.Fatalf("%s: %s", line, got)
			}
		}
	}
	mbox := ""
	must(t, eventually(func() bool {
		b, _ := os.ReadFile(filepath.Join(o.dir, "mail", "mbox"))
		mbox = string(b)
		return strings.Count(mbox, "a|b\n") == 4 // two messages, two recipients
	}))
	const above = `Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25; spf=none smtp.helo=mail.example.com; spf=none smtp.mailfrom=example.com
X-Helogate: id=ID; action=continue; score=0
X-HELO: mail.example.com
Received: from mail.example.com (`
	mbox = idField.ReplaceAllString(mbox, "id=ID")
	for want, n := range map[string]int{
		above: 4, "Authentication-Results: mx.example.com; none\nSubject: one\n": 2, "Subject: two\n": 2, "bank.example": 0,
		"X-Long: " + strings.Repeat("x", 900) + "\n": 4, "\n\n.dot\nAuthentication-Results: mx.example.net\na|b\n": 4,
	} {
		if got := strings.Count(mbox, want); got != n {
			t.Errorf("%d times, not %d: %s\n%s", got, n, want, mbox)
		}
	}
}

// smtpd does not run without its filter: it ends, and helogate with smtpd.
func TestOpenSMTPDKilled(t *testing.T) {
	l := theLab(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		o := l.startOpenSMTPD(t, enforce("rfc", l.dns.resolver))
		c, _, err := o.as("192.0.2.60")
		must(t, err)
		defer c.close()
		if got, _ := c.say("EHLO lone.example.com"); !fits(got, "") {
			t.Fatal(got)
		}
		must(t, syscall.Kill(o.pid(), sig))
		o.ended()
		if got, err := c.say(mailFromJane); err == nil && got != closed {
			t.Errorf("the client gets %s", got)
		}
	}
	o := l.startOpenSMTPD(t, enforce("rfc", l.dns.resolver))
	pid := o.pid()
	o.stop()
	must(t, eventually(func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }))
}

// A reload changes the policy, and not smtpd.
func TestOpenSMTPDReload(t *testing.T) {
	l := theLab(t)
	o := l.startOpenSMTPD(t, enforce("rfc", l.dns.resolver))
	o.d.write(strings.Replace(enforce("rfc", l.dns.resolver), "enforce", "shadow", 1))
	must(t, syscall.Kill(o.pid(), syscall.SIGHUP))
	o.waitFor("msg=reloaded", "mode=shadow")
	if got := o.replyTo("192.0.2.60", "EHLO lone.example.com", mailFromJane, rcptToBob); got != opensmtpdTakes {
		t.Error(got)
	}
}

// 500 clients at once, and a stop in the middle: each gets the right answer, or its connection is closed and it
// retries.
func TestOpenSMTPDCrowd(t *testing.T) {
	l := theLab(t)
	o := l.startOpenSMTPD(t, enforce("rfc", l.dns.resolver))
	pid := o.pid()
	var answered, cut atomic.Int32
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			from, helo, want := "192.0.2.25", "mail.example.com", opensmtpdTakes
			if i%2 == 0 {
				from, helo, want = "192.0.2.60", "lone.example.com", noPTROf60
			}
			switch got := o.replyTo(from, "EHLO "+helo, mailFromJane, rcptToBob); {
			case got == want:
				if answered.Add(1) == 250 {
					syscall.Kill(pid, syscall.SIGTERM)
				}
			case got == closed || strings.HasPrefix(got, "(") || strings.HasPrefix(got, "421 "):
				cut.Add(1)
			default:
				t.Errorf("%s gets %s", from, got)
			}
		})
	}
	wg.Wait()
	o.ended()
	if a := answered.Load(); a < 250 || a+cut.Load() != 500 {
		t.Errorf("%d answered, %d cut off", a, cut.Load())
	}
	for _, trouble := range []string{"panic", "fatal", "no verdict"} {
		if strings.Contains(o.out.String(), trouble) {
			t.Errorf("the log has %q", trouble)
		}
	}
}
