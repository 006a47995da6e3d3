package helogate_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/helogate/helogate"
)

// asker is an Asker of two functions.
type asker struct {
	known func(Question) (*Answer, bool)
	ask   func(context.Context, Question) *Answer
}

func (a asker) Known(q Question) (*Answer, bool)            { return a.known(q) }
func (a asker) Ask(ctx context.Context, q Question) *Answer { return a.ask(ctx, q) }
func nothing(Question) (*Answer, bool)                      { return nil, false }
func none(context.Context, Question) *Answer                { return nil }
func panics(context.Context, Question) *Answer              { panic("out of cheese") }

// Nothing that an Asker does kills or hangs the judge: it is a temperror, a report, and evidence that replays.
func TestAskerAtFault(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  Asker
		want string // the finding, and the fault
	}{
		{"Ask panics", asker{nothing, panics}, "temperror: TXT of a: the asker panicked; TXT a: out of cheese, with its stack"},
		{"Ask gives nil", asker{nothing, none}, "temperror: TXT of a: the asker gave no answer; TXT a: the asker gave no answer: nil"},
		{"Known panics", asker{func(Question) (*Answer, bool) { panic("out of cheese") }, none},
			"temperror: TXT of a: the asker panicked; TXT a: out of cheese, with its stack"},
		{"Known gives nil", asker{func(Question) (*Answer, bool) { return nil, true }, none},
			"temperror: TXT of a: the asker gave no answer; TXT a: the asker gave no answer: nil"},
		{"Ask gives a status that there is not", asker{nothing, func(context.Context, Question) *Answer { return &Answer{Status: 77} }},
			"temperror: TXT of a: the asker gave no answer; TXT a: the asker gave no answer: its status is status(77)"},
		{"Known gives a status that there is not", asker{func(Question) (*Answer, bool) { return &Answer{Status: 77}, true }, none},
			"temperror: TXT of a: the asker gave no answer; TXT a: the asker gave no answer: its status is status(77)"},
		{"Ask ignores its context", asker{nothing, func(context.Context, Question) *Answer {
			time.Sleep(time.Hour)
			return &Answer{Status: OK, Values: []string{"fail"}}
		}}, "temperror: TXT of a: no answer in time; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := policy(t, Thresholds{}, Line{Check: says("a", Lookup), On: on("fail=reject")})
				var faults []string
				p.Report = func(f Fault) {
					s := fmt.Sprintf("%s %s: %v", f.Question.Kind, f.Question.Name, f.Cause)
					if bytes.Contains(f.Stack, []byte("fault_test.go")) {
						s += ", with its stack"
					}
					faults = append(faults, s)
				}
				f := client("198.51.100.1")
				began := time.Now()
				v := p.Judge(context.Background(), f, c.ask)
				if took := time.Since(began); took > DefaultBudget {
					t.Errorf("took %s", took)
				}
				if got := v.Findings[0].String() + "; " + strings.Join(faults, "; "); got != c.want || v.Action != Defer {
					t.Errorf("%s, got %s\nwant %s", v.Action, got, c.want)
				}
				faults = nil
				if again := record(f, p.Judge(t.Context(), f, v.Asked)); !bytes.Equal(again, record(f, v)) || faults != nil {
					t.Errorf("another verdict in replay: %s, %s", again, faults)
				}
				time.Sleep(time.Hour) // what ignores its context ends, in the bubble's time
			})
		})
	}
}

// asksFor is a check that fails, having asked for the outcome of others first.
func asksFor(name string, others ...string) Check {
	return Check{Name: name, Cost: Lookup, Run: func(c *Case) Finding {
		for _, other := range others {
			c.OutcomeOf(other)
		}
		return c.Fail("%s fails", name)
	}}
}

// A check that asks for its own outcome, and those that ask for each other in a circle, are in temperror, whichever
// stands first; the others are not.
func TestCircle(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []Check
		want  string
	}{
		{"itself", []Check{asksFor("a", "a")}, "a temperror; a, a"},
		{"two", []Check{asksFor("a", "b"), asksFor("b", "a")}, "a temperror, b temperror; a, b, a"},
		{"three", []Check{asksFor("a", "b"), asksFor("b", "c"), asksFor("c", "a")}, "a temperror, b temperror, c temperror; a, b, c, a"},
		{"not its reader", []Check{asksFor("r", "a"), asksFor("a", "b"), asksFor("b", "a")}, "r fail, a temperror, b temperror; a, b, a"},
		{"one that asks for a member, from within", []Check{asksFor("a", "b", "c"), asksFor("b", "a"), asksFor("c", "b")},
			"a temperror, b temperror, c temperror; a, b, a"},
		{"nor what it reads", []Check{asksFor("a", "x", "a"), asksFor("x")}, "a temperror, x fail; a, a"},
		{"nor what two read", []Check{asksFor("a", "x"), asksFor("b", "x"), asksFor("x")}, "a fail, b fail, x fail; "},
	} {
		for _, reversed := range []bool{false, true} {
			var lines []Line
			for _, one := range c.lines {
				lines = append(lines, Line{Check: one, On: on("fail=reject")})
			}
			if reversed {
				slices.Reverse(lines)
			}
			p := policy(t, Thresholds{}, lines...)
			cause := ""
			p.Report = func(f Fault) {
				cause += strings.TrimPrefix(fmt.Sprint(f.Cause), "the check asks for its own outcome: ")
			}
			var found []string
			for _, f := range p.Judge(t.Context(), client("198.51.100.1"), MustZone("")).Findings {
				found = append(found, f.Check+" "+f.Outcome.String())
				if f.Outcome == TempError && f.Why != "the check asks for its own outcome" {
					t.Errorf("%s: %s", c.name, f)
				}
			}
			if reversed {
				slices.Reverse(found)
				cause = c.want[strings.Index(c.want, "; ")+2:] // it names the circle from where it was entered
			}
			if got := strings.Join(found, ", ") + "; " + cause; got != c.want {
				t.Errorf("%s, reversed %v:\n got %s\nwant %s", c.name, reversed, got, c.want)
			}
		}
	}
}
