package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"github.com/helogate/helogate"
)

// excuse notes of which lookups a rule says itself what is to follow from a failure: those whose state it compares with
// the word for that. The word anywhere else excuses nothing.
func (v *vetting) excuse(call ast.CallExpr) {
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		v.excuseAll(call.Args()[0], call.Args()[1])
		v.excuseAll(call.Args()[1], call.Args()[0])
	case operators.In:
		v.excuseAll(call.Args()[0], call.Args()[1])
	}
}

// excuseAll takes what is compared, and with what. Both may be chosen by a condition: whichever it is, it is compared.
func (v *vetting) excuseAll(of, with ast.Expr) {
	for _, state := range alternatives(of) {
		name, ok := path(state)
		if !ok || slices.Contains(v.scope, name[0]) {
			continue
		}
		if full := strings.Join(name, "."); slices.ContainsFunc(alternatives(with), func(e ast.Expr) bool { return failure(full, e) }) {
			v.excused[full] = true
		}
	}
}

// failure reports whether a node is the word for that the lookup of a name failed.
func failure(name string, e ast.Expr) bool {
	word, ok := literal(e)
	switch {
	case !ok:
		return false
	case name == ptrStatus:
		return word == helogate.TempFail.String()
	}
	return strings.HasPrefix(name, checks+".") && word == helogate.TempError.String()
}

// alternatives are what a node may stand for: the branches of a condition, the elements of a list, or itself.
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
