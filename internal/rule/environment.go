package rule

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// standard are the functions of CEL that rules have. Times and durations are missing because no rule reads a clock.
// dyn and type are missing because they would move type errors from loading the rule to judging a client.
var standard = []string{
	operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional, operators.NotStrictlyFalse,
	operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate, operators.Index,
	overloads.Size, overloads.Contains, overloads.StartsWith, overloads.EndsWith, overloads.TypeConvertInt, overloads.TypeConvertString,
}

// withheld are functions of CEL's extensions that rules do not have. They allocate without a limit that CEL can
// compute, and a rule has no use for formatted text.
var withheld = []string{"format", "strings.quote"}

const (
	networksFunction = "@networks"
	stringsVersion   = 5 // of ext.Strings: fixed, so that an upgrade of CEL does not change what rules can call
)

// newEnv declares the names and functions of rules.
func (c *Compiler) newEnv() (*cel.Env, error) {
	subset := &env.LibrarySubset{IncludeMacros: macros}
	for _, fn := range standard {
		subset.IncludeFunctions = append(subset.IncludeFunctions, env.NewFunction(fn))
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)),
		ext.Network(), ext.Strings(ext.StringsVersion(stringsVersion)),
		cel.Types(heloType, listType, networksType),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(MaxSize), cel.ParserRecursionLimit(maxDepth * 4), cel.ParserErrorRecoveryLimit(4),
		declareIn(), declareMatches(), declareUnder(),
		cel.Function("list", cel.Overload("string_to_list_file", []*cel.Type{cel.StringType}, listType, cel.UnaryBinding(c.listNamed))),
		cel.Function(networksFunction, cel.Overload("list_to_networks", []*cel.Type{cel.ListType(ext.CIDRType)}, networksType,
			cel.UnaryBinding(toNetworks))),
	}
	for _, n := range names {
		options = append(options, cel.Variable(n.text, n.typ))
	}
	for _, check := range c.names {
		options = append(options, cel.Variable(checkVariable(check), cel.StringType))
	}
	return cel.NewCustomEnv(options...)
}

// declareIn declares the operator in, for CEL's lists and for the types of this package.
func declareIn() cel.EnvOption {
	a, b := cel.TypeParamType("A"), cel.TypeParamType("B")
	in := func(id string, what, where *cel.Type) cel.FunctionOpt {
		return cel.Overload(id, []*cel.Type{what, where}, cel.BoolType, cel.BinaryBinding(contains))
	}
	return cel.Function(operators.In,
		in(overloads.InList, a, cel.ListType(a)),
		in(overloads.InMap, a, cel.MapType(a, b)),
		in("ip_in_networks", ext.IPType, networksType),
		in("ip_in_list_file", ext.IPType, listType),
		in("string_in_list_file", cel.StringType, listType),
		cel.Overload("ip_in_cidr", []*cel.Type{ext.IPType, ext.CIDRType}, cel.BoolType, cel.BinaryBinding(inNetwork)),
	)
}

func contains(what, where ref.Val) ref.Val { return where.(traits.Container).Contains(what) }

func inNetwork(a, network ref.Val) ref.Val {
	return types.Bool(network.(ext.CIDR).Contains(a.(ext.IP).Addr))
}

// declareMatches declares matches for the type checker. The pattern is constant, and folder.fold has replaced the
// call by a match.
func declareMatches() cel.EnvOption {
	never := cel.BinaryBinding(func(_, _ ref.Val) ref.Val { return types.NewErr("the pattern is not constant") })
	return cel.Function(overloads.Matches,
		cel.MemberOverload(overloads.MatchesString, []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, never),
		cel.MemberOverload("helo_matches", []*cel.Type{heloType, cel.StringType}, cel.BoolType, never),
	)
}

func declareUnder() cel.EnvOption {
	under := func(id string, what, of *cel.Type) cel.FunctionOpt {
		return cel.MemberOverload(id, []*cel.Type{what, of}, cel.BoolType, cel.BinaryBinding(isUnder))
	}
	return cel.Function("under",
		under("helo_under_string", heloType, cel.StringType),
		under("helo_under_list", heloType, texts),
		under("string_under_string", cel.StringType, cel.StringType),
		under("string_under_list", cel.StringType, texts),
	)
}

func (c *Compiler) listNamed(name ref.Val) ref.Val {
	if l := c.lists[string(name.(types.String))]; l != nil {
		return listValue{l}
	}
	return types.NewErr("there is no such list")
}
