package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/testlog"
)

// observed is an engine with observers, and its gate, which rejects.
func observed(log *testlog.Buffer, now *time.Time, all ...Observer) (*Engine, *Endpoint) {
	e := New(Config{
		Ask: helogate.MustZone(""), Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return *now }, Observers: all,
	})
	return e, e.Endpoint(here, Rules{Policy: mustPolicy(line(failing, "reject")), RejectAt: helogate.Rcpt})
}

// TestEvent: an event tells all of a verdict.
func TestEvent(t *testing.T) {
	now := noon
	var seen []*Event
	slow := helogate.Check{Name: "slow", Run: func(c *helogate.Case) helogate.Finding {
		now = now.Add(3 * time.Millisecond)
		return c.Fail("so it is")
	}}
	e, _ := observed(new(testlog.Buffer), &now, Observer{Name: "test", Reasons: true, Seen: func(e *Event) { seen = append(seen, e.Clone()) }})
	endpoint := e.Endpoint(here, Rules{
		Policy: mustPolicy(line(failing, "note")), RejectAt: helogate.Rcpt,
		For: []Exception{{Name: "for 1", Matches: func(r string) bool { return r == "strict@example.net" }, Policy: mustPolicy(line(slow, "reject"))}},
	})
	f := spammer(helogate.Rcpt)
	f.Recipient = "strict@example.net"
	if got := actionOf(endpoint.Judge(t.Context(), f)); got != "reject 550" {
		t.Fatal(got)
	}
	f.Stage = helogate.Helo
	endpoint.Judge(t.Context(), f)
	if len(seen) != 2 {
		t.Fatalf("%d events", len(seen))
	}
	one, other := seen[0], seen[1]
	if one.Listener != here || one.Policy != "for 1" || one.Held || !one.Rejected || one.Took != 3*time.Millisecond || !one.At.Equal(noon.Add(one.Took)) ||
		one.Client() != f.Client || one.Verdict.By != "slow" || one.Facts.Recipient != f.Recipient || !one.Facts.Time.Equal(noon) {
		t.Errorf("%+v", one)
	}
	if other.Policy != "" || other.Rejected || other.Verdict.By != "" {
		t.Errorf("%+v", other)
	}
	if r := one.Record(); r != one.Record() || r.ID != one.Verdict.ID || r.Recipient != f.Recipient {
		t.Errorf("%+v", r)
	}
}

// TestRecordIsMadeWhenWanted: nobody pays for a record that nobody wants, nor for words that nobody reads.
func TestRecordIsMadeWhenWanted(t *testing.T) {
	note := mustPolicy(line(failing, "note"))
	for _, c := range []struct {
		name           string
		reasons, rules bool // wants words; wants the record in the response
	}{{"nobody", false, false}, {"an observer that reads reasons", true, false}, {"the listener", false, true}} {
		var made *helogate.Record
		words := ""
		now := noon
		e, _ := observed(new(testlog.Buffer), &now, Observer{Name: "test", Reasons: c.reasons, Seen: func(e *Event) {
			made, words = e.record, e.Verdict.Findings[0].Why
		}})
		endpoint := e.Endpoint(here, Rules{Policy: note, RejectAt: helogate.Rcpt})
		judge := endpoint.Judge
		if c.rules {
			judge = endpoint.JudgeWhole
		}
		r := judge(t.Context(), spammer(helogate.Rcpt))
		if (made != nil) != c.rules || r.Record != made || (words != "") != (c.reasons || c.rules) {
			t.Errorf("%s: a record was made: %v; the words are %q", c.name, made != nil, words)
		}
	}
}

// TestObserverPanics: an observer that panics changes nothing, neither for the mail nor for the others; it is counted,
// and logged once a minute.
func TestObserverPanics(t *testing.T) {
	for _, queue := range []int{0, 100} {
		var log testlog.Buffer
		now := noon
		others := 0
		e, endpoint := observed(&log, &now,
			Observer{Name: "broken", Queue: queue, Seen: func(*Event) { panic("an index\nout of range") }},
			Observer{Name: "whole", Seen: func(*Event) { others++ }})
		for i := range 4 {
			if i == 3 {
				now = now.Add(logEvery)
			}
			if got := actionOf(endpoint.Judge(t.Context(), spammer(helogate.Rcpt))); got != "reject 550" {
				t.Errorf("queue %d: the listener gets %s", queue, got)
			}
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]ObserverStats{{Name: "broken", Panics: 4}, {Name: "whole"}}, e.Observers()); diff != "" || others != 4 {
			t.Errorf("queue %d: the other saw %d; %s", queue, others, diff)
		}
		text := log.String()
		if n := strings.Count(text, "an observer of verdicts panicked"); n != 2 || !strings.Contains(text, "observer=broken panics=1") || clean(text) {
			t.Errorf("queue %d: logged %d times:\n%s", queue, n, text)
		}
	}
}

// TestObserverBlocks: an observer with a queue may wait for ever: the mail does not, what there is no room for is
// counted, and the engine is closed when its time has come.
func TestObserverBlocks(t *testing.T) {
	now := noon
	var mu sync.Mutex
	var seen []string
	taken, release := make(chan struct{}, 100), make(chan struct{})
	e, endpoint := observed(new(testlog.Buffer), &now, Observer{Name: "stuck", Queue: 3, Seen: func(e *Event) {
		taken <- struct{}{}
		<-release
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, e.Facts.Helo)
	}})
	judge := func(helo string) {
		f := spammer(helogate.Rcpt)
		f.Helo = helo
		if got := actionOf(endpoint.Judge(t.Context(), f)); got != "reject 550" {
			t.Errorf("the listener gets %s", got)
		}
	}
	judge("0")
	<-taken // and it is stuck with it
	for _, helo := range []string{"1", "2", "3", "4", "5"} {
		judge(helo)
	}
	if diff := cmp.Diff([]ObserverStats{{Name: "stuck", Dropped: 2, Waiting: 3}}, e.Observers()); diff != "" {
		t.Error(diff)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Close(ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stuck has not seen all verdicts") {
		t.Errorf("closed while it is stuck: %v", err)
	}
	close(release)
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if want := []string{"0", "1", "2", "3"}; !slices.Equal(seen, want) {
		t.Errorf("it saw %q, want %q", seen, want)
	}
}

// TestEventIsLent: what an observer was shown is not what the next one is shown, but a copy may be kept.
func TestEventIsLent(t *testing.T) {
	now := noon
	var kept []*Event
	_, endpoint := observed(new(testlog.Buffer), &now, Observer{Name: "keeper", Seen: func(e *Event) { kept = append(kept, e.Clone()) }})
	for _, helo := range []string{"a.example", "b.example"} {
		f := spammer(helogate.Rcpt)
		f.Helo = helo
		endpoint.Judge(t.Context(), f)
	}
	if kept[0].Facts.Helo != "a.example" || kept[1].Facts.Helo != "b.example" || kept[0].Verdict.ID == kept[1].Verdict.ID || len(kept[0].Verdict.Findings) != 1 {
		t.Errorf("kept are %+v and %+v", kept[0], kept[1])
	}
}

// raceDetector makes sync.Pool, where events are between two verdicts, forget at random.
var raceDetector bool

// TestObserversCostNothing: an event needs no memory of its own.
func TestObserversCostNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget, so that there are more allocations")
	}
	now := noon
	count := func(all ...Observer) float64 {
		_, endpoint := observed(new(testlog.Buffer), &now, all...)
		f := spammer(helogate.Rcpt)
		return testing.AllocsPerRun(200, func() { endpoint.Judge(context.Background(), f) })
	}
	var c Counts
	none, some := count(), count(c.Observer(), Observer{Name: "reader", Seen: func(e *Event) { _ = e.Verdict.ID }})
	if some > none {
		t.Errorf("%v allocations with observers, %v without", some, none)
	}
}
