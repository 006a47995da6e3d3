package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// Each file of testdata/opensmtpd is a dialogue with smtpd, in the form that TestPostfixDialogues has; in those whose
// names begin with headers messages come through us, and mx.example.net is our name.
func TestOpenSMTPDDialogues(t *testing.T) {
	playDialogues(t, "opensmtpd", func(t *testing.T, name string) player {
		d := &dialogue{t: t, respond: func() response.Response { return response.Response{Action: helogate.Continue} }}
		o := &OpenSMTPD{}
		if strings.HasPrefix(name, "headers") {
			o.Headers, o.Name = true, "mx.example.net"
		}
		d.conn = startOpenSMTPD(t, &Server{Protocol: o, Judge: d.judge, Log: d.log.logger()}, ErrGone).conn
		d.in = bufio.NewReader(d.conn)
		return d
	})
}

// An smtpdEnd is smtpd's end of a listener's connection.
type smtpdEnd struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// startOpenSMTPD runs a listener, which is to end so when the test ends, or its connection.
func startOpenSMTPD(t *testing.T, o *Server, ends error) *smtpdEnd {
	t.Helper()
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- o.Serve(Stdio(there, there)) }()
	t.Cleanup(func() {
		here.Close()
		if err := <-served; !errors.Is(err, ends) || (err == nil) != (ends == nil) {
			t.Errorf("Serve ended with %v, not %v", err, ends)
		}
		if err := o.Shutdown(context.Background()); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return &smtpdEnd{t, here, bufio.NewReader(here)}
}

// greeted is one that has registered.
func (s *smtpdEnd) greeted() *smtpdEnd {
	s.t.Helper()
	s.say("config|ready")
	for s.hear() != "register|ready" {
	}
	return s
}

func (s *smtpdEnd) say(lines ...string) {
	s.t.Helper()
	if _, err := io.WriteString(s.conn, strings.Join(lines, "\n")+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *smtpdEnd) hear() string {
	s.t.Helper()
	line, err := s.in.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%q and %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (s *smtpdEnd) expect(want string) {
	s.t.Helper()
	if got := s.hear(); got != want {
		s.t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// connects is a client's arrival, and his greeting.
func connects(session string) []string {
	return []string{
		"report|0.6|1.000000|smtp-in|link-connect|" + session + "|x|pass|192.0.2.25:59879|198.51.100.1:25",
		"filter|0.6|1.000000|smtp-in|ehlo|" + session + "|b1|" + session + ".example.com",
	}
}

// A judgement that takes long holds up no other session, and no message.
func TestOpenSMTPDSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		judge := func(_ context.Context, f helogate.Facts) response.Response {
			if f.Helo == "a1.example.com" {
				<-free
			}
			return response.Response{Action: helogate.Continue}
		}
		o := &Server{Protocol: &OpenSMTPD{Headers: true}, Judge: judge}
		s := startOpenSMTPD(t, o, ErrGone).greeted()
		s.say(connects("a1")...)
		s.say(connects("a2")...)
		s.expect("filter-result|a2|b1|proceed")
		s.say("filter|0.6|1.000000|smtp-in|data-line|a2|b5|.")
		s.expect("filter-dataline|a2|b5|.")
		if n := o.Connections(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		close(free)
		s.expect("filter-result|a1|b1|proceed")
		s.say("report|0.6|1.000000|smtp-in|link-disconnect|a1")
		synctest.Wait()
		if n := o.Connections(); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// A stop lets what is being judged be answered, and begins no more.
func TestOpenSMTPDShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		judged := 0
		o := &Server{Protocol: &OpenSMTPD{}, Judge: func(context.Context, helogate.Facts) response.Response {
			judged++
			<-free
			return response.Response{Action: helogate.Reject}
		}}
		s := startOpenSMTPD(t, o, nil).greeted()
		s.say(connects("a1")...)
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- o.Shutdown(context.Background()) }()
		synctest.Wait()
		s.say(connects("a2")...)
		synctest.Wait()
		if judged != 1 || len(stopped) > 0 {
			t.Error("judged", judged, "and stopped", len(stopped))
		}
		close(free)
		s.expect("filter-result|a1|b1|reject|550 5.7.1 refused by policy")
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if rest, _ := io.ReadAll(s.in); len(rest) > 0 {
			t.Errorf("and then %q", rest)
		}
	})
}

// A stop that must not wait ends the judgements, and makes no answer up.
func TestOpenSMTPDStopByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &Server{Protocol: &OpenSMTPD{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		s := startOpenSMTPD(t, o, nil).greeted()
		s.say(connects("a1")...)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := o.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if rest, _ := io.ReadAll(s.in); len(rest) > 0 {
			t.Errorf("answered %q", rest)
		}
	})
}

// When smtpd goes, judgements end at once: nobody waits for them.
func TestOpenSMTPDGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		s := startOpenSMTPD(t, &Server{Protocol: &OpenSMTPD{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			close(ended)
			return response.Response{}
		}}, ErrGone).greeted()
		s.say(connects("a1")...)
		synctest.Wait()
		s.say("filter|0.6|1.000000|smtp-in|ehlo|a1|b1|cut off"[:40]) // which is no line without its end
		s.conn.Close()
		<-ended
	})
}

// An answer in the form of before 0.5 would have its fields in another order, and end smtpd: so we do, and say why.
func TestOpenSMTPDTooOld(t *testing.T) {
	here, there := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- (&Server{Protocol: &OpenSMTPD{}, Judge: passes}).Serve(Stdio(there, there)) }()
	s := (&smtpdEnd{t, here, bufio.NewReader(here)}).greeted()
	s.say("filter|0.4|1.000000|smtp-in|ehlo|a1|b1|mail.example.com")
	const want = "this smtpd speaks version 0.4 of the filter protocol, and helogate 0.5 to 0.7: OpenSMTPD 6.6.2 is the first that has it"
	if err := <-served; err == nil || err.Error() != want {
		t.Error(err)
	}
	if rest, _ := io.ReadAll(s.in); len(rest) > 0 {
		t.Errorf("answered %q", rest)
	}
}

// A line of any length that smtpd may send is answered; one beyond all limits is not, and the next one is.
func TestOpenSMTPDLongLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		s := startOpenSMTPD(t, &Server{Protocol: &OpenSMTPD{Headers: true}, Judge: passes, Log: log.logger()}, ErrGone).greeted()
		const prefix = "filter|0.6|1.000000|smtp-in|data-line|a1|b5|"
		for _, n := range []int{0, 998, 4096, 65_535 - len(prefix), 65_536 - len(prefix), 65_537 - len(prefix), 150_000, maxSMTPDLine - len(prefix)} {
			text := strings.Repeat("x", n)
			go io.WriteString(s.conn, prefix+text+"\n")
			s.expect("filter-dataline|a1|b5|" + text)
		}
		for _, n := range []int{maxSMTPDLine + 1 - len(prefix), 3_000_000} {
			go io.WriteString(s.conn, prefix+strings.Repeat("x", n)+"\n"+prefix+".\n")
			s.expect("filter-dataline|a1|b5|.")
		}
		logged(t, &log, 2, "is too long")
	})
}

// Sessions that come and never go do not fill the memory.
func TestOpenSMTPDMaxSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		o := &Server{Protocol: &OpenSMTPD{}, Judge: passes, Log: log.logger()}
		s := startOpenSMTPD(t, o, ErrGone).greeted()
		var full []string
		for i := range maxSMTPDSessions - 3 {
			full = append(full, connects(fmt.Sprintf("f%d", i))[0])
		}
		s.say(full...)
		for i := range 5 {
			s.say(connects(fmt.Sprintf("a%d", i))...)
			s.expect(fmt.Sprintf("filter-result|a%d|b1|proceed", i))
		}
		if n := o.Connections(); n != maxSMTPDSessions {
			t.Errorf("%d sessions", n)
		}
		logged(t, &log, 2, "too many sessions")
	})
}

// BenchmarkOpenSMTPDDataLines is how fast a message goes through us.
func BenchmarkOpenSMTPDDataLines(b *testing.B) {
	s := &Server{}
	s.init()
	o := (&OpenSMTPD{Headers: true, Name: "mx.example.net"}).newConn(s, io.Discard)
	defer o.close()
	o.known["dc1b93a61ea4b2ee"] = &smtpdSession{fields: []header.Field{{Name: "X-Helogate", Value: "id=x"}}}
	line := "filter|0.6|1795199730.308311|smtp-in|data-line|dc1b93a61ea4b2ee|709e86d046c28599|" + strings.Repeat("a line of text. ", 4)
	b.SetBytes(64)
	for b.Loop() {
		if err := o.line(line); err != nil {
			b.Fatal(err)
		}
	}
}
