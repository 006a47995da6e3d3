package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/helogate/helogate/internal/suggest"
)

// section is a table that has settings, or a list of such tables.
type section struct {
	path   string // "policy.for"; "" for what is above the first table
	list   bool
	typ    reflect.Type
	fields []field
}

// sections returns all tables, each before those in it.
var sections = sync.OnceValue(func() []section {
	var all []section
	var walk func(section)
	walk = func(s section) {
		s.fields = fieldsOf(s.typ)
		all = append(all, s)
		for _, f := range s.fields {
			if f.leaf == nil {
				walk(section{path: strings.TrimPrefix(s.path+"."+f.name, "."), list: f.list, typ: f.elem()})
			}
		}
	}
	walk(section{typ: configType})
	return all
})

// header is how the table is written.
func (s section) header() string { return brackets(s.path, s.list) }

func brackets(path string, list bool) string {
	if list {
		return "[[" + path + "]]"
	}
	return "[" + path + "]"
}

// unknownKey reports a key that does not exist, and which one was probably meant or in which table it belongs.
func (d *decoder) unknownKey(n *node, fields []field) {
	if d.renamedKey(n) {
		return
	}
	key, where := n.name, ""
	if at := n.parent; at.parent != nil {
		where = " in " + brackets(at.header(), at.parent.kind == list)
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	msg := fmt.Sprintf("unknown key %s%s", quoted(key), where)
	tables, homes := d.homes(key, n.parent)
	switch near := suggest.Closest(key, names); {
	case near != "":
		msg += fmt.Sprintf("; did you mean %q?", near)
	case len(tables) > 0 && (n.kind == table || n.kind == list || len(homes) == 0):
		msg += "; did you mean " + either(tables) + "?"
	case len(homes) > 0:
		msg += "; it belongs " + either(homes)
	case len(names) == 1:
		msg += ": the only key is " + names[0]
	default:
		msg += ": use one of " + strings.Join(names, ", ")
	}
	d.wrong.add(n.key, n.parent.path(), "%s", msg)
}

// homes returns the tables that have the name of a key, and those that have such a key. at is the table that it is in.
func (d *decoder) homes(key string, at *node) (tables, homes []string) {
	near := "[policy.checks]" // the table for a check
	for _, s := range sections() {
		for _, f := range s.fields {
			if f.typ == checksType && at.header() == s.path {
				near = "[" + s.path + ".checks]"
			}
			switch {
			case f.name != key:
			case f.leaf == nil || f.leaf.table != nil:
				tables = append(tables, brackets(strings.TrimPrefix(s.path+"."+key, "."), f.list))
			case s.path == "":
				homes = append(homes, "above the first [table]")
			default:
				homes = append(homes, "in "+s.header())
			}
		}
	}
	if slices.Contains(d.opt.Checks, key) {
		homes = append(homes, "in "+near)
	}
	return tables, homes
}

// unknownCheck reports a check that does not exist, and which one was probably meant or in which table the setting
// belongs.
func (d *decoder) unknownCheck(n *node) {
	msg := fmt.Sprintf("there is no check %s", quoted(n.name))
	_, homes := d.homes(n.name, n.parent)
	checks := n.parent.header()
	for _, s := range sections() {
		if s.path == strings.TrimSuffix(checks, ".checks") && slices.Contains(homes, "in "+s.header()) {
			homes = []string{"in " + s.header() + ", above [" + checks + "]"}
		}
	}
	if suggest.Closest(n.name, d.opt.Checks) == "" && len(homes) > 0 {
		msg += "; the setting belongs " + either(homes)
	} else {
		msg += meant(n.name, d.opt.Checks)
	}
	d.wrong.add(n.key, n.parent.path(), "%s", msg)
}

// either lists words with "or" before the last.
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
