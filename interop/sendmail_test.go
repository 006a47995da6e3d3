package interop

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A sendmail is a private instance, in a network of its own whose clients have public addresses. It asks helogate over
// a unix socket, which is how it finds its way out.
type sendmail struct {
	net     *network
	dir     string
	socket  string
	process *process
}

// sendmailAt is where it takes mail.
var sendmailAt = netip.MustParseAddrPort("198.51.100.1:25")

// sendmailClients are the clients that a test can pose as.
var sendmailClients = []string{"192.0.2.25", "192.0.2.60", "203.0.113.200", "203.0.113.40"}

// startSendmail starts one with what docs/sendmail says, and what differs from it.
func (l *lab) startSendmail(t *testing.T, change func(page string) string) *sendmail {
	t.Helper()
	root := peerRoot(t, "sendmail", "complete")
	dir, err := os.MkdirTemp(l.dir, "sendmail-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "queue"), 0o700))
	must(t, os.Mkdir(filepath.Join(dir, "sasl"), 0o755))
	s := &sendmail{dir: dir, socket: filepath.Join(dir, "milter")}
	s.connect(t)
	s.knowJane(t)
	s.configure(t, root, change)
	s.start(t, root)
	return s
}

// connect makes the network, in which all addresses are this machine's.
func (s *sendmail) connect(t *testing.T) {
	t.Helper()
	var err error
	if s.net, err = newNetwork(); s.net != nil {
		t.Cleanup(s.net.holder.stop)
	}
	for _, addr := range append(sendmailClients, sendmailAt.Addr().String()) {
		if err == nil {
			err = s.net.run("ip", "addr", "add", addr+"/32", "dev", "lo")
		}
	}
	if err != nil {
		noNamespace(t, err)
	}
}

// configure makes sendmail.cf as an administrator does, with m4.
func (s *sendmail) configure(t *testing.T, root string, change func(page string) string) {
	t.Helper()
	page, err := os.ReadFile("../docs/sendmail/helogate.mc")
	must(t, err)
	text := strings.Replace(string(page), "inet:10041@127.0.0.1", "local:/mnt/milter", 1)
	if !strings.Contains(text, "/mnt/") {
		t.Fatal("docs/sendmail/helogate.mc names no socket at 10041@127.0.0.1")
	}
	if change != nil {
		text = change(text)
	}
	mc := filepath.Join(s.dir, "sendmail.mc")
	must(t, render(mc, "testdata/sendmail.mc", map[string]any{"Root": root, "Dir": s.dir, "Page": text}))
	m4 := exec.Command(filepath.Join(root, "usr/bin/m4"), mc)
	m4.Env = append(cleanEnv(), "LD_LIBRARY_PATH="+libOf(root))
	cf, err := m4.Output()
	must(t, err)
	must(t, writeFile(filepath.Join(s.dir, "sendmail.cf"), string(cf)))
	for name, text := range map[string]string{
		"hosts": "127.0.0.1 localhost\n198.51.100.1 mx.example.net mx\n", "local-host-names": "", "service.switch": "hosts files\naliases files\n",
		"sasl/Sendmail.conf": "pwcheck_method: saslauthd\nsaslauthd_path: /mnt/saslauthd\nmech_list: PLAIN\n",
		"nsswitch.conf":      "passwd: files\ngroup: files\nhosts: files\n", "hostname": "mx.example.net\n",
	} {
		must(t, writeFile(filepath.Join(s.dir, name), text))
	}
}

// libOf is where a Debian keeps its libraries, below root.
func libOf(root string) string {
	found, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu"))
	return slices.Concat(found, []string{""})[0]
}

// knowJane starts what Sendmail's SASL library asks whether a password is right, by the protocol of saslauthd: user,
// password, service and realm, each behind its length.
func (s *sendmail) knowJane(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(s.dir, "saslauthd"))
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			var words [4]string
			for i := range words {
				var size uint16
				if binary.Read(c, binary.BigEndian, &size) == nil {
					word := make([]byte, size)
					_, _ = io.ReadFull(c, word)
					words[i] = string(word)
				}
			}
			if words[0] == "jane" && words[1] == "secret" {
				io.WriteString(c, "\x00\x02OK")
			} else {
				io.WriteString(c, "\x00\x02NO")
			}
			c.Close()
		}
	}()
}

// start starts it where there is no DNS: helogate alone asks that.
func (s *sendmail) start(t *testing.T, root string) {
	t.Helper()
	program, lib := filepath.Join(s.dir, "sendmail"), libOf(root)
	bytes, err := os.ReadFile(filepath.Join(root, "usr/libexec/sendmail/sendmail"))
	must(t, err)
	must(t, os.WriteFile(program, bytes, 0o755)) // a copy without its setgid bit, for which LD_LIBRARY_PATH counts
	script := fmt.Sprintf(`hostname mx.example.net && mount --bind %[1]s /mnt && mount --bind %[1]s/hosts /etc/hosts && mount --bind %[1]s/nsswitch.conf /etc/nsswitch.conf && `+
		`mount --bind %[1]s/sasl /usr/lib/sasl2 && mount --bind %[2]s/sasl2 %[3]s/sasl2 && exec %[1]s/sendmail -C %[1]s/sendmail.cf -bD -X %[1]s/traffic -D %[1]s/debug`,
		s.dir, lib, strings.TrimPrefix(lib, root))
	line := s.net.enter("unshare", "-m", "-u", "/bin/sh", "-c", script)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(cleanEnv(), "LD_LIBRARY_PATH="+lib)
	s.process, err = start("sendmail", cmd)
	must(t, err)
	t.Cleanup(func() {
		s.process.stop()
		if t.Failed() {
			t.Logf("Sendmail said:\n%s%s", s.process.out.String(), s.log())
		}
	})
	err = eventually(func() bool {
		c, banner, err := s.dial("192.0.2.25")
		if err != nil {
			return !s.process.alive()
		}
		c.say("QUIT")
		c.close()
		return strings.HasPrefix(banner, "220 ")
	})
	if err != nil || !s.process.alive() {
		t.Fatalf("Sendmail sends no banner: %s%s", s.process.out.String(), s.log())
	}
}

func (s *sendmail) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "debug"))
	return string(b)
}

// dial connects as a client, and reads the banner.
func (s *sendmail) dial(from string) (*client, string, error) {
	var conn net.Conn
	err := s.net.within(func() (err error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
		conn, err = d.Dial("tcp", sendmailAt.String())
		return err
	})
	if err != nil {
		return nil, "", err
	}
	conn.SetDeadline(time.Now().Add(2 * patience))
	c := &client{conn, bufio.NewReader(conn)}
	banner, err := c.reply()
	return c, banner, err
}

// within does something in the network. A socket stays in the network that it was made in.
func (n *network) within(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", n.holder.cmd.Process.Pid))
		if err == nil {
			err = errors.Join(unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET), ns.Close())
		}
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// header is that of a message as it is in the queue, without what Sendmail notes there of each field.
func (s *sendmail) header(t *testing.T, reply string) string {
	t.Helper()
	id := sendmailQueued.FindStringSubmatch(reply)
	if id == nil {
		t.Fatalf("not queued: %s", reply)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "queue", "qf"+id[1]))
	must(t, err)
	return sendmailField.ReplaceAllString(string(text), "")
}

var (
	sendmailQueued = regexp.MustCompile(`^250 2\.0\.0 (\w+) Message accepted`)
	sendmailField  = regexp.MustCompile(`(?m)^H\?[^?]*\?`)
)

// listener is the setting of a helogate that this Sendmail asks.
func (s *sendmail) listener() string {
	return fmt.Sprintf("\n[[listen]]\nprotocol = \"milter\"\naddress = %q\npermissions = \"0600\"\n", "unix:"+s.socket)
}

func (s *sendmail) mta() *milterMTA {
	return &milterMTA{name: "Sendmail", listener: s.listener(), dial: s.dial, header: s.header, relaying: "550 5.7.1 ",
		down: "250 2.1.5 ", plain: "a%s"}
}

// Sendmail, with what docs/sendmail.md says to put into sendmail.mc.
func TestSendmail(t *testing.T) {
	l := theLab(t)
	l.startSendmail(t, nil).mta().test(t, l)
}

// With F=T a client is deferred when helogate is down, or dies in the middle of the session.
func TestSendmailTempfail(t *testing.T) {
	l := theLab(t)
	s := l.startSendmail(t, func(page string) string { return strings.Replace(page, "', `S=", "', `F=T, S=", 1) })
	mta := s.mta()
	mta.down = "451 4.3.2 "
	mta.testKilled(t, l)
}
