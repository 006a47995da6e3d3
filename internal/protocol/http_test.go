package protocol

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// httpAsk is one request on a connection of its own, and its answer.
func httpAsk(t *testing.T, l *pipeListener, request string) (*http.Response, string) {
	t.Helper()
	c := l.dial()
	defer c.Close()
	say(t, c, request)
	return httpRead(t, bufio.NewReader(c))
}

func httpRead(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// httpPost is a request to judge, with more lines of header.
func httpPost(body string, more ...string) string {
	return "POST /v1/judge HTTP/1.1\r\nHost: helogate\r\nContent-Type: application/json\r\n" +
		strings.Join(append(more, fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))), "\r\n") + body
}

const smallFacts = `{"stage":"connect","client":"192.0.2.25"}`

// rules is a judge that always rules so, with a record.
func rules(do helogate.Action, reply helogate.Reply, headers ...header.Field) response.Judge {
	return func(_ context.Context, f helogate.Facts) response.Response {
		f.Time = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
		v := helogate.Verdict{ID: "8rx7ssvzkrbze", Decision: helogate.Decision{Action: do}, Reply: reply}
		v.DryRun = v.Decision
		return response.Response{Action: do, Reply: reply, Headers: headers, Record: &helogate.Record{Facts: f, Verdict: v}}
	}
}

// The answer is the verdict's JSON to the letter, and what to do now.
func TestHTTPAnswer(t *testing.T) {
	no := helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "192.0.2.25 has no name"}
	later := helogate.Reply{Code: 451, Enhanced: "4.4.3", Text: "later"}
	evil := helogate.Reply{Code: 250, Enhanced: "2.0.0", Text: "a\r\n250 ok"}
	fields := []header.Field{{Name: "X-Helogate", Value: `id=1; "a"`}, {Name: "X-HELO", Value: "a<b>&c"}}
	held := rules(helogate.Reject, no)
	for _, c := range []struct {
		judge response.Judge
		now   string
	}{
		{rules(helogate.Continue, helogate.Reply{}), `{"action":"continue","reply":null,"headers":[]}`},
		{rules(helogate.Accept, helogate.Reply{}, fields...), `{"action":"continue","reply":null,"headers":[` +
			`{"name":"X-Helogate","value":"id=1; \"a\""},{"name":"X-HELO","value":"a\u003cb\u003e\u0026c"}]}`},
		{rules(helogate.Reject, no, fields...), `{"action":"reject","reply":{"code":550,"enhanced":"5.7.25","text":"192.0.2.25 has no name"},"headers":[]}`},
		{rules(helogate.Defer, later), `{"action":"defer","reply":{"code":451,"enhanced":"4.4.3","text":"later"},"headers":[]}`},
		{rules(helogate.Drop, no), `{"action":"drop","reply":{"code":550,"enhanced":"5.7.25","text":"192.0.2.25 has no name"},"headers":[]}`},
		{rules(helogate.Reject, evil), `{"action":"reject","reply":{"code":550,"enhanced":"5.7.1","text":"a\\x0d\\x0a250 ok"},"headers":[]}`},
		{func(ctx context.Context, f helogate.Facts) response.Response { // what is held is in the verdict, and is not to be done now
			r := held(ctx, f)
			r.Action, r.Reply = helogate.Continue, helogate.Reply{}
			return r
		}, `{"action":"continue","reply":null,"headers":[]}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := serveListener(t, &Server{Protocol: &HTTP{}, Judge: c.judge})
			r, body := httpAsk(t, l, httpPost(smallFacts))
			facts, err := readFacts([]byte(smallFacts))
			if err != nil {
				t.Fatal(err)
			}
			record := string(c.judge(t.Context(), facts).Record.AppendJSON(nil))
			if want := strings.TrimSuffix(record, "}") + `,"now":` + c.now + "}"; r.StatusCode != 200 || body != want {
				t.Errorf("%d\n got %s\nwant %s", r.StatusCode, body, want)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type: %s", got)
			}
		})
	}
}

// Without evidence the answer is the verdict's name and what to do now; the judge is not asked for the record.
func TestHTTPWithoutEvidence(t *testing.T) {
	no := helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "192.0.2.25 has no name"}
	for _, c := range []struct {
		brief response.Response
		want  string
	}{
		{response.Response{ID: "8rx7ssvzkrbze", Action: helogate.Accept}, `{"id":"8rx7ssvzkrbze","now":{"action":"continue","reply":null,"headers":[]}}`},
		{response.Response{ID: "8rx7ssvzkrbze", Action: helogate.Reject, Reply: no},
			`{"id":"8rx7ssvzkrbze","now":{"action":"reject","reply":{"code":550,"enhanced":"5.7.25","text":"192.0.2.25 has no name"},"headers":[]}}`},
		{response.Response{ID: "8rx7ssvzkrbze", Action: helogate.Continue, Headers: []header.Field{{Name: "X-Helogate", Value: "a"}}},
			`{"id":"8rx7ssvzkrbze","now":{"action":"continue","reply":null,"headers":[{"name":"X-Helogate","value":"a"}]}}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := serveListener(t, &Server{Protocol: &HTTP{}, Judge: always(c.brief), Whole: rules(helogate.Continue, helogate.Reply{})})
			ask := func(query string) (int, string) {
				r, body := httpAsk(t, l, strings.Replace(httpPost(smallFacts), "/v1/judge", "/v1/judge"+query, 1))
				return r.StatusCode, body
			}
			if code, got := ask("?evidence=no"); code != 200 || got != c.want {
				t.Errorf("%d\n got %s\nwant %s", code, got, c.want)
			}
			for _, query := range []string{"", "?", "?evidence=yes", "?x=1", "?x=1&evidence=yes"} {
				if code, got := ask(query); code != 200 || !strings.Contains(got, `"facts":{`) {
					t.Errorf("%q: %d %s", query, code, got)
				}
			}
			for _, query := range []string{"?evidence=none", "?evidence", "?evidence=no&evidence=yes"} {
				if code, got := ask(query); code != 400 || !strings.Contains(got, "evidence must be yes or no") {
					t.Errorf("%q: %d %s", query, code, got)
				}
			}
		})
	}
}

// Where there is no verdict, nothing is made up: the answer is no 200.
func TestHTTPNoVerdict(t *testing.T) {
	for name, judge := range map[string]response.Judge{
		"none":          always(response.Response{}),
		"no record":     passes,
		"no such thing": rules(helogate.Greylist, helogate.Reply{}),
		"a permit":      rules(helogate.Action(200), helogate.Reply{}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				r, body := httpAsk(t, serveListener(t, &Server{Protocol: &HTTP{}, Judge: judge, Log: log.logger()}), httpPost(smallFacts))
				if r.StatusCode != 503 || body != `{"error":"there is no verdict"}` {
					t.Errorf("%d %s", r.StatusCode, body)
				}
				logged(t, &log, 1, "level=ERROR msg=\"no verdict")
			})
		})
	}
}

// A wrong request is answered with its error, and is not judged.
func TestHTTPRefuses(t *testing.T) {
	const token = "0123456789abcdef"
	good := "Authorization: Bearer " + token
	line := func(first string, more ...string) string {
		return first + " HTTP/1.1\r\nHost: helogate\r\n" + strings.Join(append(more, "\r\n"), "\r\n")
	}
	typed := func(kind string) string {
		return strings.Replace(httpPost(smallFacts, good), "application/json", kind, 1)
	}
	for name, c := range map[string]struct {
		request, want, header string
		code                  int
	}{
		"all is well":              {request: httpPost(smallFacts, good), code: 200},
		"the scheme in small":      {request: httpPost(smallFacts, "authorization: bearer "+token), code: 200},
		"a charset":                {request: typed(`Application/JSON; charset="UTF-8"`), code: 200},
		"a query is passed over":   {request: strings.Replace(httpPost(smallFacts, good), "judge", "judge?pretty", 1), code: 200},
		"no token":                 {request: httpPost(smallFacts), code: 401, header: "Www-Authenticate: Bearer", want: "the token is missing or wrong"},
		"a wrong token":            {request: httpPost(smallFacts, good+"0"), code: 401, want: "the token"},
		"half of it":               {request: httpPost(smallFacts, good[:len(good)-1]), code: 401, want: "the token"},
		"an empty one":             {request: httpPost(smallFacts, "Authorization: Bearer "), code: 401, want: "the token"},
		"another scheme":           {request: httpPost(smallFacts, "Authorization: Basic "+token), code: 401, want: "the token"},
		"no token and no facts":    {request: httpPost("{"), code: 401, want: "the token"},
		"GET":                      {request: line("GET /v1/judge", good), code: 405, header: "Allow: POST", want: "/v1/judge takes POST alone"},
		"OPTIONS":                  {request: line("OPTIONS /v1/judge", good), code: 405, header: "Allow: POST"},
		"to be healed":             {request: line("POST /v1/health"), code: 405, header: "Allow: GET", want: "/v1/health takes GET alone"},
		"another path":             {request: line("GET /"), code: 404, want: "unknown path: use POST /v1/judge or GET /v1/health"},
		"a path below":             {request: strings.Replace(httpPost(smallFacts, good), "judge", "judge/", 1), code: 404},
		"a form":                   {request: typed("application/x-www-form-urlencoded"), code: 415, want: "the body must be application/json"},
		"text, as a web page can":  {request: typed("text/plain"), code: 415},
		"another charset":          {request: typed("application/json; charset=latin1"), code: 415},
		"no type":                  {request: typed(""), code: 415},
		"compressed":               {request: httpPost(smallFacts, good, "Content-Encoding: gzip"), code: 415},
		"no body":                  {request: httpPost("", good), code: 400, want: "the body ends before"},
		"a field":                  {request: httpPost(`{"stage":1}`, good), code: 400, want: "stage must be a JSON string"},
		"no HTTP":                  {request: "EHLO mx.example.org\r\n\r\n", code: 400},
		"health needs no token":    {request: line("GET /v1/health"), code: 200, want: `{"status":"ok","version":"1.2.3"}`},
		"health with another one":  {request: line("GET /v1/health", good+"0"), code: 200},
		"chunks are a body":        {request: "POST /v1/judge HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + good + "\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n" + smallFacts + "\r\n0\r\n\r\n", code: 200},
		"wait until it is welcome": {request: httpPost(smallFacts, good, "Expect: magic"), code: 417},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var judged atomic.Int32
				answer := rules(helogate.Continue, helogate.Reply{})
				l := serveListener(t, &Server{Protocol: &HTTP{Token: token, Version: "1.2.3"}, Judge: func(ctx context.Context, f helogate.Facts) response.Response {
					judged.Add(1)
					return answer(ctx, f)
				}})
				r, body := httpAsk(t, l, c.request)
				if r.StatusCode != c.code || !strings.Contains(body, c.want) {
					t.Errorf("%d %s\nwant %d %s", r.StatusCode, body, c.code, c.want)
				}
				if name, value, _ := strings.Cut(c.header, ": "); r.Header.Get(name) != value {
					t.Errorf("%s: %s, want %s", name, r.Header.Get(name), value)
				}
				if post := strings.Contains(c.request, "judge"); judged.Load() == 1 != (post && c.code == 200) {
					t.Errorf("%d judged", judged.Load())
				}
			})
		})
	}
}

// The field at fault is named for programs, too.
func TestHTTPErrorField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serveListener(t, &Server{Protocol: &HTTP{}, Judge: passes})
		for body, want := range map[string]httpError{
			`{"stage":"rcpt","client":"192.0.2.1","helo":7}`:        {"helo must be a JSON string", "helo"},
			`{"stage":"rcpt","client":"192.0.2.1","\u202e<b>":"a"}`: {`\xe2\x80\xae<b> is not a known key`, `\xe2\x80\xae<b>`},
			`[]`: {"the body must be a JSON object", ""},
		} {
			r, text := httpAsk(t, l, httpPost(body))
			var got httpError
			if err := json.Unmarshal([]byte(text), &got); err != nil || r.StatusCode != 400 || got != want {
				t.Errorf("%s: %d %s", body, r.StatusCode, text)
			}
		}
	})
}

// Who has no token may ask a hundred times a minute, and is one line of the log.
func TestHTTPRefusalsAreRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		l := serveListener(t, &Server{Protocol: &HTTP{Token: "0123456789abcdef"}, Judge: passes, Log: log.logger()})
		for minute := range 2 {
			for range 50 {
				httpAsk(t, l, httpPost(smallFacts))
				httpAsk(t, l, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			}
			logged(t, &log, 1+minute, "status=401")
			logged(t, &log, 1+minute, "status=404")
			time.Sleep(time.Minute)
		}
		logged(t, &log, 2, "suppressed=49")
		if strings.Contains(log.String(), "0123456789") {
			t.Error("the log has the token")
		}
	})
}

// 10 MB are not read to the end, whether their length is said or not.
func TestHTTPLargeBody(t *testing.T) {
	big := `{"stage":"rcpt","client":"192.0.2.1","helo":"` + strings.Repeat("x", 10<<20) + `"}`
	chunked := "POST /v1/judge HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	fits := `{"stage":"helo","client":"192.0.2.1","helo":"` + strings.Repeat("x", 64<<10-47) + `"}`
	for name, c := range map[string]struct {
		request string
		code    int
	}{
		"said":             {httpPost(big), 413},
		"in chunks":        {chunked + fmt.Sprintf("%x\r\n%s", len(big), big), 413},
		"as large may be":  {httpPost(fits), 200},
		"a byte too large": {httpPost(fits + " "), 413},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serveListener(t, &Server{Protocol: &HTTP{}, Judge: rules(helogate.Continue, helogate.Reply{})}).dial()
				defer conn.Close()
				say(t, conn, c.request)
				if r, body := httpRead(t, bufio.NewReader(conn)); r.StatusCode != c.code {
					t.Errorf("%d %s", r.StatusCode, body)
				}
			})
		})
	}
}

// A body that comes slowly has its time, and part of one is not judged.
func TestHTTPSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		judge := func(context.Context, helogate.Facts) response.Response { t.Error("judged"); return response.Response{} }
		d := &Server{Protocol: &HTTP{}, Judge: judge}
		l := serveListener(t, d)
		whole := httpPost(smallFacts)
		for _, n := range []int{1, 40, len(whole) - len(smallFacts), len(whole) - 1} {
			conn := l.dial()
			began := time.Now()
			say(t, conn, whole[:n])
			got, _ := io.ReadAll(conn)
			if strings.HasPrefix(string(got), "HTTP/1.1 200") {
				t.Errorf("%d bytes were answered %s", n, got)
			}
			if took := time.Since(began); took > 40*time.Second {
				t.Errorf("%d bytes kept it waiting for %s", n, took)
			}
			gone := l.dial()
			io.WriteString(gone, whole[:n])
			gone.Close()
		}
		synctest.Wait()
		if n := d.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// While the listener closes, who is being judged gets his answer.
func TestHTTPStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		answer := rules(helogate.Continue, helogate.Reply{})
		d := &Server{Protocol: &HTTP{}, Judge: func(ctx context.Context, f helogate.Facts) response.Response { <-free; return answer(ctx, f) }}
		conn := serveListener(t, d).dial()
		defer conn.Close()
		say(t, conn, httpPost(smallFacts))
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- d.Shutdown(context.Background()) }()
		synctest.Wait()
		close(free)
		if r, _ := httpRead(t, bufio.NewReader(conn)); r.StatusCode != 200 || !r.Close {
			t.Errorf("who was being judged got %d, and is to close: %t", r.StatusCode, r.Close)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// net/http drops requests that come while it closes; one that has just got through is answered.
func TestHTTPHealthWhileStopping(t *testing.T) {
	d := &Server{Protocol: &HTTP{Version: "1.2.3"}, Judge: passes}
	handle := handlerOf(d)
	for _, want := range []string{`200 {"status":"ok","version":"1.2.3"}`, `503 {"status":"stopping","version":"1.2.3"}`} {
		w := httptest.NewRecorder()
		handle(w, httptest.NewRequest("GET", "/v1/health", nil))
		if got := fmt.Sprint(w.Code, " ", w.Body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if err := d.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A judgement that is ended by force is no answer.
func TestHTTPStopsByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Server{Protocol: &HTTP{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		conn := serveListener(t, d).dial()
		say(t, conn, httpPost(smallFacts))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got, _ := io.ReadAll(conn); strings.HasPrefix(string(got), "HTTP/1.1 200") {
			t.Errorf("answered %s", got)
		}
	})
}

// A judgement goes on though who asked has gone: what is found is remembered, and counts.
func TestHTTPAskerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, ended := make(chan struct{}), make(chan error, 1)
		conn := serveListener(t, &Server{Protocol: &HTTP{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-free
			ended <- ctx.Err()
			return response.Response{}
		}}).dial()
		io.WriteString(conn, httpPost(smallFacts))
		synctest.Wait()
		conn.Close()
		synctest.Wait()
		close(free)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Many programs at once, on both kinds of socket, each with its own clients: nobody gets another's answer, and all go
// when the listener closes.
func TestHTTPCrowd(t *testing.T) {
	answer := rules(helogate.Continue, helogate.Reply{})
	for _, address := range []string{"127.0.0.1:0", filepath.Join(t.TempDir(), "judge")} {
		d := &Server{Protocol: &HTTP{}, Judge: answer}
		l := listenOn(t, address, 0o600)
		served := make(chan error, 1)
		go func() { served <- d.Serve(l) }()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				in := bufio.NewReader(conn)
				for n := range 10 {
					client := fmt.Sprintf("198.51.%d.%d", i, n)
					io.WriteString(conn, httpPost(`{"stage":"connect","client":"`+client+`"}`))
					r, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Error(err)
						return
					}
					body, err := io.ReadAll(r.Body)
					if err != nil || !bytes.Contains(body, []byte(`"client":"`+client+`"`)) {
						t.Errorf("asked about %s: %s %v", client, body, err)
					}
				}
			})
		}
		wg.Wait()
		if err := d.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// The judge is shown what was asked, and no more.
func TestHTTPShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("2001:db8::1"), Server: netip.MustParseAddrPort("192.0.2.25:25"),
			Verb: "EHLO", Helo: "a\xff", Sender: "", Recipient: "bob@example.net", Auth: "jane", Session: "1",
			Origin: helogate.Origin{Client: netip.MustParseAddr("203.0.113.9"), Helo: "b"}}
		answer := rules(helogate.Continue, helogate.Reply{})
		l := serveListener(t, &Server{Protocol: &HTTP{}, Judge: func(ctx context.Context, f helogate.Facts) response.Response {
			if !reflect.DeepEqual(f, want) {
				t.Errorf("shown %s", factsText(f))
			}
			return answer(ctx, f)
		}})
		if r, body := httpAsk(t, l, httpPost(string(factsJSON(t, want)))); r.StatusCode != 200 {
			t.Errorf("%d %s", r.StatusCode, body)
		}
	})
}

// A reply's text is in the answer as encoding/json would write it.
func TestAppendASCII(t *testing.T) {
	var all []byte
	for c := byte(' '); c <= '~'; c++ {
		all = append(all, c)
	}
	want, err := json.Marshal(string(all))
	if got := appendASCII(nil, string(all)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %s\nwant %s, %v", got, want, err)
	}
}
