package rule

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/suggest"
)

// A vetting examines a parsed expression before CEL checks its types. It reports unknown names, and notes which names
// the rule reads.
type vetting struct {
	c    *Compiler
	src  *source
	root ast.Expr
	errs Errors

	scope    []string // variables of the enclosing macros
	nextID   int64
	patterns map[int64]*regexp.Regexp // by the id of the call that matches them

	addresses map[int64]bool // the nodes that are parsed as an address or a network, by their id

	needs     helogate.Stage
	cost      helogate.Cost
	reads     map[string]bool // names of checks
	usesScore bool
	scores    []int64
	handled   map[string]bool
}

// vet examines an expression, and rewrites it so that CEL understands it.
func (c *Compiler) vet(src *source, parsed *cel.Ast) *vetting {
	v := &vetting{
		c: c, src: src, root: parsed.NativeRep().Expr(),
		patterns: map[int64]*regexp.Regexp{}, addresses: map[int64]bool{}, reads: map[string]bool{}, handled: map[string]bool{},
	}
	for id := range src.spans {
		v.nextID = max(v.nextID, id)
	}
	for id := range src.info.OffsetRanges() {
		v.nextID = max(v.nextID, id)
	}
	v.visit(v.root)
	return v
}

func (v *vetting) fail(e ast.Expr, format string, args ...any) {
	v.errs = append(v.errs, v.src.at(e, fmt.Sprintf(format, args...)))
}

func (v *vetting) checksRead() []string { return slices.Sorted(maps.Keys(v.reads)) }

func (v *vetting) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		v.name(e, []string{e.AsIdent()})
	case ast.SelectKind:
		v.selection(e)
	case ast.CallKind:
		v.call(e)
	case ast.StructKind:
		v.fail(e, "a rule cannot have structures")
	case ast.MapKind:
		v.fail(e, "a rule cannot have maps")
	case ast.ListKind:
		v.list(e)
	case ast.ComprehensionKind:
		v.comprehension(e)
	default:
		for _, child := range children(e) {
			v.visit(child)
		}
	}
}

// list vets a list in the expression. The cost model of CEL counts a list as one value, whatever its size, so a list
// that is made again for each client must be short.
func (v *vetting) list(e ast.Expr) {
	if n := e.AsList().Size(); n > maxMade && !constant(e) {
		v.fail(e, "this list has %d elements, the limit is %d where not all are constant: put names and addresses into a list file", n, maxMade)
	}
	for _, element := range e.AsList().Elements() {
		v.visit(element)
	}
}

// constant reports whether a node is made once for all clients: a literal, an address, or a list of these.
func constant(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		return true
	case ast.ListKind:
		return !slices.ContainsFunc(e.AsList().Elements(), func(e ast.Expr) bool { return !constant(e) })
	case ast.CallKind:
		call := e.AsCall()
		return !call.IsMemberFunction() && slices.Contains(takeAddress, call.FunctionName()) && constant(call.Args()[0])
	}
	return false
}

// literal returns the text of a node that is a literal text.
func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// comprehension vets the expansion of a macro: list.exists(x, ...).
func (v *vetting) comprehension(e ast.Expr) {
	c := e.AsComprehension()
	v.visit(c.IterRange())
	if reserved(c.IterVar()) {
		v.fail(e, "%s is a name already: choose another variable", c.IterVar())
	}
	before := len(v.scope)
	v.scope = append(v.scope, c.IterVar(), c.AccuVar())
	if c.HasIterVar2() {
		v.scope = append(v.scope, c.IterVar2())
	}
	v.visit(c.AccuInit())
	v.visit(c.LoopCondition())
	v.visit(c.LoopStep())
	v.visit(c.Result())
	v.scope = v.scope[:before]
}

// path returns the words of a node that is a chain of names with dots between.
func path(e ast.Expr) ([]string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}, true
	case ast.SelectKind:
		if of, ok := path(e.AsSelect().Operand()); ok && !e.AsSelect().IsTestOnly() {
			return append(of, e.AsSelect().FieldName()), true
		}
	}
	return nil, false
}

func (v *vetting) selection(e ast.Expr) {
	words, ok := path(e)
	switch {
	case !ok || slices.Contains(v.scope, words[0]):
		v.visit(e.AsSelect().Operand())
	case words[0] == checks && len(words) == 2:
		v.checkNamed(e, e, words[1])
	default:
		v.name(e, words)
	}
}

// name looks a name up and notes that the rule reads it.
func (v *vetting) name(e ast.Expr, words []string) {
	if slices.Contains(v.scope, words[0]) {
		return
	}
	full := strings.Join(words, ".")
	if n := byName[full]; n != nil {
		v.read(n)
		if full == score {
			v.fail(e, "compare score with a number: score >= 3")
		}
		return
	}
	inGroup := groups[full]
	switch {
	case full == checks:
		v.fail(e, `checks alone has no value: name a check, for example checks["fcrdns"] == "fail"`)
	case inGroup != nil:
		v.fail(e, "%s alone has no value; there are %s", full, strings.Join(inGroup, ", "))
	case len(words) > 1 && v.isFunction(words[len(words)-1]):
		v.fail(e, "%s is a function: write %s(...)", words[len(words)-1], full)
	case len(words) == 1 && v.isFunction(full):
		v.fail(e, `%s is a function: write %s(...)`, full, full)
	case renamed[full] != "":
		v.fail(e, "%s is now %s: rename it", full, renamed[full])
	default:
		v.fail(e, "there is no %q%s", full, v.suggestName(full, words))
	}
}

// suggestName ends the message about an unknown name.
func (v *vetting) suggestName(full string, words []string) string {
	group := groups[words[0]]
	if byName[words[0]] != nil && len(words) > 1 {
		group = nil
		for _, n := range names {
			if strings.HasPrefix(n.text, words[0]+".") {
				group = append(group, n.text)
			}
		}
	}
	if near := suggest.Closest(full, allNames()); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(group) > 0 {
		return "; there are " + strings.Join(group, ", ")
	}
	if len(words) == 1 {
		return fmt.Sprintf("; write text in quotes: %q", full)
	}
	return ""
}

func (v *vetting) read(n *name) {
	v.needs = max(v.needs, n.needs)
	v.cost = max(v.cost, n.cost)
	v.usesScore = v.usesScore || n.text == score
}

// checkNamed replaces checks["fcrdns"] by a variable, with a name that no expression can write.
func (v *vetting) checkNamed(e, at ast.Expr, check string) {
	known, ok := v.c.checks[check]
	if when, late := lateChecks[known.Phase]; late {
		v.fail(at, "%s is evaluated after all rules, when the verdict is to %s: no rule can read its outcome", check, when)
	} else if !ok && e.Kind() == ast.SelectKind {
		v.fail(at, "there is no check %q in the policy; write a name that contains - as checks[%q]", check, "helo-changed")
	} else if !ok {
		v.fail(at, "there is no check %q in the policy%s", check, suggestion(check, v.c.names))
	}
	v.reads[check] = true
	v.needs = max(v.needs, known.Needs)
	v.cost = max(v.cost, known.Cost)
	e.SetKindCase(factory.NewIdent(e.ID(), checkVariable(check)))
}

// lateChecks are the phases that come after all rules, because they depend on what the rules decide.
var lateChecks = map[helogate.Phase]string{helogate.OnGreylist: "greylist", helogate.OnDefer: "defer"}

func checkVariable(check string) string { return checks + "." + check }

var factory = ast.NewExprFactory()

// scoreCompared vets a comparison of score with a number. In any other use, the rule's value could not be decided
// while lookups leave the score open; see evaluation.sameForAll.
func (v *vetting) scoreCompared(call ast.CallExpr) bool {
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
	default:
		return false
	}
	a, b := call.Args()[0], call.Args()[1]
	if b.Kind() == ast.IdentKind && b.AsIdent() == score {
		a, b = b, a
	}
	if a.Kind() != ast.IdentKind || a.AsIdent() != score || slices.Contains(v.scope, score) || b.Kind() != ast.LiteralKind {
		return false
	}
	n, ok := b.AsLiteral().(types.Int)
	if ok {
		v.read(byName[score])
		if !slices.Contains(v.scores, int64(n)) {
			v.scores = append(v.scores, int64(n))
		}
	}
	return ok
}
