package rule

import (
	"regexp/syntax"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"github.com/helogate/helogate"
)

// estimator says how large what a rule reads can be, and what our own functions cost.
type estimator struct {
	sizes map[string]uint64 // elements of lists, by name
	items map[string]uint64 // octets of texts and of the elements of lists
}

// sizesOf says how large things can be where own is ours.
func sizesOf(own Own) estimator {
	e := estimator{sizes: map[string]uint64{}, items: map[string]uint64{}}
	for _, n := range names {
		e.items[n.text] = n.size
	}
	e.sizes["ptr.names"], e.sizes["ptr.confirmed"] = helogate.MaxPTR, helogate.MaxPTR
	e.sizes["own.names"] = uint64(len(own.Names))
	e.sizes["own.addresses"] = uint64(len(own.Addresses))
	e.sizes["own.networks"] = uint64(len(own.Networks))
	return e
}

// EstimateSize is the largest that what an expression reads can be; nil for what is worked out, which CEL knows.
func (s *estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if p := node.Path(); len(p) > 0 {
		upTo := func(n uint64) *cost.SizeEstimate { size := cost.RangedSizeEstimate(0, n); return &size }
		elements, isList := s.sizes[p[0]]
		switch {
		case strings.HasPrefix(p[0], checks+"."):
			return upTo(maxWord)
		case isList && len(p) == 1:
			return upTo(elements)
		case s.items[p[0]] > 0:
			return upTo(s.items[p[0]])
		}
	}
	switch t := node.Type(); {
	case t == nil:
	case t.IsExactType(ext.IPType), t.IsExactType(ext.CIDRType):
		size := cost.FixedSizeEstimate(16)
		return &size
	case t.IsExactType(heloType), t.IsExactType(listType), t.IsExactType(networksType):
		size := cost.FixedSizeEstimate(1)
		return &size
	}
	return nil
}

// EstimateCallCost is what our functions cost; nil for those of CEL, which it knows.
func (s *estimator) EstimateCallCost(fn, overload string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	size := func(node cost.AstNode) uint64 { return cost.EstimateSize(s, node).Max }
	total := uint64(1)
	switch overload {
	case overloads.MatchesString:
		total = matchCost(size(*target), args[0].Expr())
	case "helo_matches":
		total = matchCost(maxText, args[0].Expr())
	case "ip_in_networks":
		total = 1 + cost.SafeMultiply(2, s.networks(args[1]))
	case "ip_in_list_file", "ip_in_cidr":
		total = 10
	case "string_in_list_file":
		total = cost.SafeAdd(20, cost.SafeMultiplyByFactor(size(args[0]), 0.3))
	case "helo_under_string", "string_under_string", "helo_under_list", "string_under_list":
		total = s.underCost(size(*target), args[0])
	case "string_to_list_file", "list_to_networks":
	default:
		return nil
	}
	return cost.NewCallEstimate(cost.RangedCostEstimate(1, total), nil)
}

// networks is how many networks a node stands for.
func (s *estimator) networks(of cost.AstNode) uint64 {
	if p := of.Path(); len(p) == 1 {
		return s.sizes[p[0]]
	}
	if e := of.Expr(); e.Kind() == ast.CallKind && len(e.AsCall().Args()) == 1 && e.AsCall().Args()[0].Kind() == ast.ListKind {
		return uint64(e.AsCall().Args()[0].AsList().Size())
	}
	return maxText
}

func (s *estimator) underCost(name uint64, of cost.AstNode) uint64 {
	times := uint64(1)
	if t := of.Type(); t != nil && t.Kind() == types.ListKind {
		times = max(1, cost.EstimateSize(s, of).Max)
	}
	return cost.SafeMultiply(times, cost.SafeAdd(2, cost.SafeMultiplyByFactor(min(name, maxText), 0.1)))
}

// stepCost is what a step of a pattern costs for each octet that it may be tried at.
const stepCost = 0.5 * cost.StringTraversalCostFactor

// matchCost goes by the size of the compiled pattern, where CEL goes by its length: (x{20}){20} is short to write. In the
// worst case every step is tried at every octet; MaxCost is then some 200 ms, for 64 KiB of HELO.
func matchCost(text uint64, pattern ast.Expr) uint64 {
	size := uint64(maxProgram)
	if s, ok := literal(pattern); ok {
		if parsed, err := syntax.Parse(s, syntax.Perl); err == nil {
			if program, err := syntax.Compile(parsed.Simplify()); err == nil {
				size = uint64(len(program.Inst))
			}
		}
	}
	return max(1, cost.SafeMultiplyByFactor(cost.SafeMultiply(text, size), stepCost))
}
