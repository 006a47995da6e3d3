package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d--j/go-milter"
)

// A dialogue is a client's as far as RCPT, which a listener is shown in its protocol. The port distinguishes it from
// others.
type dialogue struct {
	client   string
	port     int
	helos    []string // with EHLO
	from, to string
}

func (d *dialogue) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(d.client), uint16(d.port))
}

// A route is a way to helogate. show shows it a dialogue, and returns an error where that could not be done.
type route struct {
	name string
	show func(dialogue) error
	// blind are the clients that it cannot distinguish from a good one, by the line that they fail, and why.
	blind map[string]string
}

// The same clients through every listener: what is decided at RCPT and by what is the same, but for what the protocol
// does not show.
func TestEveryListenerDecidesAlike(t *testing.T) {
	l := theLab(t)
	dir := t.TempDir()
	exim, milters, nginx, socket := l.mustPort(t), l.mustPort(t), l.mustPort(t), filepath.Join(dir, "judge.sock")
	listen := func(protocol, at, more string) string {
		return fmt.Sprintf("\n[[listen]]\nprotocol = %q\naddress = %q\n%s\n", protocol, at, more)
	}
	listeners := listen("exim", exim.String(), "") + listen("milter", milters.String(), "") +
		listen("nginx", nginx.String(), `nginx.backend = "127.0.0.1:25"`) + listen("http", "unix:"+socket, "")
	d := l.serve(t, severely(l)+listeners, at(l.postfix.policy))
	web := onSocket(t, socket)
	q := newQmail(t, l.spp(t), qmailPage(t, "smtpplugins"), "HELOGATE_SOCKET="+socket)

	const once = "it asks once, at RCPT, and shows the last HELO name"
	for _, listener := range []route{
		{"postfix", func(c dialogue) error { return postfixAsks(l.postfix.policy, c) }, nil},
		{"exim", func(c dialogue) error { return eximAsks(exim, c) }, nil},
		{"milter", func(c dialogue) error { return milterAsks(milters, c) }, nil},
		{"nginx", func(c dialogue) error { return nginxAsks(nginx, c) }, map[string]string{"helo-changed": once}},
		{"http", func(c dialogue) error { return httpAsks(web, c) }, nil},
		{"qmail-spp", func(c dialogue) error { return qmailAsks(q, c) }, nil},
	} {
		t.Run(listener.name, func(t *testing.T) {
			for i, c := range severalClients() {
				if err := listener.show(c.dialogue); err != nil {
					t.Errorf("client %d, %s: %v", i, c.by, err)
				}
			}
			decided := map[string]string{}
			for _, v := range d.verdicts() {
				if v.Stage == "rcpt" {
					decided[v.To] = v.decided()
				}
			}
			decidedAlike(t, decided, listener.blind)
		})
	}
	t.Run("opensmtpd", func(t *testing.T) { decidedAlike(t, l.smtpdAsks(t, severely(l)), nil) })
}

// client is one of the table, with the line that decides: "" means that no line rejects.
type aClient struct {
	dialogue
	by string
}

func severalClients() (all []aClient) {
	for i, r := range refusals {
		all = append(all, aClient{dialogue{r.client, 40000 + i, strings.Fields(r.helo), r.from, r.by + "@example.net"}, r.by})
	}
	for i, a := range []attempt{mail, {"2001:db8::25", "mail.example.com", "", "six@example.net"}, {"203.0.113.200", "localhost", "", "exempt@example.net"},
		{"192.0.2.60", "localhost", "jane@gone.example", "postmaster@example.net"}} {
		all = append(all, aClient{dialogue{a.client, 41000 + i, []string{a.helo}, a.from, a.to}, ""})
	}
	return all
}

// decidedAlike holds what was decided to the table.
func decidedAlike(t *testing.T, decided, blind map[string]string) {
	t.Helper()
	for _, c := range severalClients() {
		got, _, _ := strings.Cut(decided[c.to], ":") // of a list, the family
		switch {
		case c.by == "" && (got == "continue" || strings.HasPrefix(got, "accept by ")):
		case blind[c.by] != "" && got == "continue":
		case c.by != "" && blind[c.by] == "" && strings.HasSuffix(got, " by "+c.by):
		default:
			t.Errorf("%s: %q", c.to, got)
		}
	}
}

// inTurn are the stages of a dialogue as Postfix calls them, with what is known at each.
func (d *dialogue) inTurn(request func(state, helo, from, to string) error) error {
	if err := request("CONNECT", "", "", ""); err != nil {
		return err
	}
	helo := ""
	for _, helo = range d.helos {
		if err := request("EHLO", helo, "", ""); err != nil {
			return err
		}
	}
	if err := request("MAIL", helo, d.from, ""); err != nil {
		return err
	}
	return request("RCPT", helo, d.from, d.to)
}

func (d *dialogue) inText(state, helo, from, to string) string {
	stage := strings.ToLower(strings.Replace(state, "EHLO", "HELO", 1))
	return fmt.Sprintf("request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\nclient_address=%s\nclient_port=%d\nclient_name=unknown\n"+
		"server_address=198.51.100.1\nserver_port=25\nhelo_name=%s\nsender=%s\nrecipient=%s\npolicy_context=%s\ninstance=1.1.%d\n\n",
		state, d.client, d.port, helo, from, to, stage, d.port)
}

func postfixAsks(listener netip.AddrPort, d dialogue) error {
	c, err := askPolicy(listener)
	if err != nil {
		return err
	}
	defer c.Close()
	return d.inTurn(func(state, helo, from, to string) error {
		_, err := c.ask(d.inText(state, helo, from, to))
		return err
	})
}

// eximAsks asks as ${readsocket} does: it shuts down its side, and reads to the end.
func eximAsks(listener netip.AddrPort, d dialogue) error {
	return d.inTurn(func(state, helo, from, to string) error {
		c, err := net.Dial("tcp", listener.String())
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := io.WriteString(c, d.inText(state, helo, from, to)); err != nil {
			return err
		}
		c.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(c)
		if err == nil && !strings.HasPrefix(string(answer), "action=") {
			err = fmt.Errorf("%s is answered %q", state, answer)
		}
		return err
	})
}

func milterAsks(listener netip.AddrPort, d dialogue) error {
	s, err := milter.NewClient("tcp", listener.String()).Session(milter.NewMacroBag())
	if err != nil {
		return err
	}
	defer s.Close()
	if len(d.helos) == 0 {
		d.helos = []string{""} // the library's client does not go on without EHLO
	}
	return d.inTurn(func(state, helo, from, to string) error {
		var err error
		switch state {
		case "CONNECT":
			family := milter.FamilyInet
			if d.addr().Addr().Is6() {
				family = milter.FamilyInet6
			}
			_, err = s.Conn("unknown", family, d.addr().Port(), d.client)
		case "EHLO":
			_, err = s.Helo(helo)
		case "MAIL":
			_, err = s.Mail(from, "")
		case "RCPT":
			_, err = s.Rcpt(to, "")
		}
		return err
	})
}

func nginxAsks(listener netip.AddrPort, d dialogue) error {
	r, err := http.NewRequest("GET", "http://"+listener.String()+"/", nil)
	if err != nil {
		return err
	}
	helo := ""
	for _, helo = range d.helos {
	}
	for name, value := range map[string]string{
		"Auth-Method": "none", "Auth-Protocol": "smtp", "Auth-Login-Attempt": "1", "Client-IP": d.client, "Client-Host": "[UNAVAILABLE]",
		"Auth-SMTP-Helo": helo, "Auth-SMTP-From": "MAIL FROM:<" + d.from + ">", "Auth-SMTP-To": "RCPT TO:<" + d.to + ">",
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.Header.Get("Auth-Status") == "" {
		return fmt.Errorf("%s without Auth-Status", answer.Status)
	}
	return nil
}

func httpAsks(listener *httpListener, d dialogue) error {
	return d.inTurn(func(state, helo, from, to string) error {
		facts := []string{"stage", strings.ToLower(strings.Replace(state, "EHLO", "HELO", 1)), "client", d.client, "session", fmt.Sprint(d.port)}
		if helo != "" {
			facts = append(facts, "verb", "EHLO", "helo", helo)
		}
		if state != "CONNECT" && state != "EHLO" {
			facts = append(facts, "sender", from, "recipient", to)
		}
		_, err := listener.judge(facts...)
		return err
	})
}

func qmailAsks(q *qmail, d dialogue) error {
	s, _ := q.connect(d.client, fmt.Sprintf("TCPREMOTEPORT=%d", d.port))
	for _, helo := range d.helos {
		s.say("EHLO " + helo)
	}
	s.say("MAIL FROM:<" + d.from + ">")
	s.say("RCPT TO:<" + d.to + ">")
	return nil
}

// smtpdAsks starts helogate as a filter of OpenSMTPD, with all clients at once, and returns what it decided.
func (l *lab) smtpdAsks(t *testing.T, config string) map[string]string {
	t.Helper()
	d := l.prepare(t, "")
	d.write(config)
	cmd := exec.Command(d.binary, "opensmtpd", "--config", d.config)
	cmd.Env = cleanEnv()
	in, err := cmd.StdinPipe()
	must(t, err)
	answers, err := cmd.StdoutPipe()
	must(t, err)
	var log output
	cmd.Stderr = &log
	must(t, cmd.Start())
	fmt.Fprint(in, "config|smtpd-version|7.0.0\nconfig|smtp-session-timeout|300\nconfig|subsystem|smtp-in\nconfig|ready\n")
	read := bufio.NewReader(answers)
	for i, c := range severalClients() {
		id := fmt.Sprintf("%016x", i+1)
		addr, server := c.addr().String(), "198.51.100.1:25"
		fmt.Fprintf(in, "report|0.7|1.000000|smtp-in|link-connect|%s|x|pass|%s|%s\n", id, addr, server)
		must(t, c.inTurn(func(state, helo, from, to string) error {
			phase := map[string]string{"CONNECT": "connect|" + id + "|b1|x|" + c.client, "EHLO": "ehlo|" + id + "|b1|" + helo,
				"MAIL": "mail-from|" + id + "|b1|" + from, "RCPT": "rcpt-to|" + id + "|b1|" + to}[state]
			if _, err := fmt.Fprintf(in, "filter|0.7|1.000000|smtp-in|%s\n", phase); err != nil {
				return err
			}
			for { // past what it registers
				line, err := read.ReadString('\n')
				if err != nil || strings.HasPrefix(line, "filter-result|"+id+"|b1|") {
					return err
				}
			}
		}))
	}
	in.Close()
	must(t, cmd.Wait()) // which writes out the log
	decided := map[string]string{}
	for _, v := range verdictsIn(t, log.String()) {
		if v.Stage == "rcpt" {
			decided[v.To] = v.decided()
		}
	}
	return decided
}
