package spf

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate"
)

// The properties are for rare cases. The command line can override this.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "2000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// everywhere is a DNS in which every name has the answers of "".
type everywhere struct{ answers }

func (e everywhere) Known(q helogate.Question) (*helogate.Answer, bool) {
	if a := e.answers[q]; a != nil {
		return a, true
	}
	return e.answers.Known(helogate.Question{Kind: q.Kind})
}

func (e everywhere) Ask(_ context.Context, q helogate.Question) *helogate.Answer {
	a, _ := e.Known(q)
	return a
}

// zone runs cases on a literal DNS: client and domain, and the result: outcome, domain, term or problem, explanation.
func zone(t *testing.T, text string, cases ...string) {
	t.Helper()
	z := helogate.MustZone(text)
	for i := 0; i < len(cases); i += 2 {
		client, domain, _ := strings.Cut(cases[i], " ")
		j := judge(z, identity(client, "mx.example.net", "jane@"+domain))
		got := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s", j.found.Outcome, j.Domain, j.Term, j.Problem, j.explanation)), " ")
		if got != cases[i+1] {
			t.Errorf("%s:\n got %s\nwant %s", cases[i], got, cases[i+1])
		}
	}
}

func TestCheck(t *testing.T) {
	zone(t, `
		example.org       TXT v=spf1 a mx/24 ~include:_spf.example.net exists:%{ir}.%{v}.list.example ip4:203.0.113.0/24 ?ptr:friend.example -all exp=why.%{d}
		example.org       A 192.0.2.1
		example.org       AAAA 2001:db8::1
		example.org       MX 10 mx.example.org
		mx.example.org    A 192.0.2.129
		mx.example.org    AAAA 2001:db8::2
		_spf.example.net  TXT v=spf1 ip4:198.51.100.1 ip6:2001:db8:1::/48 redirect=more.example.net
		more.example.net  TXT v=spf1 ip4:198.51.100.2 +ptr:pool.example -all
		99.113.0.203.in-addr.list.example A 127.0.0.2
		9.100.51.198.in-addr.list.example A 127.0.0.2
		198.51.100.3      PTR a.pool.example
		a.pool.example    A 198.51.100.3
		198.51.100.4      PTR forged.pool.example
		forged.pool.example A 192.0.2.1
		198.51.100.5      PTR mx.friend.example
		mx.friend.example A 198.51.100.5
		why.example.org   TXT %{c} is none of ours: see http://example.org/?s=%{S}
		other.example     TXT v=spf1 redirect=example.org exp=never.example
		open.example      TXT v=spf1 ip4:192.0.2.0/24
		text.example      TXT hello
		void.example      TXT v=spf1 a:gone1.example a:gone2.example mx:gone3.example ?all
		loop.example      TXT v=spf1 include:loop.example -all
		redo.example      TXT v=spf1 redirect=redo.example
		bad.example       TXT v=spf1 -all include:open.example/24
		uses.example      TXT v=spf1 include:bad.example -all
		lost.example      TXT v=spf1 include:text.example -all
		nosuch.example    TXT v=spf1 include:%{d}..x.example -all
		192.0.2.7         PTR any.example
		192.0.2.7         PTR a.p.example
		192.0.2.7         PTR p.example
		192.0.2.7         PTR forged.p.example
		192.0.2.8         PTR any.example
		192.0.2.8         PTR a.p.example
		192.0.2.9         PTR any.example
		any.example       A 192.0.2.7
		any.example       A 192.0.2.8
		any.example       A 192.0.2.9
		a.p.example       A 192.0.2.7
		a.p.example       A 192.0.2.8
		p.example         A 192.0.2.7
		p.example         TXT v=spf1 -all exp=why.p.example
		why.p.example     TXT you are %{p}
		single.example    TXT v=spf1 include:%{p} -all
		unknown           TXT v=spf1 +all
		both.example      TXT v=spf1 -all exp=twice.example
		twice.example     TXT v=spf1 -all
		twice.example     TXT v=spf1 +all`,
		"192.0.2.1 example.org", "pass example.org a",
		"2001:db8::1 example.org", "pass example.org a",
		"192.0.2.200 example.org", "pass example.org mx/24",
		"2001:db8::2 example.org", "pass example.org mx/24",
		"198.51.100.1 example.org", "softfail example.org ~include:_spf.example.net",
		"2001:db8:1::9 example.org", "softfail example.org ~include:_spf.example.net",
		"198.51.100.2 example.org", "softfail example.org ~include:_spf.example.net",
		"198.51.100.3 example.org", "softfail example.org ~include:_spf.example.net",
		"198.51.100.4 example.org", "fail example.org -all 198.51.100.4 is none of ours: see http://example.org/?s=jane%40example.org",
		"198.51.100.5 example.org", "neutral example.org ?ptr:friend.example",
		"198.51.100.9 example.org", "pass example.org exists:%{ir}.%{v}.list.example",
		"203.0.113.7 example.org", "pass example.org ip4:203.0.113.0/24",
		"198.51.100.4 other.example", "fail example.org -all 198.51.100.4 is none of ours: see http://example.org/?s=jane%40other.example",
		"198.51.100.4 open.example", "neutral open.example",
		"198.51.100.4 text.example", "none text.example has no SPF record",
		"198.51.100.4 gone.example", "none gone.example does not exist",
		"198.51.100.4 localhost", "none localhost is no domain",
		"198.51.100.4 void.example", "permerror void.example more than 2 void lookups",
		"198.51.100.4 loop.example", "permerror loop.example more than 10 terms ask DNS",
		"198.51.100.4 redo.example", "permerror redo.example more than 10 terms ask DNS",
		"198.51.100.4 bad.example", "permerror bad.example in the record of bad.example, include:open.example/24: the domain does not end in a top-level domain",
		"198.51.100.4 uses.example", "permerror uses.example in the record of bad.example, include:open.example/24: the domain does not end in a top-level domain",
		"198.51.100.4 lost.example", "permerror lost.example text.example has no SPF record",
		"198.51.100.4 nosuch.example", "permerror nosuch.example the target of include or redirect is not a valid domain name",
		"198.51.100.9 single.example", "permerror single.example unknown has no SPF record",
		"192.0.2.7 p.example", "fail p.example -all you are p.example",
		"192.0.2.8 p.example", "fail p.example -all you are a.p.example",
		"192.0.2.9 p.example", "fail p.example -all you are any.example",
		"192.0.2.1 p.example", "fail p.example -all you are unknown",
		"192.0.2.1 both.example", "fail both.example -all",
		"198.51.100.4 twice.example", "permerror twice.example twice.example has more than one SPF record",
	)
}

// RFC 7208 section 4.6.4: ten terms, ten MX hosts, ten names of a client, two void lookups; at the limit and beyond.
func TestLimits(t *testing.T) {
	var b strings.Builder
	for i := range 11 {
		fmt.Fprintf(&b, "ten.mx.example MX %d mx%d.example\nmx%d.example A 198.51.100.1%02d\n", i, i, i, i)
		if i < 10 {
			fmt.Fprintf(&b, "just.mx.example MX %d mx%d.example\n", i, i)
			fmt.Fprintf(&b, "192.0.2.10 PTR host%d.just.example\n", i)
		}
		fmt.Fprintf(&b, "192.0.2.11 PTR host%02d.past.example\n", i)
	}
	text := strings.ReplaceAll(b.String(), "198.51.100.100", "192.0.2.1")
	zone(t, text+`
		host9.just.example  A 192.0.2.10
		host10.past.example A 192.0.2.11
		here.example A 198.51.100.1
		just.example  TXT v=spf1 `+strings.Repeat("a:here.example ", 10)+`-all
		past.example  TXT v=spf1 `+strings.Repeat("a:here.example ", 11)+`-all
		many.example  TXT v=spf1 `+strings.Repeat("a:here.example ", 500)+`-all
		local.example TXT v=spf1 `+strings.Repeat("ip4:203.0.113.1 ", 100)+`-all
		just.mx.example TXT v=spf1 mx -all
		ten.mx.example  TXT v=spf1 mx -all
		just.ptr.example TXT v=spf1 ptr:just.example -all
		past.ptr.example TXT v=spf1 ptr:past.example -all
		ptrs.example     TXT v=spf1 ptr ptr ptr ptr -all
		void.example     TXT v=spf1 a:gone.example mx:gone.example -all`,
		"192.0.2.2 just.example", "fail just.example -all",
		"192.0.2.2 past.example", "permerror past.example more than 10 terms ask DNS",
		"192.0.2.2 many.example", "permerror many.example more than 10 terms ask DNS",
		"192.0.2.2 local.example", "fail local.example -all",
		"192.0.2.1 just.mx.example", "pass just.mx.example mx",
		"192.0.2.1 ten.mx.example", "permerror ten.mx.example ten.mx.example has more than 10 MX records",
		"192.0.2.10 just.ptr.example", "pass just.ptr.example ptr:just.example",
		"192.0.2.11 past.ptr.example", "fail past.ptr.example -all",
		"192.0.2.99 ptrs.example", "fail ptrs.example -all", // the missing PTR name is one void lookup
		"192.0.2.2 void.example", "fail void.example -all",
	)
}

// A DNS failure that matters is a temperror, also where RFC 7208 section 5.5 would continue. Others have no effect.
func TestFailures(t *testing.T) {
	zone(t, `
		down.example TXT tempfail
		a.example    TXT v=spf1 a -all
		a.example    A tempfail
		a.example    AAAA 2001:db8::1
		mx.example   TXT v=spf1 mx -all
		mx.example   MX 10 down.mx.example
		mx.example   MX 20 up.mx.example
		down.mx.example A tempfail
		up.mx.example   A 192.0.2.1
		ptr.example  TXT v=spf1 ptr -all
		192.0.2.1    PTR other.example
		192.0.2.2    PTR tempfail
		192.0.2.3    PTR down.ptr.example
		192.0.2.4    PTR down.ptr.example
		192.0.2.4    PTR up.ptr.example
		down.ptr.example A tempfail
		up.ptr.example   A 192.0.2.4
		192.0.2.5    PTR down.other.example
		down.other.example A tempfail
		exp.example  TXT v=spf1 -all exp=down.example
		exp.p.example TXT v=spf1 -all exp=%{p}.why.example
		p.example    TXT v=spf1 exists:%{p}.example -all exp=%{p}.why.example
		ex.example   TXT v=spf1 exists:a.example -all
		inc.example  TXT v=spf1 include:down.example -all
		first.example TXT v=spf1 ip4:192.0.2.1 include:down.example -all`,
		"192.0.2.9 down.example", "temperror down.example",
		"192.0.2.9 a.example", "temperror a.example",
		"2001:db8::1 a.example", "pass a.example a",
		"2001:db8::2 a.example", "fail a.example -all",
		"192.0.2.1 mx.example", "pass mx.example mx",
		"192.0.2.9 mx.example", "temperror mx.example",
		"192.0.2.1 ptr.example", "fail ptr.example -all",
		"192.0.2.2 ptr.example", "temperror ptr.example",
		"192.0.2.3 ptr.example", "temperror ptr.example",
		"192.0.2.4 ptr.example", "pass ptr.example ptr",
		"192.0.2.5 ptr.example", "fail ptr.example -all",
		"192.0.2.9 exp.example", "fail exp.example -all",
		"192.0.2.2 exp.p.example", "fail exp.p.example -all",
		"192.0.2.3 exp.p.example", "fail exp.p.example -all",
		"192.0.2.2 p.example", "temperror p.example",
		"192.0.2.3 p.example", "temperror p.example",
		"192.0.2.9 p.example", "fail p.example -all",
		"2001:db8::1 ex.example", "temperror ex.example",
		"192.0.2.9 inc.example", "temperror inc.example",
		"192.0.2.1 first.example", "pass first.example ip4:192.0.2.1",
		"192.0.2.2 first.example", "temperror first.example",
	)
}

// No question is asked that cannot decide: no term after the matching one, no other address family, no name outside the
// domain of ptr.
func TestAsksNoMoreThanItMust(t *testing.T) {
	z := helogate.MustZone(`
		example.org TXT v=spf1 a mx:mail.example ip4:192.0.2.0/24 include:never.example exp=why.example -all
		mail.example MX 10 mx.mail.example
		192.0.2.1   PTR a.other.example
		null.example TXT v=spf1 mx -all
		null.example MX 0 .
		ptr.example TXT v=spf1 ptr exists:x.example -all`)
	for _, c := range []struct{ client, domain, want string }{
		{"192.0.2.1", "example.org", "TXT example.org, A example.org, MX mail.example, A mx.mail.example"},
		{"2001:db8::1", "example.org", "TXT example.org, AAAA example.org, MX mail.example, AAAA mx.mail.example, TXT never.example"},
		{"192.0.2.1", "ptr.example", "TXT ptr.example, PTR 192.0.2.1, A x.example"},
		{"2001:db8::1", "ptr.example", "TXT ptr.example, PTR 2001:db8::1, A x.example"},
		{"192.0.2.1", "null.example", "TXT null.example, MX null.example"},
		{"192.0.2.1", "none.example", "TXT none.example"},
	} {
		if got := questions(judge(z, identity(c.client, "x", "jane@"+c.domain))); got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.client, c.domain, got, c.want)
		}
	}
}

func questions(j judged) string {
	var out []string
	for _, qa := range j.asked {
		out = append(out, qa.Kind.String()+" "+qa.Name)
	}
	return strings.Join(out, ", ")
}

// slow is a DNS in which every answer takes a second.
type slow struct{ helogate.Asker }

func (slow) Known(helogate.Question) (*helogate.Answer, bool) { return nil, false }

func (s slow) Ask(ctx context.Context, q helogate.Question) *helogate.Answer {
	select {
	case <-time.After(time.Second): // the bubble's time
	case <-ctx.Done():
	}
	return s.Asker.Ask(ctx, q)
}

// Questions are asked in parallel: a judgement takes as many round trips as its longest chain. Its result and its
// evidence are the same as if all answers had been known.
func TestRoundTrips(t *testing.T) {
	var mx strings.Builder
	for i := range 10 {
		fmt.Fprintf(&mx, "example.org MX %d mx%d.example.org\nmx%d.example.org A 198.51.100.%d\n", i, i, i, i)
	}
	z := helogate.MustZone(mx.String() + `
		example.org TXT v=spf1 mx include:a.example include:b.example exists:%{p}.x.example ptr -all exp=why.example
		a.example TXT v=spf1 a mx include:c.example ~all
		a.example A 203.0.113.1
		a.example MX 1 mx.a.example
		mx.a.example A 203.0.113.2
		b.example TXT v=spf1 mx:a.example -all
		c.example TXT v=spf1 a:a.example -all
		192.0.2.1 PTR host.example.org
		host.example.org A 192.0.2.9
		zero.example TXT v=spf1 a/0//0 mx/0//0 exists:a.example -all
		why.example TXT go away`)
	for _, c := range []struct {
		client, domain string
		trips          int
		want           helogate.Outcome
	}{
		{"198.51.100.9", "example.org", 3, helogate.Pass}, // TXT, MX, ten A
		{"192.0.2.1", "example.org", 4, helogate.Fail},    // TXT, TXT a.example, its MX, that one's A; all else beside them
		{"192.0.2.1", "zero.example", 2, helogate.Pass},
		{"2001:db8::1", "zero.example", 2, helogate.Pass},
		{"192.0.2.1", "c.example", 2, helogate.Fail},
		{"192.0.2.1", "gone.example", 1, helogate.None},
	} {
		synctest.Test(t, func(t *testing.T) {
			id := identity(c.client, "x", "jane@"+c.domain)
			atHand, began := judge(z, id), time.Now()
			got := judge(slow{z}, id)
			if trips := int(time.Since(began) / time.Second); trips != c.trips || got.found != atHand.found || got.found.Outcome != c.want {
				t.Errorf("%s %s: %d round trips, %s", c.client, c.domain, trips, got.found)
			}
			if questions(got) != questions(atHand) {
				t.Errorf("asked %s\nat hand %s", questions(got), questions(atHand))
			}
		})
	}
}

// Hostile records of 64 KiB end soon, whatever they contain.
func TestHostile(t *testing.T) {
	const most = 64 * 1024
	var texts []string
	for _, unit := range []string{
		"a ", "include:example.org ", "exists:%{l}.example ", "ip4:192.0.2.9 ", "x=%{p} ", "%{", "a:%{d1r-.+,/_=}.example ",
		"\\", "\\0", " ", "/", "a/24//64 ", "=",
	} {
		texts = append(texts, "v=spf1 "+strings.Repeat(unit, most/len(unit)))
	}
	for _, unit := range []string{"%{l}", "%{s}", "%{lr}", "%{l99999r+-/}.", "%{p}", "%{H}", "x", "x."} {
		long := strings.Repeat(unit, most/10/len(unit))
		texts = append(texts, "v=spf1 "+strings.Repeat("exists:"+long+".example ", 10), "v=spf1 -all exp="+long+".example", long)
	}
	for _, text := range texts {
		w := everywhere{answers{}}
		w.add(helogate.TXT, "", text)
		if !isRecord(text) { // it is an explanation
			w.add(helogate.TXT, "example.org", "v=spf1 -all exp=why.example")
		}
		began := time.Now()
		got := judge(w, identity("192.0.2.1", "x", strings.Repeat("a.", 30000)+"@example.org"))
		if took := time.Since(began); took > time.Second || len(got.asked) > 15 || len(got.explanation) > maxExpansion {
			t.Errorf("%.20q: %s, %d questions, %s", text, took, len(got.asked), got.found)
		}
	}
}

// drawAnswers makes a few domains with records, hosts and clients that have to do with each other.
func drawAnswers(t *rapid.T) answers {
	w := answers{}
	domains := []string{"a.example", "b.example", "c.example"}
	domain := rapid.SampledFrom(append(domains, "gone.example"))
	target := rapid.SampledFrom([]string{"a.example", "b.example", "c.example", "gone.example", "%{d}", "%{p}", "%{o}", "x.%{p}"})
	term := rapid.Custom(func(t *rapid.T) string {
		q := rapid.SampledFrom([]string{"", "-", "~", "?"}).Draw(t, "qualifier")
		switch rapid.IntRange(0, 7).Draw(t, "term") {
		case 0:
			return q + rapid.SampledFrom([]string{"all", "a", "mx", "ptr", "a/24//32", "mx/0//32", "junk"}).Draw(t, "bare")
		case 1:
			return q + rapid.SampledFrom([]string{"ip4:192.0.2.1", "ip4:192.0.2.8/30", "ip6:2001:db8::/48"}).Draw(t, "network")
		case 2, 3:
			return q + "include:" + target.Draw(t, "target")
		case 4:
			return rapid.SampledFrom([]string{"redirect=", "exp="}).Draw(t, "modifier") + target.Draw(t, "target")
		default:
			return q + rapid.SampledFrom([]string{"a:", "mx:", "ptr:", "exists:"}).Draw(t, "mechanism") + target.Draw(t, "target")
		}
	})
	addr := rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "198.51.100.1"})
	for _, d := range domains {
		for range rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2}).Draw(t, "records") {
			w.add(helogate.TXT, d, "v=spf1 "+strings.Join(rapid.SliceOfN(term, 0, 5).Draw(t, "terms"), " "))
		}
		for range rapid.IntRange(0, 2).Draw(t, "addresses") {
			w.add(helogate.A, d, addr.Draw(t, "address"))
		}
		if rapid.Bool().Draw(t, "has IPv6") {
			w.add(helogate.AAAA, d, rapid.SampledFrom([]string{"2001:db8::1", "2001:db8:1::1"}).Draw(t, "address"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "mail hosts") {
			w.add(helogate.MX, d, "10 "+domain.Draw(t, "host"))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "names") {
		w.add(helogate.PTR, rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1"}).Draw(t, "address"), domain.Draw(t, "name"))
	}
	return w
}

// Promise 4: replace any answers by failures, and each outcome stays or becomes temperror. Promise 1: neither timing
// nor a replay of the evidence changes anything.
func TestFailuresAndReplays(t *testing.T) {
	seen := map[helogate.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawAnswers(t)
		id := identity(rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.9", "2001:db8::1"}).Draw(t, "client"), "mx.example", "jane@a.example")
		was := judge(w, id)
		seen[was.found.Outcome]++
		if again := judge(was.asked, id); again.found != was.found || again.explanation != was.explanation || questions(again) != questions(was) {
			t.Fatalf("%s; replayed %s", was.found, again.found)
		}
		for _, qa := range was.asked {
			less := slices.Clone(was.asked)
			for i := range less {
				if less[i].Question == qa.Question || rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
					less[i].Answer = &helogate.Answer{Status: helogate.TempFail}
				}
			}
			if is := judge(less, id); is.found.Outcome != was.found.Outcome && is.found.Outcome != helogate.TempError {
				t.Fatalf("%s %+v; with failures %s %+v", was.found, was.Result, is.found, is.Result)
			}
		}
	})
	for _, o := range helogate.Outcomes {
		if seen[o] == 0 && o != helogate.TempError {
			t.Errorf("no records had the outcome %s: %v", o, seen)
		}
	}
}

func TestTimingChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawAnswers(rt)
		id := identity("192.0.2.1", "mx.example", "jane@a.example")
		was := judge(w, id)
		synctest.Test(t, func(*testing.T) {
			if is := judge(slow{w}, id); is.found != was.found || is.explanation != was.explanation || questions(is) != questions(was) {
				rt.Fatalf("%s %s\nslowly %s %s", was.found, questions(was), is.found, questions(is))
			}
		})
	})
}
