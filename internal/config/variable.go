package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/suggest"
)

// slot is the place of a variable in the tree, and the type of its value.
type slot struct {
	path    []step
	leaf    *valueType // nil for tables
	list    bool       // of a leaf
	check   bool       // an action, or a table of actions
	outcome bool       // an action for one outcome, which stands in such a table
	meant   []string   // the entries of a table that the last name can mean
}

func (s *slot) add(name string) { s.path = append(s.path, step{name, -1}) }

// name is the path as text.
func (s *slot) name() string {
	var b strings.Builder
	for i, p := range s.path {
		switch {
		case p.place >= 0:
			fmt.Fprintf(&b, "[%d]", p.place)
		case i == 0:
			b.WriteString(keyText(p.name))
		default:
			b.WriteString("." + keyText(p.name))
		}
	}
	return b.String()
}

// resolve finds what a variable sets.
func (d *decoder) resolve(root *node, name string) (slot, bool) {
	rest := strings.TrimPrefix(name, prefix)
	if rest != strings.ToUpper(rest) {
		return slot{}, false
	}
	parts := strings.Split(strings.ToLower(rest), "__")
	var s slot
	t := configType
	for i := 0; i < len(parts); i++ {
		fields := fieldsOf(t)
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == parts[i] })
		if at < 0 {
			return s, false
		}
		f := fields[at]
		s.add(f.name)
		switch {
		case f.leaf != nil && f.leaf.table != nil:
			return d.resolveEntry(root, s, f.leaf, parts[i+1:])
		case f.leaf != nil:
			s.leaf, s.list = f.leaf, f.list
			return s, i == len(parts)-1
		case f.list && i+1 < len(parts):
			i++
			n, err := strconv.Atoi(parts[i])
			if err != nil || n < 0 || strconv.Itoa(n) != parts[i] {
				return s, false
			}
			s.path = append(s.path, step{parts[i], n})
		}
		t = f.elem()
	}
	return s, true
}

// resolveEntry finds a check, a list or a reply, and an outcome of a check.
func (d *decoder) resolveEntry(root *node, s slot, is *valueType, parts []string) (slot, bool) {
	if len(parts) == 0 {
		return s, true
	}
	var names []string
	switch is {
	case checksTable:
		names, s.check = d.opt.Checks, true
	case repliesTable:
		names, _ = d.replyNames(root)
		s.leaf = valueTypes["reply"]
	case listsTable:
		for _, child := range root.get("lists").entries() {
			names = append(names, child.name)
		}
		s.leaf = valueTypes["path"]
	}
	for _, name := range names {
		if folded(name) == parts[0] {
			s.meant = append(s.meant, name)
		}
	}
	if is == listsTable && len(s.meant) == 0 && bareKey.MatchString(parts[0]) {
		s.meant = parts[:1] // a new one
	}
	if len(s.meant) != 1 || len(parts) > 2 || len(parts) == 2 && is != checksTable {
		return s, false
	}
	s.add(s.meant[0])
	if len(parts) == 2 {
		s.add(parts[1])
		s.check, s.outcome, s.leaf = false, true, valueTypes["action"]
		_, err := helogate.ParseOutcome(parts[1])
		return s, err == nil
	}
	return s, true
}

// folded is a name as variables of the environment can have it, in small letters.
func folded(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z':
			b[i] = c - 'A' + 'a'
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			b[i] = '_'
		}
	}
	return string(b)
}

// unknownVariable reports a variable that looks like a setting. It ignores others, such as HELOGATE_SERVICE_HOST, which
// Kubernetes sets for a service named helogate.
func (d *decoder) unknownVariable(src *source, where slot) {
	if slices.Contains(notSettings, src.name) {
		return
	}
	if len(where.meant) > 1 {
		d.wrong.add(span{src, 0, len(src.name)}, where.name(), "this may be %s: set the whole table in a variable", either(where.meant))
		return
	}
	if d.renamedVariable(src) {
		return
	}
	fold := func(s string) string {
		return strings.ReplaceAll(strings.ToUpper(strings.TrimPrefix(s, prefix)), "__", "_")
	}
	known := d.variables()
	folded := make([]string, len(known), len(known)+len(renames))
	for i, k := range known {
		folded[i] = fold(k)
	}
	for _, r := range renames { // an old name, and misspelt
		known, folded = append(known, variable(r.newName())), append(folded, fold(variable(r.oldName())))
	}
	near := suggest.Closest(fold(src.name), folded)
	if near == "" && !strings.Contains(strings.TrimPrefix(src.name, prefix), "__") {
		return
	}
	src.data = []byte(src.name) // the value may be a secret: do not print it
	msg := "no setting has this name: names are like HELOGATE_MODE and HELOGATE_DNS__SERVERS, with __ between table and key"
	if near != "" {
		msg = "no setting has this name; did you mean " + known[slices.Index(folded, near)] + "?"
	}
	d.wrong.add(span{src, 0, len(src.name)}, "", "%s", msg)
}

// variables returns the names of the variables of all settings; in lists, those of the number 0.
func (d *decoder) variables() []string {
	var names []string
	var walk func(string, reflect.Type)
	walk = func(at string, t reflect.Type) {
		for _, f := range fieldsOf(t) {
			name := at + strings.ToUpper(f.name)
			names = append(names, name)
			switch {
			case f.leaf == checksTable || f.leaf == repliesTable:
				all := d.opt.Checks
				if f.leaf == repliesTable {
					all = slices.Concat(all, notChecks)
				}
				for _, c := range all {
					names = append(names, name+"__"+strings.ToUpper(folded(c)))
				}
			case f.leaf == nil && f.list:
				walk(name+"__0__", f.elem())
			case f.leaf == nil:
				walk(name+"__", f.elem())
			}
		}
	}
	walk(prefix, configType)
	return names
}
