package door

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// An httpDoor is an httpServer and where to reach it.
type httpDoor struct {
	*httpServer
	*pipeListener
	log logbook
}

func serveHTTP(t *testing.T, s *httpServer, handle http.HandlerFunc) *httpDoor {
	t.Helper()
	d := &httpDoor{httpServer: s, pipeListener: newPipeListener()}
	served := make(chan error, 1)
	go func() { served <- s.serve(d.pipeListener, d.log.logger(), handle) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.shutdown(ctx)
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
		synctest.Wait()
		if n := s.open(); n != 0 {
			t.Errorf("%d connections are open after shutdown", n)
		}
	})
	return d
}

const smallGet = "GET /path HTTP/1.1\r\nHost: helogate\r\n\r\n"

func sayYes(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "yes") }

// httpStatus reads an answer and returns its status and body; 0 if the connection ends without one.
func httpStatus(t *testing.T, in *bufio.Reader) (int, string) {
	t.Helper()
	r, err := http.ReadResponse(in, nil)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return 0, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// askHTTP is one request on a connection of its own.
func askHTTP(t *testing.T, d *httpDoor, request string) (int, string) {
	t.Helper()
	c := d.dial()
	say(t, c, request)
	return httpStatus(t, bufio.NewReader(c))
}

func TestHTTPLimits(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if _, is := errors.AsType[*http.MaxBytesError](err); is {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}
	post := func(size int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
	}
	header := func(size int) string {
		return "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", size) + "\r\n\r\n"
	}
	for name, c := range map[string]struct {
		server  *httpServer
		request string
		want    int
	}{
		"all is small":              {&httpServer{}, smallGet, 200},
		"a body as large as may be": {&httpServer{}, post(64 << 10), 200},
		"a byte more":               {&httpServer{}, post(64<<10 + 1), 413},
		"a limit of one's own":      {&httpServer{maxBody: 10}, post(10), 200},
		"more than that":            {&httpServer{maxBody: 10}, post(11), 413},
		"chunks without end": {&httpServer{maxBody: 10},
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4\r\nxxxx\r\n", 10), 413},
		"a header that fits":   {&httpServer{}, header(16 << 10), 200},
		"one that does not":    {&httpServer{}, header(21 << 10), 431},
		"less header":          {&httpServer{maxHeader: 100}, header(5 << 10), 431},
		"no HTTP":              {&httpServer{}, "EHLO mx.example.org\r\n\r\n", 400},
		"OPTIONS is no matter": {&httpServer{}, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, c.server, read)
				if got, _ := askHTTP(t, d, c.request); got != c.want {
					t.Errorf("status %d, want %d", got, c.want)
				}
			})
		})
	}
}

// Who says nothing, or only a part, or does not take his answer, does not stay.
func TestHTTPTimeouts(t *testing.T) {
	readAll := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		sayYes(w, r)
	}
	for name, c := range map[string]struct {
		server  *httpServer
		sent    string
		answers int // read before the time is taken
		want    time.Duration
	}{
		"nothing":                    {&httpServer{}, "", 0, 10 * time.Second},
		"part of a header":           {&httpServer{}, smallGet[:20], 0, 10 * time.Second},
		"part of a body":             {&httpServer{}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", 0, 30 * time.Second},
		"between requests":           {&httpServer{}, smallGet, 1, 2 * time.Minute},
		"nothing, a time of its own": {&httpServer{headerTimeout: time.Second}, "", 0, time.Second},
		"a body, a time of its own": {&httpServer{readTimeout: 20 * time.Second},
			"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", 0, 20 * time.Second},
		"between, a time of its own": {&httpServer{idleTimeout: time.Second}, smallGet, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, c.server, readAll)
				conn := d.dial()
				in := bufio.NewReader(conn)
				say(t, conn, c.sent)
				for range c.answers {
					if got, _ := httpStatus(t, in); got != 200 {
						t.Fatal(got)
					}
				}
				begin := time.Now()
				io.Copy(io.Discard, in)
				if took := time.Since(begin); took != c.want {
					t.Errorf("closed after %s, want %s", took, c.want)
				}
			})
		})
	}
}

// The time for taking an answer begins with the answer: a judge may think longer than that.
func TestHTTPWriteTimeout(t *testing.T) {
	for name, thinks := range map[string]time.Duration{"at once": 0, "after a while": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &httpServer{writeTimeout: 3 * time.Second}
				d := serveHTTP(t, s, func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(thinks)
					sayYes(w, r)
				})
				conn := d.dial()
				say(t, conn, smallGet+smallGet)
				in := bufio.NewReader(conn)
				for range 2 {
					if got, body := httpStatus(t, in); got != 200 || body != "yes" {
						t.Fatal(got, body)
					}
				}
				io.WriteString(conn, smallGet)
				begin := time.Now()
				for s.open() > 0 { // nobody reads
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if took := time.Since(begin); took < thinks+3*time.Second || took > thinks+5*time.Second {
					t.Errorf("closed after %s", took)
				}
			})
		})
	}
}

// On a connection that was idle for longer than an answer may take, a client that asks whether it may send a body is told.
func TestHTTPExpectContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveHTTP(t, &httpServer{}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			sayYes(w, r)
		}).dial()
		in := bufio.NewReader(conn)
		say(t, conn, smallGet)
		if got, _ := httpStatus(t, in); got != 200 {
			t.Fatal(got)
		}
		time.Sleep(time.Minute)
		say(t, conn, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if got, _ := httpStatus(t, in); got != 100 {
			t.Fatal(got)
		}
		say(t, conn, "abc")
		if got, _ := httpStatus(t, in); got != 200 {
			t.Fatal(got)
		}
	})
}

func TestHTTPPanics(t *testing.T) {
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		want   int
		logged int
	}{
		"before the answer": {func(http.ResponseWriter, *http.Request) { panic("as told") }, 500, 1},
		"with a header set": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Auth-Status", "OK")
			panic("as told")
		}, 500, 1},
		"in the answer": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 10))
			panic("as told")
		}, 0, 1},
		"without an answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, &httpServer{}, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/path" {
						c.handle(w, r)
					}
				})
				conn := d.dial()
				say(t, conn, smallGet)
				in := bufio.NewReader(conn)
				r, err := http.ReadResponse(in, nil)
				if c.want == 0 {
					if err == nil {
						t.Errorf("answered %s", r.Status)
					}
				} else if err != nil || r.StatusCode != c.want || r.Header.Get("Auth-Status") != "" || !r.Close {
					t.Errorf("%+v and %v", r, err)
				}
				logged(t, &d.log, c.logged, "as told")
				logged(t, &d.log, c.logged, "level=ERROR")
				if got, _ := askHTTP(t, d, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); got != 200 {
					t.Errorf("afterwards %d", got)
				}
			})
		})
	}
}

// What is being judged is answered, though the server stops; what is idle is closed at once.
func TestHTTPShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		s := &httpServer{}
		d := serveHTTP(t, s, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/path" {
				<-free
			}
			sayYes(w, r)
		})
		judged, idle, silent := d.dial(), d.dial(), d.dial()
		say(t, judged, smallGet)
		say(t, idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		fromIdle := bufio.NewReader(idle)
		if got, _ := httpStatus(t, fromIdle); got != 200 {
			t.Fatal(got)
		}
		synctest.Wait()
		if n := s.open(); n != 3 {
			t.Errorf("%d connections are open, want 3", n)
		}
		down := make(chan error, 1)
		begin := time.Now()
		go func() { down <- s.shutdown(context.Background()) }()
		closedWithout(t, idle)
		if took := time.Since(begin); took > lastLook {
			t.Errorf("an idle connection was closed after %s", took)
		}
		closedWithout(t, silent)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("a silent connection was closed after %s", took)
		}
		if s.ctx.Err() != nil {
			t.Error("the judgements were ended")
		}
		close(free)
		if got, body := httpStatus(t, bufio.NewReader(judged)); got != 200 || body != "yes" {
			t.Error(got, body)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

func TestHTTPShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &httpServer{}
		ended := make(chan struct{})
		d := serveHTTP(t, s, func(http.ResponseWriter, *http.Request) {
			<-s.ctx.Done()
			close(ended)
			panic(http.ErrAbortHandler)
		})
		judged, partial := d.dial(), d.dial()
		say(t, judged, smallGet)
		say(t, partial, smallGet[:10])
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := s.shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "closed 2 connections") {
			t.Error(err)
		}
		<-ended
		closedWithout(t, judged)
		closedWithout(t, partial)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("closed after %s", took)
		}
	})
}

// A judgement does not end because who asked for it has gone: what was found is worth keeping.
func TestHTTPClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &httpServer{}
		judged := make(chan error, 1)
		d := serveHTTP(t, s, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			judged <- s.ctx.Err()
		})
		conn := d.dial()
		io.WriteString(conn, smallGet)
		synctest.Wait()
		conn.Close()
		if err := <-judged; err != nil {
			t.Error(err)
		}
	})
}

func TestHTTPShutdownUnused(t *testing.T) {
	s := &httpServer{}
	for range 2 {
		if err := s.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	l := newPipeListener()
	if err := s.serve(l, nil, sayYes); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("serve after shutdown left its listener open")
	}
}

// What is registered with net/http for the whole process is not reached.
func TestHTTPNoDefaultMux(t *testing.T) {
	old := http.DefaultServeMux
	defer func() { http.DefaultServeMux = old }()
	http.DefaultServeMux = http.NewServeMux()
	http.DefaultServeMux.HandleFunc("/path", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	synctest.Test(t, func(t *testing.T) {
		if got, _ := askHTTP(t, serveHTTP(t, &httpServer{}, sayYes), smallGet); got != 200 {
			t.Error(got)
		}
	})
}

// A broken listener refuses with one error, n times before it accepts; n below 0 is for ever.
type brokenListener struct {
	*pipeListener
	n   int
	err error
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.n != 0 {
		l.n--
		return nil, &net.OpError{Op: "accept", Err: l.err}
	}
	return l.pipeListener.Accept()
}

func TestHTTPAccept(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENOBUFS, syscall.ECONNABORTED} {
		synctest.Test(t, func(t *testing.T) {
			var log logbook
			s, l := &httpServer{}, &brokenListener{newPipeListener(), 3, err}
			served := make(chan error, 1)
			go func() { served <- s.serve(l, log.logger(), sayYes) }()
			conn := l.dial()
			io.WriteString(conn, smallGet)
			if got, _ := httpStatus(t, bufio.NewReader(conn)); got != 200 {
				t.Error(got)
			}
			logged(t, &log, 3, "level=WARN")
			if err := s.shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	s := &httpServer{}
	if err := s.serve(&brokenListener{newPipeListener(), -1, syscall.EINVAL}, nil, sayYes); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
