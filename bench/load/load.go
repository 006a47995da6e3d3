// Package load asks a policy server of Postfix's delegation protocol as many smtpd processes would, and measures: some
// connections, one request in flight on each, the next one sent when the answer is there. Each answer is checked to be
// well formed, for a fast server that answers nonsense is no use.
//
// The generator costs little, since it shares the machine with the server that is measured: requests are bytes made
// before, an answer is looked at once, and latencies go into a histogram of fixed size.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Run is one measurement. It ends when Requests were answered or Duration is over, whichever is set and comes first.
type Run struct {
	Network, Address string // "tcp" "127.0.0.1:10040", "unix" "/run/helogate/policy"
	Connections      int    // 32 if zero
	Requests         int
	Duration         time.Duration
	AnswerTimeout    time.Duration // for one answer, 30s if zero

	// Next returns the bytes of a request, its empty line included: the n-th of all, counted from 0. Connections call
	// it at once, and the load pays for it: look up what was made before. See Cycle.
	Next func(n int) []byte
}

// A Result is what was measured.
type Result struct {
	Elapsed                     time.Duration
	Dunno, Defer, Reject, Other int // answers: DUNNO, 4xx, 5xx and the rest, of which OK is one
	Latency                     Histogram
}

// Answers is how many there were.
func (r *Result) Answers() int { return r.Dunno + r.Defer + r.Reject + r.Other }

// PerSecond is how many answers there were a second.
func (r *Result) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Answers()) / r.Elapsed.Seconds()
}

// String says it in a line.
func (r *Result) String() string {
	return fmt.Sprintf("%.0f/s: %d answers in %s (DUNNO %d, 4xx %d, 5xx %d, other %d); latency p50 %s, p99 %s, max %s",
		r.PerSecond(), r.Answers(), r.Elapsed.Round(time.Millisecond), r.Dunno, r.Defer, r.Reject, r.Other,
		r.Latency.Quantile(0.5).Round(time.Microsecond), r.Latency.Quantile(0.99).Round(time.Microsecond),
		r.Latency.Max().Round(time.Microsecond))
}

func (r *Result) add(o *Result) {
	r.Dunno, r.Defer, r.Reject, r.Other = r.Dunno+o.Dunno, r.Defer+o.Defer, r.Reject+o.Reject, r.Other+o.Other
	r.Latency.Add(&o.Latency)
}

// Do connects all, then asks. A server that closes, keeps silent or answers what is no answer ends the run with an
// error: figures with failures in them are not comparable. The result is what was measured until then.
func (run Run) Do(ctx context.Context) (Result, error) {
	if run.Next == nil || run.Requests <= 0 && run.Duration <= 0 {
		return Result{}, errors.New("load: a run wants Next, and Requests or Duration")
	}
	if run.Connections <= 0 {
		run.Connections = 32
	}
	if run.AnswerTimeout <= 0 {
		run.AnswerTimeout = 30 * time.Second
	}
	clients, err := run.connect(ctx)
	if err != nil {
		return Result{}, err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var over atomic.Bool // cheaper to look at than ctx
	stop := context.AfterFunc(ctx, func() { over.Store(true); hangUp(clients) })
	defer stop()
	var taken atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	if run.Duration > 0 {
		timer := time.AfterFunc(run.Duration, func() { over.Store(true) })
		defer timer.Stop()
	}
	for _, c := range clients {
		wg.Go(func() {
			if err := c.ask(&run, &taken, &over); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	result := Result{Elapsed: time.Since(begin)}
	for _, c := range clients {
		result.add(&c.result)
	}
	hangUp(clients)
	return result, context.Cause(ctx)
}

func (run *Run) connect(ctx context.Context) ([]*client, error) {
	var clients []*client
	var dialer net.Dialer
	for range run.Connections {
		conn, err := dialer.DialContext(ctx, run.Network, run.Address)
		if err != nil {
			hangUp(clients)
			return nil, err
		}
		clients = append(clients, &client{conn: conn, timeout: run.AnswerTimeout})
	}
	return clients, nil
}

func hangUp(clients []*client) {
	for _, c := range clients {
		c.conn.Close()
	}
}

// A client is one connection. What it measures is its own until the end, so that clients do not wait for each other.
type client struct {
	conn    net.Conn
	timeout time.Duration
	result  Result
	buf     [1024]byte
}

func (c *client) ask(run *Run, taken *atomic.Int64, over *atomic.Bool) error {
	then := time.Now()
	silence := then // when the deadline was set; that costs, and it need not be exact
	c.conn.SetDeadline(then.Add(2 * c.timeout))
	for !over.Load() {
		n := int(taken.Add(1)) - 1
		if run.Requests > 0 && n >= run.Requests {
			break
		}
		if then.Sub(silence) > c.timeout {
			silence = then
			c.conn.SetDeadline(then.Add(2 * c.timeout))
		}
		answer, err := c.exchange(run.Next(n))
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		if err := c.result.count(answer); err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		now := time.Now()
		c.result.Latency.Record(now.Sub(then))
		then = now
	}
	return nil
}

// exchange sends a request and returns the answer, up to its empty line.
func (c *client) exchange(request []byte) ([]byte, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	for have := 0; ; {
		n, err := c.conn.Read(c.buf[have:])
		have += n
		answer := c.buf[:have]
		if end := bytes.Index(answer, []byte("\n\n")); end >= 0 {
			if end+2 < have {
				return nil, fmt.Errorf("more than one answer to a request: %q", answer)
			}
			return answer[:end], nil
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, fmt.Errorf("no answer in %s", c.timeout)
		case err != nil:
			return nil, fmt.Errorf("closed after %q instead of an answer: %w", answer, err)
		case have == len(c.buf):
			return nil, fmt.Errorf("an answer of more than %d bytes: %q", have, answer)
		}
	}
}

// count tells answers apart: "action=DUNNO", or "action=" with a code of SMTP and a text, or "action=" with another
// word; one line of printable ASCII.
func (r *Result) count(answer []byte) error {
	action, ok := bytes.CutPrefix(answer, []byte("action="))
	if !ok || len(action) == 0 || action[0] == ' ' {
		return fmt.Errorf("%q is no answer", answer)
	}
	for _, b := range action {
		if b < ' ' || b > '~' {
			return fmt.Errorf("answer %q is not one line of printable ASCII", answer)
		}
	}
	if string(action) == "DUNNO" {
		r.Dunno++
		return nil
	}
	word, text, _ := bytes.Cut(action, []byte(" "))
	code, err := strconv.Atoi(string(word))
	switch {
	case err != nil:
		r.Other++
	case len(word) != 3 || code < 400 || code > 599 || len(text) == 0:
		return fmt.Errorf("answer %q: a code is 4xx or 5xx, and has a text", answer)
	case code < 500:
		r.Defer++
	default:
		r.Reject++
	}
	return nil
}
