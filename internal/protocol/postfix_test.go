package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

const (
	smallRequest = "request=smtpd_access_policy\nclient_address=192.0.2.25\n\n"
	dunno        = "action=DUNNO\n\n"
)

// say sends without waiting until somebody reads.
func say(t *testing.T, c net.Conn, text string) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(c, text)
	}()
	t.Cleanup(func() { c.Close(); <-sent })
}

func answered(t *testing.T, c net.Conn) {
	t.Helper()
	got := make([]byte, len(dunno))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != dunno {
		t.Fatalf("answer %q, %v", got, err)
	}
}

func closedWithout(t *testing.T, c net.Conn) {
	t.Helper()
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("got %q and %v, want it closed without an answer", got, err)
	}
}

func logged(t *testing.T, log *logbook, times int, text string) {
	t.Helper()
	synctest.Wait()
	if n := strings.Count(log.String(), text); n != times {
		t.Errorf("%q is %d times in the log, want %d:\n%s", text, n, times, log.String())
	}
}

// padded is a request of exactly size bytes.
func padded(size int) string {
	head := strings.TrimSuffix(smallRequest, "\n") + "padding="
	return head + strings.Repeat("x", size-len(head)-2) + "\n\n"
}

func TestMaxRequest(t *testing.T) {
	const limit = 64 << 10
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"as large as may be": {padded(limit), true},
		"a byte more":        {padded(limit + 1), false},
		"a line without end": {"request=smtpd_access_policy\nhelo_name=" + strings.Repeat("x", limit), false},
		"lines without end":  {"request=smtpd_access_policy\n" + strings.Repeat("a=b\n", limit/4), false},
		"10,000 attributes":  {strings.Repeat("a=b\n", 10_000) + smallRequest, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logbook
				l := serveListener(t, &Server{Protocol: &Postfix{}, Judge: passes, Log: log.logger()})
				conn := l.dial()
				say(t, conn, c.text)
				if c.ok {
					answered(t, conn)
					logged(t, &log, 0, "level=WARN")
					return
				}
				closedWithout(t, conn)
				logged(t, &log, 1, "a request of more than 65536 bytes")
			})
		})
	}
}

// Requests of all sizes, sent ahead, cut anywhere: none is lost or mixed with another.
func TestPipelinedSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sizes := []int{1, 5_000, 1, 10 << 10, 4_096, 1, 60_000, 60_001, 3, 4_095, 1}
		l := serveListener(t, &Server{Protocol: &Postfix{}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
			return response.Response{Action: helogate.Reject, Reply: helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprint(len(f.Helo))}}
		}})
		var all strings.Builder
		for _, size := range sizes {
			fmt.Fprintf(&all, "request=smtpd_access_policy\nprotocol_state=HELO\nclient_address=192.0.2.25\nhelo_name=%s\n\n",
				strings.Repeat("h", size))
		}
		conn := l.dial()
		say(t, conn, all.String())
		in := bufio.NewReader(conn)
		for _, size := range sizes {
			line, err := in.ReadString('\n')
			if want := fmt.Sprintf("action=550 5.7.1 %d\n", size); line != want || err != nil {
				t.Fatalf("got %q and %v, want %q", line, err, want)
			}
			in.ReadString('\n')
		}
	})
}

// What a connection holds while it waits is small again after a large request.
func TestIdleConnectionIsSmall(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	s := &Server{}
	s.init()
	r := newPolicyConn(&conn{Conn: there, server: s}, &postfixLimits)
	say(t, here, padded(60_000)+smallRequest)
	for range 2 {
		if _, err := r.next(); err != nil {
			t.Fatal(err)
		}
	}
	there.Close()
	if _, err := r.next(); err == nil {
		t.Fatal("a request on a closed connection")
	}
	if len(r.buf) > postfixLimits.buffer {
		t.Errorf("holds %d bytes", len(r.buf))
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = 15 * time.Minute
		var log logbook
		conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: passes, Log: log.logger()}).dial()
		for _, wait := range []time.Duration{want - 1, time.Second, 14 * time.Minute, want - 1} {
			time.Sleep(wait)
			io.WriteString(conn, smallRequest)
			answered(t, conn)
		}
		begin := time.Now()
		closedWithout(t, conn)
		if got := time.Since(begin); got != want {
			t.Errorf("closed after %s, want %s", got, want)
		}
		logged(t, &log, 0, "level=")
	})
}

// Who sends a byte a second has 30 seconds for a request, not for each of its bytes.
func TestRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = 30 * time.Second
		var log logbook
		conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: passes, Log: log.logger()}).dial()
		time.Sleep(10 * time.Minute) // idle, which is no part of the request
		begin := time.Now()
		var err error
		for i := 0; err == nil; i++ {
			_, err = conn.Write([]byte(padded(4000)[i : i+1]))
			time.Sleep(time.Second)
		}
		if got := time.Since(begin); got < want || got > want+2*time.Second {
			t.Errorf("closed after %s, want %s", got, want)
		}
		closedWithout(t, conn)
		logged(t, &log, 1, "a request that was not whole after 30s")
	})
}

// A slow sender that keeps within the limit is answered, also when the next request begins in the same packet.
func TestSlowButInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: passes}).dial()
		io.WriteString(conn, smallRequest[:5])
		for range 3 {
			time.Sleep(29 * time.Second)
			say(t, conn, smallRequest[5:]+smallRequest[:5])
			answered(t, conn)
		}
		conn.Close()
	})
}

// Who takes no answer has 10 seconds, whenever the one before was written.
func TestWriteTimeout(t *testing.T) {
	for _, before := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			const want = 10 * time.Second
			conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: passes}).dial()
			io.WriteString(conn, smallRequest)
			answered(t, conn)
			time.Sleep(before)
			io.WriteString(conn, smallRequest)
			begin := time.Now()
			io.WriteString(conn, smallRequest) // not read before the answer is, and that is never
			if got := time.Since(begin); got != want {
				t.Errorf("closed after %s, want %s", got, want)
			}
			closedWithout(t, conn)
		})
	}
}

// A peer that goes away in the middle of a request is not answered, and no warning is made of it.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		judge := func(context.Context, helogate.Facts) response.Response { t.Error("judged"); return response.Response{} }
		l := serveListener(t, &Server{Protocol: &Postfix{}, Judge: judge, Log: log.logger()})
		for _, n := range []int{0, 1, len(smallRequest) / 2, len(smallRequest) - 1} {
			conn := l.dial()
			io.WriteString(conn, smallRequest[:n])
			conn.Close()
		}
		logged(t, &log, 0, "level=WARN")
		logged(t, &log, 3, "connection lost")
	})
}

// The warning about clients without an address comes once a minute, with how often it was left out.
func TestNoAddressIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		judge := func(context.Context, helogate.Facts) response.Response { t.Error("judged"); return response.Response{} }
		conn := serveListener(t, &Server{Protocol: &Postfix{}, Judge: judge, Log: log.logger()}).dial()
		noAddress := strings.Replace(smallRequest, "192.0.2.25", "unknown", 1)
		for minute := range 2 {
			for range 100 {
				io.WriteString(conn, noAddress)
				answered(t, conn)
			}
			logged(t, &log, 1+minute, "a client without an IP address")
			time.Sleep(time.Minute)
		}
		logged(t, &log, 1, "suppressed=0")
		logged(t, &log, 1, "suppressed=99")
		conn.Close()
	})
}

// Exim's readsocket, and a hand with nc, close their side after the request.
func TestHalfClose(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", filepath.Join(t.TempDir(), "policy")} {
		conn := dial(t, serveOn(t, address, &Server{Protocol: &Postfix{}, Judge: passes}))
		io.WriteString(conn, smallRequest)
		conn.(interface{ CloseWrite() error }).CloseWrite()
		if got, err := io.ReadAll(conn); string(got) != dunno || err != nil {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
}

func serveOn(t *testing.T, address string, p *Server) net.Listener {
	t.Helper()
	l := listenOn(t, address, 0o600)
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	t.Cleanup(func() {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// 2,000 connections that wait hold up nobody, are answered when they ask, and go when the listener closes.
func TestIdleCrowd(t *testing.T) {
	p := &Server{Protocol: &Postfix{}, Judge: passes}
	l := serveOn(t, filepath.Join(t.TempDir(), "policy"), p)
	crowd := make([]net.Conn, 2000)
	for i := range crowd {
		crowd[i] = dial(t, l)
	}
	busy := dial(t, l)
	for range 5000 {
		io.WriteString(busy, smallRequest)
		answered(t, busy)
	}
	for _, c := range crowd {
		io.WriteString(c, smallRequest)
		answered(t, c)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	for _, c := range crowd {
		closedWithout(t, c)
	}
}

// A judgement that takes long holds up no other connection.
func TestJudgementsAreSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var asked atomic.Int32
		l := serveListener(t, &Server{Protocol: &Postfix{}, Judge: func(context.Context, helogate.Facts) response.Response {
			if asked.Add(1) == 1 {
				<-free
			}
			return response.Response{Action: helogate.Continue}
		}})
		slow, quick := l.dial(), l.dial()
		io.WriteString(slow, smallRequest)
		synctest.Wait()
		io.WriteString(quick, smallRequest)
		answered(t, quick)
		close(free)
		answered(t, slow)
		slow.Close()
		quick.Close()
	})
}
