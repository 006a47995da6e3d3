package rule

import (
	"regexp"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// A folder works out what is constant while a program is planned, once for all clients: ip("..."), list("..."), patterns.
// CEL's own optimiser leaves calls of functions that it does not know as they are.
type folder struct {
	patterns  map[int64]*regexp.Regexp
	addresses map[int64]bool    // the nodes that are parsed as an address
	constant  map[int64]ref.Val // by the id of the node
}

// foldError is that of a constant that cannot be worked out: 1/0.
type foldError struct {
	id int64
	error
}

func (f *folder) fold(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	out, err := f.value(i)
	if err != nil || !f.addresses[i.ID()] {
		return out, err
	}
	if _, constant := out.(interpreter.InterpretableConst); constant {
		return out, nil
	}
	return &shortened{out}, nil
}

// value is a node, or the value of one that is constant.
func (f *folder) value(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if c, ok := i.(interpreter.InterpretableConst); ok {
		f.constant[i.ID()] = c.Value()
		return i, nil
	}
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch {
	case call.Function() == overloads.Matches:
		return &match{id: call.ID(), of: call.Args()[0], pattern: f.patterns[call.ID()]}, nil
	case call.OverloadID() == "ip_family":
		i = interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), family)
	}
	for _, arg := range call.Args() {
		if _, constant := arg.(interpreter.InterpretableConst); !constant {
			return i, nil
		}
	}
	value := i.Eval(interpreter.EmptyActivation())
	if types.IsError(value) {
		return nil, &foldError{call.ID(), value.(*types.Err)}
	}
	if types.IsUnknown(value) {
		return i, nil
	}
	f.constant[call.ID()] = value
	return interpreter.NewConstValue(call.ID(), value), nil
}

// family is 4 or 6, and 0 for the address of a server that is not known; ext.Network takes that for IPv6.
func family(args ...ref.Val) ref.Val {
	a, ok := args[0].(ext.IP)
	switch {
	case !ok:
		return args[0]
	case !a.IsValid():
		return types.IntZero
	case a.Is4():
		return types.Int(4)
	}
	return types.Int(6)
}

// maxAddress is more octets than any address or network has.
const maxAddress = 64

// shortened is a text that is to be parsed as an address, or whatever else takes its place. The error that says what is
// no address would quote all that a client says; the beginning of what is too long is no address either.
type shortened struct{ interpreter.InterpretableV2 }

// Exec shortens.
func (s *shortened) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value := s.InterpretableV2.Exec(frame)
	if text, ok := value.(types.String); ok && len(text) > maxAddress {
		return text[:maxAddress]
	}
	return value
}

// Eval is Exec.
func (s *shortened) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, s.Exec)
}

// match is a call of matches, its pattern compiled.
type match struct {
	id      int64
	of      interpreter.InterpretableV2
	pattern *regexp.Regexp
}

// ID is that of the call.
func (m *match) ID() int64 { return m.id }

// Exec matches. RE2 takes time linear in the text, whatever the pattern.
func (m *match) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	switch of := m.of.Exec(frame).(type) {
	case types.String:
		return types.Bool(m.pattern.MatchString(string(of)))
	case heloValue:
		return types.Bool(m.pattern.MatchString(of.e.heloText()))
	case *types.Err:
		return of
	default:
		return types.MaybeNoSuchOverloadErr(of)
	}
}

// Eval is Exec.
func (m *match) Eval(a interpreter.Activation) ref.Val { return interpreter.EvalActivation(a, m.Exec) }

// truth is what a node is whatever the client is, if that is known.
func (f *folder) truth(e ast.Expr) (is, known bool) {
	if value, ok := f.constant[e.ID()].(types.Bool); ok {
		return bool(value), true
	}
	if e.Kind() != ast.CallKind {
		return false, false
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalNot:
		is, known = f.truth(args[0])
		return !is, known
	case operators.LogicalAnd:
		return f.decided(args, false)
	case operators.LogicalOr:
		return f.decided(args, true)
	case operators.Conditional:
		if is, known = f.truth(args[0]); known && is {
			return f.truth(args[1])
		} else if known {
			return f.truth(args[2])
		}
		a, knownA := f.truth(args[1])
		b, knownB := f.truth(args[2])
		return a, knownA && knownB && a == b
	}
	return false, false
}

// decided is the truth of && (by false) and || (by true).
func (f *folder) decided(args []ast.Expr, by bool) (is, known bool) {
	all := true
	for _, arg := range args {
		value, ok := f.truth(arg)
		if ok && value == by {
			return by, true
		}
		all = all && ok
	}
	return !by, all
}
