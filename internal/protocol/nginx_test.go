package protocol

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

var backend = netip.MustParseAddrPort("127.0.0.1:2526")

// nginxRequest is what nginx 1.22.1 sends, with some of its fields replaced; one that is to be "-" is left out.
func nginxRequest(replace ...string) string {
	fields := []string{
		"Host: 127.0.0.1", "Auth-Method: none", "Auth-User: ", "Auth-Pass: ", "Auth-Protocol: smtp", "Auth-Login-Attempt: 1",
		"Client-IP: 192.0.2.25", "Client-Host: [UNAVAILABLE]", "Auth-SMTP-Helo: mail.example.com",
		"Auth-SMTP-From: MAIL FROM:<jane@example.com> SIZE=100", "Auth-SMTP-To: RCPT TO:<bob@example.net>",
	}
	for i, f := range fields {
		name, _, _ := strings.Cut(f, ":")
		for _, r := range replace {
			if strings.HasPrefix(r, name+":") {
				fields[i] = r
			}
		}
	}
	text := "GET /auth HTTP/1.0\r\n"
	for _, f := range fields {
		if !strings.HasSuffix(f, ": -") {
			text += f + "\r\n"
		}
	}
	return text + "\r\n"
}

func serveNginx(t *testing.T, d *Server) *pipeListener {
	t.Helper()
	return serveListener(t, d)
}

// askNginx is the answer as nginx reads it: the fields of its own. There is none where the connection just ends.
func askNginx(t *testing.T, l *pipeListener, request string) (status int, fields string) {
	t.Helper()
	conn := l.dial()
	say(t, conn, request)
	in := bufio.NewReader(conn)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, ""
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) { // nginx speaks HTTP/1.0
		t.Errorf("not closed: %v", err)
	}
	var said []string
	for _, name := range []string{"Auth-Status", "Auth-Server", "Auth-Port", "Auth-Error-Code", "Auth-Wait"} {
		for _, value := range r.Header[name] {
			said = append(said, strings.TrimPrefix(name, "Auth-")+": "+value)
		}
	}
	return r.StatusCode, strings.Join(said, "; ")
}

const nginxOK = "Status: OK; Server: 127.0.0.1; Port: 2526"

func TestNginxFacts(t *testing.T) {
	const who, from, to = `stage=rcpt client=192.0.2.25`, ` sender="jane@example.com"`, ` recipient="bob@example.net"`
	for _, c := range []struct{ field, want string }{
		{"", who + ` helo="mail.example.com"` + from + to},
		{"Client-IP: 2001:db8::25", `stage=rcpt client=2001:db8::25 helo="mail.example.com"` + from + to},
		{"Client-IP: ::ffff:192.0.2.25", who + ` helo="mail.example.com"` + from + to},
		{"Auth-SMTP-Helo: ", who + from + to},
		{"Auth-SMTP-Helo: -", who + from + to},
		{"Auth-SMTP-Helo: [192.0.2.25]", who + ` helo="[192.0.2.25]"` + from + to},
		{"Auth-SMTP-Helo: \xff\xc3\xbc:=", who + ` helo="\xffü:="` + from + to},
		{"Auth-SMTP-From: MAIL FROM:<>", who + ` helo="mail.example.com"` + to},
		{"Auth-SMTP-From: mail from:<>", who + ` helo="mail.example.com"` + to},
		{"Auth-SMTP-To: rcpt to: <Bob@Example.net> NOTIFY=NEVER", who + ` helo="mail.example.com"` + from + ` recipient="Bob@Example.net"`},
		{"Auth-User: jane", who + ` helo="mail.example.com"` + from + to}, // only who has shown a password is somebody
	} {
		synctest.Test(t, func(t *testing.T) {
			var got string
			l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
				got = factsText(f)
				return response.Response{Action: helogate.Continue}
			}})
			status, answer := askNginx(t, l, nginxRequest(c.field))
			if status != 200 || answer != nginxOK || got != c.want {
				t.Errorf("%s\nanswered %d %s\nshown %s\nwant  %s", c.field, status, answer, got, c.want)
			}
		})
	}
}

func TestPathOf(t *testing.T) {
	for command, want := range map[string]string{
		"MAIL FROM:<>":                               "",
		"MAIL FROM:<jane@example.com>":               "jane@example.com",
		"MAIL FROM: <jane@example.com> SIZE=9":       "jane@example.com",
		"MAIL FROM :<jane@example.com>":              "jane@example.com",
		"MAIL FROM:jane@example.com SIZE=9":          "jane@example.com",
		"MAIL FROM:<@a.example,@b.example:j@c.test>": "j@c.test",
		`MAIL FROM:<"a>b\">c"@example.com> SIZE=9`:   `"a>b\">c"@example.com`,
		`MAIL FROM:<"a:b"@example.com>`:              `"a:b"@example.com`,
		`MAIL FROM:<a\>b@example.com>`:               `a\`,
		"MAIL FROM:<jane@example.com":                "jane@example.com",
		`MAIL FROM:<"jane`:                           `"jane`,
		`MAIL FROM:<"jane\`:                          `"jane\`,
		"MAIL FROM:":                                 "",
		"MAIL FROM":                                  "FROM",
		"MAIL jane":                                  "jane",
		"MAIL":                                       "",
		"":                                           "",
		"MAIL FROM:<@>":                              "@",
	} {
		if got := pathOf(command); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestNginxAnswers(t *testing.T) {
	refuses := func(do helogate.Action, code int, enhanced, text string) response.Response {
		return response.Response{Action: do, Reply: helogate.Reply{Code: code, Enhanced: enhanced, Text: text}}
	}
	for name, c := range map[string]struct {
		resp   response.Response
		status int
		want   string
	}{
		"continue": {response.Response{Action: helogate.Continue}, 200, nginxOK},
		"accept":   {response.Response{Action: helogate.Accept}, 200, nginxOK},
		"reject":   {refuses(helogate.Reject, 550, "5.7.25", "no PTR"), 200, "Status: 5.7.25 no PTR; Error-Code: 550; Wait: 1"},
		"defer":    {refuses(helogate.Defer, 451, "4.4.3", "later"), 200, "Status: 4.4.3 later; Error-Code: 451; Wait: 1"},
		"drop":     {refuses(helogate.Drop, 550, "5.7.1", "go"), 200, "Status: 5.7.1 go; Error-Code: 521"},
		"line ends": {refuses(helogate.Reject, 550, "5.7.1", "a\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.1"), 200,
			`Status: 5.7.1 a\x0d\x0aAuth-Status: OK\x0d\x0aAuth-Server: 192.0.2.1; Error-Code: 550; Wait: 1`},
		"a text that is OK":      {refuses(helogate.Reject, 550, "5.7.1", "OK"), 200, "Status: 5.7.1 OK; Error-Code: 550; Wait: 1"},
		"no verdict":             {response.Response{}, 0, ""},
		"what no listener knows": {response.Response{Action: helogate.Note}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Log: log.logger(), Judge: always(c.resp)})
				status, got := askNginx(t, l, nginxRequest())
				if status != c.status || got != c.want {
					t.Errorf("answered %d %s\nwant     %d %s", status, got, c.status, c.want)
				}
				if c.status == 0 {
					logged(t, &log, 1, "no verdict")
				}
			})
		})
	}
}

// The backend of an IPv6 address is named as nginx wants it.
func TestNginxBackend(t *testing.T) {
	for addr, want := range map[string]string{"[2001:db8::1]:25": "2001:db8::1", "[::ffff:192.0.2.1]:25": "192.0.2.1"} {
		h := http.Header{}
		d := &Nginx{Backend: netip.MustParseAddrPort(addr)}
		if d.word(h, response.Response{Action: helogate.Continue}); h.Get("Auth-Server") != want || h.Get("Auth-Port") != "25" {
			t.Errorf("%s: %v", addr, h)
		}
	}
}

// What is no question about a client of SMTP has no Auth-Status: nginx takes that for trouble, and lets nobody in.
func TestNginxTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"a login":             {nginxRequest("Auth-Method: plain", "Auth-User: jane", "Auth-Pass: secret"), 400},
		"no method":           {nginxRequest("Auth-Method: -"), 400},
		"IMAP":                {nginxRequest("Auth-Protocol: imap"), 400},
		"no client":           {nginxRequest("Client-IP: -"), 400},
		"two clients":         {nginxRequest("Client-Host: x\r\nClient-IP: 192.0.2.26"), 400},
		"POST":                {strings.Replace(nginxRequest(), "GET", "POST", 1), 400},
		"a path of any name":  {strings.Replace(nginxRequest(), "/auth", "/", 1), 200},
		"no HTTP":             {"EHLO mail.example.com\r\n\r\n", 400},
		"a control character": {nginxRequest("Auth-SMTP-Helo: \x01"), 400},
		"a large header":      {nginxRequest("Auth-SMTP-Helo: " + strings.Repeat("x", 21<<10)), 431},
		"a panic":             {nginxRequest("Client-IP: 192.0.2.66"), 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
					if f.Client.String() == "192.0.2.66" {
						panic("on purpose")
					}
					return response.Response{Action: helogate.Accept}
				}})
				if status, got := askNginx(t, l, c.request); status != c.status || (got != "") != (status == 200) {
					t.Errorf("answered %d %s, want %d", status, got, c.status)
				}
				if status, got := askNginx(t, l, nginxRequest()); status != 200 || got != nginxOK {
					t.Errorf("afterwards %d %s", status, got)
				}
			})
		})
	}
}

// Who comes over a unix socket has no address; nobody is judged without.
func TestNginxWithoutClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Log: log.logger(), Judge: func(context.Context, helogate.Facts) response.Response {
			t.Error("judged")
			return response.Response{}
		}})
		for range 3 {
			if status, got := askNginx(t, l, nginxRequest("Client-IP: unix:")); status != 200 || got != nginxOK {
				t.Errorf("answered %d %s", status, got)
			}
		}
		logged(t, &log, 1, "it cannot be judged")
	})
}

func TestNginxShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		d := &Server{Protocol: &Nginx{Backend: backend}, Judge: func(context.Context, helogate.Facts) response.Response {
			<-free
			return response.Response{Action: helogate.Continue}
		}}
		l := serveNginx(t, d)
		down := make(chan error, 1)
		go func() {
			synctest.Wait()
			if n := d.Connections(); n != 1 {
				t.Errorf("%d connections are open", n)
			}
			go func() { down <- d.Shutdown(context.Background()) }()
			time.Sleep(time.Second)
			close(free)
		}()
		if status, got := askNginx(t, l, nginxRequest()); status != 200 || got != nginxOK {
			t.Errorf("answered %d %s", status, got)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // by force
		d := &Server{Protocol: &Nginx{Backend: backend}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		l := serveNginx(t, d)
		go func() {
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := d.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}()
		if status, got := askNginx(t, l, nginxRequest()); status != 0 {
			t.Errorf("answered %d %s", status, got)
		}
	})
}

// Whatever a client says: what nginx makes of it is answered by one status line and one Auth-Status, the judge is shown
// no more than was said, and the reply's text is within one line.
func FuzzNginx(f *testing.F) {
	files, err := filepath.Glob("testdata/nginx/*")
	if err != nil || len(files) == 0 {
		f.Fatal("no requests", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(strings.ReplaceAll(string(text), "\n", "\r\n")))
	}
	f.Add([]byte(nginxRequest("Auth-SMTP-From: MAIL FROM:<\"\\")))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		sent := string(in)
		d := &Server{Protocol: &Nginx{Backend: backend}, Log: (&logbook{}).logger(), Judge: func(_ context.Context, f helogate.Facts) response.Response {
			if f.Stage != helogate.Rcpt || !f.Client.IsValid() || f.Client.Is4In6() || f.Client.Zone() != "" || f.Auth != "" {
				t.Fatalf("shown %s", factsText(f))
			}
			for _, s := range []string{f.Helo, f.Sender, f.Recipient} {
				if !strings.Contains(sent, s) && utf8.ValidString(s) && !strings.ContainsAny(sent, "\n\t") {
					t.Fatalf("shown %q of %q", s, sent)
				}
			}
			return response.Response{Action: helogate.Reject, Reply: helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: f.Helo + f.Sender}}
		}}
		w := &recorded{header: http.Header{}}
		handlerOf(d)(w, r)
		status := w.header["Auth-Status"]
		if len(status) > 1 || w.code != 0 && len(status) > 0 {
			t.Fatalf("answered %d %q", w.code, w.header)
		}
		for _, s := range status {
			if s != "OK" && !strings.HasPrefix(s, "5.7.1 ") || len(s) > maxReplyLine || strings.ContainsAny(s, "\r\n\x00") {
				t.Fatalf("answered %q", s)
			}
		}
	})
}

// recorded is what a handler answered.
type recorded struct {
	header http.Header
	code   int
}

func (w *recorded) Header() http.Header         { return w.header }
func (w *recorded) Write(b []byte) (int, error) { return len(b), nil }
func (w *recorded) WriteHeader(code int)        { w.code = code }

// Bots try passwords by the thousand; the log tells of it once a minute.
func TestNginxLoginsAreRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Log: log.logger(), Judge: passes})
		for range 3 {
			askNginx(t, l, nginxRequest("Auth-Method: plain"))
		}
		logged(t, &log, 1, "knows no passwords")
		time.Sleep(time.Minute)
		askNginx(t, l, nginxRequest("Auth-Method: plain"))
		logged(t, &log, 1, "suppressed=2")
	})
}

// A judgement goes on though nginx has given up: the client will come again.
func TestNginxGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		judged := make(chan error, 1)
		l := serveNginx(t, &Server{Protocol: &Nginx{Backend: backend}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			time.Sleep(time.Second)
			judged <- ctx.Err()
			return response.Response{Action: helogate.Continue}
		}})
		conn := l.dial()
		io.WriteString(conn, nginxRequest())
		conn.Close()
		if err := <-judged; err != nil {
			t.Error(err)
		}
	})
}
