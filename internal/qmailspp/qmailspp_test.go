package qmailspp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

// A daemon is what answers POST /v1/judge in a test.
type daemon struct {
	socket string
	asked  []string // the bodies
}

// startDaemon answers each question by what answer makes of its facts.
func startDaemon(t *testing.T, answer func(facts map[string]string) string) *daemon {
	t.Helper()
	d := &daemon{socket: filepath.Join(shortDir(t), "judge")}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var facts map[string]string
		if err != nil || json.Unmarshal(body, &facts) != nil || r.Method != "POST" || r.URL.Path != "/v1/judge" ||
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %v: %s", r.Method, r.URL, r.Header, body)
		}
		d.asked = append(d.asked, string(body))
		io.WriteString(w, answer(facts))
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return d
}

// shortDir is a directory whose sockets have a path short enough.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// verdict is an answer of the daemon's.
func verdict(r helogate.Record, now string) string {
	s := string(r.AppendJSON(nil))
	return strings.TrimSuffix(s, "}") + `,"now":` + now + "}"
}

// run runs the program with an environment, given as "NAME=value" a line.
func run(t *testing.T, name string, alone Alone, environ ...string) (stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	p := Program{Name: name, Environ: environ, Stdout: &out, Stderr: &log, Alone: alone}
	if status := p.Run(); status != 0 {
		t.Errorf("status %d", status)
	}
	whole(t, out.String())
	return out.String(), log.String()
}

var commandLine = regexp.MustCompile(`^[HER][ -~]*$`)

// whole holds an output against the protocol: headers, then at most one command that ends it, all whole lines.
func whole(t *testing.T, out string) {
	t.Helper()
	if out == "" {
		return
	}
	if !strings.HasSuffix(out, "\n") {
		t.Errorf("no newline at the end of %q", out)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i, line := range lines {
		switch {
		case !commandLine.MatchString(line):
			t.Errorf("%q is no command", line)
		case line[0] == 'H' && (strings.Index(line, ": ") < 2 || len(line) > 999):
			t.Errorf("%q is no header", line)
		case line[0] != 'H' && i < len(lines)-1:
			t.Errorf("%q is not the last of %q", line, lines)
		case line[0] != 'H' && (len(line) > 511 || !regexp.MustCompile(`^.[45][0-9][0-9] `).MatchString(line)):
			t.Errorf("%q is no reply", line)
		}
	}
}

var connected = []string{"TCPREMOTEIP=::ffff:192.0.2.1", "TCPREMOTEPORT=4321", "TCPLOCALIP=198.51.100.25", "TCPLOCALPORT=25"}

func at(s helogate.Stage, more ...string) []string {
	env := append([]string{}, connected...)
	for i, v := range []string{"", "SMTPHELOHOST=mx.example.org", "SMTPMAILFROM=jane@example.org", "SMTPRCPTTO=bob@example.net"} {
		if i > 0 && helogate.Stage(i) <= s {
			env = append(env, v)
		}
	}
	if s == helogate.Rcpt {
		env = append(env, "SMTPRCPTCOUNT=0", "SMTPRCPTCOUNTALL=1")
	}
	return append(env, more...)
}

// What the daemon is asked is all that the environment has shown, and no more.
func TestAsked(t *testing.T) {
	d := startDaemon(t, func(map[string]string) string {
		return verdict(helogate.Record{}, `{"action":"continue","reply":null,"headers":[]}`)
	})
	for _, c := range []struct {
		stage helogate.Stage
		more  []string
		want  string
	}{
		{helogate.Connect, nil, `{"stage":"connect","client":"192.0.2.1","server":"198.51.100.25:25","verb":"","helo":"","sender":"","recipient":"","auth":"","session":"S"}`},
		{helogate.Helo, nil, `{"stage":"helo","client":"192.0.2.1","server":"198.51.100.25:25","verb":"","helo":"mx.example.org","sender":"","recipient":"","auth":"","session":"S"}`},
		{helogate.Mail, []string{"SMTPAUTHUSER=jane"}, `{"stage":"mail","client":"192.0.2.1","server":"198.51.100.25:25","verb":"","helo":"mx.example.org","sender":"jane@example.org","recipient":"","auth":"jane","session":"S"}`},
		{helogate.Rcpt, nil, `{"stage":"rcpt","client":"192.0.2.1","server":"198.51.100.25:25","verb":"","helo":"mx.example.org","sender":"jane@example.org","recipient":"bob@example.net","auth":"","session":"S"}`},
	} {
		d.asked = nil
		if out, log := run(t, "plugins/helogate-qmail-spp", nil, append(at(c.stage), append(c.more, "HELOGATE_SOCKET="+d.socket)...)...); out != "" || log != "" {
			t.Errorf("%s: %q, log %q", c.stage, out, log)
		}
		session := fmt.Sprintf("qmail-spp 192.0.2.1:4321 198.51.100.25:25 %d", os.Getppid())
		if got := strings.ReplaceAll(strings.Join(d.asked, "\n"), session, "S"); got != c.want {
			t.Errorf("%s: asked\n%s, want\n%s", c.stage, got, c.want)
		}
	}
}

// Each answer has its command at each stage.
func TestCommands(t *testing.T) {
	reply := helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "no PTR"}
	later := helogate.Reply{Code: 451, Enhanced: "4.4.3", Text: "later"}
	fields := []Field{{"X-HELO", "mx.example.org"}, {"X-Helogate", "id=x"}}
	const stages = "connect helo mail rcpt rcpt2"
	for _, c := range []struct {
		answer Answer
		want   [5]string
	}{
		{Answer{Action: helogate.Continue}, [5]string{}},
		{Answer{Action: helogate.Accept, Headers: fields}, [5]string{3: "HX-HELO: mx.example.org\nHX-Helogate: id=x\n"}},
		{Answer{Action: helogate.Continue, Headers: fields[:1]}, [5]string{3: "HX-HELO: mx.example.org\n"}},
		{Answer{Action: helogate.Defer, Reply: later}, [5]string{2: "E451 4.4.3 later\n", 3: "E451 4.4.3 later\n", 4: "E451 4.4.3 later\n"}},
		{Answer{Action: helogate.Reject, Reply: reply}, [5]string{"R550 5.7.25 no PTR\n", "R550 5.7.25 no PTR\n", "R550 5.7.25 no PTR\n",
			"E550 5.7.25 no PTR\n", "E550 5.7.25 no PTR\n"}},
		{Answer{Action: helogate.Drop, Reply: reply}, [5]string{"R550 5.7.25 no PTR\n", "R550 5.7.25 no PTR\n", "R550 5.7.25 no PTR\n",
			"R550 5.7.25 no PTR\n", "R550 5.7.25 no PTR\n"}},
		// Answers that helogate never gives.
		{Answer{Action: helogate.Reject, Reply: helogate.Reply{Code: 250, Enhanced: "2.0.0", Text: "ok\r\nN"}}, [5]string{
			`R550 5.7.1 ok\x0d\x0aN` + "\n", `R550 5.7.1 ok\x0d\x0aN` + "\n", `R550 5.7.1 ok\x0d\x0aN` + "\n", `E550 5.7.1 ok\x0d\x0aN` + "\n", `E550 5.7.1 ok\x0d\x0aN` + "\n"}},
		{Answer{Action: helogate.Defer, Reply: helogate.Reply{Code: 550}}, [5]string{2: "E450 4.7.1 refused by policy\n", 3: "E450 4.7.1 refused by policy\n", 4: "E450 4.7.1 refused by policy\n"}},
		{Answer{Action: helogate.Continue, Headers: []Field{{"X", "a\nN"}, {"N\nA", "b"}, {"", "c"}, {"a b", "d"}}}, [5]string{3: `HX: a\x0aN` + "\n"}},
	} {
		for i, stage := range strings.Fields(stages) {
			s, _ := helogate.ParseStage(strings.TrimSuffix(stage, "2"))
			got := string(c.answer.commands(s, stage == "rcpt"))
			whole(t, got)
			if got != c.want[i] {
				t.Errorf("%s at %s: %q, want %q", c.answer.Action, stage, got, c.want[i])
			}
		}
	}
}

// Headers are added once a message. A client that is not judged causes no question.
func TestWhen(t *testing.T) {
	d := startDaemon(t, func(map[string]string) string {
		return verdict(helogate.Record{}, `{"action":"continue","reply":null,"headers":[{"name":"X-HELO","value":"mx.example.org"}]}`)
	})
	socket := "HELOGATE_SOCKET=unix:" + d.socket
	for _, c := range []struct {
		env   []string
		name  string
		asked bool
		out   string
		log   string
	}{
		{at(helogate.Rcpt, socket), "", true, "HX-HELO: mx.example.org\n", ""},
		{append([]string{"SMTPRCPTCOUNT=1"}, at(helogate.Rcpt, socket)...), "", true, "", ""}, // of two, the first counts
		{at(helogate.Mail, socket), "", true, "", ""},
		{at(helogate.Rcpt, socket, "RELAYCLIENT="), "", false, "", ""},
		{at(helogate.Rcpt, socket, "NOHELODNSCHECK="), "", false, "", ""},
		{at(helogate.Rcpt, socket, "NOHELODNSCHECK=", "HELO_DNS_CHECK=PLRIV"), "", false, "", ""},
		{at(helogate.Rcpt, socket), "/var/qmail/plugins/helodnscheck", false, "", ""}, // off, as it was
		{[]string{socket, "SMTPHELOHOST=x"}, "", false, "", "helogate: TCPREMOTEIP not set, let it go.\n"},
		{[]string{socket, "TCPREMOTEIP=unknown", "SMTPHELOHOST=x"}, "", false, "", "helogate: TCPREMOTEIP is no address, let it go.\n"},
		{nil, "", false, "", "helogate: TCPREMOTEIP not set, let it go.\n"},
	} {
		d.asked = nil
		out, log := run(t, c.name, nil, c.env...)
		if out != c.out || log != c.log || len(d.asked) > 0 != c.asked {
			t.Errorf("%q: %q, log %q, asked %q", c.env, out, log, d.asked)
		}
	}
}

// Without a daemon that answers, the program judges alone. If it cannot, it accepts and says so.
func TestAlone(t *testing.T) {
	rejects := Answer{Action: helogate.Reject, Reply: helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: "alone"}}
	alone := func(a Answer, err error) Alone {
		return func(_ context.Context, f helogate.Facts, _ bool) (Answer, helogate.Asker, error) {
			if f.Helo != "mx.example.org" {
				t.Errorf("judged %+v", f)
			}
			return a, nil, err
		}
	}
	silent, err := net.Listen("unix", filepath.Join(shortDir(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if _, err := askDaemon(t.Context(), silent.Addr().String(), 30*time.Millisecond, helogate.Facts{}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a daemon that says nothing: %v", err)
	}
	strange := startDaemon(t, func(map[string]string) string { return "{}" }).socket
	nobody := filepath.Join(shortDir(t), "nobody")
	for _, c := range []struct {
		socket string
		alone  Alone
		out    string
		log    string
	}{
		{nobody, alone(rejects, nil), "R550 5.7.1 alone\n", ""},
		{"none", alone(rejects, nil), "R550 5.7.1 alone\n", ""},
		{strange, alone(rejects, nil), "R550 5.7.1 alone\n", "helogate: " + strange + ": the answer is no verdict: a verdict's record is of version 0; this program reads version 2: judged without the daemon\n"},
		{nobody, nil, "", "helogate: helo 192.0.2.1: no helogate answers, and this program cannot judge alone: accepted without a verdict\n"},
		{nobody, alone(Answer{}, errors.New("bad\nconfig")), "", `helogate: helo 192.0.2.1: bad\x0aconfig: accepted without a verdict` + "\n"},
		{nobody, alone(Answer{}, nil), "", `helogate: helo 192.0.2.1: no verdict (""): accepted without a verdict` + "\n"},
		{nobody, func(context.Context, helogate.Facts, bool) (Answer, helogate.Asker, error) { panic("x\ny") }, "", `helogate: panic, accepted without a verdict; please report this: x\x0ay` + "\n"},
	} {
		out, log := run(t, "", c.alone, at(helogate.Helo, "HELOGATE_SOCKET="+c.socket)...)
		if out != c.out || log != c.log {
			t.Errorf("%s: %q, log %q; want %q, %q", c.socket, out, log, c.out, c.log)
		}
	}
	late := func(ctx context.Context, _ helogate.Facts, _ bool) (Answer, helogate.Asker, error) {
		<-ctx.Done()
		return rejects, nil, nil
	}
	out, log := run(t, "", late, at(helogate.Helo, "HELOGATE_SPP_ALONE=20")...)
	if out != "" || log != "helogate: helo 192.0.2.1: not judged within 20ms: accepted without a verdict\n" {
		t.Errorf("late: %q, log %q", out, log)
	}
}

// Answers of a process that is not helogate, or was killed while it answered.
func TestParseAnswer(t *testing.T) {
	good := verdict(helogate.Record{}, `{"action":"reject","reply":{"code":550,"enhanced":"5.7.1","text":"no"},"headers":[]}`)
	for _, c := range []struct{ answer, want string }{
		{"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + good, ""},
		{"HTTP/1.1 200 OK\r\n\r\n" + good[:len(good)-1], "the answer is no verdict"},
		{"HTTP/1.1 200 OK\r\n\r\n" + verdict(helogate.Record{}, `{"action":"greylist"}`), "the answer does not say what to do"},
		{"HTTP/1.1 200 OK\r\n\r\n" + verdict(helogate.Record{}, `null`), "the answer does not say what to do"},
		{"HTTP/1.1 200 OK\r\n\r\n" + verdict(helogate.Record{}, `{"action":7}`), "the answer is no verdict"},
		{"HTTP/1.1 503 Service Unavailable\r\n\r\n" + good, `answered "HTTP/1.1 503 Service Unavailable"`},
		{"HTTP/1.1 400\x1b[2J\r\n\r\n", `answered "HTTP/1.1 400\x1b[2J"`},
		{"HTTP/1.1 200 OK\r\n", "closed without a whole answer"},
		{"", "closed without a whole answer"},
		{"220 mx.example.org ESMTP\r\n\r\n", "what answers does not speak HTTP"},
	} {
		a, err := parseAnswer([]byte(c.answer))
		if c.want == "" && (err != nil || a.Action != helogate.Reject || a.Reply.Text != "no") || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%q: %+v, %v", c.answer, a, err)
		}
	}
}

// qmail-smtpd leaves in the environment what was once set; its list of plugins is a better source of where one is run.
func TestSection(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("plugins", "# ours\n[connection]\nplugins/c\n[helo]  \nplugins/h \n[mail]\nplugins/m\nplugins/two\n[rcpt]\nplugins/r\n:plugins/r x\n[rcptx]\nplugins/r\n[data]\nplugins/d\nplugins/two\n")
	t.Setenv("PWD", dir)
	for _, c := range []struct {
		name, want string
		env        []string
	}{
		{"plugins/c", "connect", at(helogate.Rcpt)},
		{"plugins/h", "helo", at(helogate.Rcpt)},
		{"plugins/m", "mail", at(helogate.Rcpt)},
		{"plugins/r", "rcpt", at(helogate.Mail)},
		{"plugins/d", "", at(helogate.Rcpt)},
		{"plugins/two", "rcpt", at(helogate.Rcpt)},
		{"plugins/other", "mail", at(helogate.Mail)},
		{"plugins/other", "connect", at(helogate.Connect)},
		{"plugins/helodnscheck", "helo", at(helogate.Connect)},
		{"", "helo", at(helogate.Helo)},
	} {
		stage, ok := sectionOf(c.name, variables(append(c.env, "SPPCONFFILE=plugins", "QMAIL="+dir)))
		got := ""
		if ok {
			got = stage.String()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// What is of an earlier message is not shown.
	d := startDaemon(t, func(f map[string]string) string {
		return verdict(helogate.Record{}, `{"action":"reject","reply":{"code":550,"enhanced":"5.7.1","text":"`+f["stage"]+`/`+f["helo"]+f["sender"]+f["recipient"]+`"},"headers":[]}`)
	})
	out, _ := run(t, "plugins/h", nil, at(helogate.Rcpt, "SPPCONFFILE="+filepath.Join(dir, "plugins"), "HELOGATE_SOCKET="+d.socket)...)
	if out != "R550 5.7.1 helo/mx.example.org\n" {
		t.Error(out)
	}
}

// A megabyte in a variable is cut, and whatever it is fits the daemon's bounds.
func TestLongText(t *testing.T) {
	long := strings.Repeat("\xff", 1<<20)
	var body string
	d := startDaemon(t, func(map[string]string) string {
		return verdict(helogate.Record{}, `{"action":"reject","reply":{"code":550,"enhanced":"5.7.1","text":"`+strings.Repeat("x", 900<<10)+`"},"headers":[]}`)
	})
	out, log := run(t, "", nil, append(connected, "SMTPHELOHOST="+long, "SMTPMAILFROM="+long, "SMTPRCPTTO="+long, "SMTPAUTHUSER="+long, "HELOGATE_SOCKET="+d.socket)...)
	if body = strings.Join(d.asked, ""); len(body) > 64<<10 || len(out) != 512 || log != "" {
		t.Errorf("asked with %d bytes, answered %d, log %q", len(body), len(out), log)
	}
	d = startDaemon(t, func(map[string]string) string { return strings.Repeat("x", 2<<20) })
	if _, err := askDaemon(t.Context(), d.socket, time.Minute, helogate.Facts{}); err == nil || err.Error() != "the answer is too long" {
		t.Error(err)
	}
}

// Whatever the environment is, what is printed is commands.
func FuzzEnvironment(f *testing.F) {
	f.Add("plugins/helodnscheck", "192.0.2.1", "mx.example.org", "jane@example.org", "bob@example.net", "PLRIVH", "0", uint8(7))
	f.Add("", "2001:db8::1%eth0", "a\nA\nN\n", "\x00", "\r\nR250 ok", "GANBHDé", "-1", uint8(15))
	f.Add("x", "192.0.2.1", strings.Repeat("\xf0", 9000), "", "", "", "", uint8(255))
	zone := helogate.MustZone("mx.example.org A 192.0.2.1\n192.0.2.1 PTR mx.example.org")
	f.Fuzz(func(t *testing.T, name, ip, helo, from, to, flags, count string, set uint8) {
		var env []string
		for i, v := range []string{"TCPREMOTEIP=" + ip, "SMTPHELOHOST=" + helo, "SMTPMAILFROM=" + from, "SMTPRCPTTO=" + to, "HELO_DNS_CHECK=" + flags,
			"SMTPRCPTCOUNT=" + count, "RELAYCLIENT=" + flags, "TCPREMOTEPORT=" + count} {
			if set>>i&1 == 1 {
				env = append(env, v)
			}
		}
		alone := func(_ context.Context, f helogate.Facts, _ bool) (Answer, helogate.Asker, error) {
			do, _ := helogate.ParseAction(to)
			a := Answer{Action: do, Reply: helogate.Reply{Code: len(helo), Enhanced: from, Text: helo}, Headers: []Field{{from, helo}, {"X-HELO", f.Helo}}}
			if !known(a.Action) {
				a.Action = []helogate.Action{helogate.Continue, helogate.Accept, helogate.Defer, helogate.Reject, helogate.Drop}[len(from)%5]
			}
			return a, zone, nil
		}
		_, log := run(t, name, alone, append(env, "HELOGATE_SOCKET=none")...)
		for line := range strings.Lines(log) {
			if line = strings.TrimSuffix(line, "\n"); !isLine(line) || len(line) > maxLine {
				t.Errorf("log: %q", line)
			}
		}
	})
}
