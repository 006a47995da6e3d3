package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/docpage"
	"github.com/helogate/helogate/internal/testdns"
)

// giveUp is when a test gives up on what does not come: long, for the machine may have more to do than this.
const giveUp = time.Minute

// A sandbox is a directory that stands for the root of a machine, with a literal DNS and a running helogate. Programs
// run in it as a user without rights, if the test has the rights to become one.
type sandbox struct {
	t    *testing.T
	root string
	env  []string

	ports map[string]string // the address that is used for each that the page names
}

// nobody is the user without rights.
const nobody = 65534

// mailLog is a log of Postfix that the pages' commands read.
const mailLog = "Nov 28 12:00:00 mx postfix/smtpd[1]: connect from vps-1a2b3c4d.example.com[192.0.2.9]\n"

// places are the directories of a machine that the pages name and that a sandbox has in its own root.
var places = []string{"/etc/helogate", "/run/helogate", "/var/lib/helogate", "/var/spool/postfix/helogate", "/var/qmail", "/etc/qpsmtpd", "/usr/local/bin"}

// newSandbox makes a sandbox with this configuration in /etc/helogate/helogate.toml, and these records in its DNS.
func newSandbox(t *testing.T, configuration, records string) *sandbox {
	t.Helper()
	zone, err := helogate.NewZone(records)
	if err != nil {
		t.Fatal(err)
	}
	server, err := testdns.Start(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	root, err := os.MkdirTemp("", "hg") // the path of a socket may have no more than 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	s := &sandbox{t: t, root: root, ports: map[string]string{}, env: []string{
		"PATH=" + root + "/usr/local/bin:" + os.Getenv("PATH"), "HOME=" + root, "LANG=C.UTF-8", "TZ=UTC", "COLUMNS=1000",
		"HELOGATE_CONTROL__SOCKET=" + root + "/run/helogate/control.sock", "HELOGATE_DNS__SERVERS=" + server.Addr().String(),
		"HELOGATE_STATE__FILE=" + root + "/var/lib/helogate/state.db",
	}}
	for _, place := range append(places, "/tmp") {
		if err := os.MkdirAll(root+place, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("/etc/helogate/helogate.toml", s.in(configuration))
	s.write("/usr/local/bin/journalctl", "#!/bin/sh\ncat '"+root+"/tmp/log'\n")
	s.write("/usr/local/bin/dig", fmt.Sprintf("#!/bin/sh\nexec /usr/bin/dig -p %d @%s \"$@\"\n", server.Addr().Port(), server.Addr().Addr()))
	for _, name := range []string{"helogate", "helogate-qmail-spp"} {
		if err := os.Link(filepath.Join(programs, name), root+"/usr/local/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
	s.write("/tmp/mail.log", mailLog)
	s.write("/tmp/filter.txt", "Accept if %CIP% = 198.51.100.7\n")
	for file, text := range map[string]string{"/var/qmail/control/moreipme": "192.0.2.10\n", "/etc/qpsmtpd/plugins": "helo policy strict\n"} {
		if err := os.MkdirAll(filepath.Dir(root+file), 0o755); err != nil {
			t.Fatal(err)
		}
		s.write(file, text)
	}
	if err := errors.Join(os.Mkdir(root+"/var/qmail/plugins", 0o755),
		os.Symlink(root+"/usr/local/bin/helogate-qmail-spp", root+"/var/qmail/plugins/helodnscheck")); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		err = filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				err = os.Lchown(path, nobody, nobody)
			}
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write writes a file of the sandbox, a program if it is in /usr/local/bin.
func (s *sandbox) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.root+name, []byte(text), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

var placeRE = regexp.MustCompile(`(^|[^\w./-])(` + strings.Join(places, "|") + `)\b`)

var portRE = regexp.MustCompile(`127\.0\.0\.1:(10\d\d\d)\b`)

// in is a text of a page with the paths of the sandbox, and with ports that are free.
func (s *sandbox) in(text string) string {
	text = portRE.ReplaceAllStringFunc(text, func(addr string) string {
		if s.ports[addr] == "" {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				s.t.Fatal(err)
			}
			s.ports[addr] = l.Addr().String()
			l.Close()
		}
		return s.ports[addr]
	})
	return placeRE.ReplaceAllString(text, "${1}"+s.root+"$2")
}

// out is a text that a program printed with the paths of the page.
func (s *sandbox) out(text string) string {
	return strings.NewReplacer(s.root, "", "\r", "").Replace(text)
}

// command is a command line of the page's, as a user without rights.
func (s *sandbox) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", s.in(line))
	cmd.Dir, cmd.Env = s.root+"/tmp", s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// run runs a command line, and returns what it printed.
func (s *sandbox) run(line string) (printed string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), giveUp)
	defer cancel()
	var out bytes.Buffer
	cmd := s.command(ctx, line)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out.String())
	}
	return s.out(out.String()), cmd.ProcessState.ExitCode()
}

// serve starts helogate, and waits until it takes questions.
func (s *sandbox) serve() {
	s.t.Helper()
	log, err := os.Create(s.root + "/tmp/log")
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := s.command(s.t.Context(), "exec /usr/local/bin/helogate serve --config /etc/helogate/helogate.toml")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	s.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if s.t.Failed() {
			s.t.Logf("helogate's log:\n%s", s.read("/tmp/log"))
		}
		log.Close()
	})
	for deadline := time.Now().Add(giveUp); ; <-time.After(5 * time.Millisecond) {
		if c, err := net.Dial("unix", s.root+policySocket); err == nil {
			c.Close()
			return
		}
		select {
		case <-ended:
			s.t.Fatalf("helogate does not start:\n%s", s.read("/tmp/log"))
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("helogate does not listen:\n%s", s.read("/tmp/log"))
		}
	}
}

// serveAlone runs a service that a page starts until it listens, and ends it.
func (s *sandbox) serveAlone(b docpage.Block, line string) {
	s.t.Helper()
	log, err := os.Create(s.root + "/tmp/alone")
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := s.command(s.t.Context(), "exec "+line)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(cmd.Env, "HELOGATE_CONTROL__SOCKET=none", "HELOGATE_STATE__STORE=memory",
		`HELOGATE_LISTEN=[{ protocol = "postfix", address = "127.0.0.1:0" }]`)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(giveUp); ; <-time.After(5 * time.Millisecond) {
		listens := strings.Contains(s.read("/tmp/alone"), "msg=listening")
		if listens || time.Now().After(deadline) {
			cmd.Process.Signal(syscall.SIGTERM)
		}
		select {
		case err := <-ended:
			if err != nil || !listens {
				s.t.Errorf("%s: %s: %v\n%s", b, line, err, s.read("/tmp/alone"))
			}
			return
		default:
		}
	}
}

// read is a file of the sandbox.
func (s *sandbox) read(name string) string {
	text, err := os.ReadFile(s.root + name)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.out(string(text))
}

// policySocket is where the helogate of a sandbox takes Postfix's questions.
const policySocket = "/var/spool/postfix/helogate/policy"

// askAll asks these questions, and returns the answers.
func (s *sandbox) askAll(questions []string) (answers []string) {
	s.t.Helper()
	for _, q := range questions {
		answers = append(answers, s.ask(q))
	}
	return answers
}

var verdictRE = regexp.MustCompile(`msg=verdict|"msg":"verdict"`)

// ask asks as Postfix does at RCPT, and returns the answer. The words are the client, its HELO name, the sender, the
// recipient.
func (s *sandbox) ask(words string) string {
	s.t.Helper()
	f := append(strings.Fields(words), "", "", "")
	conn, err := net.Dial("unix", s.root+policySocket)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(giveUp))
	logged := s.verdicts()
	fmt.Fprintf(conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=%s\nhelo_name=%s\nsender=%s\nrecipient=%s\n\n",
		f[0], f[1], strings.Trim(f[2], "<>"), f[3])
	var answer [1024]byte
	n, err := conn.Read(answer[:])
	if err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(giveUp); s.verdicts() == logged; <-time.After(5 * time.Millisecond) { // mail does not wait for the log
		if time.Now().After(deadline) {
			s.t.Fatalf("the verdict is not logged:\n%s", s.read("/tmp/log"))
		}
	}
	return strings.TrimSpace(string(answer[:n]))
}

// verdicts is how many verdicts are logged.
func (s *sandbox) verdicts() int { return len(verdictRE.FindAllString(s.read("/tmp/log"), -1)) }
