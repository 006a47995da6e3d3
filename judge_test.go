package helogate_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a set of facts at RCPT: "address helo sender recipient".
func client(s string) Facts {
	f := append(strings.Fields(s), "", "", "")
	return Facts{
		Stage: Rcpt, Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Verb: "EHLO", Session: "test",
		Client: netip.MustParseAddr(f[0]), Server: netip.MustParseAddrPort("192.0.2.25:25"), Helo: f[1], Sender: f[2], Recipient: f[3],
	}
}

// world is a DNS in which every kind of answer is to be had.
const answers = `
	198.51.100.1     PTR mx.example.org
	mx.example.org   A 198.51.100.1
	mx.example.org   A 198.51.100.2
	example.org      MX 10 mx.example.org
	example.org      MX 20 mx2.example.org
	mx2.example.org  CNAME mx.example.org
	198.51.100.2     PTR tempfail
	198.51.100.3     PTR gone.example.org
	198.51.100.3     PTR forged.example.org
	forged.example.org A 203.0.113.1
	198.51.100.4     PTR 198-51-100-4.dsl.example.com
	198-51-100-4.dsl.example.com A 198.51.100.4
	198.51.100.5     PTR out.example.com
	out.example.com  A 198.51.100.5
	example.com      MX 5 mx1.example.com
	mx1.example.com  A tempfail
	mx1.example.com  AAAA 2001:db8::1
	slow.example     A tempfail
	null.example     MX 0 .
	loop.example     CNAME loop.example
	2001:db8::1      PTR mx1.example.com`

var clients = []string{
	"198.51.100.1 mx.example.org a@example.org jane@example.net",
	"198.51.100.2 mx.example.org a@example.com jane@example.net",
	"198.51.100.3 google.com a@null.example jane@example.net",
	"198.51.100.4 198-51-100-4.dsl.example.com a@gone.example jane@example.net",
	"198.51.100.5 mx.example.org a@example.com jane@example.org",
	"198.51.100.6 yq3H9cDKgS - jane@example.net",
	"198.51.100.7 slow.example a@loop.example postmaster@example.net",
	"2001:db8::1 mx1.example.com a@example.com jane@example.net",
	"203.0.113.9 192.0.2.25 a@example.com jane@example.net",
	"10.0.0.1 exchange.corp.local a@example.com jane@example.net",
}

func preset(t testing.TB, name string) *Policy {
	t.Helper()
	friends, err := check.ParseNamePattern(".friend.example")
	if err != nil {
		t.Fatal(err)
	}
	p, err := check.NewPolicy(name, check.Settings{Exempt: []check.Exemption{{Names: []check.NamePattern{friends}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func record(f Facts, v Verdict) []byte { return (&Record{Facts: f, Verdict: v}).AppendJSON(nil) }

// lottery knows some answers at once and takes a random time for the others.
type lottery struct {
	Asker
	mu   sync.Mutex
	rand *rand.Rand
	cold map[Question]bool
}

func (l *lottery) Known(q Question) (*Answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cold, drawn := l.cold[q]
	if !drawn {
		cold = l.rand.IntN(4) > 0
		l.cold[q] = cold
	}
	if cold {
		return nil, false
	}
	return l.Asker.Known(q)
}

func (l *lottery) Ask(ctx context.Context, q Question) *Answer {
	l.mu.Lock()
	d := time.Duration(l.rand.IntN(100)) * time.Millisecond
	l.mu.Unlock()
	select {
	case <-time.After(d): // the bubble's time
	case <-ctx.Done():
		return &Answer{Status: TempFail, Note: "nobody waits"}
	}
	return l.Asker.Ask(ctx, q)
}

// Promise 1: random delays give identical bytes.
func TestTimingChangesNothing(t *testing.T) {
	zone := MustZone(answers)
	for _, name := range check.Presets {
		p := preset(t, name)
		for i, c := range clients {
			f := client(c)
			want := record(f, p.Judge(t.Context(), f, zone))
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) {
					ask := &lottery{Asker: zone, rand: rand.New(rand.NewPCG(seed, uint64(i))), cold: map[Question]bool{}}
					if got := record(f, p.Judge(t.Context(), f, ask)); !bytes.Equal(got, want) {
						t.Errorf("%s, %s, seed %d:\n got %s\nwant %s", name, c, seed, got, want)
					}
				})
			}
		}
	}
}

// Promise 1: so does a replay from the evidence, after the journal's form and back.
func TestReplayGivesTheSameBytes(t *testing.T) {
	for _, name := range check.Presets {
		for _, p := range []*Policy{preset(t, name), preset(t, name).DryRun()} {
			for _, c := range clients {
				f := client(c)
				f.Helo += "\xff"[:rand.IntN(2)]
				f.Earlier = []string{"EHLO \x00\xfe"}
				want := record(f, p.Judge(t.Context(), f, MustZone(answers)))
				var r Record
				if err := r.UnmarshalJSON(want); err != nil {
					t.Fatal(err)
				}
				if got := record(r.Facts, p.Judge(t.Context(), r.Facts, r.Asked)); !bytes.Equal(got, want) {
					t.Errorf("%s, %s:\n got %s\nwant %s", name, c, got, want)
				}
			}
		}
	}
}

// counter counts how often each question is asked.
type counter struct {
	Asker
	mu    sync.Mutex
	asked map[Question]int
}

func (c *counter) Known(Question) (*Answer, bool) { return nil, false }

func (c *counter) Ask(ctx context.Context, q Question) *Answer {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[Question]int{}
	}
	c.asked[q]++
	c.mu.Unlock()
	return c.Asker.Ask(ctx, q)
}

// counts is safe while questions that nobody waits for any more are still being asked.
func (c *counter) counts() map[Question]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.asked)
}

// Promise 2: each question is asked once a judgement, and what the last try did not read is no evidence.
func TestEachQuestionIsAskedOnce(t *testing.T) {
	p := preset(t, "balanced")
	for _, c := range clients {
		ask := &counter{Asker: MustZone(answers)}
		v := p.Judge(t.Context(), client(c), ask)
		asked := ask.counts()
		for q, n := range asked {
			if n != 1 {
				t.Errorf("%s: %v was asked %d times", c, q, n)
			}
		}
		seen := map[Question]bool{}
		for _, qa := range v.Asked {
			if seen[qa.Question] || asked[qa.Question] == 0 {
				t.Errorf("%s: %v is in the evidence, asked %d times", c, qa.Question, asked[qa.Question])
			}
			seen[qa.Question] = true
		}
	}
}

// busy is DNS made to keep us busy: every name has many more.
type busy struct{ counter }

func (b *busy) Ask(ctx context.Context, q Question) *Answer {
	b.counter.Ask(ctx, q)
	a := &Answer{Status: OK}
	for i := range 20 {
		a.Values = append(a.Values, fmt.Sprintf("%d.%s", i, q.Name))
	}
	return a
}

// Promise 2: nobody's DNS keeps us busy, and where the limit cuts has nothing to do with timing.
func TestAtMost200Questions(t *testing.T) {
	tree := Check{Name: "tree", Cost: Lookup, Run: func(c *Case) Finding {
		n := 0
		for _, a := range c.Values(TXT, "root") {
			for _, b := range c.Values(TXT, a) {
				n += len(c.Values(TXT, b))
			}
		}
		return c.Fail("%d", n)
	}}
	p := policy(t, Thresholds{}, Line{Check: tree})
	var want []byte
	for range 10 {
		ask := &busy{counter{Asker: MustZone("")}}
		f := client("192.0.2.1")
		v := p.Judge(t.Context(), f, ask)
		if asked := len(ask.counts()); len(v.Asked) != 200 || asked > 400 {
			t.Fatalf("%d questions in the evidence, %d asked", len(v.Asked), asked)
		}
		if got := v.Findings[0].String(); !strings.HasPrefix(got, "temperror: TXT of ") || !strings.HasSuffix(got, "more than 200 questions") {
			t.Fatal(got)
		}
		if got := record(f, v); want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Fatalf("another verdict:\n%s\n%s", got, want)
		}
		if again := record(f, p.Judge(t.Context(), f, v.Asked)); !bytes.Equal(again, want) {
			t.Fatalf("another verdict in replay:\n%s\n%s", again, want)
		}
	}
}

// Promise 3: when the budget ends, what is outstanding is recorded as a tempfail.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := MustZone(`
			198.51.100.1 PTR after=1h mx.example.org
			mx.example.org A after=1s 198.51.100.1`)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		began := time.Now()
		f := client("198.51.100.1 mx.example.org")
		v := preset(t, "rfc").Judge(ctx, f, z)
		if d := time.Since(began); d != 8*time.Second {
			t.Errorf("judged after %v", d)
		}
		if v.Action != Defer || v.By != "rdns" || v.Reply.Code != 450 || v.Reply.Enhanced != "4.7.25" {
			t.Errorf("%s by %s: %s", v.Action, v.By, v.Reply)
		}
		late := []string{}
		for _, qa := range v.Asked {
			if qa.Status == TempFail {
				late = append(late, qa.Kind.String()+" "+qa.Name+": "+qa.Note)
			}
		}
		if want := []string{"PTR 198.51.100.1: no answer in time"}; !slices.Equal(late, want) {
			t.Errorf("recorded %q, want %q", late, want)
		}
		if again := record(f, preset(t, "rfc").Judge(t.Context(), f, v.Asked)); !bytes.Equal(again, record(f, v)) {
			t.Errorf("another verdict in replay: %s", again)
		}
	})
}

// Promise 3: nor is anything asked when the budget has ended.
func TestNothingIsAskedAfterTheBudget(t *testing.T) {
	second := Check{Name: "second", Cost: Lookup, Run: func(c *Case) Finding {
		if c.Ask(TXT, "first").Note == "no answer in time" {
			c.Values(TXT, "second")
		}
		return c.Fail("")
	}}
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, Thresholds{}, Line{Check: second})
		p.Budget = time.Second
		ask := &counter{Asker: MustZone("first TXT after=1h x\nsecond TXT x")}
		v := p.Judge(t.Context(), client("198.51.100.1"), ask)
		synctest.Wait()
		if n := len(ask.counts()); n != 1 || len(v.Asked) != 2 || v.Asked[1].Note != "no answer in time" {
			t.Errorf("%d questions were asked, and the evidence is %v", n, v.Asked)
		}
	})
}

func policy(t testing.TB, at Thresholds, lines ...Line) *Policy {
	t.Helper()
	p, err := NewPolicy(at, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// says is a check that finds what a TXT record says: "fail", "pass" …; a local one says its own name's first word.
func says(name string, cost Cost) Check {
	return Check{Name: name, Cost: cost, Conclusive: Pass, Run: func(c *Case) Finding {
		outcome, _, _ := strings.Cut(name, "-")
		if cost != Local {
			v := c.Values(TXT, name)
			if len(v) == 0 {
				return c.None("no record")
			}
			outcome = v[0]
		}
		return Finding{Outcome: outcomeOf(outcome), Why: name + " says " + outcome}
	}}
}

// outcomeOf is the outcome of a word, None for a word that is none.
func outcomeOf(word string) Outcome {
	o, _ := ParseOutcome(word)
	return o
}

func on(s string) map[Outcome]Effect {
	out := map[Outcome]Effect{}
	for part := range strings.SplitSeq(s, ";") {
		outcome, action, _ := strings.Cut(part, "=")
		a, err := ParseEffect(action)
		if err != nil {
			panic(err)
		}
		out[outcomeOf(strings.TrimSpace(outcome))] = a
	}
	return out
}

// Promises 5 to 7: a line a case. Lines are "check actions", Local if the check's name has a dash, else Lookup; they
// find what the zone says. The verdict is "action by score-possible: checks that ran".
func TestOrderTiersAndSuspicion(t *testing.T) {
	at := Thresholds{GreylistAt: 2, RejectAt: 5}
	for _, c := range []struct {
		name, zone string
		lines      []string
		want       string
	}{
		{"nothing speaks", "", []string{"pass-a fail=reject", "b fail=reject"}, "continue  0-0: pass-a b"},
		{"a reject ends it", "b TXT fail", []string{"fail-a fail=reject", "b fail=reject"}, "reject fail-a 0-0: fail-a"},
		{"drop", "", []string{"fail-a fail=drop", "fail-b fail=reject"}, "drop fail-a 0-0: fail-a fail-b"},
		{"the first reject of a tier decides", "b TXT fail\nc TXT fail", []string{"c fail=reject", "b fail=reject"}, "reject c 0-0: c b"},
		{"who may let in is heard after a reject", "a TXT pass", []string{"a pass=accept", "fail-b fail=reject", "c fail=reject"}, "accept a 0-0: a fail-b"},
		{"and only he", "c TXT fail", []string{"a pass=accept", "fail-b fail=reject", "c fail=reject"}, "reject fail-b 0-0: a fail-b"},
		{"if he cannot be heard, a reject waits", "a TXT tempfail", []string{"a pass=accept", "fail-b fail=reject"}, "defer fail-b 0-0: a fail-b"},
		{"and a drop", "a TXT tempfail", []string{"a pass=accept", "fail-b fail=drop"}, "defer fail-b 0-0: a fail-b"},
		{"an accept ends it", "b TXT fail", []string{"pass-a pass=accept", "b fail=reject"}, "accept pass-a 0-0: pass-a"},
		{"an accept wins over a reject before it", "a TXT fail\nb TXT pass", []string{"a fail=reject", "b pass=accept"}, "accept b 0-0: a b"},
		{"after an accept no line of the tier runs", "a TXT pass\nb TXT fail", []string{"a pass=accept", "b fail=reject"}, "accept a 0-0: a"},
		{"a defer waits for a reject", "b TXT fail", []string{"fail-a fail=defer", "b fail=reject"}, "reject b 0-0: fail-a b"},
		{"a defer stands", "b TXT pass", []string{"fail-a fail=defer", "b fail=reject"}, "defer fail-a 0-0: fail-a b"},
		{"a tempfail of a line that rejects defers", "a TXT tempfail", []string{"a fail=reject"}, "defer a 0-0: a"},
		{"unless the policy says otherwise", "a TXT tempfail", []string{"a fail=reject; temperror=note"}, "continue  0-0: a"},
		{"score adds up", "b TXT fail", []string{"fail-a fail=score 2", "b fail=score 3"}, "reject score 5-5: fail-a b"},
		{"and greylists", "", []string{"fail-a fail=score 2", "b fail=score 3"}, "greylist score 2-2: fail-a b"},
		{"a doubt is no knowledge", "b TXT tempfail", []string{"fail-a fail=score 2", "b fail=score 3"}, "defer score 2-5: fail-a b"},
		{"a doubt alone greylists", "b TXT tempfail", []string{"b fail=score 3"}, "greylist score 0-3: b"},
		{"a doubt of the dearest outcome", "b TXT tempfail", []string{"b softfail=score 1; fail=score 5"}, "defer score 0-5: b"},
		{"points said for a temperror are a doubt too", "b TXT tempfail", []string{"b fail=reject; temperror=score 5"}, "defer score 0-5: b"},
		{"a voucher takes off", "b TXT pass", []string{"fail-a fail=score 2", "b pass=score -1"}, "continue  1-1: fail-a b"},
		{"but not below zero", "b TXT pass\nc TXT fail", []string{"b pass=score -9", "c fail=reject"}, "reject c 0-0: b c"},
		{"a voucher in doubt may have taken off", "b TXT tempfail", []string{"fail-a fail=score 5", "b pass=score -1"}, "defer score 4-5: fail-a b"},
		{"a voucher is heard after a score", "b TXT pass", []string{"fail-a fail=score 5", "b pass=score -1"}, "greylist score 4-4: fail-a b"},
		{"and all others while it may take enough off", "b TXT fail\np TXT none", []string{"fail-a fail=score 5", "b fail=score 1", "p pass=score -2"}, "reject score 6-6: fail-a b p"},
		{"of a dearer tier, too", "b TXT fail", []string{"fail-a fail=score 5", "b fail=score 1", "p pass=score -2"}, "greylist score 4-4: fail-a b p"},
		{"all of them together", "b TXT pass", []string{"fail-a fail=score 7", "b pass=score -1", "p pass=score -2"}, "greylist score 4-4: fail-a b p"},
		{"but none that cannot take enough off", "b TXT pass", []string{"fail-a fail=score 8", "b pass=score -1", "p pass=score -2"}, "reject score 8-8: fail-a"},
		{"nor one that a line's reject makes useless", "b TXT fail", []string{"fail-a fail=score 5", "b fail=reject", "p pass=score -1"}, "reject b 5-5: fail-a b"},
		{"and then all are", "b TXT pass\nc TXT fail", []string{"fail-a fail=score 5", "b pass=score -1", "c fail=score 1"}, "reject score 5-5: fail-a b c"},
		{"a voucher undoes no line's reject, and is not asked", "b TXT pass", []string{"fail-a fail=reject", "b pass=score -9"}, "reject fail-a 0-0: fail-a"},
		{"greylist by a line", "", []string{"fail-a fail=greylist"}, "greylist fail-a 0-0: fail-a"},
		{"an ignored line does not run", "", []string{"fail-a fail=ignore", "fail-b fail=note"}, "continue  0-0: fail-b"},

		{"a trial lets through", "b TXT fail", []string{"fail-a fail=would reject", "b fail=score 2"}, "greylist score 2-2: fail-a b would reject fail-a [fail-a]"},
		{"points on trial have a sum of their own", "", []string{"fail-a fail=score 3", "fail-b fail=would score 2"}, "greylist score 3-3: fail-a fail-b would reject score [score]"},
		{"a trial costs no more than enforcing", "", []string{"fail-a fail=would reject", "b fail=would reject"}, "continue  0-0: fail-a would reject fail-a [fail-a]"},
		{"a voucher on trial that may take enough off keeps the trial open", "b TXT fail",
			[]string{"fail-a fail=would score 5", "b fail=score 4", "p pass=would score -5"},
			"greylist score 4-4: fail-a b p"},
		{"and one that cannot is not asked", "b TXT fail",
			[]string{"fail-a fail=would score 5", "b fail=score 4", "p pass=would score -2"},
			"greylist score 4-4: fail-a b would reject score [score]"},
		{"an accept on trial lets nobody in", "a TXT pass", []string{"a pass=would accept", "fail-b fail=reject"}, "reject fail-b 0-0: a fail-b would accept a []"},
	} {
		var lines []Line
		for _, l := range c.lines {
			name, actions, _ := strings.Cut(l, " ")
			cost := Lookup
			if strings.Contains(name, "-") {
				cost = Local
			}
			if name == "p" {
				cost = Probe
			}
			lines = append(lines, Line{Check: says(name, cost), On: on(actions)})
		}
		pass := "\np TXT pass"
		if strings.Contains(c.zone, "p TXT") {
			pass = ""
		}
		v := policy(t, at, lines...).Judge(t.Context(), client("198.51.100.1"), MustZone(c.zone+pass))
		got := fmt.Sprintf("%s %s %d-%d:", v.Action, v.By, v.Score, v.MaxScore)
		for _, f := range v.Findings {
			got += " " + f.Check
		}
		if v.DryRun != v.Decision {
			got += fmt.Sprintf(" would %s %s %v", v.DryRun.Action, v.DryRun.By, v.Would)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestExhaustiveChangesNoVerdict(t *testing.T) {
	for _, name := range check.Presets {
		p, all := preset(t, name), preset(t, name)
		all.RunAll = true
		for _, c := range clients {
			f := client(c)
			v, w := p.Judge(t.Context(), f, MustZone(answers)), all.Judge(t.Context(), f, MustZone(answers))
			if v.ID != w.ID || v.Reply != w.Reply || v.DryRun != w.DryRun || !slices.Equal(v.Would, w.Would) {
				t.Errorf("%s, %s: %s %s %v, exhaustive %s %s %v", name, c, v.ID, v.Reply, v.Would, w.ID, w.Reply, w.Would)
			}
			if v.Decision != w.Decision || len(w.Findings) != len(all.Lines()) {
				t.Errorf("%s, %s: %v, exhaustive %v with %d of %d findings", name, c, v.Decision, w.Decision, len(w.Findings), len(all.Lines()))
			}
		}
	}
}

func TestTerseLeavesOutOnlyWhatHasNoEffect(t *testing.T) {
	for _, name := range check.Presets {
		p, terse := preset(t, name), preset(t, name)
		terse.OmitReasons = true
		for _, c := range clients {
			f := client(c)
			v, w := p.Judge(t.Context(), f, MustZone(answers)), terse.Judge(t.Context(), f, MustZone(answers))
			v.Findings = slices.DeleteFunc(v.Findings, func(f Finding) bool {
				return f.Effect.Action == Note && (f.Outcome == None || f.Outcome == Neutral || f.Outcome == Pass)
			})
			for i := range v.Findings {
				if f := &v.Findings[i]; f.Effect.Action == Note && f.Outcome != TempError {
					f.Why = "" // the words of a failure of DNS are made for all
				}
			}
			if !bytes.Equal(record(f, v), record(f, w)) {
				t.Errorf("%s, %s:\n got %s\nwant %s", name, c, record(f, w), record(f, v))
			}
		}
	}
}

// A policy on trial says what it would have done, and does nothing.
func TestOnTrial(t *testing.T) {
	for _, name := range check.Presets {
		p := preset(t, name)
		for _, c := range clients {
			f := client(c)
			v, w := p.Judge(t.Context(), f, MustZone(answers)), p.DryRun().Judge(t.Context(), f, MustZone(answers))
			if w.Action != Continue || w.DryRun != v.Decision {
				t.Errorf("%s, %s: %v on trial is %v, would %v", name, c, v.Decision, w.Decision, w.DryRun)
			}
			if len(w.Asked) != len(v.Asked) {
				t.Errorf("%s, %s: %d questions on trial, %d in force", name, c, len(w.Asked), len(v.Asked))
			}
			if v.Action.Refuses() != (len(w.Would) > 0) {
				t.Errorf("%s, %s: %v, would %v", name, c, v.Decision, w.Would)
			}
		}
	}
}

// Promise 8: a check that panics is a temperror, and is reported.
func TestPanic(t *testing.T) {
	bad := Check{Name: "bad", Cost: Lookup, Run: func(c *Case) Finding {
		return c.Pass("%s", c.Values(TXT, "bad")[0]) // there is none
	}}
	p := policy(t, Thresholds{}, Line{Check: bad, On: on("fail=reject")})
	reported := ""
	p.Report = func(f Fault) {
		reported += fmt.Sprint(f.Check, " ", f.Facts.Client, " ", f.Cause != nil, " ", bytes.Contains(f.Stack, []byte("judge_test.go")))
	}
	for _, ask := range []Asker{MustZone(""), &counter{Asker: MustZone("")}} { // an answer on its way is no reason to report
		reported = ""
		v := p.Judge(t.Context(), client("198.51.100.1"), ask)
		if got := v.Findings[0].String(); !strings.HasPrefix(got, "temperror: the check panicked: runtime error: index out of range") {
			t.Error(got)
		}
		if v.Action != Defer || reported != "bad 198.51.100.1 true true" {
			t.Errorf("%s, reported %q", v.Action, reported)
		}
	}
}

func TestNoClientNoVerdict(t *testing.T) {
	v := preset(t, "hardline").Judge(t.Context(), Facts{Stage: Rcpt, Helo: "x"}, MustZone(""))
	if v.Action != Continue || len(v.Findings) != 0 || v.ID == "" {
		t.Errorf("%+v", v)
	}
}

func TestID(t *testing.T) {
	p := preset(t, "balanced")
	f := client(clients[0])
	id := p.Judge(t.Context(), f, MustZone(answers)).ID
	if len(id) != 13 {
		t.Errorf("%q", id)
	}
	same := f
	same.Session = "another"
	if got := p.Judge(t.Context(), same, MustZone(answers)).ID; got != id {
		t.Error("the session's name changes the verdict's")
	}
	for _, change := range []func(*Facts){
		func(f *Facts) { f.Stage = Mail }, func(f *Facts) { f.Time = f.Time.Add(1) }, func(f *Facts) { f.Client = f.Client.Next() },
		func(f *Facts) { f.Server = netip.AddrPort{} }, func(f *Facts) { f.Verb = "HELO" }, func(f *Facts) { f.Helo += "." },
		func(f *Facts) { f.Sender = "b@example.org" }, func(f *Facts) { f.Recipient = "x@example.net" }, func(f *Facts) { f.Auth = "x" },
		func(f *Facts) { f.Earlier = []string{"EHLO x"} },
	} {
		other := f
		change(&other)
		if got := p.Judge(t.Context(), other, MustZone(answers)).ID; got == id {
			t.Errorf("%+v has the same name as %+v", other, f)
		}
	}
	if got := p.Judge(t.Context(), f, MustZone(answers+"\n198.51.100.1 PTR mx3.example.org")).ID; got == id {
		t.Error("other evidence, same name")
	}
}

// An ID never changes its meaning: that of a judgement of today stands in logs, replies and journals.
func TestIDStays(t *testing.T) {
	f := client("198.51.100.1 mx.example.org a@example.org jane@example.net")
	f.Earlier, f.Auth = []string{"HELO x"}, "jane"
	v := policy(t, Thresholds{}, Line{Check: says("a", Lookup)}, Line{Check: says("b", Lookup)}, Line{Check: says("c", Lookup)}).
		Judge(t.Context(), f, MustZone("a TXT fail\nb TXT tempfail"))
	if v.ID != "vzp95hg65rfew" {
		t.Errorf("%s", v.ID)
	}
}

// A policy is named by all that its lines and thresholds say, and by its preset.
func TestPolicyID(t *testing.T) {
	line := func(name string, cost Cost, actions string) Line {
		return Line{Check: says(name, cost), On: on(actions)}
	}
	p := policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Lookup, "fail=reject"), line("b", Lookup, "fail=score 2"))
	same := policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Lookup, "fail=reject"), line("b", Lookup, "fail=score 2; pass=note"))
	if len(p.ID()) != 13 || same.ID() != p.ID() || p.FromPreset("x").DryRun().ID() != p.DryRun().FromPreset("x").ID() {
		t.Errorf("%q, %q", p.ID(), same.ID())
	}
	set := line("a", Lookup, "fail=reject")
	set.Check.Settings = "x"
	seen := map[string]bool{p.ID(): true}
	for i, other := range []*Policy{
		p.DryRun(), p.FromPreset("strict"),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 6}, line("a", Lookup, "fail=reject"), line("b", Lookup, "fail=score 2")),
		policy(t, Thresholds{GreylistAt: 3, RejectAt: 5}, line("a", Lookup, "fail=reject"), line("b", Lookup, "fail=score 2")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("b", Lookup, "fail=score 2"), line("a", Lookup, "fail=reject")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Probe, "fail=reject"), line("b", Lookup, "fail=score 2")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Lookup, "fail=reject"), line("b", Lookup, "fail=score 3")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Lookup, "fail=reject"), line("b", Lookup, "softfail=score 2")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, line("a", Lookup, "fail=reject")),
		policy(t, Thresholds{GreylistAt: 2, RejectAt: 5}, set, line("b", Lookup, "fail=score 2")),
	} {
		if seen[other.ID()] {
			t.Errorf("policy %d has the name of another", i)
		}
		seen[other.ID()] = true
	}
	f := client(clients[0])
	v := p.Judge(t.Context(), f, MustZone(answers))
	var r Record
	if err := r.UnmarshalJSON(record(f, v)); err != nil || v.Policy != p.ID() || r.Policy != p.ID() {
		t.Errorf("the verdict names %q, its record %q: %v", v.Policy, r.Policy, err)
	}
}
