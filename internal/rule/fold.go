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

// A folder evaluates constant parts while a program is planned, once for all clients: ip("..."), list("..."),
// patterns. CEL's own optimiser does not evaluate calls of functions that it does not know.
type folder struct {
	patterns  map[int64]*regexp.Regexp
	addresses map[int64]bool    // the nodes that are parsed as an address
	constant  map[int64]ref.Val // by the id of the node
}

// foldError is the error of a constant that has no value, such as 1/0.
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

// value returns a node, or its value where the node is constant.
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

// family returns 4 or 6, and 0 for an unknown address of the server. ext.Network would return 6 for that.
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

// shortened is a node whose text is parsed as an address. It cuts the text, because the error about a text that is
// not an address quotes all of it. A text that is too long is not an address after cutting either.
type shortened struct{ interpreter.InterpretableV2 }

// Exec evaluates the node and cuts its text.
func (s *shortened) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value := s.InterpretableV2.Exec(frame)
	if text, ok := value.(types.String); ok && len(text) > maxAddress {
		return text[:maxAddress]
	}
	return value
}

// Eval calls Exec.
func (s *shortened) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, s.Exec)
}

// match is a call of matches with a compiled pattern.
type match struct {
	id      int64
	of      interpreter.InterpretableV2
	pattern *regexp.Regexp
}

// ID returns the id of the call.
func (m *match) ID() int64 { return m.id }

// Exec matches the pattern. RE2 takes time linear in the text, whatever the pattern.
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

// Eval calls Exec.
func (m *match) Eval(a interpreter.Activation) ref.Val { return interpreter.EvalActivation(a, m.Exec) }

// truth returns the value of a node that has the same value for every client, if that is known.
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

// decided returns the value of && (by is false) or || (by is true).
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
