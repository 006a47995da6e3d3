package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/helogate/helogate/bench/dunno"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var one = Clients(1, netip.MustParseAddr("192.0.2.1"), "example.org")

func serveDunno(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- dunno.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l
}

func TestRun(t *testing.T) {
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", filepath.Join(t.TempDir(), "policy")}} {
		l := serveDunno(t, at[0], at[1])
		var asked [1000]atomic.Int32
		next := Cycle(one)
		run := Run{
			Network: at[0], Address: l.Addr().String(), Requests: len(asked),
			Next: func(n int) []byte { asked[n].Add(1); return next(n) },
		}
		got, err := run.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Dunno != len(asked) || got.Answers() != len(asked) || got.Latency.total != uint64(len(asked)) ||
			got.Latency.Max() <= 0 || got.Elapsed <= 0 || got.PerSecond() <= 0 {
			t.Errorf("%s", got.String())
		}
		for n := range asked {
			if asked[n].Load() != 1 {
				t.Errorf("request %d was posed %d times", n, asked[n].Load())
			}
		}
	}
}

func TestRunEndsInTime(t *testing.T) {
	l := serveDunno(t, "tcp", "127.0.0.1:0")
	run := Run{Network: "tcp", Address: l.Addr().String(), Connections: 2, Duration: 50 * time.Millisecond, Next: Cycle(one)}
	got, err := run.Do(t.Context())
	if err != nil || got.Dunno == 0 || got.Elapsed < run.Duration {
		t.Errorf("%s, %v", got.String(), err)
	}
}

func TestRunIsInterrupted(t *testing.T) {
	l := serveDunno(t, "tcp", "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	next := Cycle(one)
	run := Run{Network: "tcp", Address: l.Addr().String(), Connections: 2, Duration: time.Hour, Next: func(n int) []byte {
		if n == 100 {
			cancel()
		}
		return next(n)
	}}
	if _, err := run.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A closed loop: no connection has more than one request in flight, and all that were asked for have one.
func TestRunKeepsOneInFlight(t *testing.T) {
	const connections = 8
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	request := Cycle(one)(0)
	all := make(chan struct{}) // closed when every connection has a request here
	var waiting atomic.Int32
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			buf := make([]byte, 2*len(request))
			for first := true; ; first = false {
				n, err := io.ReadAtLeast(c, buf, len(request))
				if err != nil {
					return
				}
				if !bytes.Equal(buf[:n], request) {
					t.Errorf("%d bytes in flight, want one request", n)
				}
				if first && waiting.Add(1) == connections {
					close(all)
				}
				<-all
				io.WriteString(c, "action=DUNNO\n\n")
			}
		})
	}
	run := Run{Network: "tcp", Address: l.Addr().String(), Connections: connections, Requests: 100, Next: Cycle(one)}
	if _, err := run.Do(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// A server that does not answer as it should ends the run, and the error says what it did.
func TestRunFails(t *testing.T) {
	for answer, want := range map[string]string{
		"":                                    `closed after "" instead of an answer`,
		"action=DUNNO\n":                      `closed after "action=DUNNO\n" instead`,
		"action=DUNNO\n\naction=DUNNO\n\n":    "more than one answer",
		"action=DUNNO\nmore\n\n":              "not one line of printable ASCII",
		"action=550 5.7.1 \x1b[31m\n\n":       "not one line of printable ASCII",
		"DUNNO\n\n":                           "is no answer",
		"action=\n\n":                         "is no answer",
		"action= DUNNO\n\n":                   "is no answer",
		"\n\n":                                "is no answer",
		"action=550\n\n":                      "has a text",
		"action=250 2.0.0 OK\n\n":             "a code is 4xx or 5xx",
		"action=5500 no\n\n":                  "a code is 4xx or 5xx",
		"action=" + strings.Repeat("x", 2000): "an answer of more than 1024 bytes",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.ReadFull(c, make([]byte, len(Cycle(one)(0))))
			io.WriteString(c, answer)
		}()
		run := Run{Network: "tcp", Address: l.Addr().String(), Connections: 1, Requests: 1, Next: Cycle(one)}
		_, err = run.Do(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("answer %.60q: %v, want %s", answer, err, want)
		}
		<-done
		l.Close()
	}
}

func TestRunWaitsNoLongerThanAnswerTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // no process accepts: the kernel takes what is sent
	run := Run{
		Network: "tcp", Address: l.Addr().String(), Connections: 1, Requests: 1, Next: Cycle(one),
		AnswerTimeout: time.Millisecond,
	}
	if _, err := run.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer in 1ms") {
		t.Error(err)
	}
}

func TestRunWithoutEnd(t *testing.T) {
	if _, err := (Run{Next: Cycle(one)}).Do(t.Context()); err == nil {
		t.Error("a run without end began")
	}
}

func TestRunConnectionRefused(t *testing.T) {
	run := Run{Network: "unix", Address: filepath.Join(t.TempDir(), "none"), Requests: 1, Next: Cycle(one)}
	if _, err := run.Do(t.Context()); err == nil {
		t.Error("no server was asked, and no error returned")
	}
}

func TestCount(t *testing.T) {
	var r Result
	for _, answer := range []string{
		"action=DUNNO", "action=450 4.7.25 later", "action=451 4.4.3 later", "action=550 5.7.25 no", "action=521 5.7.1 no",
		"action=554 no", "action=OK", "action=dunno", "action=PREPEND X-HELO: x", "action=DUNNO ",
	} {
		if err := r.count([]byte(answer)); err != nil {
			t.Error(err)
		}
	}
	if r.Dunno != 1 || r.Defer != 2 || r.Reject != 3 || r.Other != 4 {
		t.Errorf("%+v", []int{r.Dunno, r.Defer, r.Reject, r.Other})
	}
}

func TestRequest(t *testing.T) {
	mails := Clients(3, netip.MustParseAddr("192.0.2.255"), "example.org")
	next := Cycle(mails)
	for n, want := range []string{
		"client_address=192.0.2.255\nclient_name=c0.example.org\nclient_port=10000\nreverse_client_name=c0.example.org\n",
		"client_address=192.0.3.0\nclient_name=c1.example.org\nclient_port=10001\n",
		"helo_name=c2.example.org\nsender=a@c2.example.org\nrecipient=u@example.net\n",
		"client_address=192.0.2.255\n",
	} {
		request := string(next(n))
		if !strings.Contains(request, want) {
			t.Errorf("request %d lacks %q:\n%s", n, want, request)
		}
		if strings.Index(request, "\n\n") != len(request)-2 || strings.Count(request, "=") != 29 || strings.Contains(request, "%!") {
			t.Errorf("request %d is not one of 29 attributes:\n%s", n, request)
		}
	}
}

// What the histogram says of a quantile is at most 1/32 above what sorting says.
func TestHistogram(t *testing.T) {
	var h, half Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Error("an empty histogram says something")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(rnd.Uint64() >> (1 + rnd.UintN(63)))
		all = append(all, d)
		if i%2 == 0 {
			h.Record(d)
		} else {
			half.Record(d)
		}
	}
	h.Add(&half)
	slices.Sort(all)
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, int(q*float64(len(all)))-1)]
		got := h.Quantile(q)
		if got < want || got-want > want/32 {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] {
		t.Errorf("max is %d, want %d", h.Max(), all[len(all)-1])
	}
	h.Record(-1)
	if h.Quantile(0) != 0 {
		t.Error("a clock that went back is not counted as zero")
	}
}
