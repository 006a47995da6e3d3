package protocol

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// A judgement that runs, requests that were sent ahead and one of which only a part has come are answered.
func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		p := &Server{Protocol: &Postfix{}, Judge: func(context.Context, helogate.Facts) response.Response {
			<-free
			return response.Response{Action: helogate.Continue}
		}}
		l := serveListener(t, p)
		idle, judged, ahead, partial := l.dial(), l.dial(), l.dial(), l.dial()
		say(t, judged, smallRequest)
		say(t, ahead, smallRequest+smallRequest)
		say(t, partial, smallRequest[:10])
		synctest.Wait()

		down := make(chan error, 1)
		begin := time.Now()
		go func() { down <- p.Shutdown(context.Background()) }()
		closedWithout(t, idle)
		if took := time.Since(begin); took > lastLook {
			t.Errorf("an idle connection was closed after %s", took)
		}
		close(free)
		answered(t, judged)
		closedWithout(t, judged)
		answered(t, ahead)
		answered(t, ahead)
		closedWithout(t, ahead)
		time.Sleep(20 * time.Second)
		say(t, partial, smallRequest[10:])
		answered(t, partial)
		closedWithout(t, partial)
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// A request that comes at the moment when the listener closes is answered.
func TestShutdownTakesALastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Server{Protocol: &Postfix{}, Judge: passes}
		conn := serveListener(t, p).dial()
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- p.Shutdown(context.Background()) }()
		synctest.Wait()
		say(t, conn, smallRequest)
		answered(t, conn)
		closedWithout(t, conn)
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// Part of a request keeps a closing listener open for as long as requests may take, and no longer.
func TestShutdownEndsSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Server{Protocol: &Postfix{}, Judge: passes}
		conn := serveListener(t, p).dial()
		io.WriteString(conn, smallRequest[:10])
		synctest.Wait()
		begin := time.Now()
		if err := p.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("took %s", took)
		}
		closedWithout(t, conn)
	})
}

// When the time for closing is over, judgements end without a verdict, and all is closed without an answer.
func TestShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Server{Protocol: &Postfix{}, Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		l := serveListener(t, p)
		judged, partial := l.dial(), l.dial()
		io.WriteString(judged, smallRequest)
		io.WriteString(partial, "request")
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "closed 2 connections") {
			t.Error(err)
		}
		closedWithout(t, judged)
		closedWithout(t, partial)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("closed after %s", took)
		}
	})
}

func TestShutdownOfAnUnusedServer(t *testing.T) {
	for _, protocol := range []Protocol{&Postfix{}, &Exim{}, &Milter{}, &HTTP{}, &Nginx{Backend: backend}, &OpenSMTPD{}} {
		p := &Server{Protocol: protocol, Judge: passes}
		for range 2 {
			if err := p.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		l := newPipeListener()
		if err := p.Serve(l); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%T: Serve after Shutdown left its listener open", protocol)
		}
	}
}

// One listener may have several listeners; Shutdown closes all.
func TestTwoListeners(t *testing.T) {
	p := &Server{Protocol: &Postfix{}, Judge: passes}
	path := filepath.Join(t.TempDir(), "policy")
	for _, address := range []string{"127.0.0.1:0", path} {
		conn := dial(t, serveOn(t, address, p))
		io.WriteString(conn, smallRequest)
		answered(t, conn)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("somebody answers after Shutdown")
	}
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

// A machine that is short of something has more later.
func TestAcceptIsTriedAgain(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		synctest.Test(t, func(t *testing.T) {
			var log logbook
			p := &Server{Protocol: &Postfix{}, Judge: passes, Log: log.logger()}
			l := &brokenListener{newPipeListener(), 12, err}
			served := make(chan error, 1)
			go func() { served <- p.Serve(l) }()
			conn := l.dial()
			io.WriteString(conn, smallRequest)
			answered(t, conn)
			logged(t, &log, 12, "could not be accepted")
			logged(t, &log, 4, "retry_ms=1000")
			conn.Close()
			if err := p.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// What will not pass ends the server.
func TestAcceptFails(t *testing.T) {
	s := &Server{Protocol: &Postfix{}, Judge: passes}
	if err := s.Serve(&brokenListener{newPipeListener(), -1, syscall.EINVAL}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
