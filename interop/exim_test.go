package interop

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// An exim is a private Exim whose configuration is what docs/exim has.
type exim struct {
	dir    string
	smtp   netip.AddrPort
	policy netip.AddrPort // where it asks
}

// eximPage is docs/exim/exim.conf for this machine, with what else is to be replaced in it.
func eximPage(t *testing.T, policy netip.AddrPort, replace ...string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/exim/exim.conf")
	must(t, err)
	acl, err := filepath.Abs("../docs/exim/helogate.acl")
	must(t, err)
	_, err = os.ReadFile(acl) // so that go test knows that it was read
	must(t, err)
	text := string(page)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("docs/exim/exim.conf has no %q", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	text = strings.ReplaceAll(text, "127.0.0.1:10042", policy.String())
	text = strings.ReplaceAll(text, "/etc/exim4/helogate.acl", acl)
	return text
}

const eximUser = 64101 // the user and the group that the tests give Exim

// startExim starts one, and stops it with the test. Exim has a user of its own by name, which a mount
// namespace knows.
func (l *lab) startExim(t *testing.T, replace ...string) *exim {
	t.Helper()
	root := peerRoot(t, "exim", "usr/sbin/exim4")
	dir, err := os.MkdirTemp(l.dir, "exim-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	x := &exim{dir: dir, smtp: l.mustPort(t), policy: l.mustPort(t)}
	for _, sub := range []string{"spool", "log"} {
		must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
		must(t, os.Chown(filepath.Join(dir, sub), eximUser, eximUser))
	}
	for file, line := range map[string]string{
		"passwd": "Debian-exim:x:64101:64101::/nonexistent:/usr/sbin/nologin\n", "group": "Debian-exim:x:64101:\n",
	} {
		is, err := os.ReadFile("/etc/" + file)
		must(t, err)
		must(t, writeFile(filepath.Join(dir, file), line+string(is)))
	}
	// It looks up the client that a proxy announces, whatever its configuration says. No server outside may be asked.
	must(t, writeFile(filepath.Join(dir, "resolv.conf"), "nameserver "+l.host.String()+"\noptions attempts:1 timeout:1\n"))
	settings := map[string]any{"Dir": dir, "Root": root, "SMTP": x.smtp, "Page": eximPage(t, x.policy, replace...)}
	must(t, render(filepath.Join(dir, "exim.conf"), "testdata/exim.conf", settings))
	const script = `for f in passwd group resolv.conf; do mount --bind "$0/$f" "/etc/$f" || exit; done
exec env LD_LIBRARY_PATH="$1" "$2/usr/sbin/exim4" -C "$0/exim.conf" -bdf`
	p, err := startLeashed("exim", "unshare", "-m", "/bin/sh", "-c", script, dir, libraries(root), root)
	must(t, err)
	t.Cleanup(p.stop)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Exim's log:\n%s%s", x.log("mainlog"), x.log("paniclog"))
		}
	})
	must(t, eventually(func() bool { return !refuses(x.smtp) || x.log("paniclog") != "" }))
	if why := x.log("paniclog"); why != "" {
		t.Fatal("Exim does not start: ", why, p.out.String())
	}
	return x
}

func (x *exim) log(name string) string {
	b, _ := os.ReadFile(filepath.Join(x.dir, "log", name))
	return string(b)
}

// eximAt is a listener.
func eximAt(addr netip.AddrPort) string {
	return fmt.Sprintf("\n[[listen]]\nprotocol = \"exim\"\naddress = %q\n", addr)
}

func TestExim(t *testing.T) {
	l := theLab(t)
	x := l.startExim(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver)+eximAt(x.policy), at(l.mustPort(t)))
	const passes = "250 Accepted"
	for name, c := range map[string]struct {
		from  string
		lines []string
		want  string
	}{
		"a real mail server":    {"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, passes},
		"by IPv6":               {"2001:db8::25", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, passes},
		"by HELO":               {"192.0.2.25", []string{"HELO mail.example.com", "MAIL FROM:<>", rcptToBob}, passes},
		"no PTR":                {"192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, rcptToBob}, noPTROf60},
		"no PTR, to postmaster": {"192.0.2.60", []string{"EHLO lone.example.com", mailFromJane, "RCPT TO:<postmaster@example.net>"}, passes},
		"a bad HELO name": {"192.0.2.25", []string{"EHLO a b${acl_m_helogate}$1\\n%s", mailFromJane, rcptToBob},
			`550 5.5.2 HELO a b${acl_m_helogate}$1\\n%s is malformed: ...`},
		"SERVFAIL":               {"203.0.113.40", []string{"EHLO mail.example.com", mailFromJane, rcptToBob}, noDNSOf40},
		"exempt":                 {"203.0.113.200", []string{"EHLO localhost", mailFromJane, rcptToBob}, passes},
		"accept is no permit":    {"203.0.113.200", []string{"EHLO localhost", mailFromJane, "RCPT TO:<x@elsewhere.example>"}, "550 5.7.1 relay not permitted"},
		"nor for accepted":       {"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, "RCPT TO:<x@elsewhere.example>"}, "550 5.7.1 relay not permitted"},
		"nor permits others":     {"203.0.113.200", []string{"EHLO localhost", mailFromJane, "RCPT TO:<x@example.net>"}, "550 Unrouteable address"},
		"logged in, no PTR":      {"192.0.2.60", []string{"EHLO lone.example.com", janesLogin, mailFromJane, "RCPT TO:<x@elsewhere.example>"}, passes},
		"a second HELO":          {"192.0.2.25", []string{"EHLO mail.example.com", "EHLO x", mailFromJane, rcptToBob}, "550 5.5.2 HELO x is not a fully qualified host name; ..."},
		"and back":               {"192.0.2.25", []string{"EHLO x", "EHLO mail.example.com", mailFromJane, rcptToBob}, passes},
		"text for Exim's expand": {"192.0.2.60", []string{"EHLO ${run{/bin/false}}", mailFromJane, rcptToBob}, `550 5.5.2 HELO ${run{/bin/false}} is malformed: ...`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := replyTo(t, x.smtp, c.from, c.lines...); !fits(got, c.want) {
				t.Errorf("%s\nnot %s", got, c.want)
			}
		})
	}
	d.waitFor("msg=verdict", "stage=rcpt", "client=192.0.2.60", "to=bob@example.net", "by=rdns")
	d.waitFor("msg=verdict", "stage=mail", "client=192.0.2.60", "by=authenticated", "jane")
	if text := x.log("paniclog"); text != "" {
		t.Errorf("Exim's panic log: %s", text)
	}
}

// What helogate adds stands on top of the header, each field once a message, whoever refuses a recipient.
func TestEximHeaders(t *testing.T) {
	l := theLab(t)
	x := l.startExim(t)
	l.serve(t, enforce("rfc", l.dns.resolver)+`
[headers]
authentication_results = true
x_helogate             = true
x_helo                 = true
x_helo_check           = true
name                   = "mx.example.net"
`+eximAt(x.policy), at(l.mustPort(t)))
	const message = "Authentication-Results: mx.example.net; spf=pass\r\nSubject: a message\r\n\r\nIts text.\r\n."
	for _, c := range []struct {
		from  string
		lines []string
		want  string
	}{
		{"192.0.2.25", []string{"EHLO mail.example.com", mailFromJane, "RCPT TO:<x@elsewhere.example>", rcptToBob, "RCPT TO:<alice@example.net>"},
			"Authentication-Results: mx.example.net; iprev=pass policy.iprev=192.0.2.25; spf=none smtp.helo=mail.example.com; spf=none smtp.mailfrom=example.com\n" +
				"X-Helogate: id=ID; action=continue; score=0\nX-HELO: mail.example.com\nReceived: "},
		{"203.0.113.200", []string{`EHLO ${acl_m_helogate} \n\nX-Bad: 1`, mailFromJane, rcptToBob},
			"Authentication-Results: mx.example.net; none\nX-Helogate: id=ID; action=accept; by=exempt; score=0; failed=...\n" +
				`X-HELO: ${acl_m_helogate} \\n\\nX-Bad: 1` + "\nReceived: "},
	} {
		got := replyTo(t, x.smtp, c.from, append(c.lines, "DATA", message)...)
		id, queued := strings.CutPrefix(got, "250 OK id=")
		if !queued {
			t.Fatal(got)
		}
		header := x.header(t, id)
		for _, field := range []string{"Received: ", "X-Helogate: ", "X-HELO: "} {
			if n := strings.Count("\n"+header, "\n"+field); n != 1 {
				t.Errorf("%d fields %s", n, field)
			}
		}
		header = failedChecks.ReplaceAllString(verdictInHeader.ReplaceAllString(header, "id=ID;"), "failed=...")
		if !strings.HasPrefix(header, c.want) || strings.Contains(header, "\nX-Bad") {
			t.Errorf("the header is\n%s\nand does not begin with\n%s", header, c.want)
		}
	}
}

// header is that of a message in the queue, as it will be delivered.
func (x *exim) header(t *testing.T, id string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(x.dir, "spool", "input", id+"-H"))
	must(t, err)
	header := strings.TrimRight(string(text), "\n") // what comes before has empty lines, too
	return eximLength.ReplaceAllString(header[strings.LastIndex(header, "\n\n")+2:], "")
}

var (
	eximLength      = regexp.MustCompile(`(?m)^\d{3,}. `) // of a field, before it
	verdictInHeader = regexp.MustCompile(`id=[0-9a-z]+;`)
	failedChecks    = regexp.MustCompile(`failed=\S+`)
)

// An ACL that refuses at MAIL accepts there a client that has authenticated.
func TestEximStages(t *testing.T) {
	l := theLab(t)
	x := l.startExim(t)
	listen := at(l.mustPort(t))
	for stage, c := range map[string]struct{ lines, want []string }{
		"connect": {[]string{}, []string{strings.Replace(noRecipient(noPTROf60), "550", "554", 1)}},
		"helo":    {[]string{"EHLO lone.example.com", "EHLO lone.example.com"}, []string{"220 ...", noRecipient(noPTROf60), noRecipient(noPTROf60)}},
		"mail":    {[]string{"EHLO lone.example.com", mailFromJane, janesLogin, mailFromJane, rcptToBob}, []string{"220 ...", "250 ...", noRecipient(noPTROf60), "235 ...", "250 OK", "250 Accepted"}},
	} {
		t.Run(stage, func(t *testing.T) {
			d := l.serve(t, enforce("rfc", l.dns.resolver)+"policy.reject_at_stage = \""+stage+"\"\n"+eximAt(x.policy), listen)
			defer d.stop()
			conn, reply := posing(t, x.smtp, "192.0.2.60", 40001)
			defer conn.close()
			got := []string{reply}
			for _, line := range c.lines {
				got = append(got, conn.send(line))
			}
			if !slices.EqualFunc(got, c.want, fits) {
				t.Errorf("%q\nnot %q", got, c.want)
			}
		})
	}
}

// Without helogate all are deferred or accepted, as HELOGATE_DOWN says, also in the middle of a session. An ACL that is
// not called as it should be is no permit.
func TestEximKilled(t *testing.T) {
	l := theLab(t)
	deferred := sample(t, "exim.md", "451 4.3.5 ")
	for name, c := range map[string]struct {
		replace       []string
		want, unasked string
	}{
		"defer":       {nil, deferred, noPTROf60},
		"accept":      {[]string{"HELOGATE_DOWN   = defer", "HELOGATE_DOWN = accept"}, "250 Accepted", noPTROf60},
		"not defined": {[]string{"HELOGATE_DOWN   = defer", ""}, deferred, noPTROf60},
		"no call": {[]string{"acl_smtp_rcpt    = acl_check_rcpt", "acl_smtp_rcpt = helogate"},
			"451 4.3.5 Server configuration problem", "451 4.3.5 Server configuration problem"},
	} {
		t.Run(name, func(t *testing.T) {
			x := l.startExim(t, c.replace...)
			d := l.serve(t, enforce("rfc", l.dns.resolver)+eximAt(x.policy), at(l.mustPort(t)))
			conn, _ := posing(t, x.smtp, "192.0.2.60", 40001)
			defer conn.close()
			conn.send("EHLO lone.example.com")
			conn.send(mailFromJane)
			if got := conn.send(rcptToBob); got != c.unasked {
				t.Errorf("%s\nnot %s", got, c.unasked)
			}
			d.signal(syscall.SIGKILL)
			must(t, d.wait())
			running.remove(d.process)
			if got := conn.send(rcptToBob); got != c.want {
				t.Errorf("in mid-session %s\nnot %s", got, c.want)
			}
			if got := replyTo(t, x.smtp, "192.0.2.60", "EHLO lone.example.com", mailFromJane, rcptToBob); got != c.want {
				t.Errorf("another session %s\nnot %s", got, c.want)
			}
			if got := replyTo(t, x.smtp, "192.0.2.25", "EHLO mail.example.com", mailFromJane, "RCPT TO:<x@elsewhere.example>"); strings.HasPrefix(got, "2") {
				t.Errorf("it relays: %s", got)
			}
		})
	}
}

// Exim reaches helogate by a unix socket, too.
func TestEximUnixSocket(t *testing.T) {
	l := theLab(t)
	dir, err := l.sub("exim-socket")
	must(t, err)
	must(t, os.Chown(dir, 0, eximUser))
	must(t, os.Chmod(dir, os.ModeSetgid|0o750)) // as docs/exim.md has it
	socket := filepath.Join(dir, "socket")
	x := l.startExim(t, "inet:127.0.0.1:10042", socket)
	l.serve(t, enforce("rfc", l.dns.resolver)+"\n[[listen]]\nprotocol = \"exim\"\naddress = \"unix:"+socket+"\"\n", at(l.mustPort(t)))
	if got := replyTo(t, x.smtp, "192.0.2.60", "EHLO lone.example.com", mailFromJane, rcptToBob); got != noPTROf60 {
		t.Errorf("%s\nnot %s", got, noPTROf60)
	}
}

func TestEximManySessions(t *testing.T) {
	l := theLab(t)
	x := l.startExim(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver)+eximAt(x.policy), at(l.mustPort(t)))
	manySessions(t, x.smtp, d, flood{
		every: 2, passes: "250 Accepted", down: sample(t, "exim.md", "451 4.3.5 "),
	})
}
