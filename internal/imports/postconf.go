package imports

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// postconf is main.cf as `postconf -n` prints it: parameters that are set, their values not expanded.
type postconf struct {
	set      map[string]param
	defaults map[string]param // as `postconf NAME ...` prints them, where it was asked
}

type param struct {
	value string
	line  int
}

// readPostconf reads "name = value" lines; one that begins with a blank goes on with the line before, as in main.cf.
func readPostconf(text string) map[string]param {
	out := map[string]param{}
	last, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if p, ok := out[last]; ok {
				p.value += " " + trimmed
				out[last] = p
			}
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			last = ""
			continue
		}
		last = strings.TrimSpace(name)
		out[last] = param{strings.TrimSpace(value), n}
	}
	return out
}

// get is what a parameter is set to.
func (p *postconf) get(name string) (param, bool) {
	if v, ok := p.set[name]; ok {
		return v, true
	}
	v, ok := p.defaults[name]
	return v, ok
}

// isSet reports whether main.cf sets a parameter to something.
func (p *postconf) isSet(name string) bool { return p.set[name].value != "" }

// values is the value of a parameter, expanded and taken apart at commas and blanks.
func (p *postconf) values(name string) (out []string, line int, err error) {
	v, ok := p.get(name)
	if !ok {
		return nil, 0, nil
	}
	text, err := p.expand(v.value)
	return splitList(text), v.line, err
}

// splitList takes a list apart at commas and blanks; what is in braces is one item, as in main.cf.
func splitList(text string) (out []string) {
	depth, start := 0, -1
	for i, r := range text + " " {
		blank := r == ',' || r == ' ' || r == '\t'
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		}
		switch {
		case start < 0 && !blank:
			start = i
		case start >= 0 && blank && depth <= 0:
			out = append(out, text[start:i])
			start = -1
		}
	}
	if start >= 0 { // a brace that is not closed
		out = append(out, strings.TrimSpace(text[start:]))
	}
	return out
}

// What expanding may cost: parameters can double each other.
const (
	maxReferences = 10000   // within one value
	maxExpanded   = 1 << 20 // bytes
)

// An expansion is one value being expanded.
type expansion struct {
	p          *postconf
	references int
	missing    error // the first that was left out
}

var errTooDeep = errors.New("parameters refer to each other in a loop")

// expand replaces $name, ${name} and $(name) by the values of the parameters (postconf(5)). What is conditional, and a
// parameter that is not there, is left out, and is the error beside the rest.
func (p *postconf) expand(text string) (string, error) {
	x := &expansion{p: p}
	out, err := x.expand(text)
	if err != nil {
		return "", err
	}
	return out, x.missing
}

func (x *expansion) expand(text string) (string, error) {
	if x.references++; x.references > maxReferences {
		return "", errTooDeep
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 || b.Len() > maxExpanded {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		name, rest, missing := dollar(text[i+1:])
		text = rest
		if missing == nil && name != "" {
			var value param
			if value, missing = x.p.value(name); missing == nil {
				inner, err := x.expand(value.value)
				if err != nil {
					return "", err
				}
				b.WriteString(inner)
			}
		}
		if x.missing == nil {
			x.missing = missing
		}
	}
	if b.Len() > maxExpanded {
		return "", errTooDeep
	}
	return b.String(), nil
}

// value is a parameter within another's value.
func (p *postconf) value(name string) (param, error) {
	if v, ok := p.get(name); ok {
		return v, nil
	}
	switch host, known := p.get("myhostname"); {
	case name == "mydomain" && known: // postconf(5): myhostname minus the first component, or localdomain
		_, domain, _ := strings.Cut(host.value, ".")
		return param{value: cmp.Or(domain, "localdomain")}, nil
	case name == "myorigin" && known:
		return host, nil
	}
	return param{}, fmt.Errorf("$%s is unknown", name)
}

// dollar reads what is behind a $. The name is "" for "$$" and for what is no name.
func dollar(text string) (name, rest string, err error) {
	ends := map[byte]byte{'{': '}', '(': ')'}
	if end, ok := ends[text[0]]; ok {
		i := strings.IndexByte(text, end)
		if i < 0 {
			return "", "", fmt.Errorf("$%s is not closed", text)
		}
		name, rest = text[1:i], text[i+1:]
		if nameLen(name) != len(name) {
			return "", rest, fmt.Errorf("$%s is conditional, and not evaluated", text[:i+1])
		}
		return name, rest, nil
	}
	n := nameLen(text)
	if n == 0 && text[0] == '$' {
		n = 1
		return "", text[n:], nil
	}
	return text[:n], text[n:], nil
}

func nameLen(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}
