// Package rule compiles an administrator's expressions into checks. An expression in CEL (https://cel.dev) reads the
// facts, DNS answers and the outcomes of other checks; an action follows where it is true. docs/rules.md is the page
// about rules.
//
// The compiler checks as much as it can when a rule is loaded: names, types, words, patterns and the maximum cost.
// The names that a rule reads decide at which stage it runs, and whether it runs with the checks that need lookups.
package rule

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types/ref"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/list"
)

// Env is what rules can read in addition to the facts.
type Env struct {
	Checks []helogate.Check // those of the policy: Name, Family, Needs, Cost, Phase and FailOpen are read
	Own    Own
	Lists  map[string]*list.List // by the name that rules use
}

// Own are the local names and addresses.
type Own struct {
	Names     []string // canonical
	Addresses []netip.Addr
	Networks  []netip.Prefix
}

// A Compiler compiles rules. It is safe for concurrent use.
type Compiler struct {
	env     *cel.Env
	checks  map[string]helogate.Check // by name, and by family
	lists   map[string]*list.List
	names   []string // of the checks and families that can be read, sorted
	own     Own
	ownList map[string]ref.Val // the values of own.names, own.addresses, own.networks
	sizes   estimator
}

// A Rule is a check and the effect of its match: one line of a policy.
type Rule struct {
	Check helogate.Check
	On    map[helogate.Outcome]helogate.Effect
	Reads []string // the checks and families whose outcomes it reads, sorted
	Cost  uint64   // the maximum cost, in units of CEL, at most MaxCost

	program  cel.Program
	compiler *Compiler
	matched  helogate.Outcome
	why      string
	handled  map[string]bool // the lookups whose failure the rule handles itself; the failure of any other makes it a temperror
	adverse  bool            // a match rejects or raises the score, so it must not rest on a failure

	scores []int64 // the numbers that it compares score with
}

// Limits of a rule. A unit of cost is the time to read ten octets of text, or the allocation of octetsPerUnit octets.
// For patterns see cost.go.
const (
	MaxCost  = 1_000_000
	MaxSize  = 4 << 10  // octets of the expression
	maxDepth = 50       // levels of nested brackets
	maxMade  = 32       // elements of a list that is made again for each client
	maxText  = 64 << 10 // octets of a fact; a longer one is cut
	maxName  = 255      // octets of a name; a longer one counts as empty
	maxWhy   = 400      // octets of the reason of a finding, as in helogate.Case
)

// Compile compiles an expression. name is the name of the check. note is the reason in replies and logs; it defaults
// to the name. then is the effect of a match. The error is of type Errors.
func (c *Compiler) Compile(name, when, note string, then helogate.Effect) (*Rule, error) {
	src, parsed, errs := c.parse(when)
	if len(errs) > 0 {
		return nil, errs
	}
	v := c.vet(src, parsed)
	checked, issues := c.env.Check(parsed)
	v.explain(issues)
	if len(v.errs) > 0 {
		return nil, v.errs.sorted()
	}
	if t := checked.OutputType(); t != cel.BoolType {
		return nil, Errors{src.at(v.root, notBool(t.String()))}
	}
	r := &Rule{
		compiler: c, Reads: v.checksRead(), handled: v.handled, scores: v.scores,
		why: cmp.Or(note, name),
	}
	if err := r.plan(src, v, checked); err != nil {
		return nil, Errors{err}
	}
	r.act(then)
	r.Check = helogate.Check{
		Name: name, Doc: when, Settings: when, Needs: v.needs, Cost: v.cost, UsesScore: v.usesScore, Run: r.run,
	}
	return r, nil
}

// act sets the outcome of a match, which depends on its effect.
func (r *Rule) act(then helogate.Effect) {
	switch {
	case then.Action == helogate.Accept, then.LowersScore():
		r.matched = helogate.Pass
	case then.RaisesScore(), then.Action == helogate.Reject, then.Action == helogate.Drop:
		r.matched, r.adverse = helogate.Fail, true
	case then.Action == helogate.Greylist, then.Action == helogate.Defer: // not adverse: a temperror would defer as well, without the note
		r.matched = helogate.Fail
	default:
		r.matched = helogate.Neutral
	}
	r.On = map[helogate.Outcome]helogate.Effect{r.matched: then}
}

// plan makes the program, and fails where the rule exceeds a limit or has the same value for every client.
func (r *Rule) plan(src *source, v *vetting, checked *cel.Ast) *Error {
	estimate, err := r.compiler.env.EstimateCost(checked, &r.compiler.sizes, r.compiler.sizes.options()...)
	if err != nil {
		return src.at(v.root, err.Error())
	}
	r.Cost = estimate.Max
	if v.usesScore {
		r.Cost = cost.SafeMultiply(r.Cost, uint64(1+2*len(v.scores))) // see evaluation.sameForAll
	}
	if r.Cost > MaxCost {
		return src.at(v.root, fmt.Sprintf(
			"this may cost %d units, the limit is %d: a client could overload this host with it", r.Cost, MaxCost))
	}
	f := &folder{patterns: v.patterns, addresses: v.addresses, constant: map[int64]ref.Val{}}
	r.program, err = r.compiler.env.Program(checked, cel.CustomDecoratorV2(f.fold), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return src.failedFold(v.root, err)
	}
	if is, known := f.truth(v.root); known && src.text != "true" {
		if is {
			return src.at(v.root, "this is always true: write true if you mean that")
		}
		return src.at(v.root, "this is never true")
	}
	return nil
}

// New returns a compiler for what is in env.
func New(env Env) (*Compiler, error) {
	c := &Compiler{checks: map[string]helogate.Check{}, lists: env.Lists, own: env.Own}
	c.own.Addresses = make([]netip.Addr, len(env.Own.Addresses))
	for i, a := range env.Own.Addresses {
		c.own.Addresses[i] = a.Unmap().WithZone("")
	}
	for _, check := range env.Checks {
		c.addCheck(check.Name, check)
		if check.Family != "" {
			c.addCheck(check.Family, check)
		}
	}
	slices.Sort(c.names)
	c.ownList = ownValues(c.own)
	c.sizes = sizesOf(env.Own)
	var err error
	if c.env, err = c.newEnv(); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return c, nil
}

// addCheck lets rules read a check, or a family of checks. A family is known at the stage and at the cost at which
// all of its checks are: a rule that ran earlier would take a check that has not run for one that found nothing.
func (c *Compiler) addCheck(name string, check helogate.Check) {
	if before, known := c.checks[name]; known {
		check.Needs, check.Cost = max(before.Needs, check.Needs), max(before.Cost, check.Cost)
	} else if check.Phase == helogate.Main {
		c.names = append(c.names, name)
	}
	c.checks[name] = check
}
