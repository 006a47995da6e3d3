package interop

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Two policies between which is reloaded, and files that are wrong.
const (
	firstPolicy = `
policy.checks = { fqdn = "reject", rdns = "note" }
policy.replies = { fqdn = "by the first" }
`
	secondPolicy = `
policy.checks = { fqdn = "defer", rdns = "reject" }
policy.replies = { fqdn = "by the second" }
[[exempt]]
helo = "exempt"
`
)

var brokenPolicies = []string{"policy.preset = \"first\"\n", "policy.checks = { fqdn = \"reject\" \n", "[[rule]]\nname = \"x\"\nwhen = 'helo.text ='\nthen = \"reject\"\n"}

// policyQuestions are asked of a listener, as Postfix does; how each policy answers is found out.
var policyQuestions = []string{
	policyRequest("192.0.2.25", "yq3H9cDKgS"),
	policyRequest("192.0.2.25", "mail.example.com"),
	policyRequest("192.0.2.60", "lone.example.com"),
	policyRequest("192.0.2.60", "exempt"),
}

func policyRequest(client, helo string) string {
	return "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=" + client + "\nclient_name=unknown\n" +
		"helo_name=" + helo + "\nsender=jane@example.com\nrecipient=bob@example.net\ninstance=1.1.0\n\n"
}

// While 200 connections ask without a pause, policies are exchanged, and some files are wrong: every question is
// answered, by one of the two policies, and whoever asks after the reload is answered by the new one.
func TestReloadUnderLoad(t *testing.T) {
	l := theLab(t)
	base := enforce("lenient", l.dns.resolver) + "log.level = \"warn\"\n"
	addr := l.mustPort(t)
	d := l.serve(t, base+firstPolicy, at(addr))
	answers := [2][]string{answersAt(t, addr)}
	d.reload(base + secondPolicy)
	answers[1] = answersAt(t, addr)
	for i, q := range policyQuestions {
		if same := answers[0][i] == answers[1][i]; same != (i == 1) {
			t.Fatalf("%q: the policies say %s and %s", q, answers[0][i], answers[1][i])
		}
	}
	asked := uint64(2 * len(policyQuestions))

	load := &load{answers: answers}
	stop := load.start(addr, 200)
	const reloads = 20
	wrong, inForce := 0, 1
	for i := range reloads {
		broken := i%5 == 3
		policy := [...]string{firstPolicy, secondPolicy}[1-inForce]
		if broken {
			policy = brokenPolicies[wrong%len(brokenPolicies)]
			wrong++
		} else {
			inForce = 1 - inForce
		}
		d.write(base + policy)
		if by := [...]string{"signal", "command"}[i%2]; by == "signal" {
			d.reloadBySignal(broken)
		} else {
			d.reloadByCommand(broken)
		}
		if got := answersAt(t, addr); strings.Join(got, "\n") != strings.Join(answers[inForce], "\n") {
			t.Errorf("reload %d: %q, not %q", i+1, got, answers[inForce])
		}
		asked += uint64(len(policyQuestions))
	}
	asked += stop()

	for _, err := range load.wrong {
		t.Error(err)
	}
	if load.by[0].Load() == 0 || load.by[1].Load() == 0 || load.slowest() == 0 {
		t.Errorf("the policies answered %d and %d questions, and one connection %d: that was no test", load.by[0].Load(), load.by[1].Load(), load.slowest())
	}
	t.Logf("%d questions in %d connections", asked, len(load.each))
	counted := uint64(0)
	for _, c := range d.status().Verdicts.Counts {
		counted += c.Count
	}
	if counted != asked {
		t.Errorf("%d questions were asked, and %d counted", asked, counted)
	}
	must(t, eventually(func() bool {
		return strings.Count(d.out.String(), "the configuration was not reloaded; the old one stays in effect") == wrong
	}))
}

// reloadBySignal waits until the service says that it has been done.
func (d *daemon) reloadBySignal(broken bool) {
	d.t.Helper()
	before := d.status().Config
	d.signal(syscall.SIGHUP)
	after := before
	must(d.t, eventually(func() bool {
		after = d.status().Config
		return after.Reload != nil && (before.Reload == nil || after.Reload.At != before.Reload.At)
	}))
	if after.Reload.By != "signal" || (after.Reload.Error != "") != broken || after.Loaded.Equal(before.Loaded) != broken {
		d.t.Errorf("reload of a file that is wrong: %v: status says %+v, loaded at %s, and before at %s", broken, after.Reload, after.Loaded, before.Loaded)
	}
}

func (d *daemon) reloadByCommand(broken bool) {
	d.t.Helper()
	before := d.status().Config
	stdout, stderr, exit := d.command(d.toDaemon("reload")...)
	if after := d.status().Config; after.Reload == nil || after.Reload.By != "command" || (after.Reload.Error != "") != broken || after.Loaded.Equal(before.Loaded) != broken {
		d.t.Errorf("reload of a file that is wrong: %v: status says %+v, loaded at %s, and before at %s", broken, after.Reload, after.Loaded, before.Loaded)
	}
	if want := map[bool]int{false: 0, true: 78}[broken]; exit != want || broken != strings.Contains(stderr, d.config) || broken == strings.HasPrefix(stdout, "reloaded ") {
		d.t.Errorf("helogate reload of a file that is wrong: %v: exit %d: %s%s", broken, exit, stdout, stderr)
	}
}

// load asks a listener over many connections.
type load struct {
	answers [2][]string // by policy and question
	by      [2]atomic.Uint64
	each    []uint64 // by connection

	mu    sync.Mutex
	wrong []error
}

// start begins, and returns what ends it and says how often was asked.
func (l *load) start(listener netip.AddrPort, connections int) (stop func() uint64) {
	var wg sync.WaitGroup
	var done atomic.Bool
	l.each = make([]uint64, connections)
	for i := range connections {
		wg.Go(func() {
			c, err := askPolicy(listener)
			if err != nil {
				l.fail(err)
				return
			}
			defer c.Close()
			for !done.Load() {
				q := (i + int(l.each[i])) % len(policyQuestions)
				got, err := c.ask(policyQuestions[q])
				l.each[i]++
				if err != nil {
					l.fail(fmt.Errorf("connection %d, question %d: %w", i, l.each[i], err))
					return
				}
				l.judge(q, got)
			}
		})
	}
	return func() (asked uint64) {
		done.Store(true)
		wg.Wait()
		for _, n := range l.each {
			asked += n
		}
		return asked
	}
}

func (l *load) judge(question int, got string) {
	is := false
	for i, a := range l.answers {
		if got == a[question] {
			l.by[i].Add(1)
			is = true
		}
	}
	if !is {
		l.fail(fmt.Errorf("%q, which neither policy says to %q", got, policyQuestions[question]))
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, err)
	}
}

// slowest is how often the connection asked that asked the least.
func (l *load) slowest() uint64 {
	least := l.each[0]
	for _, n := range l.each {
		least = min(least, n)
	}
	return least
}

// policyClient asks a listener as Postfix does.
type policyClient struct {
	net.Conn
	in *bufio.Reader
}

func askPolicy(listener netip.AddrPort) (*policyClient, error) {
	c, err := net.DialTimeout("tcp", listener.String(), patience)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(4 * patience))
	return &policyClient{c, bufio.NewReader(c)}, nil
}

// ask returns the action.
func (c *policyClient) ask(request string) (string, error) {
	if _, err := c.Write([]byte(request)); err != nil {
		return "", err
	}
	action, err := c.in.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("after %q: %w", action, err)
	}
	if end, err := c.in.ReadString('\n'); end != "\n" {
		return "", fmt.Errorf("%q does not end with an empty line, but with %q: %v", action, end, err)
	}
	return anonymous(strings.TrimSuffix(action, "\n")), nil
}

// answersAt asks all questions in a connection of its own.
func answersAt(t *testing.T, listener netip.AddrPort) (answers []string) {
	t.Helper()
	c, err := askPolicy(listener)
	must(t, err)
	defer c.Close()
	for _, q := range policyQuestions {
		got, err := c.ask(q)
		must(t, err)
		answers = append(answers, got)
	}
	return answers
}
