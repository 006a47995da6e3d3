package rule

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
)

// parse reads an expression, or returns the errors in it.
func (c *Compiler) parse(when string) (*source, *cel.Ast, Errors) {
	src := newSource(when)
	switch {
	case len(when) > MaxSize:
		return src, nil, Errors{{Length: len(when), Msg: fmt.Sprintf(
			"the expression has %d octets, the limit is %d: put names and addresses into a list file", len(when), MaxSize)}}
	case !utf8.ValidString(when):
		return src, nil, Errors{{Length: len(when), Msg: "the expression is not valid UTF-8"}}
	case len(src.tokens) == 0:
		return src, nil, Errors{{Length: len(when), Msg: `the expression is empty: write when the rule matches, for example client == ip("192.0.2.1")`}}
	}
	if depth, at := deepest(src.tokens); depth > maxDepth {
		return src, nil, Errors{{at.start, at.end - at.start, fmt.Sprintf("brackets nest more than %d deep", maxDepth)}}
	}
	parsed, issues := c.env.Parse(when)
	if issues.Err() == nil {
		src.info = parsed.NativeRep().SourceInfo()
		src.measure(parsed.NativeRep().Expr())
		return src, parsed, nil
	}
	if errs := src.commonMistakes(); len(errs) > 0 {
		return src, nil, errs
	}
	return src, nil, src.syntax(issues)
}

// deepest returns how deep brackets nest, and the bracket that opens the deepest level.
func deepest(tokens []token) (most int, at token) {
	depth := 0
	for _, t := range tokens {
		switch t.text {
		case "(", "[", "{":
			if depth++; depth > most {
				most, at = depth, t
			}
		case ")", "]", "}":
			depth--
		}
	}
	return most, at
}

// otherWords maps operators of other languages to those of CEL.
var otherWords = map[string]string{
	"and": "&&", "or": "||", "not": "!", "=": "==", "&": "&&", "|": "||", "<>": "!=", "eq": "==", "ne": "!=", "is": "==",
}

// commonMistakes finds syntax of other languages. It is called where an expression does not parse.
func (s *source) commonMistakes() (errs Errors) {
	for i, t := range s.tokens {
		lower := strings.ToLower(t.text)
		followed := i+1 < len(s.tokens) && s.tokens[i+1].text == "("
		switch {
		case t.open:
			errs = append(errs, &Error{t.start, t.end - t.start, "the closing " + quoteOf(t.text) + " of this text is missing"})
		case otherWords[lower] != "" && !(followed && lower != "not") && (i == 0 || s.tokens[i-1].text != "."):
			errs = append(errs, &Error{t.start, t.end - t.start, fmt.Sprintf("write %s as %s", t.text, otherWords[lower])})
		case t.text == ";" || t.text == "#":
			errs = append(errs, &Error{t.start, t.end - t.start, fmt.Sprintf("%s has no meaning here", t.text)})
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return s.brackets()
}

func quoteOf(text string) string {
	if i := strings.IndexAny(text, `"'`); i >= 0 {
		return text[i : i+1]
	}
	return "quote"
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// brackets finds a bracket without its counterpart.
func (s *source) brackets() Errors {
	var open []token
	for _, t := range s.tokens {
		switch t.text {
		case "(", "[", "{":
			open = append(open, t)
		case ")", "]", "}":
			if len(open) == 0 {
				return Errors{{t.start, 1, fmt.Sprintf("this %s closes nothing", t.text)}}
			}
			last := open[len(open)-1]
			if closing[last.text] != t.text {
				return Errors{{t.start, 1, fmt.Sprintf("this %s cannot close the %s before it", t.text, last.text)}}
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		last := open[len(open)-1]
		return Errors{{last.start, 1, fmt.Sprintf("this %s is never closed", last.text)}}
	}
	return nil
}

var (
	foundRE = regexp.MustCompile(`^(?:mismatched|extraneous) input '(.*)' expecting`)
	overRE  = regexp.MustCompile(`^no viable alternative at input '(.*)'$`)
	badRE   = regexp.MustCompile(`^token recognition error at: '(.*)'$`)
)

// syntax explains the first error of the parser. The others follow from it.
func (s *source) syntax(issues *cel.Issues) Errors {
	first := issues.Errors()[0]
	at := s.octetAt(first.Location.Line(), first.Location.Column())
	out := &Error{Offset: at}
	if i := s.tokenAt(at); i >= 0 && s.tokens[i].end > at {
		out.Offset, out.Length = s.tokens[i].start, s.tokens[i].end-s.tokens[i].start
	}
	msg := strings.TrimPrefix(first.Message, "Syntax error: ")
	here := s.text[out.Offset : out.Offset+out.Length]
	switch {
	case here == "" && (foundRE.MatchString(msg) || overRE.MatchString(msg)):
		out.Msg = "the expression is incomplete: something is missing at its end"
	case badRE.MatchString(msg) && strings.HasPrefix(here, `"`), badRE.MatchString(msg) && strings.HasPrefix(here, `'`):
		out.Msg = `double the \ in this text, or write the text as r"..."`
	case foundRE.MatchString(msg), overRE.MatchString(msg), badRE.MatchString(msg):
		out.Msg = fmt.Sprintf("%s is not expected here: is an operator missing before it, or is one too many?", here)
	default:
		out.Msg = msg
	}
	return Errors{out}
}
