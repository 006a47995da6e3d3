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

// A vetting reads a parsed expression before CEL checks its types: it says what names are none, and notes what is read.
type vetting struct {
	c    *Compiler
	src  *source
	root ast.Expr
	errs Errors

	scope    []string // variables of the macros that we are in
	nextID   int64
	patterns map[int64]*regexp.Regexp // by the id of the call that matches them

	addresses map[int64]bool // the nodes that are parsed as an address or a network, by their id

	needs     helogate.Stage
	cost      helogate.Cost
	reads     map[string]bool // names of checks
	usesScore bool
	scores    []int64
	excused   map[string]bool
}

// vet reads an expression, and rewrites what CEL does not know into what it does.
func (c *Compiler) vet(src *source, parsed *cel.Ast) *vetting {
	v := &vetting{
		c: c, src: src, root: parsed.NativeRep().Expr(),
		patterns: map[int64]*regexp.Regexp{}, addresses: map[int64]bool{}, reads: map[string]bool{}, excused: map[string]bool{},
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
		v.fail(e, "there are no structures here")
	case ast.MapKind:
		v.fail(e, "there are no maps here")
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

// list vets a list that is written out. CEL counts a list as one thing, however many elements it has; so has one that is
// made again and again to be short.
func (v *vetting) list(e ast.Expr) {
	if n := e.AsList().Size(); n > maxMade && !constant(e) {
		v.fail(e, "this list has %d elements, and may have %d as not all of them are constant: put names and addresses into a list file", n, maxMade)
	}
	for _, element := range e.AsList().Elements() {
		v.visit(element)
	}
}

// constant reports whether a node is made once for all clients: a literal, a list of such, an address.
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

// literal is the text that a node is, if it is one.
func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// comprehension is what a macro was made into: list.exists(x, ...).
func (v *vetting) comprehension(e ast.Expr) {
	c := e.AsComprehension()
	v.visit(c.IterRange())
	if reserved(c.IterVar()) {
		v.fail(e, "%s is a name already: call the elements something else", c.IterVar())
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

// path is a chain of names with dots between, and whether a node is one.
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

// name looks a name up and notes that it is read.
func (v *vetting) name(e ast.Expr, words []string) {
	if slices.Contains(v.scope, words[0]) {
		return
	}
	full := strings.Join(words, ".")
	if n := byName[full]; n != nil {
		v.read(n)
		if full == score {
			v.fail(e, "score can only be compared with a number: score >= 3")
		}
		return
	}
	inGroup := groups[full]
	switch {
	case full == checks:
		v.fail(e, `checks alone is nothing: say which, as checks["fcrdns"] == "fail"`)
	case inGroup != nil:
		v.fail(e, "%s alone is nothing; there are %s", full, strings.Join(inGroup, ", "))
	case len(words) > 1 && v.isFunction(words[len(words)-1]):
		v.fail(e, "%s is a function: write %s(...)", words[len(words)-1], full)
	case len(words) == 1 && v.isFunction(full):
		v.fail(e, `%s is a function: write %s(...)`, full, full)
	case renamed[full] != "":
		v.fail(e, "%s is now %s: rename it", full, renamed[full])
	default:
		v.fail(e, "there is no %q%s", full, v.meantName(full, words))
	}
}

// meantName ends the message about a name that is none.
func (v *vetting) meantName(full string, words []string) string {
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
		return fmt.Sprintf("; if it is meant as text, write it in quotes: %q", full)
	}
	return ""
}

func (v *vetting) read(n *name) {
	v.needs = max(v.needs, n.needs)
	v.cost = max(v.cost, n.cost)
	v.usesScore = v.usesScore || n.text == score
}

// checkNamed makes a variable of checks["fcrdns"], with a name that no expression can write.
func (v *vetting) checkNamed(e, at ast.Expr, check string) {
	known, ok := v.c.checks[check]
	if when, late := heardLate[known.Phase]; late {
		v.fail(at, "%s is heard after all rules, when it has come to a %s: it has found nothing yet", check, when)
	} else if !ok && e.Kind() == ast.SelectKind {
		v.fail(at, "there is no check %q in the policy; a name with - in it is written checks[%q]", check, "helo-changed")
	} else if !ok {
		v.fail(at, "there is no check %q in the policy%s", check, meant(check, v.c.names))
	}
	v.reads[check] = true
	v.needs = max(v.needs, known.Needs)
	v.cost = max(v.cost, known.Cost)
	e.SetKindCase(factory.NewIdent(e.ID(), checkVariable(check)))
}

// heardLate are the turns that no rule can wait for, since they wait for what rules come to, and what they are for.
var heardLate = map[helogate.Phase]string{helogate.OnGreylist: "greylisting", helogate.OnDefer: "deferral"}

func checkVariable(check string) string { return checks + "." + check }

var factory = ast.NewExprFactory()

// scoreCompared vets a comparison of score with a number. Anything else could not be judged while a part of the
// score is only possible; see evaluation.sure.
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
