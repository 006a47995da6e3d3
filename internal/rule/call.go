package rule

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"github.com/helogate/helogate/hostname"
)

// maxProgram is the size of a compiled pattern: what it costs to match grows with it.
const maxProgram = 1000

// call vets a call. Operators are calls too.
func (v *vetting) call(e ast.Expr) {
	call := e.AsCall()
	fn, args := call.FunctionName(), call.Args()
	switch {
	case fn == operators.Index && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == checks && !slices.Contains(v.scope, checks):
		v.checkIndex(e, args[1])
		return
	case v.scoreCompared(call):
		return
	case v.qualified(call):
	case !isOperator(fn) && !v.isFunction(fn):
		v.fail(e, "there is no function %q%s", fn, v.suggestFunction(fn))
	}
	v.vetArguments(e, call)
	if call.IsMemberFunction() && !v.qualified(call) {
		v.visit(call.Target())
	}
	for _, arg := range args {
		v.visit(arg)
	}
	v.words(call)
	v.noteHandled(call)
	v.networks(call)
}

func (v *vetting) checkIndex(e, key ast.Expr) {
	check, ok := literal(key)
	if !ok {
		v.fail(key, `write the name of a check in quotes: checks["fcrdns"]`)
		return
	}
	v.checkNamed(e, key, check)
}

// qualified reports whether the words before the dot are part of the function's name, as in ip.isCanonical("...").
func (v *vetting) qualified(call ast.CallExpr) bool {
	if !call.IsMemberFunction() {
		return false
	}
	words, ok := path(call.Target())
	return ok && v.isFunction(strings.Join(words, ".")+"."+call.FunctionName())
}

// isOperator reports whether a function has a name that no expression can write.
func isOperator(fn string) bool {
	return strings.ContainsAny(fn, "@!_") && !strings.Contains(fn, "exists_one")
}

var macros = []string{"all", "exists", "exists_one", "filter", "map"}

func (v *vetting) isFunction(fn string) bool {
	return v.c.env.HasFunction(fn) && !isOperator(fn) && !slices.Contains(withheld, fn)
}

// functions returns the names of all functions that a rule can call, sorted.
func (c *Compiler) functions() (out []string) {
	for fn := range c.env.Functions() {
		if !isOperator(fn) && !slices.Contains(withheld, fn) {
			out = append(out, fn)
		}
	}
	slices.Sort(out)
	return out
}

func (v *vetting) suggestFunction(fn string) string {
	switch {
	case fn == "has":
		return ": every name has a value, which is empty where nothing is known"
	case slices.Contains(macros, fn):
		return fmt.Sprintf(": write list.%s(x, ...), for example ptr.names.%s(x, x.under(\"example.org\"))", fn, fn)
	}
	return suggestion(fn, slices.Concat(v.c.functions(), macros))
}

// vetArguments requires constants for patterns and for names of lists. The text of a client is never compiled as a
// pattern or looked up as a name.
func (v *vetting) vetArguments(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	if len(args) == 0 {
		return
	}
	last := args[len(args)-1]
	s, constant := literal(last)
	fn := call.FunctionName()
	if slices.Contains(takeAddress, fn) {
		v.addresses[last.ID()] = true
	}
	switch fn {
	case overloads.Matches:
		v.pattern(e, call, last)
	case "list":
		if !constant {
			v.fail(last, `write the name of a list in quotes: list("relays")`)
		} else if v.c.lists[s] == nil {
			v.fail(last, "there is no list %q%s", s, suggestion(s, v.c.listNames()))
		}
	case "ip":
		if a, err := netip.ParseAddr(s); constant && !call.IsMemberFunction() && err != nil {
			v.fail(last, "%s is not an address%s", v.src.textOf(last), ifPrefix(s))
		} else if constant && err == nil && a != a.Unmap().WithZone("") {
			v.fail(last, "no client has this address: write ip(\"%s\")", a.Unmap().WithZone(""))
		}
	case "cidr":
		if _, err := netip.ParsePrefix(s); constant && err != nil {
			v.fail(last, "%s is not a network: write cidr(\"192.0.2.0/24\")", v.src.textOf(last))
		}
	case "under":
		if name := strings.TrimPrefix(s, "*"); constant && strings.HasPrefix(name, ".") {
			v.fail(last, "under takes a name without a leading dot: %q matches that name and all names below it", name[1:])
		} else if constant && hostname.ParseHelo(s).Name == "" {
			v.fail(last, "%s is not a domain name", v.src.textOf(last))
		}
	}
}

// takeAddress are the functions whose last argument may be the text of an address or of a network.
var takeAddress = []string{"ip", "cidr", "isIP", "isCIDR", "isCanonical", "containsIP", "containsCIDR"}

func ifPrefix(s string) string {
	if _, err := netip.ParsePrefix(s); err == nil {
		return fmt.Sprintf(": it is a network, write cidr(%q)", s)
	}
	return ""
}

// pattern compiles the pattern of a match. A pattern for helo ignores case, because names do.
func (v *vetting) pattern(e ast.Expr, call ast.CallExpr, arg ast.Expr) {
	s, constant := literal(arg)
	if !constant {
		v.fail(arg, "write the pattern in quotes, where it is used: text from a client is never used as a pattern")
		return
	}
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "helo" {
		s = "(?i:" + s + ")"
	}
	re, err := regexp.Compile(s)
	if err != nil {
		v.fail(arg, "the pattern is not valid: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	if size, err := types.RegexProgramSize(s); err != nil || size > maxProgram {
		v.fail(arg, "the pattern is too large: it compiles to %d steps, the limit is %d", size, maxProgram)
		return
	}
	v.patterns[e.ID()] = re
}

// words vets constants that are compared with a value from a fixed set of words. A misspelt word would never match,
// and nothing would show it.
func (v *vetting) words(call ast.CallExpr) {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		v.wordsOf(args[0], args[1:])
		v.wordsOf(args[1], args[:1])
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			v.wordsOf(args[0], args[1].AsList().Elements())
		}
	}
}

func (v *vetting) wordsOf(of ast.Expr, with []ast.Expr) {
	path, ok := path(of)
	if !ok || slices.Contains(v.scope, path[0]) {
		return
	}
	full := strings.Join(path, ".")
	known := outcomes
	if !strings.HasPrefix(full, checks+".") {
		n := byName[full]
		if n == nil || n.words == nil {
			return
		}
		known = n.words
	}
	for _, e := range with {
		if word, is := literal(e); is && !slices.Contains(known, word) {
			v.fail(e, "%s is never %q%s", v.src.textOf(of), word, suggestion(word, known))
		}
	}
}

// networks supports client in [cidr("..."), cidr("...")]: it replaces the list by a value that holds networks.
func (v *vetting) networks(call ast.CallExpr) {
	if call.FunctionName() != operators.In || call.Args()[1].Kind() != ast.ListKind {
		return
	}
	list := call.Args()[1]
	for _, e := range list.AsList().Elements() {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "cidr" && !e.AsCall().IsMemberFunction() {
			v.nextID++
			inner := factory.NewList(v.nextID, list.AsList().Elements(), nil)
			v.src.spans[v.nextID] = v.src.spans[list.ID()]
			list.SetKindCase(factory.NewCall(list.ID(), networksFunction, inner))
			return
		}
	}
}

func (c *Compiler) listNames() (out []string) {
	for name := range c.lists {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
