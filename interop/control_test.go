package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/helogate/helogate/internal/control"
)

// helogate trust add permits a client that was refused, until trust remove. With a file, it survives a restart.
func TestTrust(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	d := l.prepare(t, "", at(l.postfix.policy))
	d.write(fmt.Sprintf("trust.file = %q\n", filepath.Join(filepath.Dir(d.config), "trust")) + enforce("rfc", l.dns.resolver))
	d.start(l)
	main := l.postfix.services["main"]
	for _, c := range []struct{ client, helo, refused string }{
		{"192.0.2.60", "lone.example.com", "550 5.7.25 "},
		{"2001:db8::60", "six.example.com", "550 5.7.25 "},
		{"203.0.113.40", "localhost", "45"}, // DNS fails: it is unknown whether the client has an exempt name
	} {
		see := func(when, want string) {
			t.Helper()
			if got := main.rcpt(c.client, c.helo); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: %s, not %s", c.client, when, got, want)
			}
		}
		see("at first", c.refused)
		d.run("trust", "add", c.client, "--for", "30m", "--comment", "pop3 jane")
		see("trusted", "250 2.1.5 ")
		d.waitFor("msg=verdict", "client="+c.client, "action=accept", "by=trusted")
		if list := d.run("trust", "list"); !strings.Contains(list, c.client+"  until ") || !strings.Contains(list, "pop3 jane") {
			t.Errorf("trust list: %s", list)
		}
		d.stop()
		d.start(l)
		see("trusted before a restart", "250 2.1.5 ")
		d.run("trust", "remove", c.client)
		see("trusted no more", c.refused)
		if _, stderr, exit := d.command("trust", "remove", c.client); exit != 1 || !strings.Contains(stderr, c.client) {
			t.Errorf("trust remove of an address that is not trusted: exit %d: %s", exit, stderr)
		}
	}
}

// helogate exempt list prints the clients that are exempt. exempt why agrees with the reply to Postfix's client.
func TestExemptList(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	config := enforce("rfc", l.dns.resolver) + `
[[forwarder]]
address = "192.0.2.61"
[[exempt]]
address = "192.0.2.199"
until   = 2020-12-31
`
	d := l.serve(t, config, at(l.postfix.policy))
	main := l.postfix.services["main"]
	hits := func(want string) {
		t.Helper()
		var all []control.Exemption
		must(t, json.Unmarshal([]byte(d.run("exempt", "list", "--json")), &all))
		var got []string
		for _, e := range all {
			got = append(got, fmt.Sprintf("%s %s %d %v", e.Kind, e.Names, e.Hits, e.Last != nil))
		}
		if strings.ReplaceAll(strings.Join(got, "; "), "/32 ", " ") != want {
			t.Errorf("exempt list: %s\nnot %s", strings.Join(got, "; "), want)
		}
	}
	hits("exempt 192.0.2.199 0 false; exempt 203.0.113.200 0 false; exempt .friend.example 0 false; forwarder 192.0.2.61 0 false")
	for _, client := range []string{"203.0.113.200", "203.0.113.200", "192.0.2.40", "192.0.2.41", "192.0.2.61", "192.0.2.199"} {
		reply := main.rcpt(client, "localhost")
		_, _, exit := d.command("exempt", "why", client, "localhost", "--from", "jane@example.com", "--rcpt", "bob@example.net")
		if (exit == 0) != (reply == "250 2.1.5 Ok") {
			t.Errorf("%s: exempt why exits with %d, and the client gets %s", client, exit, reply)
		}
	}
	want := "exempt 192.0.2.199 0 false; exempt 203.0.113.200 2 true; exempt .friend.example 1 true; forwarder 192.0.2.61 1 true"
	hits(want)
	d.reload(config)
	hits(want) // a reload forgets nothing
	if list := d.run("exempt", "list"); !hasLine(list, "exempt 2: 203.0.113.200", "(an old machine), 2 hits, last at ") {
		t.Errorf("exempt list: %s", list)
	}
}

// helogate status counts what was done, and what would have been.
func TestStatusCounts(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.listeners["first"]), at(l.postfix.listeners["watched"])+"\nmode = \"shadow\"\npreset = \"strict\"")
	first, watched := l.postfix.services["first"], l.postfix.services["watched"]
	for range 3 {
		first.rcpt("192.0.2.60", "lone.example.com")
		first.rcpt("192.0.2.25", "mail.example.com")
	}
	first.rcpt("203.0.113.200", "localhost")
	watched.rcpt("192.0.2.25", "localhost")
	s := d.status()
	counted := map[string]uint64{}
	for _, c := range s.Verdicts.Counts {
		counted[fmt.Sprintf("%s %s %v", c.Action, c.By, c.DryRun)] = c.Count
	}
	for kind, want := range map[string]uint64{"reject rdns false": 3, "continue  false": 4, "accept exempt false": 1, "reject own-identity true": 1} {
		if counted[kind] != want {
			t.Errorf("%s: %d, not %d: %v", kind, counted[kind], want, counted)
		}
	}
	var listeners []string
	for _, one := range s.Listeners {
		listeners = append(listeners, fmt.Sprintf("%s %s %s %s", one.Protocol, one.Address, one.Mode, one.Preset))
	}
	want := fmt.Sprintf("postfix %s enforce rfc; postfix %s shadow strict", l.postfix.listeners["first"], l.postfix.listeners["watched"])
	if got := strings.Join(listeners, "; "); got != want {
		t.Errorf("listeners: %s\nnot %s", got, want)
	}
	if s.PID != d.cmd.Process.Pid || s.Config.File != d.config || s.Config.Mode != "enforce" || s.DNS.Questions == 0 || s.DNS.Hits == 0 || s.DNS.Servers[0].Address != l.dns.resolver.String() {
		t.Errorf("status: %+v", s)
	}
}

// If another user owns the socket, neither the service nor a command uses it.
func TestControlSocketOfAnotherUser(t *testing.T) {
	l := theLab(t)
	d := l.prepare(t, enforce("rfc", l.dns.resolver), at(l.mustPort(t)))
	dir := filepath.Dir(d.config)
	must(t, os.Chmod(dir, 0o777|os.ModeSticky))
	other, err := net.Listen("unix", d.control)
	must(t, err)
	defer other.Close()
	must(t, os.Chown(d.control, int(uidOf(t, "nobody")), -1))
	connected := make(chan bool, 1)
	go func() {
		if conn, err := other.Accept(); err == nil {
			conn.Close()
			connected <- true
		}
	}()
	serve := exec.Command(l.helogate, "serve", "--config", d.config)
	serve.Env = cleanEnv()
	serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p, err := start("helogate", serve)
	must(t, err)
	defer p.stop()
	must(t, p.wait())
	const why = "belongs to the user nobody"
	if out := p.out.String(); serve.ProcessState.ExitCode() != 78 || !strings.Contains(out, d.control) || !strings.Contains(out, why) {
		t.Errorf("serve: exit %d: %s", serve.ProcessState.ExitCode(), out)
	}
	for _, command := range [][]string{{"reload"}, {"status"}, {"trust", "list"}, {"trust", "add", "192.0.2.1", "--for", "1h"}, {"exempt", "list"}} {
		if stdout, stderr, exit := d.command(command...); exit == 0 || stdout != "" || !strings.Contains(stderr, why) {
			t.Errorf("%s: exit %d: %s%s", command, exit, stdout, stderr)
		}
	}
	select {
	case <-connected:
		t.Error("the service connected to it")
	default:
	}
	if is, err := os.Stat(d.control); err != nil || is.Sys().(*syscall.Stat_t).Uid != uidOf(t, "nobody") {
		t.Errorf("the socket of another user has been removed: %v", err)
	}
}
