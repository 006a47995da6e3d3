package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"github.com/helogate/helogate"
)

// noteHandled notes for which lookups a rule handles a failure itself: those whose state it compares with the word
// for a failure ("tempfail" for ptr.status, "temperror" for a check). The same word in any other place has no effect.
func (v *vetting) noteHandled(call ast.CallExpr) {
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		v.noteHandledIn(call.Args()[0], call.Args()[1])
		v.noteHandledIn(call.Args()[1], call.Args()[0])
	case operators.In:
		v.noteHandledIn(call.Args()[0], call.Args()[1])
	}
}

// noteHandledIn takes the two sides of a comparison. Either may be a condition: every branch may be compared.
func (v *vetting) noteHandledIn(of, with ast.Expr) {
	for _, state := range alternatives(of) {
		name, ok := path(state)
		if !ok || slices.Contains(v.scope, name[0]) {
			continue
		}
		if full := strings.Join(name, "."); slices.ContainsFunc(alternatives(with), func(e ast.Expr) bool { return isFailureWord(full, e) }) {
			v.handled[full] = true
		}
	}
}

// isFailureWord reports whether a node is the word that says that the lookup of a name failed.
func isFailureWord(name string, e ast.Expr) bool {
	word, ok := literal(e)
	switch {
	case !ok:
		return false
	case name == ptrStatus:
		return word == helogate.TempFail.String()
	}
	return strings.HasPrefix(name, checks+".") && word == helogate.TempError.String()
}

// alternatives returns the nodes that a node may stand for: the branches of a condition, the elements of a list, or
// the node itself.
func alternatives(e ast.Expr) (out []ast.Expr) {
	parts := []ast.Expr(nil)
	switch {
	case e.Kind() == ast.ListKind:
		parts = e.AsList().Elements()
	case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Conditional:
		parts = e.AsCall().Args()[1:]
	default:
		return []ast.Expr{e}
	}
	for _, part := range parts {
		out = append(out, alternatives(part)...)
	}
	return out
}
