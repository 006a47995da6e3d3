package door

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
		p := &Postfix{Judge: func(context.Context, helogate.Facts) response.Response {
			<-free
			return response.Response{Do: helogate.Continue}
		}}
		l := serve(t, p)
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

// A request that comes at the moment when the door closes is answered.
func TestShutdownTakesALastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Postfix{Judge: passes}
		conn := serve(t, p).dial()
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

// Part of a request keeps a closing door open for as long as requests may take, and no longer.
func TestShutdownEndsSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Postfix{Judge: passes}
		conn := serve(t, p).dial()
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

// When the time for closing is over, judgements end without a ruling, and all is closed without an answer.
func TestShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Postfix{Judge: func(ctx context.Context, _ helogate.Facts) response.Response {
			<-ctx.Done()
			return response.Response{}
		}}
		l := serve(t, p)
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

func TestShutdownOfAnUnusedDoor(t *testing.T) {
	p := &Postfix{Judge: passes}
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
		t.Error("Serve after Shutdown left its listener open")
	}
}

// One door may have several listeners; Shutdown closes all.
func TestTwoListeners(t *testing.T) {
	p := &Postfix{Judge: passes}
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

// A starved listener refuses n times before it accepts.
type starvedListener struct {
	*pipeListener
	n int
}

func (l *starvedListener) Accept() (net.Conn, error) {
	if l.n--; l.n >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.pipeListener.Accept()
}

// A machine that is short of file descriptors has more later.
func TestAcceptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		p := &Postfix{Judge: passes, Log: log.logger()}
		l := &starvedListener{newPipeListener(), 12}
		served := make(chan error, 1)
		go func() { served <- p.Serve(l) }()
		conn := l.dial()
		io.WriteString(conn, smallRequest)
		answered(t, conn)
		logged(t, &log, 12, "could not be accepted")
		logged(t, &log, 4, "next_try_in=1s")
		conn.Close()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
