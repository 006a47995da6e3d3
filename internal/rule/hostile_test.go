package rule

import (
	"strings"
	"sync"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
	"github.com/helogate/helogate"
)

// The most expensive rules that compile, for the worst client: each ends.
var hostile = []struct{ when, helo string }{
	{`helo.matches("(x{12}){12}y")`, strings.Repeat("x", 10<<10)},
	{`helo.matches("(x*)*(x*)*(x*)*y")`, strings.Repeat("x", maxText)},
	{`helo.matches("(x?){50}x{50}y")`, strings.Repeat("x", maxText)},
	{`helo.text.lowerAscii().replace("x", "yyyy").contains("z")`, strings.Repeat("X", maxText)},
	{`helo.text.indexOf("` + strings.Repeat("x", 100) + `y") > 1`, strings.Repeat("x", 2*maxText)},
	{`helo.text.split("").all(a, a == "\uFFFD")`, strings.Repeat("\xff.", maxText)},
	{`helo.text.split("x").exists(a, a == "y")`, strings.Repeat("x", maxText)},
	{`helo.text + helo.text + helo.text + helo.text == sender`, strings.Repeat("x", maxText)},
	{`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a + b + c + d < server.port + 99))))`, ""},
	{`ptr.names.all(a, ptr.names.all(b, ptr.names.all(c, (a + b + c).under("example.org"))))`, ""},
}

func TestHostile(t *testing.T) {
	for _, tt := range hostile {
		f := facts("192.0.2.1")
		f.Helo = tt.helo
		got, _ := judge(t, mustCompile(t, tt.when, "note"), f, helogate.MustZone(zoneText))
		if got.Outcome != helogate.None && got.Outcome != helogate.Neutral {
			t.Errorf("%s: %s", tt.when, got)
		}
	}
}

// The cost that CEL counts while a rule runs is never more than the estimate when it was loaded.
func TestCostIsBound(t *testing.T) {
	c := compiler(t)
	cases := hostile
	for _, tt := range outcomeTests {
		cases = append(cases, struct{ when, helo string }{tt.when, strings.Repeat("example.org.", maxText/10)})
	}
	for _, tt := range cases {
		r := mustCompile(t, tt.when, "note")
		src, parsed, errs := c.parse(tt.when)
		if errs != nil {
			t.Fatal(errs)
		}
		v := c.vet(src, parsed)
		checked, issues := c.env.Check(parsed)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		f := &folder{patterns: v.patterns, addresses: v.addresses, constant: map[int64]ref.Val{}}
		program, err := c.env.Program(checked, cel.CustomDecoratorV2(f.fold), cel.CostTracking(nil))
		if err != nil {
			t.Fatal(err)
		}
		r.Check.Run = func(c *helogate.Case) helogate.Finding {
			_, details, _ := program.Eval(&evaluation{c: c, rule: r})
			if details == nil || details.ActualCost() == nil {
				t.Errorf("%s: no cost was counted", tt.when)
			} else if got := *details.ActualCost(); got > r.Cost {
				t.Errorf("%s costs %d, more than %d", tt.when, got, r.Cost)
			}
			return helogate.Finding{Outcome: helogate.None}
		}
		fact := facts("192.0.2.1 - - a@example.net")
		fact.Helo, fact.Sender = tt.helo, strings.Repeat("a", maxText)+"@"+strings.Repeat("example.org.", 20)
		judge(t, r, fact, helogate.MustZone(zoneText))
	}
}

// Many goroutines run a rule at once. This is for the race detector.
func TestConcurrent(t *testing.T) {
	r := mustCompile(t, `helo.under("example.org") && client in list("relays") && ptr.confirmed.exists(n, helo.matches(".")) || score > 9`, "note")
	z := helogate.MustZone("203.0.113.1 PTR mx.example.org\nmx.example.org A 203.0.113.1")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			f, want := facts("203.0.113.1 mx.example.org"), helogate.Neutral
			if i%2 == 0 {
				f, want = facts("203.0.113.2 mx.example.org"), helogate.None
			}
			for range 50 {
				if got, _ := judge(t, r, f, z); got.Outcome != want {
					t.Errorf("%s: %s", f.Client, got)
				}
			}
		})
	}
	all.Wait()
}
