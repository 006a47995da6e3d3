package interop

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// As docs/postfix.md has it: helogate has a user and a group of its own, and a directory below Postfix's queue
// directory that gives what is made in it Postfix's group. So Postfix, which sees no more than the queue directory,
// reaches helogate over a socket that is open to its group alone. With a socket that is open to its owner alone, it
// does not, and mail flows.
func TestUnixSocket(t *testing.T) {
	l := theLab(t)
	l.postfix.logOnFailure(t)
	me := &syscall.Credential{Uid: uidOf(t, "nobody"), Gid: gidOf(t, "nobody")}
	l.postfix.makeSocketDirectory(t, "nobody")
	for _, c := range []struct{ mode, want string }{
		{"", "550 5.7.25 "}, // 0660 is the default
		{"0660", "550 5.7.25 "},
		{"0600", "250 2.1.5 "},
	} {
		t.Run(c.mode, func(t *testing.T) {
			listen := "address = \"unix:" + l.postfix.socket + "\"\n"
			want := os.ModeSocket | 0o660
			if c.mode != "" {
				listen += "permissions = \"" + c.mode + "\"\n"
				bits, _ := strconv.ParseUint(c.mode, 8, 32)
				want = os.ModeSocket | os.FileMode(bits)
			}
			d := l.prepare(t, enforce("rfc", l.dns.resolver), listen)
			d.as = me
			d.start(l)
			socket, err := os.Stat(l.postfix.socket)
			must(t, err)
			if socket.Mode() != want {
				t.Errorf("the socket is %s, not %s", socket.Mode(), want)
			}
			if got := l.postfix.services["socket"].rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, not %s", got, c.want)
			}
			d.stop()
			if _, err := os.Stat(l.postfix.socket); err == nil {
				t.Error("the socket is still there")
			}
		})
	}
}

// makeSocketDirectory makes the directory of the socket as docs/postfix.md has it.
func (p *postfix) makeSocketDirectory(t *testing.T, owner string) {
	t.Helper()
	out, err := exec.Command("install", "-d", "-o", owner, "-g", p.owner, "-m", "2750", filepath.Dir(p.socket)).CombinedOutput()
	if err != nil {
		t.Fatalf("install: %v: %s", err, out)
	}
}

// A socket that a crash has left behind does not keep helogate from starting.
func TestUnixSocketAfterCrash(t *testing.T) {
	l := theLab(t)
	l.postfix.makeSocketDirectory(t, "root")
	d := l.prepare(t, enforce("rfc", l.dns.resolver), "address = \"unix:"+l.postfix.socket+"\"")
	d.start(l)
	d.signal(syscall.SIGKILL)
	must(t, d.wait())
	running.remove(d.process)
	if _, err := os.Stat(l.postfix.socket); err != nil {
		t.Fatal("it cleaned up, so this is no test: ", err)
	}
	d.start(l)
	if got := l.postfix.services["socket"].rcpt("192.0.2.60", "lone.example.com"); !strings.HasPrefix(got, "550 5.7.25 ") {
		t.Error(got)
	}
}

func uidOf(t *testing.T, name string) uint32 {
	t.Helper()
	u, err := user.Lookup(name)
	must(t, err)
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	must(t, err)
	return uint32(id)
}

func gidOf(t *testing.T, name string) uint32 {
	t.Helper()
	u, err := user.Lookup(name)
	must(t, err)
	id, err := strconv.ParseUint(u.Gid, 10, 32)
	must(t, err)
	return uint32(id)
}

// swaks is another real client, and sends a whole mail.
func TestSwaks(t *testing.T) {
	l := theLab(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver), at(l.postfix.policy))
	for _, c := range []struct {
		client, helo, want string
		exit               int
	}{
		{"192.0.2.25", "mail.example.com", "<-  250 2.0.0 Ok: queued as ", 0},
		{"IPV6:2001:db8::25", "mail.example.com", "<-  250 2.0.0 Ok: queued as ", 0},
		{"192.0.2.60", "lone.example.com", "<** 550 5.7.25 <bob@example.net>: Recipient address rejected: " +
			"192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [", 24},
		{"203.0.113.40", "mail.example.com", "<** 450 4.7.25 <bob@example.net>: Recipient address rejected: " +
			"Temporary DNS failure, please try again later: ", 24},
	} {
		swaks := exec.Command("swaks", "--server", l.postfix.services["main"].SMTP.String(), "--xclient", "ADDR="+c.client,
			"--ehlo", c.helo, "--from", "jane@example.com", "--to", "bob@example.net")
		swaks.Env = append(os.Environ(), "HOME="+l.dir) // no .swaksrc
		out, _ := swaks.CombinedOutput()
		if swaks.ProcessState.ExitCode() != c.exit || !strings.Contains(string(out), c.want) {
			t.Errorf("exit %d, want %d with %q:\n%s", swaks.ProcessState.ExitCode(), c.exit, c.want, out)
		}
	}
	d.waitFor("client=2001:db8::25", "action=continue")
}
