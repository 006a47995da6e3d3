package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

var (
	exemptType = reflect.TypeFor[Exempt]()
	listenType = reflect.TypeFor[Listen]()
)

// origin is where a Config comes from.
type origin struct {
	name string // of the file
	root *node
}

// Errorf returns an [Error] about the setting at path, such as "policy.bad_helo[2]", "exempt[1].until" or
// "policy.checks.fcrdns", in the layout of this package's own: with its line of the file, or its variable of the
// environment. Of a setting that neither has it says so, gives the default, and shows the table or the list that it would
// be in. The format may wrap an error with %w.
func (c *Config) Errorf(path, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	n, found := c.origin.find(path)
	if found {
		return n.val.error(path, err)
	}
	if v := c.literalAt(path); v != "" {
		err = fmt.Errorf("%w (not set; by default it is %s)", err, v)
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

// steps cuts "exempt[1].until" into "exempt", 1, "until"; -1 for what is not in brackets.
func steps(path string) (names []string, places []int) {
	for path != "" {
		i := strings.IndexAny(path, ".[")
		switch {
		case i < 0:
			names, places, path = append(names, path), append(places, -1), ""
		case i > 0:
			names, places, path = append(names, path[:i]), append(places, -1), path[i:]
		case path[0] == '.':
			path = path[1:]
		default:
			inner, rest, _ := strings.Cut(path[1:], "]")
			n, err := strconv.Atoi(inner)
			if err != nil {
				n = -1
			}
			names, places, path = append(names, inner), append(places, n), rest
		}
	}
	return names, places
}

// find returns the node at path and true, or the last one on the way to it, and false.
func (o origin) find(path string) (*node, bool) {
	n := o.root
	if n == nil {
		return nil, false
	}
	names, places := steps(path)
	for i, name := range names {
		next := n.get(name)
		switch place := places[i]; {
		case place >= 0 && n.kind == list && place < len(n.kids):
			next = n.kids[place]
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
	names, places := steps(path)
	for i, name := range names {
		switch {
		case v.Kind() == reflect.Slice && places[i] >= 0 && places[i] < v.Len():
			v = v.Index(places[i])
			continue
		case v.Kind() != reflect.Struct:
			return ""
		}
		fields := fieldsOf(v.Type())
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if at < 0 {
			return ""
		}
		f := fields[at]
		v = v.Field(f.index)
		if i < len(names)-1 {
			continue
		}
		switch {
		case f.leaf == nil || f.leaf == checksLeaf || v.IsZero() && f.unset != "":
			return f.unset
		}
		return literal(v)
	}
	return ""
}

// Origin says where the setting at path comes from: "helogate.toml:12", "HELOGATE_MODE", "default".
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
