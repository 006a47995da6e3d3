package interop

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
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testdns"
)

// An httpListener is a way to ask helogate.
type httpListener struct {
	base, token string
	client      http.Client
}

// onSocket asks on a unix socket.
func onSocket(t *testing.T, path string) *httpListener {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return newHTTPListener(t, &httpListener{base: "http://helogate"}, dial)
}

func newHTTPListener(t *testing.T, d *httpListener, dial func(context.Context, string, string) (net.Conn, error)) *httpListener {
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 1000}
	d.client = http.Client{Transport: transport, Timeout: 2 * patience}
	t.Cleanup(transport.CloseIdleConnections)
	return d
}

// An httpVerdict is what helogate answers.
type httpVerdict struct {
	ID, Action, By string
	Findings       []any
	Reply          any
	Now            struct {
		Action  string
		Reply   *helogate.Reply
		Headers []struct{ Name, Value string }
	}
}

// instruction is the action to take now: "continue", "reject 550 5.7.25 …".
func (v *httpVerdict) instruction() string {
	if v.Now.Reply == nil {
		return v.Now.Action
	}
	return v.Now.Action + " " + anonymous(v.Now.Reply.String())
}

// ask returns the status and the body.
func (d *httpListener) ask(method, path string, body []byte) (int, []byte, error) {
	r, err := http.NewRequest(method, d.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	answer, err := d.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// judge asks about a client, with pairs of keys and values.
func (d *httpListener) judge(facts ...string) (*httpVerdict, error) {
	given := map[string]string{}
	for i := 0; i < len(facts); i += 2 {
		given[facts[i]] = facts[i+1]
	}
	body, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	status, text, err := d.ask("POST", "/v1/judge", body)
	if err != nil {
		return nil, err
	}
	if status != 200 {
		return nil, fmt.Errorf("%d %s", status, text)
	}
	var v httpVerdict
	return &v, json.Unmarshal(text, &v)
}

// at is judge for a test.
func (d *httpListener) at(t *testing.T, facts ...string) *httpVerdict {
	t.Helper()
	v, err := d.judge(facts...)
	must(t, err)
	return v
}

const httpToken = "lqh0OEHSu6ysrtDwMO0xqVVQ"

// httpListeners are two listeners, an address that wants a token and a unix socket that does not, with their settings.
func (l *lab) httpListeners(t *testing.T) (tcp, unix *httpListener, settings string) {
	t.Helper()
	dir, err := os.MkdirTemp(l.dir, "http-")
	must(t, err)
	addr, socket, token := l.mustPort(t), filepath.Join(dir, "http"), filepath.Join(dir, "token")
	must(t, writeFile(token, httpToken+"\n"))
	tcp = newHTTPListener(t, &httpListener{base: "http://" + addr.String(), token: httpToken}, nil)
	return tcp, onSocket(t, socket), fmt.Sprintf("\n[[listen]]\nprotocol = \"http\"\naddress = %q\nhttp.token_file = %q\n"+
		"\n[[listen]]\nprotocol = \"http\"\naddress = %q\n", addr, token, socket)
}

// What is to be done with clients, asked over both kinds of socket.
func TestHTTPListeners(t *testing.T) {
	l := theLab(t)
	tcp, unix, settings := l.httpListeners(t)
	l.serve(t, enforce("rfc", l.dns.resolver)+settings, at(l.mustPort(t)))
	rcpt := func(client, helo string, more ...string) []string {
		return append([]string{"stage", "rcpt", "client", client, "verb", "EHLO", "helo", helo, "sender", "jane@example.com", "recipient", "bob@example.net"}, more...)
	}
	for _, c := range []struct {
		facts       []string
		action, now string
	}{
		{rcpt("192.0.2.25", "mail.example.com"), "continue", "continue"},
		{rcpt("::ffff:192.0.2.25", "mail.example.com"), "continue", "continue"},
		{rcpt("192.0.2.60", "lone.example.com"), "reject", "reject 550 5.7.25 192.0.2.60 has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID] Questions: postmaster@example.net"},
		{rcpt("203.0.113.25", "mx.servfail.test"), "defer", "defer 451 4.4.3 Temporary DNS failure, please try again later: no answer for A of mx.servfail.test, ..."},
		{rcpt("203.0.113.200", "localhost"), "accept", "continue"}, // no permit
		{rcpt("10.9.8.7", "laptop", "auth", "jane"), "accept", "continue"},
		{rcpt("192.0.2.25", "x", "helo_base64", "/w=="), "reject", `reject 550 5.5.2 HELO \xff ...`},
		{[]string{"stage", "connect", "client", "192.0.2.60"}, "reject", "continue"}, // held until RCPT
	} {
		for name, listener := range map[string]*httpListener{"tcp": tcp, "unix": unix} {
			v := listener.at(t, c.facts...)
			if v.Action != c.action || v.instruction() != c.now && !fits(v.instruction(), c.now) {
				t.Errorf("%s: %q: %s, %s\nnot %s, %s", name, c.facts, v.Action, v.instruction(), c.action, c.now)
			}
		}
	}
	wrong := *tcp
	wrong.token += "0"
	for what, c := range map[string]struct {
		listener     *httpListener
		method, path string
		body         string
		status       int
		answer       string
	}{
		"no token":                    {&wrong, "POST", "/v1/judge", "{}", 401, `{"error":"the token is missing or wrong: `},
		"health needs none":           {&wrong, "GET", "/v1/health", "", 200, `{"status":"ok","version":"`},
		"no stage":                    {tcp, "POST", "/v1/judge", `{"client":"192.0.2.1"}`, 400, `{"error":"stage is missing","field":"stage"}`},
		"another method":              {unix, "GET", "/v1/judge", "", 405, `{"error":"/v1/judge takes POST alone"}`},
		"ten megabytes":               {unix, "POST", "/v1/judge", `{"helo":"` + strings.Repeat("x", 10<<20) + `"}`, 413, `{"error":"the body is too large`},
		"another page":                {unix, "GET", "/", "", 404, `{"error":"unknown path: `},
		"a wrong type":                {unix, "POST", "/v1/judge", `{"stage":"rcpt","client":["192.0.2.1"]}`, 400, `{"error":"client must be a JSON string","field":"client"}`},
		"a field that does not exist": {unix, "POST", "/v1/judge", `{"action":"accept"}`, 400, `{"error":"action is not a known key","field":"action"}`},
	} {
		status, answer, err := c.listener.ask(c.method, c.path, []byte(c.body))
		if c.status == 413 && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
			continue // the connection was closed while we went on sending
		}
		if err != nil || status != c.status || !strings.HasPrefix(string(answer), c.answer) {
			t.Errorf("%s: %d %s %v", what, status, answer, err)
		}
	}
}

// The listener says what helogate check --json says, and what to do now.
func TestHTTPSaysWhatCheckSays(t *testing.T) {
	l := theLab(t)
	_, unix, settings := l.httpListeners(t)
	d := l.serve(t, enforce("rfc", l.dns.resolver)+settings, at(l.mustPort(t)))
	_, answer, err := unix.ask("POST", "/v1/judge", []byte(`{"stage":"rcpt","client":"192.0.2.60","verb":"EHLO","helo":"lone.example.com","sender":"jane@example.com","recipient":"bob@example.net"}`))
	must(t, err)
	said, _, exit := d.command("check", "--json", "--from", "jane@example.com", "--rcpt", "bob@example.net", "192.0.2.60", "lone.example.com")
	if exit == 0 {
		t.Errorf("check accepted it: %s", said)
	}
	var listener, check map[string]any
	must(t, json.Unmarshal(answer, &listener))
	must(t, json.Unmarshal([]byte(said), &check))
	if listener["now"] == nil {
		t.Errorf("no now: %s", answer)
	}
	delete(listener, "now")
	for _, v := range []map[string]any{listener, check} { // all that hangs on the time
		delete(v, "id")
		delete(v["facts"].(map[string]any), "time")
		delete(v["facts"].(map[string]any), "verb") // check does not know it
		reply := v["reply"].(map[string]any)
		reply["text"] = anonymous(reply["text"].(string))
		for _, qa := range v["asked"].([]any) {
			delete(qa.(map[string]any), "ttl")
		}
	}
	if !reflect.DeepEqual(listener, check) {
		t.Errorf("the listener:\n%s\ncheck:\n%s", answer, said)
	}
}

// The stages of a session belong together: a held reply is sent when it may be, and a changed HELO name is noticed.
func TestHTTPSession(t *testing.T) {
	l := theLab(t)
	_, unix, settings := l.httpListeners(t)
	l.serve(t, "policy.reject_at_stage = \"mail\"\npolicy.checks = { helo-changed = \"reject\" }\n"+enforce("rfc", l.dns.resolver)+settings, at(l.mustPort(t)))
	ask := func(session, stage, helo string) string {
		t.Helper()
		facts := []string{"session", session, "stage", stage, "client", "192.0.2.25"}
		if helo != "" {
			facts = append(facts, "verb", "EHLO", "helo", helo)
		}
		return unix.at(t, facts...).instruction()
	}
	for _, step := range []struct{ session, stage, helo, want string }{
		{"a", "connect", "", "continue"},
		{"a", "helo", "localhost", "continue"},
		{"a", "mail", "localhost", "reject 550 5.7.1 HELO localhost ..."},
		{"b", "connect", "", "continue"},
		{"b", "helo", "mail.example.com", "continue"},
		{"b", "mail", "mail.example.com", "continue"},
		{"b", "helo", "localhost.example.com", "continue"},
		{"b", "mail", "localhost.example.com", "reject 550 5.7.1 ..."},
	} {
		if got := ask(step.session, step.stage, step.helo); got != step.want && !fits(got, step.want) {
			t.Errorf("%+v: %s", step, got)
		}
	}
}

// helogate stops while it judges 500 clients: each gets its answer, no new client does, and no request hangs.
func TestHTTPStops(t *testing.T) {
	l := theLab(t)
	release := make(chan struct{})
	var mu sync.Mutex
	judged := map[string]bool{} // whose PTR was asked for; a busy machine asks for some twice
	slow, err := testdns.Start(helogate.MustZone(""), testdns.Rewrite(func(reply *dns.Msg, _ bool) *dns.Msg {
		mu.Lock()
		judged[reply.Question[0].Name] = true
		mu.Unlock()
		<-release
		return reply
	}))
	must(t, err)
	t.Cleanup(slow.Close)
	once := sync.OnceFunc(func() { close(release) })
	t.Cleanup(once) // before slow is closed, which waits for its replies
	_, unix, settings := l.httpListeners(t)
	d := l.serve(t, "policy.reject_at_stage = \"connect\"\n"+enforce("rfc", slow.Addr())+settings, at(l.mustPort(t)))
	answers := make(chan string, 500)
	for i := range cap(answers) {
		go func() {
			v, err := unix.judge("stage", "connect", "client", fmt.Sprintf("2001:db8::1:%d", i))
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- v.instruction()
		}()
	}
	must(t, eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(judged) == cap(answers)
	}))
	d.signal(syscall.SIGTERM)
	d.waitFor("stopping")
	must(t, eventually(func() bool { _, err := unix.judge("stage", "connect", "client", "192.0.2.25"); return err != nil }))
	if !d.alive() {
		t.Fatal("it has ended though a client waits for an answer")
	}
	once()
	for range cap(answers) {
		select {
		case got := <-answers:
			if want := "has no PTR record; ask your provider for a PTR record with your server's host name that resolves back to this address [ID]"; !strings.HasPrefix(got, "reject 554 5.7.25 2001:db8::1:") || !strings.HasSuffix(got, want) {
				t.Fatalf("%s\nnot …%s", got, want)
			}
		case <-time.After(patience):
			t.Fatal("a client waits for an answer")
		}
	}
	must(t, d.wait())
	if d.err != nil {
		t.Errorf("helogate ended with %v", d.err)
	}
}
