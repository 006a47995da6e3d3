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
)

// Mail hosts listen on port 25 of an address that is public, and helogate calls none of its own. So both have a network
// of their own here, with a cable in between.

// A network is a network namespace. It lives as long as the process that holds it, and others in it.
type network struct{ holder *process }

// newNetwork makes a namespace with nothing in it but loopback.
func newNetwork() (*network, error) {
	hold := exec.Command("sleep", "infinity")
	hold.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	holder, err := start("a network namespace", hold)
	if err != nil {
		return nil, err
	}
	n := &network{holder}
	return n, n.run("ip", "link", "set", "lo", "up")
}

// enter is the command line that runs a program in it, in place of the caller.
func (n *network) enter(program string, args ...string) []string {
	return append([]string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", n.holder.cmd.Process.Pid), "--", program}, args...)
}

func (n *network) run(program string, args ...string) error {
	path, err := lookPath(program)
	if err != nil {
		return err
	}
	line := n.enter(path, args...)
	if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}

// plugIn gives the end of a cable its addresses.
func (n *network) plugIn(end string, addrs ...string) error {
	for _, addr := range addrs {
		if err := n.run("ip", "addr", "add", addr, "dev", end); err != nil {
			return err
		}
	}
	return n.run("ip", "link", "set", end, "up")
}

// connect lays the cable to another network. Its ends are called as the networks at the other end are.
func (n *network) connect(name, toName string, to *network) error {
	return n.run("ip", "link", "add", toName, "type", "veth", "peer", "name", name, "netns", fmt.Sprint(to.holder.cmd.Process.Pid))
}

// An internet is two networks: helogate and its resolver are at home, the senders' mail hosts away. The lab's Postfix
// is in neither, and asks helogate over a unix socket.
type internet struct {
	*lab
	home, away *network
	senders    *postfix
}

// senderHosts are the senders' mail hosts, one for each domain, with what differs from testdata/callout-main.cf.
var senderHosts = []struct {
	domain, at string
	options    []string
}{
	{"some.example", "198.51.100.25", senderSMTPDs["some.example"]},
	{"all.example", "198.51.100.26", nil},
	{"null.example", "198.51.100.27", senderSMTPDs["null.example"]},
	{"wait.example", "198.51.100.28", senderSMTPDs["wait.example"]},
	{"spare.example", "198.51.100.29", nil}, // no callout may ask about this domain
	// It hangs for longer than anybody waits, and ends by itself should the tests be killed.
	{"hang.example", "198.51.100.30", []string{"smtpd_delay_reject = no", "smtpd_client_restrictions = sleep 30"}},
	{"late.example", "198.51.100.31", []string{"smtpd_recipient_restrictions = check_recipient_access inline:{ { joe@late.example = sleep 5 } }"}},
	// Hosts that helogate must not call.
	{"ours.example", "198.51.100.70", nil}, // a network of [own]
	{"inside.example", "10.0.0.25", nil},
}

// startInternet makes one for a test, with all that is in it but helogate. It ends with the test.
func startInternet(t *testing.T) *internet {
	t.Helper()
	in := &internet{lab: theLab(t)}
	if err := in.layCable(t); err != nil {
		noNamespace(t, err)
	}
	var hosts []*service
	for _, h := range senderHosts {
		at := netip.AddrPortFrom(netip.MustParseAddr(h.at), 25)
		hosts = append(hosts, &service{Name: h.domain, SMTP: at, Options: h.options, MaxUse: 100})
	}
	in.startSenders(t, hosts)
	in.startResolver(t, hosts)
	return in
}

// layCable makes the two networks, and connects them.
func (in *internet) layCable(t *testing.T) (err error) {
	for _, n := range []**network{&in.home, &in.away} {
		if *n, err = newNetwork(); *n != nil {
			t.Cleanup((*n).holder.stop)
		}
		if err != nil {
			return err
		}
	}
	if err := in.home.connect("helogate", "senders", in.away); err != nil {
		return err
	}
	if err := in.home.plugIn("senders", "198.51.100.1/24", "10.0.0.1/24"); err != nil {
		return err
	}
	var addrs []string
	for _, h := range senderHosts {
		addrs = append(addrs, h.at+"/24")
	}
	return in.away.plugIn("helogate", addrs...)
}

// startSenders starts the senders' Postfix, as postfix.start does, but no client here can connect to it.
func (in *internet) startSenders(t *testing.T, hosts []*service) {
	t.Helper()
	dir, err := os.MkdirTemp(in.dir, "away-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	etc := filepath.Join(dir, "etc")
	for _, sub := range []string{"etc", "queue", "data"} {
		must(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	programs, err := postfixPrograms()
	must(t, err)
	must(t, os.Chown(filepath.Join(dir, "data"), int(uidOf(t, programs["mail_owner"])), -1))
	settings := map[string]any{"Dir": dir, "Programs": programs, "Services": hosts}
	must(t, render(filepath.Join(etc, "main.cf"), "testdata/callout-main.cf", settings))
	must(t, render(filepath.Join(etc, "master.cf"), "testdata/master.cf", settings))
	in.senders = &postfix{maillog: filepath.Join(dir, "maillog")}
	in.senders.logOnFailure(t)
	must(t, in.away.run("postfix", "-c", etc, "check"))
	master := in.away.enter(filepath.Join(programs["daemon_directory"], "master"), "-c", etc, "-d")
	p, err := startLeashed("the senders' postfix", master[0], master[1:]...)
	must(t, err)
	t.Cleanup(p.stop)
	err = eventually(func() bool { return hasLine(in.senders.log(), "postfix/master", "daemon started") || !p.alive() })
	if err != nil || !p.alive() {
		t.Fatalf("the senders' Postfix does not start: %s%s", p.out.String(), in.senders.log())
	}
}

// startResolver starts what helogate asks.
func (in *internet) startResolver(t *testing.T, hosts []*service) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "unbound.conf")
	must(t, render(conf, "testdata/callout_serve-unbound.conf", map[string]any{"Dir": dir, "Hosts": hosts}))
	unbound, err := lookPath("unbound")
	must(t, err)
	line := in.home.enter(unbound, "-d", "-p", "-c", conf)
	p, err := start("unbound", exec.Command(line[0], line[1:]...))
	must(t, err)
	t.Cleanup(p.stop)
	if err := eventually(func() bool { return hasLine(p.out.String(), "start of service") || !p.alive() }); err != nil || !p.alive() {
		t.Fatalf("unbound does not start: %s", p.out.String())
	}
}

// start starts a helogate at home, at the socket that the lab's smtpd "socket" asks.
func (in *internet) start(t *testing.T, config string) *daemon {
	t.Helper()
	in.postfix.logOnFailure(t)
	in.postfix.makeSocketDirectory(t, "root")
	d := in.prepare(t, "", "address = \"unix:"+in.postfix.socket+"\"")
	dir := filepath.Dir(d.config)
	d.state = fmt.Sprintf("state.store = \"sqlite\"\nstate.file = %q\n", filepath.Join(dir, "state.db"))
	d.write(config)
	d.binary = filepath.Join(dir, "helogate")
	enter := "#!/bin/sh\nexec " + strings.Join(in.home.enter(in.helogate), " ") + " \"$@\"\n"
	must(t, os.WriteFile(d.binary, []byte(enter), 0o755))
	d.start(in.lab)
	return d
}
