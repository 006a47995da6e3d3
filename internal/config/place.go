package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

var (
	checksType    = reflect.TypeFor[Checks]()
	exemptType    = reflect.TypeFor[Exempt]()
	forwarderType = reflect.TypeFor[Forwarder]()
	listenType    = reflect.TypeFor[Listen]()
)

// origin is where a Config comes from.
type origin struct {
	name string // of the file
	root *node
}

// Errorf returns an [Error] about the setting at path, such as "policy.bad_helo[2]", "exempt[1].until" or
// "policy.checks.fcrdns", in the layout of this package's own: with its line of the file, or its variable of the
// environment. For a setting that neither has, it adds the default, and shows the table or list that the setting would
// be in. A name in the path that is not letters, digits, "-" and "_" alone is in quotes: `policy.replies."a rule"`. The
// format may wrap an error with %w.
func (c *Config) Errorf(path, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	n, found := c.origin.find(path)
	if found {
		return n.val.error(path, err)
	}
	if v := c.literalAt(path); v != "" {
		err = fmt.Errorf("%w (not set; the default is %s)", err, v)
	} else {
		err = fmt.Errorf("%w (not set)", err)
	}
	if n != nil && n.parent != nil {
		return n.val.error(path, err)
	}
	name := c.origin.name
	if name == "" {
		name = "(the default configuration)"
	}
	return &Error{File: name, Key: path, Err: err, order: -1}
}

// ErrorIn is [Config.Errorf] about a part of the text at path: the length bytes from offset on, both of the text as it
// was read, not as it is written. It marks them in the file, with its line and column, whatever quotes and escapes it
// is written in; at an offset that is the length of the text, the end. Where the setting is not a text, is not set or
// has no such offset, it reports as Errorf does.
func (c *Config) ErrorIn(path string, offset, length int, format string, args ...any) error {
	n, found := c.origin.find(path)
	if !found || n.kind != text {
		return c.Errorf(path, format, args...)
	}
	return n.part(offset, length).error(path, fmt.Errorf(format, args...))
}

// step is one part of a path: a name, or the place in a list.
type step struct {
	name  string
	place int // -1 of a name
}

// steps cuts "exempt[1].until" into "exempt", 1, "until". A name may be in quotes.
func steps(path string) (steps []step) {
	for path != "" {
		i := strings.IndexAny(path, ".[")
		name, quoted := quotedKey(path)
		switch {
		case quoted > 0:
			steps, path = append(steps, step{name, -1}), path[quoted:]
		case i < 0:
			steps, path = append(steps, step{path, -1}), ""
		case i > 0:
			steps, path = append(steps, step{path[:i], -1}), path[i:]
		case path[0] == '.':
			path = path[1:]
		default:
			inner, rest, _ := strings.Cut(path[1:], "]")
			n, err := strconv.Atoi(inner)
			if err != nil {
				n = -1
			}
			steps, path = append(steps, step{inner, n}), rest
		}
	}
	return steps
}

// quotedKey returns the name in quotes that a path begins with, and how long it is with its quotes; 0 if there is none.
func quotedKey(path string) (string, int) {
	switch path[0] {
	case '"':
		if q, err := strconv.QuotedPrefix(path); err == nil {
			name, _ := strconv.Unquote(q)
			return name, len(q)
		}
	case '\'':
		if name, _, ok := strings.Cut(path[1:], "'"); ok {
			return name, len(name) + 2
		}
	}
	return "", 0
}

// find returns the node at path and true, or the last one on the way to it, and false.
func (o origin) find(path string) (*node, bool) {
	n := o.root
	if n == nil {
		return nil, false
	}
	for _, s := range steps(path) {
		next := n.get(s.name)
		switch place := s.place; {
		case place >= 0 && n.kind == list && place < len(n.children):
			next = n.children[place]
		case place == 0 && n.kind != list && n.kind != table:
			continue // a value that stands for a list of one
		case place >= 0:
			next = nil
		}
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, n != o.root
}

// literalAt returns the value at path as TOML has it, "" where there is none.
func (c *Config) literalAt(path string) string {
	v := reflect.ValueOf(c).Elem()
	all := steps(path)
	for i, s := range all {
		switch {
		case v.Kind() == reflect.Slice && s.place >= 0 && s.place < v.Len():
			v = v.Index(s.place)
			continue
		case v.Kind() != reflect.Struct:
			return ""
		}
		fields := fieldsOf(v.Type())
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == s.name })
		if at < 0 {
			return ""
		}
		f := fields[at]
		v = v.Field(f.index)
		if i < len(all)-1 {
			continue
		}
		switch {
		case f.leaf == nil || f.leaf.table != nil || v.IsZero() && f.unset != "":
			return f.unset
		}
		return literal(v)
	}
	return ""
}

// Origin returns where the setting at path comes from: "helogate.toml:12", "HELOGATE_MODE", "default".
func (c *Config) Origin(path string) string {
	n, found := c.origin.find(path)
	switch {
	case !found:
		return "default"
	case n.key.src.env:
		return n.key.src.name
	}
	return ascii(c.origin.name) + ":" + strconv.Itoa(n.key.line())
}
