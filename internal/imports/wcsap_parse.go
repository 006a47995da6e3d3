package imports

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A wcsapRule is a line of the filter.
type wcsapRule struct {
	accept bool
	when   string // the condition as an expression of helogate's rules, which can stand beside && and ||
}

// excludes reports whether no client can be meant by both rules: they speak of different addresses.
func (r wcsapRule) excludes(other wcsapRule) bool {
	is, _ := clientsOf(r.when)
	otherIs, otherNot := clientsOf(other.when)
	return is != "" && (otherIs != "" && otherIs != is || slices.Contains(otherNot, is))
}

// clientsOf returns the address that a condition wants of the client, and those that it does not want. It looks at
// plain conjunctions alone; of what a client says it can mistake nothing, since a text has its quotes escaped.
func clientsOf(when string) (is string, not []string) {
	if strings.Contains(when, " || ") || strings.Contains(when, "!(") {
		return "", nil
	}
	for part := range strings.SplitSeq(when, " && ") {
		if a, ok := strings.CutPrefix(part, `client == ip("`); ok {
			is = a
		}
		if a, ok := strings.CutPrefix(part, `client != ip("`); ok {
			not = append(not, a)
		}
	}
	return is, not
}

const (
	maxWCSAPLine = 1000 // bytes
	maxNested    = 20   // brackets in brackets
)

// parseWCSAP reads a line that is no comment.
func parseWCSAP(line string) (rule wcsapRule, err error) {
	if len(line) > maxWCSAPLine {
		return rule, fmt.Errorf("the line is longer than %d bytes", maxWCSAPLine)
	}
	tokens, err := scanWCSAP(line)
	if err != nil {
		return rule, err
	}
	p := &wcsapParser{tokens: tokens}
	switch {
	case p.take("accept"):
		rule.accept = true
	case !p.take("reject"):
		return rule, errors.New("a rule must begin with Reject or Accept")
	}
	if !p.take("if") {
		return rule, fmt.Errorf("after %s, expected if, not %s", tokens[0].text, p.peek())
	}
	rule.when, err = p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %s after the condition", p.peek())
	}
	return rule, err
}

// A wcsapToken is a word, a mark, or a text in quotes.
type wcsapToken struct {
	text   string
	quoted bool
}

const wcsapMarks = "=!<>()"

// scanWCSAP takes a line apart, up to a comment behind it.
func scanWCSAP(line string) (tokens []wcsapToken, err error) {
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case c == ' ' || c == '\t':
			i++
			continue
		case c < ' ' || c > '~':
			return nil, fmt.Errorf("it has the byte \\x%02x, but a HELO name or an address has only ASCII", c)
		case c == ';' || c == '#' || strings.HasPrefix(line[i:], "//"):
			return tokens, nil
		case c == '"' || c == '\'':
			end := strings.IndexByte(line[i+1:], c)
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			tokens = append(tokens, wcsapToken{line[i+1 : i+1+end], true})
			i += end + 2
			continue
		}
		n := wordLen(line[i:])
		tokens = append(tokens, wcsapToken{line[i : i+n], false})
		i += n
	}
	return tokens, nil
}

// wordLen is how much of the text is one token.
func wordLen(s string) int {
	for _, two := range []string{"==", "!=", "<>"} {
		if strings.HasPrefix(s, two) {
			return 2
		}
	}
	if strings.IndexByte(wcsapMarks, s[0]) >= 0 {
		return 1
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(wcsapMarks+`"';`, s[i]) >= 0 {
			return i
		}
	}
	return len(s)
}

type wcsapParser struct{ tokens []wcsapToken }

// peek is the next token for a message.
func (p *wcsapParser) peek() string {
	if len(p.tokens) == 0 {
		return "the end of the line"
	}
	return p.tokens[0].text
}

// take takes the next token if it is that word, in any case.
func (p *wcsapParser) take(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted || !strings.EqualFold(p.tokens[0].text, word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *wcsapParser) or(depth int) (string, error)  { return p.joined("or", " || ", depth, p.and) }
func (p *wcsapParser) and(depth int) (string, error) { return p.joined("and", " && ", depth, p.factor) }

// joined reads what is joined by a word. Of "or" the result is in brackets, so that it can stand anywhere.
func (p *wcsapParser) joined(word, sign string, depth int, next func(int) (string, error)) (string, error) {
	var parts []string
	for {
		one, err := next(depth)
		if err != nil {
			return "", err
		}
		parts = append(parts, one)
		if !p.take(word) {
			break
		}
	}
	out := strings.Join(parts, sign)
	if word == "or" && len(parts) > 1 {
		out = "(" + out + ")"
	}
	return out, nil
}

func (p *wcsapParser) factor(depth int) (string, error) {
	if depth > maxNested {
		return "", errors.New("too many nested brackets")
	}
	if p.take("not") {
		one, err := p.factor(depth + 1)
		return "!(" + one + ")", err
	}
	if !p.take("(") {
		return p.comparison()
	}
	inner, err := p.or(depth + 1)
	if err == nil && !p.take(")") {
		err = fmt.Errorf("expected a closing bracket, not %s", p.peek())
	}
	return inner, err
}

// comparison reads `a in b`, `a = b` and `a != b`.
func (p *wcsapParser) comparison() (string, error) {
	left, err := p.operand()
	if err != nil {
		return "", err
	}
	not := p.take("not")
	switch {
	case p.take("in"):
	case not:
		return "", fmt.Errorf("after Not, expected in, not %s", p.peek())
	case p.take("="), p.take("=="):
		return p.equal(left, " == ")
	case p.take("!="), p.take("<>"):
		return p.equal(left, " != ")
	default:
		return "", fmt.Errorf("expected in, = or !=, not %s", p.peek())
	}
	right, err := p.operand()
	if err != nil {
		return "", err
	}
	if left.macro == "" && left.text == "" {
		return "", errors.New("the empty text is part of every text")
	}
	if left.macro == "" && right.macro == "" {
		return "", errors.New("it compares two texts, and no property of the client")
	}
	out := right.string() + ".contains(" + left.string() + ")"
	if not {
		out = "!" + out
	}
	return out, nil
}

// equal reads the other side of = and !=.
func (p *wcsapParser) equal(left operand, sign string) (string, error) {
	right, err := p.operand()
	if err != nil {
		return "", err
	}
	if left.macro == "" {
		left, right = right, left
	}
	switch {
	case left.macro == "":
		return "", errors.New("it compares two texts, and no property of the client")
	case left.macro != cip || right.macro != "":
		return left.string() + sign + right.string(), nil
	}
	a, err := netip.ParseAddr(right.text)
	if err != nil || a.Zone() != "" {
		return "", fmt.Errorf("%s is not an IP address, so %%CIP%% never equals it: to search for a part, write %q in %%CIP%%", right.text, right.text)
	}
	return "client" + sign + "ip(" + strconv.Quote(a.Unmap().String()) + ")", nil
}

// The macros, as far as they are known.
const (
	cdn = "%cdn%" // what the client says in HELO
	cip = "%cip%" // its address
)

type operand struct{ macro, text string }

func (p *wcsapParser) operand() (operand, error) {
	if len(p.tokens) == 0 {
		return operand{}, errors.New("the condition is incomplete")
	}
	t := p.tokens[0]
	lower := strings.ToLower(t.text)
	if !t.quoted {
		switch {
		case lower == cdn || lower == cip:
			p.tokens = p.tokens[1:]
			return operand{macro: lower}, nil
		case strings.HasPrefix(t.text, "%"):
			return operand{}, fmt.Errorf("%s is not a known macro: the HELO name is %%CDN%% and the address %%CIP%%", t.text)
		case strings.ContainsAny(lower[:1], wcsapMarks), lower == "in", lower == "and", lower == "or", lower == "not", lower == "if":
			return operand{}, fmt.Errorf("expected a text or a macro, not %s", t.text)
		}
	}
	p.tokens = p.tokens[1:]
	return operand{text: lower}, nil
}

// string is the operand as text, in lower case.
func (o operand) string() string {
	switch o.macro {
	case cdn:
		return "helo.text.lowerAscii()"
	case cip:
		return "string(client)"
	}
	return strconv.Quote(o.text)
}
