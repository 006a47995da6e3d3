package protocol

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// askExim is what is answered until the listener closes.
func askExim(t *testing.T, l *pipeListener, request string) string {
	t.Helper()
	conn := l.dial()
	say(t, conn, request)
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q and %v", got, err)
	}
	return string(got)
}

// eximRequest is what docs/exim/helogate.acl sends, as Exim 4.96 did.
func eximRequest(stage, state string) string {
	return "request=smtpd_access_policy\npolicy_context=" + stage + "\nprotocol_state=" + state + "\nprotocol_name=ESMTP\n" +
		"client_address=192.0.2.25\nclient_port=50606\nserver_address=198.51.100.1\nserver_port=25\n" +
		"helo_name=a b=c\xff\nsender=jane@example.com\nrecipient=bob@example.net\nsasl_username=\n\n"
}

func TestEximFacts(t *testing.T) {
	const who = `client=192.0.2.25 server=198.51.100.1:25`
	const session = ` session="[192.0.2.25]:50606"`
	for _, c := range []struct{ request, want string }{
		{eximRequest("connect", ""), "stage=connect " + who + session},
		{eximRequest("helo", "EHLO"), "stage=helo " + who + ` verb=EHLO helo="a b=c\xff"` + session},
		{eximRequest("helo", "HELO"), "stage=helo " + who + ` verb=HELO helo="a b=c\xff"` + session},
		{eximRequest("mail", "MAIL"), "stage=mail " + who + ` verb=EHLO helo="a b=c\xff" sender="jane@example.com"` + session},
		{eximRequest("rcpt", "RCPT"), "stage=rcpt " + who + ` verb=EHLO helo="a b=c\xff" sender="jane@example.com" recipient="bob@example.net"` + session},
		{strings.Replace(eximRequest("connect", ""), "sasl_username=", "sasl_username=jane", 1), "stage=connect " + who + ` auth="jane"` + session},
		{strings.Replace(eximRequest("connect", ""), "192.0.2.25", "::ffff:192.0.2.25", 1), "stage=connect " + who + session},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got string
			l := serveListener(t, &Server{Protocol: &Exim{}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
				got = factsText(f)
				return response.Response{Action: helogate.Continue}
			}})
			if answer := askExim(t, l, c.request); answer != dunno || got != c.want {
				t.Errorf("answered %q\nshown %s\nwant  %s", answer, got, c.want)
			}
		})
	}
}

func TestEximAnswers(t *testing.T) {
	refuses := func(do helogate.Action, code int, enhanced, text string) response.Response {
		return response.Response{Action: do, Reply: helogate.Reply{Code: code, Enhanced: enhanced, Text: text}, Headers: []header.Field{{Name: "X-One", Value: "1"}}}
	}
	adds := func(do helogate.Action, fields ...header.Field) response.Response {
		return response.Response{Action: do, Headers: fields}
	}
	one, two := header.Field{Name: "X-One", Value: "1"}, header.Field{Name: "X-Two", Value: "2"}
	for name, c := range map[string]struct {
		resp  response.Response
		stage string
		want  string
	}{
		"continue":                            {adds(helogate.Continue), "rcpt", dunno},
		"accept is no permit":                 {adds(helogate.Accept), "rcpt", dunno},
		"reject":                              {refuses(helogate.Reject, 550, "5.7.25", "no PTR"), "rcpt", "action=550 5.7.25 no PTR\n\n"},
		"defer":                               {refuses(helogate.Defer, 451, "4.4.3", "later"), "rcpt", "action=451 4.4.3 later\n\n"},
		"drop":                                {refuses(helogate.Drop, 554, "5.7.1", "go"), "connect", "action=521 5.7.1 go\n\n"},
		"line ends in a reply":                {refuses(helogate.Reject, 550, "5.7.1", "a\n\naction=DUNNO"), "rcpt", `action=550 5.7.1 a\x0a\x0aaction=DUNNO` + "\n\n"},
		"a field":                             {adds(helogate.Accept, one), "rcpt", "action=DUNNO\nheader=X-One: 1\n\n"},
		"the first goes on top of the second": {adds(helogate.Continue, one, two), "rcpt", "action=DUNNO\nheader=X-Two: 2\nheader=X-One: 1\n\n"},
		"before RCPT there is none":           {adds(helogate.Continue, one), "mail", dunno},
		"line ends in a field": {adds(helogate.Continue, header.Field{Name: "X-One", Value: "a\n\nheader=X: b\r\n"}), "rcpt",
			`action=DUNNO` + "\n" + `header=X-One: a\x0a\x0aheader=X: b\x0d\x0a` + "\n\n"},
		"what is no field":        {adds(helogate.Continue, header.Field{Name: "a b", Value: "1"}, header.Field{Name: "X-No", Value: " "}), "rcpt", dunno},
		"no verdict":              {response.Response{}, "rcpt", ""},
		"no verdict of listeners": {adds(helogate.Note, one), "rcpt", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := serveListener(t, &Server{Protocol: &Exim{}, Judge: always(c.resp)})
				state := strings.ToUpper(strings.TrimPrefix(c.stage, "connect"))
				if got := askExim(t, l, eximRequest(c.stage, state)); got != c.want {
					t.Errorf("answered %q\nwant     %q", got, c.want)
				}
			})
		})
	}
}

// What cannot be answered is closed, and the log says why.
func TestEximTrouble(t *testing.T) {
	const good = smallRequest
	for name, c := range map[string]struct{ sent, log string }{
		"nothing, and gone":     {"", ""},
		"no request":            {"GET / HTTP/1.0\n\n", `line 1 has no \"=\"`},
		"another request":       {"request=x\n\n", "not smtpd_access_policy"},
		"an attribute's end":    {good[:len(good)-1] + "sasl_username=jane\n\nsender=x\n\n", "there is more after the request"},
		"two requests":          {good + good, "there is more after the request"},
		"one that is too large": {padded(64<<10 + 1), "a request of more than 65536 bytes"},
		"a panic":               {strings.Replace(good, "192.0.2.25", "192.0.2.66", 1), "on purpose"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				l := serveListener(t, &Server{Protocol: &Exim{}, Log: log.logger(), Judge: func(_ context.Context, f helogate.Facts) response.Response {
					if f.Client.String() == "192.0.2.66" {
						panic("on purpose")
					}
					return response.Response{Action: helogate.Continue}
				}})
				conn := l.dial()
				if c.sent == "" {
					conn.Close()
				} else {
					say(t, conn, c.sent)
					closedWithout(t, conn)
				}
				synctest.Wait()
				if c.log == "" && log.String() != "" || !strings.Contains(log.String(), c.log) {
					t.Errorf("the log has no %q: %s", c.log, log.String())
				}
				if got := askExim(t, l, good); got != dunno {
					t.Errorf("afterwards %q", got)
				}
			})
		})
	}
}

func TestEximLimits(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		want time.Duration
	}{
		"says nothing": {"", 10 * time.Second},
		"says a part":  {smallRequest[:10], 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serveListener(t, &Server{Protocol: &Exim{}, Judge: passes}).dial()
				say(t, conn, c.sent)
				begin := time.Now()
				closedWithout(t, conn)
				if took := time.Since(begin); took != c.want {
					t.Errorf("closed after %s, want %s", took, c.want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // an answer that nobody takes
		e := &Server{Protocol: &Exim{}, Judge: passes}
		conn := serveListener(t, e).dial()
		io.WriteString(conn, smallRequest)
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := e.Connections(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

// Nobody is judged without an address: a message that a user of the machine hands to Exim has none.
func TestEximWithoutClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		l := serveListener(t, &Server{Protocol: &Exim{}, Log: log.logger(), Judge: func(context.Context, helogate.Facts) response.Response {
			t.Error("judged")
			return response.Response{}
		}})
		for range 3 {
			if got := askExim(t, l, "request=smtpd_access_policy\nclient_address=\n\n"); got != dunno {
				t.Errorf("answered %q", got)
			}
		}
		logged(t, &log, 1, "it cannot be judged")
	})
}

// What is being judged is answered though the listener closes; when the time for that is over, it is not.
func TestEximShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		e := &Server{Protocol: &Exim{}, Judge: func(context.Context, helogate.Facts) response.Response {
			<-free
			return response.Response{Action: helogate.Continue}
		}}
		l := serveListener(t, e)
		judged, silent := l.dial(), l.dial()
		say(t, judged, smallRequest)
		synctest.Wait()
		if n := e.Connections(); n != 2 {
			t.Errorf("%d connections are open", n)
		}
		down := make(chan error, 1)
		go func() { down <- e.Shutdown(context.Background()) }()
		closedWithout(t, silent)
		close(free)
		answered(t, judged)
		closedWithout(t, judged)
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		e := &Server{Protocol: &Exim{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		judged := serveListener(t, e).dial()
		say(t, judged, smallRequest)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		closedWithout(t, judged)
	})
}

// Whatever comes, in whatever pieces: a request that is whole, well formed and alone is answered, and nothing else is;
// what the judge is shown is what was sent.
func FuzzExim(f *testing.F) {
	for _, piece := range []uint16{1, 7, 4096} {
		for _, sent := range []string{smallRequest, smallRequest + "x", "\n", eximRequest("rcpt", "RCPT"), padded(maxRequest + 1)} {
			f.Add([]byte(sent), piece)
		}
	}
	files, err := filepath.Glob("testdata/exim/*")
	if err != nil || len(files) == 0 {
		f.Fatal("no requests", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSpace(text), uint16(100))
		f.Add(append(bytes.TrimSpace(text), "\n\n"...), uint16(1000))
	}
	f.Fuzz(fuzzExim)
}

func fuzzExim(t *testing.T, in []byte, piece uint16) {
	requests, ends := asked(string(in), maxRequest)
	conn := &scriptConn{in: in, piece: int(piece)%5000 + 1}
	judged := 0
	e := &Server{Protocol: &Exim{}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
		judged++
		if len(requests) == 0 || conn.reads < ends[0] {
			t.Fatalf("judged %+v, which was not asked", f)
		}
		sameFacts(t, f, requests[0])
		return response.Response{Action: helogate.Continue, Headers: []header.Field{{Name: "X-HELO", Value: f.Helo}}}
	}}
	e.init()
	e.answer(conn)
	got := conn.out.String()
	switch {
	case len(requests) == 0, conn.reads > ends[0]: // more had come when the request was whole
		if got != "" || judged > 0 {
			t.Fatalf("answered %q", got)
		}
	case judged == 0 && hasClient(requests[0]):
		t.Fatalf("not judged: %q", requests[0])
	case !strings.HasPrefix(got, "action=DUNNO\n") || !strings.HasSuffix(got, "\n\n") || strings.Count(got, "\n") > 3 ||
		strings.Count(got, "\n\n") != 1:
		t.Fatalf("answered %q", got)
	}
}
