package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// rawHTTP is HTTP with a handler of a test's own.
type rawHTTP struct {
	httpServer
	handler http.HandlerFunc
}

func (*rawHTTP) missing() string        { return "" }
func (p *rawHTTP) answer(c *conn) error { return p.httpServer.answer(c, p.handler) }

// handlerOf is what answers a request to a server, without its connections.
func handlerOf(s *Server) http.HandlerFunc {
	s.init()
	switch p := s.Protocol.(type) {
	case *HTTP:
		p.init(s, p.request)
		return p.request
	case *Nginx:
		p.init(s, p.request)
		return p.request
	}
	panic("no HTTP")
}

// An httpListener is a server and where to reach it.
type httpListener struct {
	*Server
	*pipeListener
	log logbook
}

func serveHTTP(t *testing.T, handle http.HandlerFunc) *httpListener {
	t.Helper()
	d := &httpListener{}
	d.Server = &Server{Protocol: &rawHTTP{handler: handle}, Judge: passes, Log: d.log.logger()}
	d.pipeListener = serveListener(t, d.Server)
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
func askHTTP(t *testing.T, d *httpListener, request string) (int, string) {
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
		request string
		want    int
	}{
		"all is small":              {smallGet, 200},
		"a body as large as may be": {post(64 << 10), 200},
		"a byte more":               {post(64<<10 + 1), 413},
		"chunks without end": {
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("4\r\nxxxx\r\n", 20_000), 413},
		"a header that fits":   {header(16 << 10), 200},
		"one that does not":    {header(21 << 10), 431},
		"no HTTP":              {"EHLO mx.example.org\r\n\r\n", 400},
		"OPTIONS is no matter": {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, read)
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
		sent    string
		answers int // read before the time is taken
		want    time.Duration
	}{
		"nothing":          {"", 0, 10 * time.Second},
		"part of a header": {smallGet[:20], 0, 10 * time.Second},
		"part of a body":   {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", 0, 30 * time.Second},
		"between requests": {smallGet, 1, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, readAll)
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
				d := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
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
				for d.Connections() > 0 { // nobody reads
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if took := time.Since(begin); took < thinks+10*time.Second || took > thinks+12*time.Second {
					t.Errorf("closed after %s", took)
				}
			})
		})
	}
}

// On a connection that was idle for longer than an answer may take, a client that asks whether it may send a body is
// told.
func TestHTTPExpectContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
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
		"before the answer": {func(http.ResponseWriter, *http.Request) { panic("on purpose") }, 500, 1},
		"with a header set": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Auth-Status", "OK")
			panic("on purpose")
		}, 500, 1},
		"in the answer": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 10))
			panic("on purpose")
		}, 0, 1},
		"without an answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
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
				logged(t, &d.log, c.logged, "on purpose")
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
		d := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
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
		if n := d.Connections(); n != 3 {
			t.Errorf("%d connections are open, want 3", n)
		}
		down := make(chan error, 1)
		begin := time.Now()
		go func() { down <- d.Shutdown(context.Background()) }()
		closedWithout(t, idle)
		if took := time.Since(begin); took > lastLook {
			t.Errorf("an idle connection was closed after %s", took)
		}
		closedWithout(t, silent)
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("a silent connection was closed after %s", took)
		}
		if d.ctx.Err() != nil {
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
		ended := make(chan struct{})
		var d *httpListener
		d = serveHTTP(t, func(http.ResponseWriter, *http.Request) {
			<-d.ctx.Done()
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
		err := d.Shutdown(ctx)
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
		judged := make(chan error, 1)
		var d *httpListener
		d = serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			judged <- d.ctx.Err()
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

// What is registered with net/http for the whole process is not reached.
func TestHTTPNoDefaultMux(t *testing.T) {
	old := http.DefaultServeMux
	defer func() { http.DefaultServeMux = old }()
	http.DefaultServeMux = http.NewServeMux()
	http.DefaultServeMux.HandleFunc("/path", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	synctest.Test(t, func(t *testing.T) {
		if got, _ := askHTTP(t, serveHTTP(t, sayYes), smallGet); got != 200 {
			t.Error(got)
		}
	})
}
