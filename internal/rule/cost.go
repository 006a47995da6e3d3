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

// octetsPerUnit is how many octets a rule may allocate for each unit of cost. MaxCost thereby limits memory to 64 MB.
// The cost does not include reading the facts: a value is made once for a judgement, whatever the rule is (see
// evaluation.known).
const octetsPerUnit = 64

// estimator tells CEL how large the values that a rule reads can be, and what calls cost.
type estimator struct {
	sizes map[string]uint64 // elements of lists, by name
	items map[string]uint64 // octets of texts and of the elements of lists
}

// sizesOf returns the limits on the size of values, given the local names and addresses.
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

// EstimateSize returns the largest size of a value that an expression reads. It returns nil for a computed value,
// which CEL estimates itself.
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

// EstimateCallCost returns the cost of a call that CEL does not know, or for which CEL counts only reading a text and
// not making one: a unit also pays for octetsPerUnit. It returns nil where the estimate of CEL is right.
func (s *estimator) EstimateCallCost(fn, overload string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	operands := args
	if target != nil {
		operands = append([]cost.AstNode{*target}, args...)
	}
	total, result := uint64(1), (*cost.SizeEstimate)(nil)
	switch overload {
	case overloads.MatchesString:
		total = matchCost(s.size(operands[0]), args[0].Expr())
	case "helo_matches":
		total = matchCost(maxText, args[0].Expr())
	case overloads.Equals, overloads.NotEquals:
		total = cost.SafeAdd(1, compareCost(cost.EstimateSize(s, args[0]), cost.EstimateSize(s, args[1])))
	case overloads.InList:
		total = s.inListCost(args[0], args[1])
	case overloads.SizeString, overloads.SizeStringInst:
		total = cost.SafeAdd(1, scanCost(s.size(operands[0])))
	case overloads.StringToInt:
		total = cost.SafeAdd(8, scanCost(s.size(args[0])))
	case overloads.StringToString:
		size := cost.EstimateSize(s, args[0])
		result = &size
	case overloads.IntToString, overloads.UintToString, overloads.DoubleToString, overloads.BoolToString, "ip_to_string", "cidr_to_string":
		size := cost.RangedSizeEstimate(0, maxAddress)
		total, result = 3, &size
	case "string_index_of_string", "string_index_of_string_int", "string_last_index_of_string", "string_last_index_of_string_int":
		total = searchCost(s.size(operands[0]), s.size(operands[1]))
	case "string_to_ip", "string_to_cidr", "is_ip", "is_cidr", "ip_is_canonical", "cidr_contains_ip_string", "cidr_contains_cidr_string":
		if _, constant := literal(args[0].Expr()); constant && target == nil {
			return nil
		}
		total = 50 // the error quotes the text, which folder.fold has shortened
	case "ip_in_networks":
		total = 1 + cost.SafeMultiply(2, s.networks(args[1]))
	case "list_to_networks":
		total = cost.SafeAdd(1, cost.SafeMultiply(2, s.size(args[0])))
	case "ip_in_list_file", "ip_in_cidr":
		total = 10
	case "string_in_list_file":
		total = cost.SafeAdd(20, cost.SafeMultiplyByFactor(s.size(args[0]), 0.3))
	case "helo_under_string", "string_under_string", "helo_under_list", "string_under_list":
		total = s.underCost(operands[0], args[0])
	case "string_to_list_file":
	default:
		return nil
	}
	return cost.NewCallEstimate(cost.RangedCostEstimate(1, total), result)
}

// extended are the overloads of CEL's extensions that EstimateCallCost handles. CEL prefers the extensions' own
// estimates unless options overrides them.
var extended = []string{
	"string_index_of_string", "string_index_of_string_int", "string_last_index_of_string", "string_last_index_of_string_int",
	"string_to_ip", "string_to_cidr", "is_ip", "is_cidr", "ip_is_canonical", "cidr_contains_ip_string", "cidr_contains_cidr_string",
	"ip_to_string", "cidr_to_string",
}

// options make CEL call EstimateCallCost for the overloads in extended.
func (s *estimator) options() (out []cost.Option) {
	for _, id := range extended {
		out = append(out, cost.OverloadCostEstimate(id, func(_ cost.Estimator, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
			return s.EstimateCallCost("", id, target, args)
		}))
	}
	return out
}

// size returns the largest size of a value: code points of a text, elements of a list.
func (s *estimator) size(node cost.AstNode) uint64 { return cost.EstimateSize(s, node).Max }

// scanCost is the cost of reading a text once.
func scanCost(size uint64) uint64 {
	return cost.SafeMultiplyByFactor(size, cost.StringTraversalCostFactor)
}

// compareCost is the cost of ==. Lists are compared element by element, and taking an element out of its list costs
// as well.
func compareCost(a, b cost.SizeEstimate) uint64 {
	least := min(a.Max, b.Max)
	if a.Elem == nil || b.Elem == nil {
		return scanCost(least)
	}
	return cost.SafeMultiply(least, cost.SafeAdd(1, compareCost(*a.Elem, *b.Elem)))
}

func (s *estimator) inListCost(what, where cost.AstNode) uint64 {
	list := cost.EstimateSize(s, where)
	each := uint64(0)
	if list.Elem != nil {
		each = compareCost(cost.EstimateSize(s, what), *list.Elem)
	}
	return cost.SafeAdd(1, cost.SafeMultiply(list.Max, cost.SafeAdd(1, each)))
}

// searchCost is the cost of indexOf. It converts both texts to code points, even to search for an empty text.
func searchCost(text, of uint64) uint64 {
	made := cost.SafeMultiplyByFactor(cost.SafeAdd(text, of), 2*cost.StringTraversalCostFactor)
	return cost.SafeAdd(1, made, scanCost(cost.SafeMultiply(text, of)))
}

// networks returns how many networks a node stands for.
func (s *estimator) networks(of cost.AstNode) uint64 {
	if p := of.Path(); len(p) == 1 {
		return s.sizes[p[0]]
	}
	if e := of.Expr(); e.Kind() == ast.CallKind && len(e.AsCall().Args()) == 1 && e.AsCall().Args()[0].Kind() == ast.ListKind {
		return uint64(e.AsCall().Args()[0].AsList().Size())
	}
	return maxText
}

// underCost is the cost of under. It makes all names canonical, which copies names with capitals.
func (s *estimator) underCost(name, of cost.AstNode) uint64 {
	canonical := func(size uint64) uint64 {
		return cost.SafeAdd(2, cost.SafeMultiplyByFactor(size, 2*cost.StringTraversalCostFactor))
	}
	total := canonical(maxName)
	if t := name.Type(); t != nil && t.Kind() == types.StringKind {
		total = canonical(s.size(name))
	}
	size := cost.EstimateSize(s, of)
	if t := of.Type(); t == nil || t.Kind() != types.ListKind {
		return cost.SafeAdd(total, canonical(size.Max))
	}
	each := uint64(maxText)
	if size.Elem != nil {
		each = size.Elem.Max
	}
	return cost.SafeAdd(total, cost.SafeMultiply(size.Max, canonical(each)))
}

// stepCost is the cost of one step of a pattern for each octet at which it may be tried.
const stepCost = 0.5 * cost.StringTraversalCostFactor

// matchCost uses the size of the compiled pattern. CEL uses the length of the text, but (x{20}){20} is short to
// write. In the worst case every step is tried at every octet; MaxCost is then about 200 ms, for a HELO of 64 KiB.
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
