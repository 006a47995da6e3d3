package interop

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A haraka is a private Haraka with the plugin of contrib/haraka, set up as docs/haraka.md says.
type haraka struct {
	*process
	smtp   netip.AddrPort
	socket string // where it asks
	kept   string // where messages are, a file each
}

// harakaNode is what runs Haraka: the machine's, or what .ci/peer-haraka has got where that is too old.
func harakaNode(t *testing.T, root string) string {
	t.Helper()
	own, err := filepath.Glob(filepath.Join(root, "node_modules/node-linux-*/bin/node"))
	must(t, err)
	if len(own) > 0 {
		return own[0]
	}
	node, err := exec.LookPath("node")
	must(t, err)
	return node
}

// startHaraka starts one, and stops it with the test. ini is what helogate.ini says beside the socket. The plugin is a
// file in Haraka's plugins, or a package as npm installs it.
func (l *lab) startHaraka(t *testing.T, ini string, asPackage bool) *haraka {
	t.Helper()
	root := peerRoot(t, "haraka", "complete")
	dir, err := os.MkdirTemp(l.dir, "haraka-")
	must(t, err)
	h := &haraka{smtp: l.mustPort(t), socket: filepath.Join(dir, "http"), kept: filepath.Join(dir, "kept")}
	for _, sub := range []string{"config", "plugins", "queue", "kept", "node_modules"} {
		must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	shipped := read(t, "../contrib/haraka/config/helogate.ini")
	settings := replaced(t, shipped, "/run/helogate/http", h.socket) + ini
	connection := read(t, filepath.Join(root, "node_modules/Haraka/config/connection.ini")) // an empty one makes Haraka crash
	for file, text := range map[string]string{
		"config/smtp.ini":           fmt.Sprintf("listen=%s\nnodes=0\n", h.smtp),
		"config/connection.ini":     replaced(t, connection, "hosts[] =\n", "hosts[] = 127.0.0.0/8\n"), // the proxies
		"config/me":                 "mx.example.net\n",
		"config/loglevel":           "LOGINFO\n",
		"config/plugins":            read(t, "../docs/haraka/plugins") + "\nhelogate_world\n",
		"config/host_list":          "example.net\n",
		"config/auth_flat_file.ini": "[core]\nmethods = PLAIN\nconstrain_sender = false\n[users]\njane = secret\n",
		"config/helogate.ini":       settings,
		"config/resolver":           l.dns.resolver.String() + "\n",
		"config/kept":               h.kept + "\n",
		"plugins/helogate_world.js": read(t, "testdata/haraka_world.js"),
	} {
		must(t, writeFile(filepath.Join(dir, file), text))
	}
	plugin, err := filepath.Abs("../contrib/haraka")
	must(t, err)
	if asPackage {
		must(t, os.Symlink(plugin, filepath.Join(dir, "node_modules/haraka-plugin-helogate")))
	} else {
		must(t, writeFile(filepath.Join(dir, "plugins/helogate.js"), read(t, filepath.Join(plugin, "helogate.js"))))
	}
	h.process, err = start("haraka", exec.Command(harakaNode(t, root), filepath.Join(root, "node_modules/Haraka/bin/haraka"), "-c", dir))
	must(t, err)
	t.Cleanup(func() {
		h.stop()
		if t.Failed() {
			t.Logf("Haraka said:\n%s", h.out.String())
		}
	})
	err = eventually(func() bool { return !refuses(h.smtp) || !h.alive() })
	if err != nil || !h.alive() {
		t.Fatalf("Haraka does not listen: %s", h.out.String())
	}
	return h
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

// replaced is a text in which something is exchanged, that must be there.
func replaced(t *testing.T, text, what, by string) string {
	t.Helper()
	if !strings.Contains(text, what) {
		t.Fatalf("no %q in %q", what, text)
	}
	return strings.ReplaceAll(text, what, by)
}

// page is the configuration of helogate as docs/haraka.md has it, for this Haraka.
func (h *haraka) page(t *testing.T) string {
	t.Helper()
	return replaced(t, read(t, "../docs/haraka/helogate.toml"), "/run/helogate/http", h.socket)
}

// announce is what a proxy says before a client.
func announce(client string) string {
	if strings.Contains(client, ":") {
		return fmt.Sprintf("PROXY TCP6 %s 2001:db8:1::1 40001 25", client)
	}
	return fmt.Sprintf("PROXY TCP4 %s 198.51.100.1 40001 25", client)
}

// say is a dialogue of a client, of which the last reply counts. What comes instead, before it, is in parentheses.
func (h *haraka) say(client string, lines ...string) string {
	c, err := call(h.smtp)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	defer c.close()
	reply, before := "", announce(client)
	if reply, err = c.say(before); err != nil { // the banner
		return fmt.Sprintf("(%v)", err)
	}
	for _, line := range lines {
		if !fits(reply, "") {
			return fmt.Sprintf("(%s, before %s)", reply, line)
		}
		if reply, err = c.say(line); err != nil {
			return fmt.Sprintf("(%v)", err)
		}
	}
	return reply
}

func (h *haraka) rcpt(client, helo string) string {
	return h.say(client, "EHLO "+helo, "MAIL FROM:<jane@example.com>", "RCPT TO:<bob@example.net>")
}

const harakaTakes = "250 recipient <bob@example.net> OK"

// What becomes of clients, and what they read.
func TestHaraka(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", false)
	l.serve(t, enforce("rfc", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
	for _, c := range []struct{ client, helo, want string }{
		{"192.0.2.25", "mail.example.com", harakaTakes},
		{"2001:db8::25", "mail.example.com", harakaTakes},
		{"192.0.2.60", "lone.example.com", "550 5.7.25 192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"},
		{"192.0.2.25", "a b", "550 5.5.2 HELO a b is malformed: a space at 2; set the HELO name to your server's public host name, as in its PTR record [ID] Questions: postmaster@example.net"}, // not cut at the space
		{"203.0.113.25", "mx.servfail.test", "451 4.4.3 Temporary DNS failure, please try again later: no answer for A of mx.servfail.test, ..."},
		{"203.0.113.200", "localhost", harakaTakes}, // exempt
	} {
		if got := h.rcpt(c.client, c.helo); !fits(got, c.want) {
			t.Errorf("%s %s: %s\nnot %s", c.client, c.helo, got, c.want)
		}
	}
	jane := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00jane\x00secret"))
	for _, c := range []struct {
		what, want string
		lines      []string
	}{
		{"authenticated", harakaTakes, []string{"EHLO laptop", jane, "MAIL FROM:<jane@example.net>", "RCPT TO:<bob@example.net>"}},
		{"not authenticated", "550 5.5.2 HELO laptop is not a fully qualified host name; ...", []string{"EHLO laptop", "MAIL FROM:<jane@example.net>", "RCPT TO:<bob@example.net>"}},
	} {
		if got := h.say("10.9.8.7", c.lines...); !fits(got, c.want) { // Haraka takes passwords without TLS from private addresses
			t.Errorf("%s: %s\nnot %s", c.what, got, c.want)
		}
	}
}

// Accept does not permit relaying: Haraka still checks the recipients of a client that helogate accepts.
func TestHarakaAcceptIsNoPermit(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", false)
	d := l.serve(t, inJSON(enforce("rfc", l.dns.resolver))+h.page(t), at(l.mustPort(t)))
	const want = "550 I cannot deliver mail for <bob@elsewhere.example>"
	if got := h.say("203.0.113.200", "EHLO localhost", "MAIL FROM:<jane@example.com>", "RCPT TO:<bob@elsewhere.example>"); got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
	for _, v := range d.verdicts() {
		if v.Action != "accept" || v.By != "exempt" {
			t.Errorf("it was not for the verdict: %+v", v)
		}
		if v.Stage == "rcpt" {
			t.Error("asked about a recipient that Haraka does not take")
		}
	}
}

// An accepted message has helogate's headers above all others. Forged ones are not taken for helogate's.
func TestHarakaHeaders(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", true)
	l.serve(t, enforce("rfc", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
	got := h.say("192.0.2.25", "EHLO mail.example.com", "MAIL FROM:<jane@example.com>", "RCPT TO:<bob@example.net>", "DATA",
		"X-Helogate: id=forged\r\nAuthentication-Results: mx.example.net; iprev=pass\r\nSubject: a message\r\n\r\nIts text.\r\n.")
	kept := regexp.MustCompile(`^250 kept as (\S+) `).FindStringSubmatch(got)
	if kept == nil {
		t.Fatal(got)
	}
	want := regexp.MustCompile(`^Authentication-Results: mx\.example\.net;
	iprev=pass policy\.iprev=192\.0\.2\.25; spf=none smtp\.helo=mail\.example\.com; spf=none smtp\.mailfrom=example\.com
X-Helogate: id=[0-9a-z]{13}; action=continue; score=0
Received: from mail\.example\.com (?s:.*)
X-Helogate: id=forged
Subject: a message
Original-Authentication-Results: mx\.example\.net; iprev=pass

Its text\.
$`)
	if message := strings.ReplaceAll(read(t, filepath.Join(h.kept, kept[1])), "\r\n", "\n"); !want.MatchString(message) {
		t.Errorf("%s", message)
	}
}

// A refusal is sent at the configured stage. The client can correct a refused HELO name. Drop closes the connection.
func TestHarakaStages(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", false)
	l.serve(t, "policy.reject_at_stage = \"connect\"\npolicy.checks = { rdns = \"drop\" }\n"+enforce("rfc", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
	const nameless = "554 5.7.25 192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID]"
	c, err := call(h.smtp)
	must(t, err)
	defer c.close()
	for _, want := range []string{nameless, closed} { // in place of a banner
		if got, err := c.say(announce("192.0.2.60")); err != nil || got != want {
			t.Errorf("%s, %v\nnot %s", got, err, want)
		}
	}
	if got, want := h.say("192.0.2.25", "EHLO localhost"), "550 5.7.1 HELO localhost is not a valid name for your server 192.0.2.25; ..."; !fits(got, want) {
		t.Errorf("%s\nnot %s", got, want)
	}
	c, err = call(h.smtp)
	must(t, err)
	defer c.close()
	for _, step := range []struct{ say, want string }{
		{announce("192.0.2.25"), ""},
		{"EHLO localhost", "550 5.7.1 HELO localhost ..."},
		{"MAIL FROM:<jane@example.com>", "503 ..."},
		{"EHLO mail.example.com", ""},
		{"MAIL FROM:<jane@example.com>", ""},
		{"RCPT TO:<bob@example.net>", harakaTakes},
	} {
		if got, err := c.say(step.say); err != nil || !fits(got, step.want) {
			t.Errorf("%s: %s, %v\nnot %s", step.say, got, err, step.want)
		}
	}
}

// helogate is killed in the middle of a session, and comes back in the middle of the next: Haraka does what its
// helogate.ini says, and says so.
func TestHarakaKilled(t *testing.T) {
	l := theLab(t)
	for when, without := range map[string]string{
		"pass":  harakaTakes,
		"defer": sample(t, "haraka.md", "451 4.3.0 "),
	} {
		t.Run(when, func(t *testing.T) {
			h := l.startHaraka(t, "when_down = "+when+"\n", when == "defer")
			d := l.serve(t, enforce("rfc", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
			c, err := call(h.smtp)
			must(t, err)
			defer c.close()
			say := func(line, want string) {
				t.Helper()
				if got, err := c.say(line); err != nil || !fits(got, want) {
					t.Errorf("%s: %s, %v\nnot %s", line, got, err, want)
				}
			}
			const refused = "550 5.7.25 192.0.2.60 has no PTR record; ..."
			say(announce("192.0.2.60"), "")
			say("EHLO lone.example.com", "")
			say("MAIL FROM:<jane@example.com>", "")
			say("RCPT TO:<bob@example.net>", refused)
			d.signal(syscall.SIGKILL)
			must(t, d.wait())
			running.remove(d.process)
			say("RCPT TO:<bob@example.net>", without)
			say("RSET", "")
			say("MAIL FROM:<jane@example.com>", "")
			say("RCPT TO:<bob@example.net>", without)
			d.start(l)
			say("RCPT TO:<bob@example.net>", refused)
			becomes := map[string]string{"pass": "is accepted", "defer": "is deferred"}[when]
			if shown := sample(t, "haraka.md", "[ERROR] "); when == "pass" && !strings.Contains(h.out.String(), strings.TrimPrefix(replaced(t, shown, "/run/helogate/http", h.socket), "[ERROR] [UUID] ")) {
				t.Errorf("Haraka's log does not have what the page shows: %s", shown)
			}
			if !hasLine(h.out.String(), "[ERROR]", "helogate is down, the client "+becomes+" (rcpt): ") {
				t.Error("Haraka's log does not say that helogate is down")
			}
		})
	}
}

// Five hundred sessions at once, and helogate stops in the middle: each comes to its end, judged or as helogate.ini
// says, and Haraka goes on.
func TestHarakaCrowd(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", false)
	d := l.serve(t, enforce("rfc", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
	var mu sync.Mutex
	replies := map[string]int{}
	half := make(chan struct{})
	ended := 0
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			client, helo := "192.0.2.25", "mail.example.com"
			if i%2 == 1 {
				client, helo = "192.0.2.60", "lone.example.com"
			}
			reply := h.rcpt(client, helo)
			mu.Lock()
			defer mu.Unlock()
			replies[client+": "+reply]++
			if ended++; ended == 100 {
				close(half)
			}
		})
	}
	<-half
	d.signal(syscall.SIGTERM)
	began := time.Now()
	must(t, d.wait())
	t.Logf("helogate stopped in %s", time.Since(began))
	wg.Wait()
	const refused = "192.0.2.60: 550 5.7.25 192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"
	good, passed := replies["192.0.2.25: "+harakaTakes], replies["192.0.2.60: "+harakaTakes]
	if good != 250 || passed == 0 || replies[refused] == 0 || passed+replies[refused] != 250 {
		t.Errorf("replies: %v", replies)
	}
	if got := h.rcpt("192.0.2.60", "lone.example.com"); got != harakaTakes {
		t.Errorf("afterwards: %s", got)
	}
	d.start(l)
	if got := h.rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, "550 5.7.25 ") {
		t.Errorf("when it is back: %s", got)
	}
}

// The plugin's own tests.
func TestHarakaPlugin(t *testing.T) {
	node := harakaNode(t, peerRoot(t, "haraka", "complete"))
	out, err := exec.Command(node, "--test", "../contrib/haraka/test/").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\n# fail 0\n") || strings.Contains(string(out), "\n# pass 0\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The command of docs/haraka.md, with swaks.
func TestHarakaPage(t *testing.T) {
	l := theLab(t)
	h := l.startHaraka(t, "", false)
	d := l.serve(t, enforce("lenient", l.dns.resolver)+h.page(t), at(l.mustPort(t)))
	command := sample(t, "haraka.md", "$ swaks ")[2:]
	command = replaced(t, command, "--server 127.0.0.1 ", "--server "+h.smtp.String()+
		" --proxy-version 1 --proxy 'TCP4 127.0.0.1 127.0.0.1 40001 25' ")
	command = replaced(t, command, "you@example.net", "bob@example.net")
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	must(t, err)
	if !strings.Contains(string(out), "<-  "+harakaTakes+"\n") {
		t.Errorf("%s: %s", command, out)
	}
	for _, stage := range []string{"connect", "helo", "mail", "rcpt"} {
		d.waitFor("msg=verdict", "stage="+stage, "client=127.0.0.1")
	}
}
