package interop

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A qmail is qmail-smtpd with the patch qmail-spp, as far as clients and plugins see it: what it does with its
// environment, its list of plugins, what they print and how they end is done here as there, down to what is odd. There
// is no package of it to be had.
type qmail struct {
	dir      string // where it works: control/ and plugins/ are in it
	list     string // control/smtpplugins
	sections map[string][]string
	env      []string // of tcpserver's, and what its rules set
	takes    []string // control/rcpthosts
}

// newQmail makes a directory like qmail's, with plugins that are the program, as docs/qmail-spp.md has them.
func newQmail(t *testing.T, program, list string, env ...string) *qmail {
	t.Helper()
	dir := t.TempDir()
	q := &qmail{dir: dir, list: list, sections: map[string][]string{}, env: env, takes: []string{"example.net"}}
	section := ""
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		case line != "" && line[0] != '#':
			q.sections[section] = append(q.sections[section], line)
			if path := filepath.Join(dir, line); strings.HasPrefix(line, "plugins/") && !exists(path) {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.Symlink(program, path))
			}
		}
	}
	must(t, os.MkdirAll(filepath.Join(dir, "control"), 0o755))
	must(t, writeFile(filepath.Join(dir, "control/smtpplugins"), list))
	return q
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A qmailSession is one connection to it.
type qmailSession struct {
	*qmail
	env     map[string]string
	run     bool // plugins are
	closed  bool
	mail    bool // MAIL was taken
	rcpts   int
	all     int
	headers []string
	log     output
	out     strings.Builder // what the client reads of a command
	message []string        // the headers of the last message
}

// connect is a connection from a client; more is what tcpserver's rules set for it.
func (q *qmail) connect(client string, more ...string) (*qmailSession, string) {
	s := &qmailSession{qmail: q, run: true, env: map[string]string{}}
	for _, v := range append(append([]string{
		"PATH=" + os.Getenv("PATH"), "PROTO=TCP", "TCPREMOTEIP=" + client, "TCPREMOTEHOST=unknown", "TCPREMOTEPORT=40001", "TCPLOCALIP=198.51.100.1", "TCPLOCALPORT=25",
	}, q.env...), more...) {
		name, value, _ := strings.Cut(v, "=")
		s.env[name] = value
	}
	if s.plugins("connection", "", "") != 0 {
		s.reply("220 mx.example.net ESMTP")
	}
	return s, s.said()
}

func (s *qmailSession) reply(line string) { s.out.WriteString(line + "\r\n") }

// said is what the client has read since the last command, without the last CRLF.
func (s *qmailSession) said() string {
	defer s.out.Reset()
	return strings.TrimSuffix(s.out.String(), "\r\n")
}

// say is a command of the client's; "." is a message.
func (s *qmailSession) say(line string) string {
	if s.closed {
		return "closed"
	}
	verb, arg, _ := strings.Cut(line, " ")
	arg = strings.NewReplacer("FROM:<", "", "TO:<", "", ">", "").Replace(arg)
	switch verb {
	case "HELO", "EHLO":
		s.env["SMTPHELOHOST"] = arg
		if s.plugins("helo", "", "") != 0 {
			s.mail = false
			s.reply("250 mx.example.net")
		}
	case "RSET":
		s.forget()
		s.mail = false
		s.reply("250 flushed")
	case "MAIL":
		s.rcpts, s.all = 0, 0
		if s.plugins("mail", "SMTPMAILFROM", arg) != 0 {
			s.mail = true
			s.reply("250 ok")
		}
	case "RCPT":
		s.rcpt(arg)
	case ".":
		if !s.mail || s.rcpts == 0 {
			s.reply("503 RCPT first (#5.5.1)")
			break
		}
		s.message = slices.Clone(s.headers)
		s.forget()
		s.mail = false
		s.reply("250 ok 1 qp 2")
	}
	return s.said()
}

func (s *qmailSession) forget() { s.headers, s.rcpts, s.all = nil, 0, 0 }

// rcpt asks the plugins first; what they do not answer, qmail decides.
func (s *qmailSession) rcpt(arg string) {
	if !s.mail {
		s.reply("503 MAIL first (#5.5.1)")
		return
	}
	_, domain, _ := strings.Cut(arg, "@")
	takes := slices.Contains(s.takes, domain)
	s.all++
	s.env["SMTPRCPTCOUNT"], s.env["SMTPRCPTCOUNTALL"] = fmt.Sprint(s.rcpts), fmt.Sprint(s.all)
	s.env["SMTPRCPTHOSTSOK"] = map[bool]string{true: "1", false: "0"}[takes]
	_, relays := s.env["RELAYCLIENT"]
	switch s.plugins("rcpt", "SMTPRCPTTO", arg) {
	case 0:
		return
	case 1:
		if !takes && !relays {
			s.reply("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)")
			return
		}
	}
	s.rcpts++
	s.reply("250 ok")
}

// plugins runs those of a section: 0 is that the command has been answered, 2 that qmail's own checks are passed over.
// What a plugin gets of a command stays in the environment.
func (s *qmailSession) plugins(section, name, value string) int {
	if !s.run {
		return 1
	}
	if name != "" {
		s.env[name] = value
	}
	for _, line := range s.sections[section] {
		letter, failure := s.plugin(line)
		if failure != "" {
			s.reply("451 qmail-spp failure: " + line + ": " + failure + " (#4.3.0)")
			return 0
		}
		switch letter {
		case 'E':
			return 0
		case 'A':
			s.run = false
			return 1
		case 'N':
			return 1
		case 'O':
			return 2
		case 'R', 'D':
			s.closed = true
			return 0
		}
	}
	return 1
}

// plugin runs one: standard input closed, standard output read until a command that ends it or to the end, and then
// waited for, without a limit; here what takes longer than patience has hung.
func (s *qmailSession) plugin(line string) (letter byte, failure string) {
	path, args := line, []string{line}
	if cmd, is := strings.CutPrefix(line, ":"); is {
		path, args = "/bin/sh", []string{"/bin/sh", "-c", cmd}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, "can't pipe()"
	}
	defer r.Close()
	logR, logW, err := os.Pipe()
	if err != nil {
		return 0, "can't pipe()"
	}
	logged := make(chan struct{})
	go func() { io.Copy(&s.log, logR); logR.Close(); close(logged) }()
	var env []string
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		env = append(env, name+"="+s.env[name])
	}
	p, err := os.StartProcess(path, args, &os.ProcAttr{Dir: s.dir, Env: env, Files: []*os.File{nil, w, logW}})
	w.Close()
	logW.Close()
	if err != nil {
		return 0, "can't execute"
	}
	hung := time.AfterFunc(patience, func() { p.Kill() })
	defer hung.Stop()
	letter = s.read(r)
	r.Close()
	state, err := p.Wait()
	<-logged
	if err != nil {
		return 0, "wait_pid() failed"
	}
	switch ws := state.Sys().(syscall.WaitStatus); {
	case ws.Signaled():
		return 0, "child crashed"
	case ws.ExitStatus() == 120:
		return 0, "can't execute"
	}
	return letter, ""
}

// read carries out what a plugin prints, and returns the letter that ended it, 0 if none did.
func (s *qmailSession) read(r io.Reader) byte {
	lines := bufio.NewReader(r)
	for {
		b, err := lines.ReadBytes('\n')
		match := err == nil
		if len(b) > 1 {
			b = b[:len(b)-1] // whether it is the newline or not
			switch text := string(b[1:]); b[0] {
			case 'H':
				s.headers = append(s.headers, text)
			case 'S':
				name, value, _ := strings.Cut(text, "=")
				s.env[name] = value
			case 'U':
				delete(s.env, text)
			case 'A', 'O', 'N', 'D':
				return b[0]
			case 'E', 'R':
				s.reply(text)
				return b[0]
			case 'P':
				s.reply(text)
			}
		}
		if !match {
			return 0
		}
	}
}

// The driver does what qmail-spp does with plugins that others have written, and written wrongly.
func TestQmailSppDriver(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"echo R550 no", "550 no closed"},
		{"printf 'R550 no'", "550 n closed"},
		{"printf 'Hx: y\\nN\\nE550 no\\n'", "220 mx.example.net ESMTP [x: y]"},
		{"exit 120", "451 qmail-spp failure: :exit 120: can't execute (#4.3.0)"},
		{"kill -9 $$", "451 qmail-spp failure: :kill -9 $$: child crashed (#4.3.0)"},
		{"test -e /proc/self/fd/0 || echo E550 no stdin", "550 no stdin"},
		{"echo D", " closed"},
	} {
		q := newQmail(t, "", "[connection]\n:"+c.script+"\n")
		s, got := q.connect("192.0.2.1")
		if s.closed {
			got += " closed"
		}
		if s.headers != nil {
			got += fmt.Sprint(" ", s.headers)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.script, got, c.want)
		}
	}
	q := newQmail(t, "", "[connection]\n/nowhere\n")
	if _, got := q.connect("192.0.2.1"); !strings.HasSuffix(got, "can't execute (#4.3.0)") {
		t.Error(got)
	}
}
