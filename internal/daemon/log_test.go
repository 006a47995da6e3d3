package daemon

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/engine"
	"github.com/helogate/helogate/internal/hammering"
	"github.com/helogate/helogate/internal/testlog"
)

// logOf makes the log of a configuration.
func logOf(t testing.TB, out *testlog.Buffer, text string) *Log {
	t.Helper()
	c, err := config.Parse("helogate.toml", []byte(text), Known(nil))
	if err != nil {
		t.Fatal(err)
	}
	return NewLog(out, c)
}

// TestLog: a verdict's line is in the configuration's format, and is not written where warnings alone are wanted.
func TestLog(t *testing.T) {
	for _, c := range []struct{ config, plain, verdict string }{
		{"", " level=INFO msg=hello\n", " level=INFO msg=verdict id=x "},
		{`log.format = "json"`, `"level":"INFO","msg":"hello"}` + "\n", `"level":"INFO","msg":"verdict","id":"x"`},
		{`log.level = "debug"`, " level=INFO msg=hello\n", " level=INFO msg=verdict id=x "},
		{`log.level = "warn"`, "", ""},
	} {
		var out testlog.Buffer
		log := logOf(t, &out, c.config)
		log.Info("hello")
		for _, o := range log.Verdicts(nil) {
			o.Seen(&engine.Event{Verdict: helogate.Verdict{ID: "x"}})
		}
		log.Close()
		if got := out.String(); !strings.Contains(got, c.plain) || !strings.Contains(got, c.verdict) || c.plain == "" && got != "" {
			t.Errorf("%s: %s", c.config, got)
		}
	}
}

// TestLogIsReadSoon: a quiet log is read a moment later, and a busy one takes no write a line.
func TestLogIsReadSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &counting{}
		log := newLogWriter(out, false)
		for range 100 {
			fmt.Fprintln(log, "a line")
		}
		synctest.Wait()
		if n := out.writes(); n != 0 {
			t.Errorf("written at once, %d times", n)
		}
		time.Sleep(logDelay)
		synctest.Wait()
		if n := out.writes(); n != 1 || out.String() != strings.Repeat("a line\n", 100) {
			t.Errorf("written %d times: %q", n, out.String())
		}
		long := strings.Repeat("x", logMany)
		fmt.Fprintln(log, long)
		synctest.Wait() // no time has passed
		if n := out.writes(); n != 2 {
			t.Errorf("much to write, and it was not written: %d", n)
		}
	})
}

// counting counts writes.
type counting struct {
	mu sync.Mutex
	bytes.Buffer
	n int
}

func (c *counting) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.Buffer.Write(b)
}

func (c *counting) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// stuck is a pipe that nobody reads, until somebody does.
type stuck struct {
	testlog.Buffer
	read chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.read
	return s.Buffer.Write(b)
}

// TestLogNeverWaits: where nobody reads the log, lines are lost and counted, and whoever writes goes on.
func TestLogNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{read: make(chan struct{})}
		log := NewLog(out, config.Default())
		line := strings.Repeat("x", 1000)
		for range 3 * maxLog / len(line) {
			log.Info(line)
			synctest.Wait() // what writes is stuck
		}
		lost := log.Lost()
		if lost == 0 {
			t.Fatal("nothing is lost")
		}
		log.Close() // when it has waited long enough
		close(out.read)
		synctest.Wait()
		log.Info("once more")
		log.Close()
		got := out.String()
		if want := fmt.Sprintf(`msg="log lines were lost, since the reader of the log is too slow" lines=%d`, lost); !strings.Contains(got, want) {
			t.Errorf("the log does not say %s: %s", want, got[max(0, len(got)-300):])
		}
		if strings.Count(got, "were lost") != 1 || !strings.Contains(got, "msg=\"once more\"\n") || log.Lost() != lost {
			t.Errorf("%d are lost, and then the log says: %s", log.Lost(), got[max(0, len(got)-300):])
		}
	})
}

// TestRejections: a client that is rejected hammers.
func TestRejections(t *testing.T) {
	client := netip.MustParseAddr("192.0.2.1")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tracker := hammering.New(hammering.Config{Tries: 3, Within: time.Hour, Now: func() time.Time { return now }})
	o := rejections(tracker)
	if o.Queue != 0 {
		t.Error("it is shown rejections after the client has its answer")
	}
	event := func(by string, rejected bool) {
		f := helogate.Facts{Client: client, Time: now}
		v := helogate.Verdict{Decision: helogate.Decision{Action: helogate.Reject, By: by}}
		o.Seen(&engine.Event{Facts: f, Judged: f, Verdict: v, Rejected: rejected})
	}
	hammers := func() bool {
		a, _ := tracker.Known(helogate.Question{Kind: helogate.Hammering, Name: client.String()})
		return a.Status == helogate.OK
	}
	for range 5 {
		event("fcrdns", false) // held, not the first of its session, or for hammering
	}
	if tracker.Len() != 0 {
		t.Error("what is no rejection counts")
	}
	event("fcrdns", true)
	event("fcrdns", true)
	if hammers() {
		t.Error("two rejections are hammering")
	}
	event("fcrdns", true)
	if !hammers() {
		t.Error("three rejections are none")
	}
}

// TestObserversOfADaemon: who has to have seen a verdict before its client is answered is shown it first, and without a
// queue.
func TestObserversOfADaemon(t *testing.T) {
	p := at(t, enforcing)
	seen := make(chan *helogate.Record, 1)
	d := p.serves(func(o *Options) {
		o.Observers = []engine.Observer{{Name: "test", Queue: 1, Reasons: true, Seen: func(e *engine.Event) {
			if e.Listener.Protocol != "postfix" || !strings.HasSuffix(e.Listener.Address, "/postfix") {
				t.Errorf("the listener is %+v", e.Listener)
			}
			seen <- e.Record()
		}}}
	})
	ask(t, d.Addrs()[0], bad)
	if r := <-seen; r.By != "bad-helo" {
		t.Errorf("seen is %+v", r)
	}
	var names []string
	for _, o := range d.Status().Observers {
		names = append(names, o.Name)
	}
	if got, want := strings.Join(names, ", "), "hammering, counts, private addresses, log, test"; got != want {
		t.Errorf("the observers are %s, want %s", got, want)
	}
}
