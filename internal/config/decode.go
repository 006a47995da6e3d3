package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
)

// field is a setting: a field of one of the structs of Config, and what its tags say.
type field struct {
	name     string
	index    int
	typ      reflect.Type
	leaf     *valueType // nil for a table and for a list of tables
	list     bool       // a list, of values or of tables
	single   bool       // a list that may be written as one value
	min, max string
	unset    string
	comment  string // the Go name, by which the page finds the comment
}

var fieldsOf = func() func(reflect.Type) []field {
	var known sync.Map
	return func(t reflect.Type) []field {
		if f, ok := known.Load(t); ok {
			return f.([]field)
		}
		var fields []field
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() {
				continue
			}
			is := f.Tag.Get("is")
			fields = append(fields, field{
				name: f.Tag.Get("toml"), index: i, typ: f.Type, comment: f.Name,
				leaf: valueTypes[is], list: f.Type.Kind() == reflect.Slice, single: f.Tag.Get("single") != "",
				min: f.Tag.Get("min"), max: f.Tag.Get("max"), unset: f.Tag.Get("unset"),
			})
		}
		known.Store(t, fields)
		return fields
	}
}()

// elem is the struct of a table, or of one table of a list.
func (f field) elem() reflect.Type {
	if f.list {
		return f.typ.Elem()
	}
	return f.typ
}

// decoder makes a Config of a tree. After a mistake it continues, to find the others.
type decoder struct {
	opt   Options
	wrong problems
}

func (d *decoder) fail(at span, n *node, format string, args ...any) {
	d.wrong.add(at, n.path(), format, args...)
}

// table decodes the entries of n into the struct v.
func (d *decoder) table(n *node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	for _, child := range n.children {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == child.name })
		if i < 0 {
			d.unknownKey(child, fields)
			continue
		}
		f := fields[i]
		switch {
		case f.leaf != nil && f.leaf.table != nil:
			f.leaf.table(d, child, v.Field(f.index))
		case f.leaf != nil && f.list:
			d.values(child, f, v.Field(f.index))
		case f.leaf != nil:
			d.value(child, f, v.Field(f.index))
		case f.list:
			d.tables(child, f, v.Field(f.index))
		case child.kind != table:
			d.notATable(child, f)
		default:
			d.table(child, v.Field(f.index))
		}
	}
}

// tables decodes a list of tables.
func (d *decoder) tables(n *node, f field, v reflect.Value) {
	v.SetZero()
	if n.kind != list {
		d.notATable(n, f)
		return
	}
	for _, child := range n.children {
		if child.kind != table {
			d.notATable(child, f)
			continue
		}
		one := reflect.New(f.typ.Elem()).Elem()
		d.table(child, one)
		v.Set(reflect.Append(v, one))
	}
}

func (d *decoder) notATable(n *node, f field) {
	name := n.header()
	switch {
	case f.list && n.kind == table && n.made == byChild:
		if !n.incomplete { // the list comes later, and that is reported
			d.fail(n.val, n, "this belongs to a [[%s]], and there is none above", name)
		}
	case f.list && n.kind == table:
		d.fail(n.val, n, "is a list of tables: write [[%s]], in double brackets", name)
	case f.list:
		d.fail(n.val, n, "must be a table, not %s: write [[%s]] on a line, and its settings below", n.kind.a(), name)
	case n.kind == list && n.made == byHeader:
		d.fail(n.val, n, "is a single table: write [%s], in single brackets", name)
	default:
		d.fail(n.val, n, "must be a table, not %s: write [%s] on a line, and its settings below", n.kind.a(), name)
	}
}

// values decodes a list.
func (d *decoder) values(n *node, f field, v reflect.Value) {
	v.SetZero()
	one := reflect.New(f.typ.Elem()).Elem()
	if n.kind != list {
		if !f.single {
			if d.value(n, f, one) {
				d.fail(n.val, n, "must be a list: write [%s]", d.written(n))
			}
			return
		}
		if d.value(n, f, one) {
			v.Set(reflect.Append(v, one))
		}
		return
	}
	if f.single && len(n.children) == 0 && f.unset == needed {
		d.fail(n.val, n, "an empty list matches nothing: give at least one value")
	} else if f.single && len(n.children) == 0 {
		d.fail(n.val, n, "an empty list matches nothing: remove the setting if any value may match")
	}
	for _, child := range n.children {
		if one.SetZero(); d.value(child, f, one) {
			v.Set(reflect.Append(v, one))
		}
	}
}

// written is a value as it is in the file.
func (d *decoder) written(n *node) string { return cut(n.val.raw(), 80) }

// value decodes one value, and returns whether it is valid.
func (d *decoder) value(n *node, f field, v reflect.Value) bool {
	if !f.leaf.takes(n.kind) {
		d.wrongType(n, f)
		return false
	}
	x, err := f.leaf.parse(d, n, f)
	if err != nil {
		at := n.val
		if part := (*partError)(nil); errors.As(err, &part) {
			at = n.part(part.offset, part.length)
		}
		d.fail(at, n, "%w", err)
		return false
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	v.Set(reflect.ValueOf(x))
	return true
}

// wrongType reports what a value must be and what it is.
func (d *decoder) wrongType(n *node, f field) {
	want := f.leaf.what
	header := n.made == byHeader || n.made == byChild
	bare := n.kind != table && n.kind != list && n.kind != text
	switch {
	case f.leaf == valueTypes["mode"] && permissions.MatchString(n.text):
		d.fail(n.val, n, "%w", errPermissions(n.text))
	case n.kind == table && header:
		d.fail(n.val, n, "is not a table: write %s = ... on one line, with %s after the \"=\"", n.name, want)
	case bare && f.leaf.takes(text):
		d.fail(n.val, n, "must be %s, in quotes, not the %s %s", want, n.kind, cut(n.text, 80))
	case n.kind == text && !f.leaf.takes(text) && quotes(n.val.raw()) == "": // of the environment
		d.fail(n.val, n, "must be %s, not the text %s", want, quoted(n.text))
	case n.kind == text && !f.leaf.takes(text):
		d.fail(n.val, n, "must be %s, without quotes, not the text %s", want, quoted(n.text))
	case bare:
		d.fail(n.val, n, "must be %s, not the %s %s", want, n.kind, cut(n.text, 80))
	default:
		d.fail(n.val, n, "must be %s, not %s", want, n.kind.a())
	}
}

// until decodes a date or time into the first instant after it.
func (d *decoder) until(n *node, _ field) (any, error) {
	at, err := parseUntil(n.kind, n.text, d.opt.Location)
	if err != nil {
		return nil, err
	}
	if y := at.Year(); y < 2000 || y > 2999 {
		return nil, fmt.Errorf("the year of %s is out of bounds: use 2000 to 2999", n.text)
	}
	return at.In(d.location()), nil
}

func (d *decoder) location() *time.Location {
	if d.opt.Location == nil {
		return time.Local
	}
	return d.opt.Location
}
