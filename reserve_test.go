package helogate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/helogate/helogate"
)

// silent is a client's DNS that says nothing, beside a memory that answers after a while.
type silent struct {
	*Zone
	memory time.Duration
	asked  atomic.Int64 // of the memory
}

func (s *silent) Known(Question) (*Answer, bool) { return nil, false }

func (s *silent) Ask(ctx context.Context, q Question) *Answer {
	wait := time.Hour
	if q.Kind == Greylisted || q.Kind == Deferred {
		s.asked.Add(1)
		wait = s.memory
	}
	select {
	case <-time.After(wait):
		return s.Zone.Ask(ctx, q)
	case <-ctx.Done():
		return &Answer{Status: TempFail, Note: "waited in vain"}
	}
}

// A client whose DNS takes all the time there is has still to come again, and patience with it ends.
func TestReserve(t *testing.T) {
	at := Thresholds{GreylistAt: 2, RejectAt: 5}
	for _, c := range []struct {
		zone   string
		memory time.Duration
		budget time.Duration
		lines  []Line
		want   string
		took   time.Duration
	}{
		{"", time.Second, 8 * time.Second, []Line{{Check: retries(), On: on("fail=note")}, {Check: says("fail-a", Local), On: on("fail=score 2")}, {Check: says("a", Lookup)}},
			"greylist score", 9 * time.Second},
		{"* GREYLIST pass", time.Second, 8 * time.Second, []Line{{Check: retries(), On: on("fail=note")}, {Check: says("fail-a", Local), On: on("fail=score 2")}, {Check: says("a", Lookup)}},
			"continue ", 9 * time.Second},
		{"", time.Second, 8 * time.Second, []Line{{Check: tires(), On: on("fail=note")}, {Check: says("a", Lookup), On: on("fail=reject")}},
			"defer a", 9 * time.Second},
		{"* DEFERRED pass", time.Second, 8 * time.Second, []Line{{Check: tires(), On: on("fail=note")}, {Check: says("a", Lookup), On: on("fail=reject")}},
			"continue ", 9 * time.Second},
		{"* DEFERRED pass", 3 * time.Second, 8 * time.Second, []Line{{Check: tires(), On: on("fail=note")}, {Check: says("a", Lookup), On: on("fail=reject")}},
			"defer a", 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := policy(t, at, c.lines...)
			p.Budget = c.budget
			ask := &silent{Zone: MustZone(c.zone), memory: c.memory}
			began := time.Now()
			f := client("198.51.100.1 mx.example.org - a@example.net")
			v := p.Judge(t.Context(), f, ask)
			if got := fmt.Sprint(v.Action, " ", v.By); got != c.want || time.Since(began) != c.took || ask.asked.Load() != 1 {
				t.Errorf("%s, memory %s, budget %s: %s after %s, asked %d times; want %s after %s", c.zone, c.memory, c.budget, got, time.Since(began), ask.asked.Load(), c.want, c.took)
			}
			if again := p.Judge(t.Context(), f, v.Asked); again.ID != v.ID || again.Decision != v.Decision {
				t.Errorf("%s: another verdict in replay: %+v", c.zone, again.Decision)
			}
			synctest.Wait()
		})
	}
}

// Who gives up waits for no reserve.
func TestNoReserveForWhoHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, budget := range []time.Duration{0, 8 * time.Second} {
			p := policy(t, Thresholds{}, Line{Check: tires(), On: on("fail=note")}, Line{Check: says("a", Lookup), On: on("fail=reject")})
			p.Budget = budget
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			v := p.Judge(ctx, client("198.51.100.1 mx.example.org - a@example.net"), &silent{Zone: MustZone(""), memory: time.Hour})
			if v.Action != Defer || time.Since(began) != time.Second {
				t.Errorf("%s after %s", v.Action, time.Since(began))
			}
		}
		synctest.Wait()
	})
}

// What a client's DNS is asked, however much, leaves the lists and our memory to be asked.
func TestWhatCountsIsTheClientsDNS(t *testing.T) {
	greedy := Check{Name: "greedy", Cost: Local, Run: func(c *Case) Finding {
		for i := range 300 {
			c.Values(TXT, fmt.Sprint(i))
		}
		return c.Fail("nobody")
	}}
	listed := Check{Name: "listed", Cost: Local, Run: func(c *Case) Finding {
		c.Values(Suspended, "bl")
		c.Values(Trust, "x")
		if v := c.Values(Listing, "x.bl"); len(v) > 0 {
			return c.Fail("listed: %s", v[0])
		}
		return c.None("not listed")
	}}
	p := policy(t, Thresholds{}, Line{Check: greedy}, Line{Check: listed, On: on("fail=score 2")})
	v := p.Judge(t.Context(), client("192.0.2.1"), MustZone("x.bl A 127.0.0.2"))
	if got := v.Findings[0].String(); !strings.Contains(got, "more than 200 questions") {
		t.Error(got)
	}
	if got := v.Findings[1].String(); got != "fail: listed: 127.0.0.2" {
		t.Error(got)
	}
}

// An asker knows for whom it is asked.
func TestClientOf(t *testing.T) {
	var got string
	p := policy(t, Thresholds{}, Line{Check: says("a", Lookup)})
	p.Judge(t.Context(), client("192.0.2.1"), asks(func(ctx context.Context, q Question) *Answer {
		c, ok := ClientOf(ctx)
		got = fmt.Sprint(c, ok)
		return &Answer{Status: NXDomain}
	}))
	if got != "192.0.2.1 true" {
		t.Error(got)
	}
	if c, ok := ClientOf(t.Context()); ok {
		t.Error(c)
	}
}

type asks func(context.Context, Question) *Answer

func (asks) Known(Question) (*Answer, bool)                { return nil, false }
func (a asks) Ask(ctx context.Context, q Question) *Answer { return a(ctx, q) }
