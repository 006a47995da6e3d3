// Package rule makes checks of what an administrator writes: an expression in CEL (cel.dev) over the facts, what DNS
// answered and what other checks found, with an action for when it is true. docs/rules.md is the page about it.
//
// A rule is checked when it is loaded, as far as that can be done: names, types, words, patterns, and what it may cost
// at the most. What it names says at which stage and in which tier it can run.
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

// Env is what rules may name beside the facts.
type Env struct {
	Checks []helogate.Check // those of the policy: their Name, Family, Needs, Cost and Turn are read
	Own    Own
	Lists  map[string]*list.List // by the name that rules use
}

// Own is what is ours.
type Own struct {
	Names     []string // canonical
	Addresses []netip.Addr
	Networks  []netip.Prefix
}

// A Compiler makes rules. It is safe for concurrent use.
type Compiler struct {
	env     *cel.Env
	checks  map[string]helogate.Check // by name, and by family
	lists   map[string]*list.List
	names   []string // of the checks and families that can be read, sorted
	own     Own
	ownList map[string]ref.Val // the values of own.names, own.addresses, own.networks
	sizes   estimator
}

// A Rule is a check and what its one outcome of interest does: the line of a policy.
type Rule struct {
	Check helogate.Check
	On    map[helogate.Outcome]helogate.Effect
	Reads []string // the checks and families whose outcomes it reads, sorted
	Cost  uint64   // the most that it can cost, in units of CEL; MaxCost is the limit

	program  cel.Program
	compiler *Compiler
	matched  helogate.Outcome
	why      string
	excused  map[string]bool // the lookups of whose failure it speaks itself; once it read that of another, it is not judged
	against  bool            // it is held against the client: no failure may be

	scores []int64 // what it compares score with
}

// Limits of a rule. A unit of cost is what it takes to look at ten octets of text, or to allocate octetsPerUnit; see
// cost.go for patterns.
const (
	MaxCost  = 1_000_000
	MaxSize  = 4 << 10  // octets of the expression
	maxDepth = 50       // of its nesting
	maxMade  = 32       // elements of a list that is made anew for each client
	maxText  = 64 << 10 // octets of a fact; what is longer is cut
	maxName  = 255      // octets of a name; what is longer is none
	maxWhy   = 400      // octets of what says why a rule was not judged, as in helogate.Case
)

// Compile makes a rule of an expression. name is that of the check, note what the client is told, or people if it is not
// told: the name if there is none. The error is an Errors.
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
		compiler: c, Reads: v.checksRead(), excused: v.excused, scores: v.scores,
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

// act sets what follows from a match.
func (r *Rule) act(then helogate.Effect) {
	switch {
	case then.Action == helogate.Accept, then.LowersScore():
		r.matched = helogate.Pass
	case then.RaisesScore(), then.Action == helogate.Reject, then.Action == helogate.Drop:
		r.matched, r.against = helogate.Fail, true
	case then.Action == helogate.Greylist, then.Action == helogate.Defer: // a temperror would do no less, and lose the note
		r.matched = helogate.Fail
	default:
		r.matched = helogate.Neutral
	}
	r.On = map[helogate.Outcome]helogate.Effect{r.matched: then}
}

// plan makes the program and holds it to the limits.
func (r *Rule) plan(src *source, v *vetting, checked *cel.Ast) *Error {
	estimate, err := r.compiler.env.EstimateCost(checked, &r.compiler.sizes, r.compiler.sizes.options()...)
	if err != nil {
		return src.at(v.root, err.Error())
	}
	r.Cost = estimate.Max
	if v.usesScore {
		r.Cost = cost.SafeMultiply(r.Cost, uint64(1+2*len(v.scores))) // see evaluation.sure
	}
	if r.Cost > MaxCost {
		return src.at(v.root, fmt.Sprintf(
			"this may cost %d units, and a rule may cost %d at the most: a client could keep us busy with it", r.Cost, MaxCost))
	}
	f := &folder{patterns: v.patterns, addresses: v.addresses, constant: map[int64]ref.Val{}}
	r.program, err = r.compiler.env.Program(checked, cel.CustomDecoratorV2(f.fold), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return src.failedFold(v.root, err)
	}
	if is, known := f.truth(v.root); known && src.text != "true" {
		if is {
			return src.at(v.root, "this is always true: say true if that is what is meant")
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
		c.know(check.Name, check)
		if check.Family != "" {
			c.know(check.Family, check)
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

// know lets rules name a check, or a family, which is known where all of it is: a rule that runs sooner would take what
// is still to come for nothing found.
func (c *Compiler) know(name string, check helogate.Check) {
	if before, known := c.checks[name]; known {
		check.Needs, check.Cost = max(before.Needs, check.Needs), max(before.Cost, check.Cost)
	} else if check.Phase == helogate.Main {
		c.names = append(c.names, name)
	}
	c.checks[name] = check
}
