package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/testdns"
)

const (
	roundTrip = 50 * time.Millisecond
	overhead  = 10 * time.Millisecond
)

// Ten mail hosts, of the HELO's domain and of the sender's. The client's name resolves back to it, its HELO is a name
// that is elsewhere, and none of the hosts of that name's domain is the client: nothing spares a lookup.
func latencyZone(sound bool) string {
	var b strings.Builder
	b.WriteString(`
		198.18.0.1       PTR out.client.example
		out.client.example A 198.18.0.1
		mail.helo.example  A 198.18.1.1
		198.18.1.1       PTR other.helo.example
`)
	for i := range 10 {
		fmt.Fprintf(&b, "helo.example MX %d mx%d.helo.example\nmx%d.helo.example A 198.18.2.%d\n", i, i, i, i)
		fmt.Fprintf(&b, "sender.example MX %d mx%d.sender.example\nmx%d.sender.example A 198.18.3.%d\n", i, i, i, i)
		fmt.Fprintf(&b, "198.18.3.%d PTR host%d.sender.example\n", i, i)
		if sound {
			fmt.Fprintf(&b, "host%d.sender.example A 198.18.3.%d\n", i, i)
		} else {
			fmt.Fprintf(&b, "host%d.sender.example A 198.18.4.%d\n", i, i)
		}
	}
	return b.String()
}

// latency measures how long a verdict takes when every answer of DNS does, and which questions waited for which.
func latency(ctx context.Context, l *lab) ([]row, error) {
	var rows []row
	for _, sound := range []bool{true, false} {
		for _, s := range []struct {
			stage helogate.Stage
			trips int
		}{{helogate.Helo, 3}, {helogate.Mail, 4}} {
			if s.stage == helogate.Helo && !sound {
				continue // there is no sender yet
			}
			r, err := latencyRow(ctx, l, s.stage, s.trips, sound)
			if err != nil {
				return rows, err
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// latencyRow is the slowest of the presets that ask.
func latencyRow(ctx context.Context, l *lab, stage helogate.Stage, trips int, sound bool) (row, error) {
	what := fmt.Sprintf("a verdict at %s, %s a reply", strings.ToUpper(stage.String()), roundTrip)
	if !sound {
		what += ", no MX host in order"
	}
	most := time.Duration(trips)*roundTrip + overhead
	r := row{what: what, goal: fmt.Sprintf("≤ %s", most)}
	var slowest time.Duration
	for _, preset := range []string{"balanced", "hardline"} {
		took, recorded, err := judgeSlowly(ctx, preset, stage, sound)
		if err != nil {
			return r, err
		}
		slowest = max(slowest, took)
		path := criticalPath(recorded)
		r.note("%s %s, %d questions, %d in a row: %s", preset, shown(took), len(recorded), len(path), worded(path))
		l.say("  %s, %s", r.what, r.notes[len(r.notes)-1])
	}
	r.figure, r.met = shown(slowest), slowest <= most
	return r, nil
}

// judgeSlowly judges the client once, with nothing in the cache and each reply held back.
func judgeSlowly(ctx context.Context, preset string, stage helogate.Stage, sound bool) (time.Duration, []asked, error) {
	zone, err := helogate.NewZone(latencyZone(sound))
	if err != nil {
		return 0, nil, err
	}
	server, err := testdns.Start(zone, testdns.Delay(roundTrip))
	if err != nil {
		return 0, nil, err
	}
	defer server.Close()
	resolver, err := dns.New(dns.Config{Servers: []netip.AddrPort{server.Addr()}})
	if err != nil {
		return 0, nil, err
	}
	defer resolver.Close()
	policy, err := check.NewPolicy(preset, check.Settings{})
	if err != nil {
		return 0, nil, err
	}
	facts := helogate.Facts{
		Stage: stage, Time: time.Now(), Client: netip.MustParseAddr("198.18.0.1"), Server: netip.MustParseAddrPort("198.51.100.1:25"),
		Verb: "EHLO", Helo: "mail.helo.example",
	}
	if stage >= helogate.Mail {
		facts.Sender = "user@sender.example"
	}
	rec := &recorder{Asker: resolver, began: time.Now()}
	began := time.Now()
	policy.Judge(ctx, facts, rec)
	return time.Since(began), rec.all(), nil
}

// asked is a question that was waited for.
type asked struct {
	helogate.Question
	answer     *helogate.Answer
	began, end time.Duration // since the judgement began
}

// A recorder is an Asker that notes when each question was asked, and when it was answered.
type recorder struct {
	helogate.Asker
	began time.Time
	mu    sync.Mutex
	asked []asked
}

// Ask asks on, and notes.
func (r *recorder) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	began := time.Since(r.began)
	a := r.Asker.Ask(ctx, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, asked{q, a, began, time.Since(r.began)})
	return a
}

func (r *recorder) all() []asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// criticalPath is the chain of questions that ends with the last answer, each asked when the one before was answered:
// the last answer before, and of those that came together with it one that names what is asked.
func criticalPath(all []asked) (path []asked) {
	if len(all) == 0 {
		return nil
	}
	at := slices.MaxFunc(all, func(a, b asked) int { return int(a.end - b.end) })
	for {
		path = append(path, at)
		var before *asked
		for i := range all {
			q := &all[i]
			if q.end > at.began {
				continue
			}
			better := before == nil || q.end > before.end
			if before != nil && (q.end-before.end).Abs() < roundTrip/2 && q.names(at) != before.names(at) {
				better = q.names(at)
			}
			if better {
				before = q
			}
		}
		if before == nil {
			slices.Reverse(path)
			return path
		}
		at = *before
	}
}

// names reports whether an answer holds the name that the other question is about.
func (q *asked) names(other asked) bool {
	return slices.ContainsFunc(q.answer.Values, func(v string) bool {
		return v == other.Name || strings.HasSuffix(v, " "+other.Name)
	})
}

// worded is "PTR 198.18.0.1 → A out.client.example".
func worded(path []asked) string {
	parts := make([]string, len(path))
	for i, q := range path {
		parts[i] = fmt.Sprintf("%s %s", q.Kind, q.Name)
	}
	return strings.Join(parts, " → ")
}
