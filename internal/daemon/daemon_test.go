package daemon

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/control"
	"github.com/helogate/helogate/internal/state"
	"github.com/helogate/helogate/internal/testlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A place is where a test's daemon lives: its sockets, its configuration, its DNS and its log.
type place struct {
	t    testing.TB
	dir  string
	zone helogate.Asker
	log  testlog.Buffer

	mu   sync.Mutex
	text string // of the configuration, with DIR for the directory
}

// at makes a place with a configuration.
func at(t testing.TB, text string) *place {
	return &place{t: t, dir: t.TempDir(), text: text, zone: helogate.MustZone(`
		192.0.2.25       PTR mail.example.org
		mail.example.org A   192.0.2.25
		example.org      MX  10 mail.example.org`)}
}

// enforcing is a configuration with a Postfix listener on a unix socket.
const enforcing = `
mode = "enforce"
state.store = "memory"
control = { socket = "DIR/control", watch = false }
policy.bad_helo = ["bad.example"]
[[listen]]
protocol = "postfix"
address = "unix:DIR/postfix"
`

func (p *place) write(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
}

func (p *place) load() (*config.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return config.Parse("helogate.toml", []byte(strings.ReplaceAll(p.text, "DIR", p.dir)), Known(nil))
}

func (p *place) options() Options {
	return Options{Load: p.load, File: "helogate.toml", Version: "v1.2.3", Log: &p.log, DNS: p.zone}
}

// serves opens a daemon and lets it serve until the test ends.
func (p *place) serves(change func(*Options)) *Daemon {
	p.t.Helper()
	o := p.options()
	if change != nil {
		change(&o)
	}
	d, err := Open(p.t.Context(), o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			p.t.Error(err)
		}
	})
	d.Serve()
	return d
}

// ask asks as Postfix does at RCPT, and returns the answer.
func ask(t testing.TB, a net.Addr, helo string) string {
	t.Helper()
	answer, err := asks(a, helo)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func asks(a net.Addr, helo string) (string, error) {
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		return "", err
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.25\n"+
		"helo_name=%s\nsender=jane@example.org\nrecipient=bob@example.net\n\n", helo)
	if err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

const (
	good    = "mail.example.org"
	bad     = "bad.example"
	dunno   = "action=DUNNO"
	refused = "action=550 5.7.1 "
	later   = "action=451 4.7.1 Greylisted"
)

// TestServe: it judges on a unix socket and on TCP, and says so in log and status.
func TestServe(t *testing.T) {
	p := at(t, enforcing+"[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:0\"\npreset = \"lenient\"\n")
	d := p.serves(nil)
	for _, a := range d.Addrs() {
		if got := ask(t, a, good); got != dunno {
			t.Errorf("%s: a good client: %s", a, got)
		}
		if got := ask(t, a, bad); !strings.HasPrefix(got, refused) {
			t.Errorf("%s: a bad client: %s", a, got)
		}
	}
	s := d.Status()
	if s.Version != "v1.2.3" || s.Config.File != "helogate.toml" || s.Config.Mode != "enforce" || s.State.Store != "memory" || len(s.Listeners) != 2 ||
		s.Listeners[1].Address != d.Addrs()[1].String() || s.Listeners[1].Preset != "lenient" {
		t.Errorf("the status says %+v", s)
	}
	if got := counts(s); !slices.Equal(got, []string{"2 continue", "2 reject bad-helo"}) {
		t.Errorf("counted are %q", got)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"msg=listening protocol=postfix", "msg=verdict", "by=bad-helo", "msg=stopping"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, p.log.String())
		}
	}
	if _, err := asks(d.Addrs()[0], good); err == nil {
		t.Error("it is closed, and answers")
	}
}

func counts(s control.Status) (out []string) {
	for _, c := range s.Verdicts.Counts {
		out = append(out, strings.TrimRight(fmt.Sprint(c.Count, " ", c.Action, " ", c.By), " "))
	}
	slices.Sort(out)
	return out
}

// TestReload: another configuration is in force from then on, and a wrong one changes nothing.
func TestReload(t *testing.T) {
	p := at(t, enforcing)
	d := p.serves(nil)
	for _, c := range []struct {
		name, text string
		want       string // what the answer to a client that is bad by the first configuration
		wrong      string // what the reload says
	}{
		{"nothing changes", enforcing, refused, ""},
		{"nobody is bad any more", strings.Replace(enforcing, `["bad.example"]`, `[]`, 1), later, ""},
		{"a typing error", enforcing + "prest = 1\n", later, "unknown key"},
		{"a policy that is none", enforcing + "[[rule]]\nname = \"r\"\nwhen = \"helo.text ==\"\nthen = \"reject\"\n", later, "rule"},
		{"one more listener", enforcing + "[[listen]]\nprotocol = \"postfix\"\naddress = \"127.0.0.1:0\"\n", later, "restart helogate"},
		{"another address", strings.Replace(enforcing, "DIR/postfix", "DIR/elsewhere", 1), later, "restart helogate to listen there"},
		{"all is as it was", enforcing, refused, ""},
		{"shadow mode", strings.Replace(enforcing, "enforce", "shadow", 1), dunno, ""},
	} {
		p.write(c.text)
		err := d.Reload("command")
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v", c.name, err)
		}
		s := d.Status().Config
		if s.Reload == nil || s.Reload.By != "command" || (s.Reload.Error != "") != (c.wrong != "") {
			t.Errorf("%s: the status says %+v", c.name, s.Reload)
		}
		if got := ask(t, d.Addrs()[0], bad); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: a client gets %s, want %s", c.name, got, c.want)
		}
	}
	if s := d.Status(); s.Config.Mode != "shadow" || s.Listeners[0].Mode != "shadow" {
		t.Errorf("the status says %+v", s)
	}
}

// TestReloadByCommand: the control socket has it reload, and says what is wrong.
func TestReloadByCommand(t *testing.T) {
	p := at(t, enforcing)
	p.serves(nil)
	client, err := control.Dial(filepath.Join(p.dir, "control"), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := client.Reload(t.Context()); err != nil || s.Config.Reload == nil || s.Config.Mode != "enforce" {
		t.Errorf("%+v, %v", s, err)
	}
	p.write("mode = 1\n")
	if _, err := client.Reload(t.Context()); control.ErrorKindOf(err) != control.BadConfig {
		t.Errorf("%v", err)
	}
}

// TestHitsStay: how often an exemption counted is known whatever becomes of its place and its comment.
func TestHitsStay(t *testing.T) {
	const friends = "[[exempt]]\naddress = \"192.0.2.0/24\"\n"
	const others = "[[exempt]]\naddress = \"198.51.100.0/24\"\ncomment = \"others: far away\"\n"
	p := at(t, enforcing+friends)
	d := p.serves(nil)
	client, err := control.Dial(filepath.Join(p.dir, "control"), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	ask(t, d.Addrs()[0], bad)
	for _, c := range []struct {
		text string
		want string // kind, number, hits
	}{
		{friends, "exempt 1 1"},
		{others + friends + "comment = \"old: friends\"\n", "exempt 1 0, exempt 2 1"},
		{friends + others + friends, "exempt 1 1, exempt 2 0, exempt 3 0"},
		{others, "exempt 1 0"},
		{others + "[[forwarder]]\naddress = \"192.0.2.0/24\"\n", "exempt 1 0, forwarder 1 0"},
		{friends, "exempt 1 1"},
	} {
		p.write(enforcing + c.text)
		if err := d.Reload("command"); err != nil {
			t.Fatal(err)
		}
		all, err := client.Exemptions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range all {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Number, " ", e.Hits))
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestNeedRestart: what differs and is not taken while the daemon runs is named, and nothing else.
func TestNeedRestart(t *testing.T) {
	for _, c := range []struct{ old, is, want string }{
		{"", "", ""},
		{"", "policy.preset = \"strict\"\nown.names = [\"example.net\"]", ""},
		{"", "dns.budget = \"9s\"", "dns"},
		{"", "dns.failure_grace = \"9h\"", ""},
		{"", "state.store = \"memory\"", "state"},
		{"", "callout.domains = [\"example.org\"]\ncallout.helo = \"mx.example.net\"", "callout"},
		{"callout.domains = [\"example.org\"]\ncallout.helo = \"mx.example.net\"", "callout.domains = [\"example.com\"]\ncallout.helo = \"mx.example.net\"", ""},
		{"", "hammering.tries = 9", "hammering"},
		{"", "log.level = \"warn\"", "log"},
		{"", "trust.file = \"/x\"", "trust"},
		{"", "control.socket = \"/x\"", "control.socket"},
		{"", "control.watch = false", ""},
		{"[[listen]]\nprotocol = \"postfix\"\naddress = \"unix:/x\"", "[[listen]]\nprotocol = \"postfix\"\naddress = \"unix:/x\"\npermissions = \"0600\"", "listen[0].permissions"},
		{"[[listen]]\naddress = \"unix:/x\"\nprotocol = \"nginx\"\nnginx.backend = \"127.0.0.1:25\"", "[[listen]]\naddress = \"unix:/x\"\nprotocol = \"nginx\"\nnginx.backend = \"127.0.0.1:26\"", "listen[0].nginx"},
		{"[[listen]]\naddress = \"unix:/x\"\nprotocol = \"http\"", "[[listen]]\naddress = \"unix:/x\"\nprotocol = \"http\"\nhttp.token_file = \"/t\"", "listen[0].http"},
		{"[[listen]]\naddress = \"unix:/x\"\nprotocol = \"milter\"", "headers.authentication_results = true\n[[listen]]\naddress = \"unix:/x\"\nprotocol = \"milter\"", "headers.authentication_results or headers.name"},
		{"", "headers.x_helogate = true", ""},
		{"", "log.level = \"warn\"\nhammering.tries = 9", "hammering, log"},
	} {
		old, err := config.Parse("old", []byte(c.old), Known(nil))
		if err != nil {
			t.Fatal(err)
		}
		is, err := config.Parse("is", []byte(c.is), Known(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(needRestart(old, is), ", "); got != c.want {
			t.Errorf("%q: a restart is needed for %q, want %q", c.is, got, c.want)
		}
	}
}

// TestReloadInPart: what a reload cannot do is in the log and in the status.
func TestReloadInPart(t *testing.T) {
	p := at(t, enforcing)
	d := p.serves(nil)
	if got := d.Status().Config.Restart; len(got) > 0 {
		t.Errorf("at the start, %q take a restart", got)
	}
	p.write("hammering.tries = 9\n" + enforcing)
	if err := d.Reload("signal"); err != nil {
		t.Fatal(err)
	}
	if got := d.Status().Config.Restart; !slices.Equal(got, []string{"hammering"}) {
		t.Errorf("the status says that %q take a restart", got)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if want := "restart helogate to apply them\" settings=hammering"; !strings.Contains(p.log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, p.log.String())
	}
	if err := d.Reload("signal"); err == nil || !strings.Contains(err.Error(), "stopping") {
		t.Errorf("closed, and reloaded: %v", err)
	}
}

// slow is a DNS that says that it was asked, and answers when it may.
type slow struct {
	helogate.Asker
	asked, may chan struct{}
}

func (slow) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

func (s slow) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	select {
	case <-s.may:
	case <-ctx.Done():
	}
	return s.Asker.Ask(ctx, q)
}

// TestCloseAnswers: what is in flight is answered, though nobody else is let in any more.
func TestCloseAnswers(t *testing.T) {
	p := at(t, enforcing)
	dns := slow{p.zone, make(chan struct{}, 1), make(chan struct{})}
	p.zone = dns
	d := p.serves(nil)
	answer := make(chan string, 1)
	go func() {
		got, err := asks(d.Addrs()[0], good)
		answer <- fmt.Sprint(got, err)
	}()
	<-dns.asked
	closed := make(chan error, 1)
	go func() { closed <- d.Close(context.Background()) }()
	for { // until it listens no more
		c, err := net.Dial("unix", d.Addrs()[0].String())
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-closed:
		t.Fatalf("it is closed before it has answered: %v", err)
	default:
	}
	close(dns.may)
	if got := <-answer; got != dunno+"<nil>" {
		t.Errorf("the client in flight gets %s", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestCloseByForce: when its context ends, so does the daemon, and a client in flight gets no answer.
func TestCloseByForce(t *testing.T) {
	p := at(t, enforcing)
	dns := slow{p.zone, make(chan struct{}, 1), make(chan struct{})}
	p.zone = dns
	d, err := Open(t.Context(), p.options())
	if err != nil {
		t.Fatal(err)
	}
	d.Serve()
	answer := make(chan string, 1)
	go func() {
		got, _ := asks(d.Addrs()[0], good)
		answer <- got
	}()
	<-dns.asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("closed by force: %v", err)
	}
	if got := <-answer; got != "" {
		t.Errorf("the client in flight gets %s", got)
	}
}

// TestOpenOrNothing: whatever fails, nothing stays open: no listener, no store, no goroutine.
func TestOpenOrNothing(t *testing.T) {
	const sqlite = "mode = \"enforce\"\nstate.file = \"DIR/state.db\"\ncontrol.watch = false\n"
	const listener = "[[listen]]\nprotocol = \"postfix\"\naddress = \"unix:DIR/postfix\"\n"
	for _, c := range []struct{ name, text, want string }{
		{"config", "mode = 1\n", "mode"},
		{"policy", sqlite + "control.socket = \"none\"\n" + listener + "[[rule]]\nname = \"r\"\nwhen = \"helo.text ==\"\nthen = \"reject\"\n", "rule"},
		{"trust", sqlite + "control.socket = \"none\"\ntrust.file = \"DIR/nothing/there\"\n" + listener, "nothing/there"},
		{"store", "state.file = \"DIR/nothing/there.db\"\ncontrol.socket = \"none\"\n" + listener, "state.file"},
		{"callout", sqlite + "control.socket = \"none\"\ncallout = { domains = [\"example.org\"], helo = \"localhost\" }\n" + listener, "callout.helo"},
		{"listener", sqlite + "control.socket = \"none\"\n" + listener + "[[listen]]\nprotocol = \"postfix\"\naddress = \"unix:DIR/nothing/there\"\n", "there is no directory"},
		{"token", sqlite + "control.socket = \"none\"\n" + listener + "[[listen]]\naddress = \"unix:DIR/http\"\nprotocol = \"http\"\nhttp.token_file = \"DIR/nothing\"\n", "http.token_file"},
		{"control", sqlite + "control.socket = \"DIR/nothing/there\"\n" + listener, "control.socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := goleak.IgnoreCurrent()
			p := at(t, c.text)
			o := p.options()
			o.DNS = nil // the resolver is opened, too
			if d, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, %v", d, err)
			}
			goleak.VerifyNone(t, now)
			for _, left := range []string{"postfix", "http", "control"} {
				if _, err := os.Stat(filepath.Join(p.dir, left)); err == nil {
					t.Errorf("%s is left", left)
				}
			}
			store, err := state.OpenSQLite(state.SQLiteConfig{Path: filepath.Join(p.dir, "state.db")})
			if err != nil {
				t.Fatalf("the store cannot be opened again: %v", err)
			}
			store.Close()
		})
	}
}

// TestNeverServed: what was opened and never served is closed.
func TestNeverServed(t *testing.T) {
	p := at(t, enforcing)
	d, err := Open(t.Context(), p.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(t.Context()), d.Close(t.Context())); err != nil {
		t.Error(err)
	}
	p.serves(nil) // at the same place
}

// TestListenerEnds: that a listener ends by itself is reported.
func TestListenerEnds(t *testing.T) {
	p := at(t, enforcing)
	d := p.serves(nil)
	d.listeners[0].Close()
	if err := <-d.Ended(); err == nil {
		t.Error("it has ended without an error")
	}
}

// TestFilter: smtpd's filter speaks on what it was given, and ends when smtpd has gone.
func TestFilter(t *testing.T) {
	p := at(t, enforcing)
	ours, theirs := io.Pipe()
	var answers testlog.Buffer
	d := p.serves(func(o *Options) {
		load := o.Load
		o.Load = func() (*config.Config, error) {
			c, err := load()
			if err == nil {
				err = AsFilter(c, nil, 64111)
			}
			return c, err
		}
		o.Stdin, o.Stdout = ours, &answers
	})
	fmt.Fprint(theirs, "config|ready\n")
	theirs.Close()
	if err := <-d.Ended(); err != nil {
		t.Errorf("smtpd has gone: %v", err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(answers.String(), "register|ready\n") {
		t.Errorf("smtpd gets %q", answers.String())
	}
	if n := bytes.Count([]byte(p.log.String()), []byte("msg=stopping")); n != 1 {
		t.Errorf("the log says %d times that it stops:\n%s", n, p.log.String())
	}
}
