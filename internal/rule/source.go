package rule

import (
	"errors"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
)

// A source is the text of an expression, with an index that locates its parts.
type source struct {
	text   string
	octets []int // where each code point begins, and the end; nil if all are ASCII
	tokens []token
	info   *ast.SourceInfo
	spans  map[int64]span
}

// span is a part of the text, in octets.
type span struct{ start, end int }

func newSource(text string) *source {
	s := &source{text: text, tokens: tokenize(text), spans: map[int64]span{}}
	if utf8.RuneCountInString(text) != len(text) {
		for i := range text {
			s.octets = append(s.octets, i)
		}
		s.octets = append(s.octets, len(text))
	}
	return s
}

// octet returns the offset of a code point, which CEL counts from 0.
func (s *source) octet(codePoint int) int {
	if s.octets == nil {
		return min(max(0, codePoint), len(s.text))
	}
	return s.octets[min(max(0, codePoint), len(s.octets)-1)]
}

// octetAt does the same for a line, counted from 1, and a column in it, counted from 0.
func (s *source) octetAt(line, column int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(s.text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	for ; column > 0 && at < len(s.text); column-- {
		_, n := utf8.DecodeRuneInString(s.text[at:])
		at += n
	}
	return at
}

// tokenAt returns the index of the token at an octet, or of the last one before it; -1 if there is none.
func (s *source) tokenAt(octet int) int {
	at := -1
	for i, t := range s.tokens {
		if t.start > octet {
			break
		}
		at = i
	}
	return at
}

// measure finds the span of every node. It must run before vet rewrites the tree.
func (s *source) measure(e ast.Expr) (is span, ok bool) {
	is, ok = s.own(e)
	for _, child := range children(e) {
		if of, found := s.measure(child); found {
			if !ok {
				is, ok = of, true
			}
			is.start, is.end = min(is.start, of.start), max(is.end, of.end)
		}
	}
	if ok && (e.Kind() == ast.CallKind || e.Kind() == ast.ListKind || e.Kind() == ast.MapKind) {
		is.end = s.closed(is.end, is.start)
	}
	if ok {
		s.spans[e.ID()] = is
	}
	return is, ok
}

// own returns the span of the token that makes a node: a name, an operator, the opening bracket of a call.
func (s *source) own(e ast.Expr) (span, bool) {
	r, ok := s.info.GetOffsetRange(e.ID())
	if !ok {
		return span{}, false
	}
	i := s.tokenAt(s.octet(int(r.Start)))
	if i < 0 {
		return span{}, false
	}
	t := s.tokens[i]
	is := span{t.start, t.end}
	switch {
	case t.text == "." && e.Kind() == ast.SelectKind && i+1 < len(s.tokens):
		is.end = s.tokens[i+1].end
	case t.text == "(" && e.Kind() == ast.CallKind && i > 0:
		is.start = s.tokens[i-1].start
	case t.text == "-" && e.Kind() == ast.LiteralKind && i+1 < len(s.tokens):
		is.end = s.tokens[i+1].end
	}
	return is, true
}

// closed moves an end past the brackets that opened since start.
func (s *source) closed(end, start int) int {
	open := 0
	for i := s.tokenAt(start); i >= 0 && i < len(s.tokens); i++ {
		t := s.tokens[i]
		if t.start >= end && open <= 0 {
			break
		}
		switch t.text {
		case "(", "[", "{":
			open++
		case ")", "]", "}":
			open--
		}
		end = max(end, t.end)
	}
	return end
}

// children returns the parts of a node.
func children(e ast.Expr) (out []ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		if c := e.AsCall(); c.IsMemberFunction() {
			out = append(out, c.Target())
		}
		return append(out, e.AsCall().Args()...)
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			out = append(out, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			out = append(out, field.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return out
}

// at returns an error about a node.
func (s *source) at(e ast.Expr, msg string) *Error {
	is, ok := s.spans[e.ID()]
	if !ok {
		is = span{0, len(s.text)}
	}
	return &Error{Offset: is.start, Length: is.end - is.start, Msg: msg}
}

// textOf returns a node as it was written.
func (s *source) textOf(e ast.Expr) string {
	is := s.spans[e.ID()]
	return s.text[is.start:is.end]
}

// failedFold returns the error of a constant that has no value.
func (s *source) failedFold(root ast.Expr, err error) *Error {
	var bad *foldError
	if errors.As(err, &bad) {
		if is, ok := s.spans[bad.id]; ok {
			return &Error{is.start, is.end - is.start, "this has no value: " + bad.Error()}
		}
	}
	return s.at(root, "this has no value: "+err.Error())
}
