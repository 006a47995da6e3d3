package protocol

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d--j/go-milter"
	"github.com/emersion/go-message/textproto"
	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// What is no milter dialogue is closed without an answer, and the log says why. What came before it is answered.
func TestMilterBroken(t *testing.T) {
	begin := func(more ...string) []string { return append([]string{optNeg, connectMsg, heloMsg}, more...) }
	long := strings.Repeat("x", 70_000)
	for name, c := range map[string]struct {
		well []string // frames that are answered
		then string   // bytes
		log  string
	}{
		"another protocol":             {nil, "GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes, not of 1 to 1048576"},
		"an empty frame":               {begin(), "\x00\x00\x00\x00", "a frame of 0 bytes"},
		"a frame without end":          {begin(), "\x7f\xff\xff\xffL", "a frame of 2147483647 bytes"},
		"a byte more than may be":      {begin(), "\x00\x10\x00\x01", "a frame of 1048577 bytes"},
		"no negotiation":               {nil, frame(connectMsg), "the first frame is CONNECT, not one to negotiate"},
		"two of them":                  {begin(), frame(optNeg), "OPTNEG a second time"},
		"half a negotiation":           {nil, frame(optNeg[:12]), "OPTNEG has 11 bytes, not 12"},
		"version 1":                    {nil, frame("O\x00\x00\x00\x01" + optNeg[5:]), "OPTNEG is of version 1"},
		"an unknown command":           {begin(), frame("Z"), "command Z is no command"},
		"HELO before CONNECT":          {[]string{optNeg}, frame(heloMsg), "HELO before the client is known"},
		"MAIL before CONNECT":          {[]string{optNeg}, frame(mailMsg), "MAIL before the client is known"},
		"RCPT before MAIL":             {begin(), frame(rcptMsg), "RCPT before MAIL"},
		"EOM before MAIL":              {begin(), frame("E"), "EOM before MAIL"},
		"HEADER after EOM":             {begin(mailMsg), frame("E") + frame("LX\x00y\x00"), "HEADER before MAIL"},
		"HELO after QUIT_NC":           {begin(), frame("K") + frame(heloMsg), "HELO before the client is known"},
		"CONNECT without family":       {[]string{optNeg}, frame("Cx\x00"), "CONNECT has no address family"},
		"CONNECT without end":          {[]string{optNeg}, frame("Cx"), "CONNECT has no address family"},
		"CONNECT of another family":    {[]string{optNeg}, frame("Cx\x00Z\x00\x01x\x00"), "CONNECT has the address family Z"},
		"CONNECT without port":         {[]string{optNeg}, frame("Cx\x004\x00"), "CONNECT has no port and address"},
		"CONNECT without address":      {[]string{optNeg}, frame("Cx\x004\x00\x01\x00"), "CONNECT has the address"},
		"CONNECT with an open address": {[]string{optNeg}, frame("Cx\x004\x00\x01192.0.2.1"), "CONNECT has no port and address"},
		"CONNECT with a bad address":   {[]string{optNeg}, frame("Cx\x004\x00\x01192.0.2.1.1\x00"), "CONNECT has the address 192.0.2.1.1"},
		"CONNECT with another's":       {[]string{optNeg}, frame("Cx\x004\x00\x012001:db8::1\x00"), "CONNECT has the address 2001:db8::1"},
		"CONNECT with a zone":          {[]string{optNeg}, frame("Cx\x006\x00\x01fe80::1%eth0\x00"), "CONNECT has the address fe80::1%eth0"},
		"HELO without end":             {begin(), frame("Hx"), "HELO has a string without an end"},
		"HELO without anything":        {begin(), frame("H"), "HELO has a string without an end"},
		"MAIL without anything":        {begin(), frame("M"), "MAIL has a string without an end"},
		"a field without a value":      {begin(mailMsg), frame("LX\x00"), "HEADER has not a name and a value"},
		"a field without a name":       {begin(mailMsg), frame("L\x00x\x00"), "HEADER has not a name and a value"},
		"a field without end":          {begin(mailMsg), frame("LX\x00y"), "HEADER has not a name and a value"},
		"macros for nothing":           {begin(), frame("D"), "MACRO has a string without an end"},
		"macros for what is not":       {begin(), frame("DZ"), "MACRO is for no command"},
		"macros without end":           {begin(), frame("DMi\x00x"), "MACRO has a string without an end"},
		"the attacker's text":          {begin(), frame("\x1b[2J"), `command \\x1b is no command`},
		"a long address":               {[]string{optNeg}, frame("Cx\x004\x00\x01" + long + "\x00"), "CONNECT has the address xxx"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				conn := serveListener(t, &Server{Protocol: &Milter{}, Judge: passes, Log: log.logger()}).dial()
				tell(t, conn, c.well...)
				say(t, conn, c.then)
				if strings.HasPrefix(c.then, frame("E")) && len(c.well) == 4 {
					answers(t, conn, "a")
				}
				closedWithout(t, conn)
				logged(t, &log, 1, "level=WARN")
				logged(t, &log, 1, "not the milter protocol, or a wrong use of it: the connection was closed")
				if !strings.Contains(log.String(), c.log) {
					t.Errorf("no %q in\n%s", c.log, log.String())
				}
			})
		})
	}
}

// A field as large as Postfix takes passes, and what holds it is small again afterwards.
func TestMilterLargeFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		d := &Server{Protocol: &Milter{}, Judge: passes}
		d.init()
		conn := &conn{Conn: there, server: d, limits: &milterLimits, whole: frameEnd}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, f := range []string{optNeg, connectMsg, mailMsg, "LSubject\x00" + strings.Repeat("x", 1<<20-10) + "\x00", "LX\x00y\x00"} {
				if got, err := conn.next(); err != nil || string(got) != frame(f) {
					t.Errorf("%.10q: %v, %d bytes", f, err, len(got))
				}
			}
			if len(conn.buf) > milterLimits.buffer {
				t.Errorf("holds %d bytes", len(conn.buf))
			}
		}()
		for _, f := range []string{optNeg, connectMsg, mailMsg, "LSubject\x00" + strings.Repeat("x", 1<<20-10) + "\x00", "LX\x00y\x00"} {
			io.WriteString(here, frame(f))
		}
		<-done
		here.Close()
		there.Close()
	})
}

// A peer that connects and says nothing has not long; one that has begun has as long as an MTA waits for its client.
func TestMilterTimeouts(t *testing.T) {
	for name, c := range map[string]struct {
		well []string
		then string
		want time.Duration
		log  string
	}{
		"nothing":      {nil, "", 30 * time.Second, "nothing came for 30s"},
		"a byte":       {nil, "\x00", 30 * time.Second, "a frame that was not whole after 30s"},
		"negotiated":   {[]string{optNeg}, "", 7210 * time.Second, ""},
		"half a frame": {[]string{optNeg, connectMsg}, "\x00\x00\x00\x20Hx", 30 * time.Second, "a frame that was not whole after 30s"},
		"macros alone": {[]string{optNeg, connectMsg}, frame("DHr\x00x\x00"), 7210 * time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				conn := serveListener(t, &Server{Protocol: &Milter{}, Judge: passes, Log: log.logger()}).dial()
				tell(t, conn, c.well...)
				begin := time.Now()
				say(t, conn, c.then)
				closedWithout(t, conn)
				if got := time.Since(begin); got != c.want {
					t.Errorf("closed after %s, want %s", got, c.want)
				}
				if c.log == "" {
					logged(t, &log, 0, "level=")
				} else {
					logged(t, &log, 1, c.log)
				}
			})
		})
	}
}

// Who takes no answer is not waited for.
func TestMilterWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveListener(t, &Server{Protocol: &Milter{}, Judge: passes}).dial()
		tell(t, conn, optNeg)
		begin := time.Now()
		io.WriteString(conn, frame(connectMsg))
		io.WriteString(conn, frame(heloMsg)) // not read before the answer is, and that is never
		if got := time.Since(begin); got != 10*time.Second {
			t.Errorf("closed after %s", got)
		}
		closedWithout(t, conn)
	})
}

// Shutdown answers what is being judged, lets a message come to its end, and closes who waits for his client.
func TestMilterShutdown(t *testing.T) {
	for name, c := range map[string]struct {
		well  []string
		then  string   // sent before Shutdown, and not answered by then
		after []string // sent and answered after it
		last  string   // the last answer
		took  time.Duration
	}{
		"idle":                      {[]string{optNeg, connectMsg, heloMsg}, "", nil, "", lastLook},
		"nothing said":              {nil, "", nil, "", lastLook},
		"being judged":              {[]string{optNeg, connectMsg}, frame("Hslow\x00"), nil, "c", time.Second + lastLook},
		"a message, and its end":    {[]string{optNeg, connectMsg, mailMsg}, "", []string{rcptMsg, "E"}, "", lastLook},
		"a message, and no end":     {[]string{optNeg, connectMsg, mailMsg, rcptMsg}, "", nil, "", 2*time.Second + lastLook},
		"a command after its macro": {[]string{optNeg, connectMsg}, frame("DHr\x00x\x00"), []string{heloMsg}, "", lastLook},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &Server{Protocol: &Milter{}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
					if f.Helo == "slow" {
						time.Sleep(time.Second)
					}
					return response.Response{Action: helogate.Continue}
				}}
				conn := serveListener(t, d).dial()
				tell(t, conn, c.well...)
				io.WriteString(conn, c.then)
				synctest.Wait()
				begin := time.Now()
				ended := make(chan error, 1)
				go func() { ended <- d.Shutdown(context.Background()) }()
				synctest.Wait()
				for _, f := range c.after {
					io.WriteString(conn, frame(f))
					if f == "E" {
						answers(t, conn, "a")
					} else {
						answers(t, conn, "c")
					}
				}
				if c.last != "" {
					answers(t, conn, c.last)
				}
				closedWithout(t, conn)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took != c.took {
					t.Errorf("it took %s, not %s", took, c.took)
				}
				if n := d.Connections(); n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// By force, judgements are ended, and nothing is answered.
func TestMilterShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		d := &Server{Protocol: &Milter{}, Judge: func(ctx context.Context, f helogate.Facts) response.Response {
			if f.Helo == "" {
				return response.Response{Action: helogate.Continue}
			}
			<-ctx.Done()
			return response.Response{}
		}}
		served := make(chan error, 1)
		go func() { served <- d.Serve(l) }()
		conn := l.dial()
		tell(t, conn, optNeg, connectMsg)
		io.WriteString(conn, frame(heloMsg))
		synctest.Wait()
		if n := d.Connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := d.Shutdown(ctx); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		closedWithout(t, conn)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// The library's client, over a real socket, brings a message as an MTA would.
func TestMilterClient(t *testing.T) {
	d := &Server{Protocol: &Milter{Name: "mx.example.net"}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
		if f.Recipient == "carol@example.net" {
			return response.Response{Action: helogate.Reject, Reply: helogate.Reply{Code: 550, Enhanced: "5.7.25", Text: "100% no"}}
		}
		return response.Response{Action: helogate.Accept, Headers: []header.Field{{Name: "X-Helogate", Value: "id=" + f.Auth + f.Recipient}}}
	}}
	l := listenOn(t, filepath.Join(t.TempDir(), "milter"), 0o600)
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	macros := milter.NewMacroBag()
	macros.Set(milter.MacroAuthAuthen, "jane ")
	s, err := milter.NewClient("unix", l.Addr().String()).Session(macros)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var acts []*milter.Action
	step := func(a *milter.Action, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		acts = append(acts, a)
	}
	step(s.Conn("mail.example.com", milter.FamilyInet, 54321, "192.0.2.25"))
	step(s.Helo("mail.example.com"))
	step(s.Mail("jane@example.com", ""))
	step(s.Rcpt("bob@example.net", ""))
	step(s.Rcpt("carol@example.net", ""))
	head := textproto.Header{}
	head.Add("Authentication-Results", "mx.example.net; spf=pass")
	head.Add("Subject", "hello")
	step(s.Header(head))
	changes, end, err := s.BodyReadFrom(strings.NewReader("Hello.\r\n"))
	step(end, err)
	var got []string
	for _, a := range acts {
		got = append(got, a.String())
	}
	for _, c := range changes {
		got = append(got, c.String())
	}
	want := []string{"Continue", "Continue", "Continue", "Continue", `RejectWithCode 550 "550 5.7.25 100%% no"`, "Continue", "Accept",
		`ChangeHeader 1 "Authentication-Results" ""`, `InsertHeader 0 "X-Helogate" "id=jane bob@example.net"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.Close()
	if err := d.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// The warning about clients without an address comes once a minute.
func TestMilterNoAddressIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		judge := func(context.Context, helogate.Facts) response.Response { t.Error("judged"); return response.Response{} }
		conn := serveListener(t, &Server{Protocol: &Milter{}, Judge: judge, Log: log.logger()}).dial()
		tell(t, conn, optNeg)
		for minute := range 2 {
			for range 100 {
				tell(t, conn, "Cunknown\x00U", heloMsg)
			}
			logged(t, &log, 1+minute, "a client without an IP address")
			time.Sleep(time.Minute)
		}
		logged(t, &log, 1, "suppressed=99")
		conn.Close()
	})
}
