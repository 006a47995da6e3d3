package rule

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
)

var (
	overloadRE = regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'$`)
	expectedRE = regexp.MustCompile(`^expected type '(.*)' but found '(.*)'$`)
	fieldRE    = regexp.MustCompile(`^type '(.*)' does not support field selection$`)
	rangeRE    = regexp.MustCompile(`^expression of type '(.*)' cannot be range of a comprehension`)
)

// explain rewords the errors of CEL's type checker for administrators. It omits errors that follow from one that is
// known already.
func (v *vetting) explain(issues *cel.Issues) {
	if issues == nil {
		return
	}
	known := v.errs
	nodes := map[int64]ast.Expr{}
	collect(v.root, nodes)
	for _, issue := range issues.Errors() {
		node := nodes[issue.ExprID]
		if node == nil {
			node = v.root
		}
		is := v.src.at(node, v.translate(node, issue.Message))
		if strings.HasPrefix(issue.Message, "undeclared reference") && len(known) > 0 || known.overlaps(is.Offset, is.Length) {
			continue
		}
		v.errs = append(v.errs, is)
	}
}

func collect(e ast.Expr, into map[int64]ast.Expr) {
	into[e.ID()] = e
	for _, child := range children(e) {
		collect(child, into)
	}
}

func (v *vetting) translate(node ast.Expr, msg string) string {
	if m := overloadRE.FindStringSubmatch(msg); m != nil && node.Kind() == ast.CallKind {
		return v.noOverload(node.AsCall(), m[1], argumentTypes(m[2]))
	}
	if m := expectedRE.FindStringSubmatch(msg); m != nil {
		if m[1] == "bool" {
			return notBool(m[2])
		}
		return fmt.Sprintf("this is %s, but must be %s", typeName(m[2]), typeName(m[1]))
	}
	if m := fieldRE.FindStringSubmatch(msg); m != nil {
		return fmt.Sprintf("%s has no parts to name after a dot", typeName(m[1]))
	}
	if m := rangeRE.FindStringSubmatch(msg); m != nil {
		return fmt.Sprintf("this is %s, but must be a list", typeName(m[1]))
	}
	return msg
}

// argumentTypes returns the types in "(net.IP, string)" or in "string.(int)".
func argumentTypes(signature string) (out []string) {
	open := strings.IndexByte(signature, '(')
	if i := strings.Index(signature, ".("); i >= 0 {
		out, open = append(out, signature[:i]), i+1
	}
	if open < 0 {
		return out
	}
	depth, start := 0, open+1
	inner := strings.TrimSuffix(signature, ")")
	for i := start; i < len(inner); i++ {
		switch inner[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, inner[start:i])
				start = i + 2
			}
		}
	}
	if start <= len(inner) && inner[start:] != "" {
		out = append(out, inner[start:])
	}
	return out
}

var typeWords = map[string]string{
	"net.IP": "an address", "net.CIDR": "a network", "networks": "a list of networks", "string": "a text", "int": "a number",
	"double": "a number with a fraction", "uint": "a number without a sign", "bool": "true or false", "helo": "the HELO as a whole",
	"list file": "a list file", "list(string)": "a list of texts", "list(net.IP)": "a list of addresses", "null": "null",
	"list(net.CIDR)": "a list of networks", "list(int)": "a list of numbers", "bytes": "octets", "null_type": "null",
}

// typeName describes a type of CEL.
func typeName(t string) string {
	if w := typeWords[t]; w != "" {
		return w
	}
	return "a " + t
}

// notBool explains an expression that is neither true nor false, and suggests what it was meant to be.
func notBool(t string) string {
	hint := ""
	switch t {
	case "net.IP":
		hint = `compare it: client == ip("192.0.2.1"), client in cidr("192.0.2.0/24"), client in list("...")`
	case "string":
		hint = `compare it: helo.text == "...", helo.name in list("...")`
	case "int":
		hint = "compare it: server.port == 25"
	case "helo":
		hint = `write helo.under("example.org") or helo.matches("...")`
	case "list file", "networks", "net.CIDR":
		hint = `write client in list("...")`
	default:
		if strings.HasPrefix(t, "list(") {
			hint = `write "..." in ptr.names, or ptr.names.exists(n, n.under("example.org"))`
		}
	}
	if hint != "" {
		hint = ": " + hint
	}
	return fmt.Sprintf("this is %s, but must be true or false%s", typeName(t), hint)
}

var symbols = map[string]string{
	operators.Equals: "==", operators.NotEquals: "!=", operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">",
	operators.GreaterEquals: ">=", operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/",
	operators.Modulo: "%", operators.In: "in", operators.LogicalNot: "!", operators.Negate: "-",
}

// noOverload explains a call with arguments that the function does not take.
func (v *vetting) noOverload(call ast.CallExpr, fn string, types []string) string {
	operands := call.Args()
	if call.IsMemberFunction() {
		operands = append([]ast.Expr{call.Target()}, operands...)
	}
	symbol := symbols[fn]
	switch {
	case fn == operators.LogicalNot && len(types) == 1:
		return notBool(types[0])
	case fn == operators.Conditional:
		return "the values after ? and after : must have the same type"
	case fn == operators.Index:
		return fmt.Sprintf("%s has no elements", typeName(types[0]))
	case symbol != "" && len(types) == 2 && len(operands) == 2:
		return v.notComparable(fn, symbol, operands, types)
	case symbol != "" && len(types) == 1:
		return fmt.Sprintf("%s does not take %s", symbol, typeName(types[0]))
	case len(types) > 0 && types[0] == "helo" && call.IsMemberFunction():
		return fmt.Sprintf("helo has no %s: use helo.text, the bytes as sent, or helo.name", fn)
	case fn == overloads.Matches && !call.IsMemberFunction():
		return `write helo.matches("..."), or helo.text.matches("...")`
	}
	words := make([]string, len(types))
	for i := range types {
		words[i] = typeName(types[i])
	}
	if call.IsMemberFunction() && len(words) > 0 {
		return fmt.Sprintf("%s does not apply to %s with %s", fn, words[0], orNothing(words[1:]))
	}
	return fmt.Sprintf("%s does not take %s", fn, orNothing(words))
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, " and ")
}

// notComparable explains an operator between two values that it does not take.
func (v *vetting) notComparable(fn, symbol string, operands []ast.Expr, types []string) string {
	a, b := v.src.textOf(operands[0]), v.src.textOf(operands[1])
	if fn != operators.In && types[0] == "string" && types[1] != "string" { // the same hints for both orders
		a, b, operands, types = b, a, []ast.Expr{operands[1], operands[0]}, []string{types[1], types[0]}
	}
	operandTypes := fmt.Sprintf("%s is %s, and %s is %s", a, typeName(types[0]), b, typeName(types[1]))
	s, constant := literal(operands[1])
	not := ""
	if fn == operators.NotEquals {
		not = "!"
	}
	hint := ""
	switch {
	case types[0] == "net.IP" && types[1] == "string" && constant:
		hint = addressHint(fn, a, s)
	case types[0] == "helo":
		hint = fmt.Sprintf("write helo.text %s %s for the bytes as sent, or helo.name, which ignores case", symbol, b)
	case fn == operators.In && types[0] == "string" && types[1] == "string":
		hint = fmt.Sprintf("write %s.contains(%s)", b, a)
	case fn == operators.In && types[0] == "net.IP" && types[1] == "list(string)":
		hint = `write addresses as ip("192.0.2.1") and networks as cidr("192.0.2.0/24")`
	case fn == operators.In && types[1] == "string":
		hint = "after in, write a list, a list file or a network"
	case isEquality(fn) && isCollection(types[1]) && not == "":
		hint = fmt.Sprintf("write %s in %s", a, b)
	case isEquality(fn) && isCollection(types[1]):
		hint = fmt.Sprintf("write !(%s in %s)", a, b)
	case isEquality(fn) && isCollection(types[0]):
		hint = fmt.Sprintf("write %s%s in %s", not, b, a)
	}
	if hint == "" {
		return fmt.Sprintf("%s cannot compare or combine them: %s", symbol, operandTypes)
	}
	return operandTypes + ": " + hint
}

func isEquality(fn string) bool { return fn == operators.Equals || fn == operators.NotEquals }

func isCollection(t string) bool {
	return strings.HasPrefix(t, "list") || t == "networks" || t == "net.CIDR"
}

// addressHint explains how to compare an address with the address in a text.
func addressHint(fn, a, s string) string {
	_, notPrefix := netip.ParsePrefix(s)
	_, notAddr := netip.ParseAddr(s)
	switch {
	case notPrefix == nil && fn == operators.NotEquals:
		return fmt.Sprintf("write !(%s in cidr(%q))", a, s)
	case notPrefix == nil:
		return fmt.Sprintf("write %s in cidr(%q), or cidr(%q).containsIP(%s)", a, s, s, a)
	case notAddr == nil && fn == operators.NotEquals:
		return fmt.Sprintf("write %s != ip(%q)", a, s)
	case notAddr == nil:
		return fmt.Sprintf("write %s == ip(%q)", a, s)
	}
	return fmt.Sprintf("compare a name with names: %q in ptr.confirmed", s)
}
