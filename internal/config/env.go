package config

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/helogate/helogate"
)

// prefix begins the name of every variable that is a setting: HELOGATE_DNS__SERVERS is dns.servers.
const prefix = "HELOGATE_"

// notSettings are the variables with our prefix that others read.
var notSettings = []string{"HELOGATE_CONFIG"}

// environment puts what the variables say into the tree, so that the one decoder judges it as if the file had said so.
// They come in the order of their names: HELOGATE_DNS before HELOGATE_DNS__SERVERS. Offset is where their places begin.
func (d *decoder) environment(root *node, offset int) {
	vars := map[string]string{}
	for _, v := range d.opt.Environ {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, prefix) {
			vars[name] = value
		}
	}
	names := make([]string, 0, len(vars))
	for name := range vars {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		offset++
		src := newSource(name, []byte(name+"="+vars[name]))
		src.env, src.order = true, offset
		offset += len(src.data)
		where, ok := d.resolve(name)
		if !ok {
			d.unknownVariable(src)
			continue
		}
		if !utf8.Valid(src.data) {
			d.wrong.add(span{src, 0, len(name)}, strings.Join(where.path, "."), "the value is not UTF-8")
			continue
		}
		if n := d.envValue(src, where); n != nil {
			n.key = span{src, 0, len(name)}
			d.put(root, where, n)
		}
	}
}

// slot is the place of a variable in the tree, and what belongs there.
type slot struct {
	path  []string // an entry of a list by its number
	leaf  *leaf    // nil for tables
	list  bool     // of a leaf
	check bool     // an action, or a table of actions
}

// resolve finds what a variable sets.
func (d *decoder) resolve(name string) (slot, bool) {
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
		s.path = append(s.path, f.name)
		switch {
		case f.leaf == checksLeaf:
			return d.resolveCheck(s, parts[i+1:])
		case f.leaf != nil:
			s.leaf, s.list = f.leaf, f.list
			return s, i == len(parts)-1
		case f.list && i+1 < len(parts):
			i++
			if n, err := strconv.Atoi(parts[i]); err != nil || n < 0 || strconv.Itoa(n) != parts[i] {
				return s, false
			}
			s.path = append(s.path, parts[i])
		}
		t = f.elem()
	}
	return s, true
}

// resolveCheck finds a check, whose hyphens are underscores in a variable, and an outcome.
func (d *decoder) resolveCheck(s slot, parts []string) (slot, bool) {
	if len(parts) == 0 {
		return s, true
	}
	i := slices.IndexFunc(d.opt.Checks, func(c string) bool { return strings.ReplaceAll(c, "-", "_") == parts[0] })
	if i < 0 || len(parts) > 2 {
		return s, false
	}
	s.path, s.check = append(s.path, d.opt.Checks[i]), true
	if len(parts) == 2 {
		s.path, s.check, s.leaf = append(s.path, parts[1]), false, leaves["text"]
		return s, slices.Contains(helogate.Outcomes, helogate.Outcome(parts[1]))
	}
	return s, true
}

// envValue reads the value of a variable: TOML, or a text without quotes where a text is wanted, or a list without
// brackets where a list is wanted. It returns nil after reporting what is neither.
func (d *decoder) envValue(src *source, where slot) *node {
	n, bad := d.envTOML(src)
	at := span{src, len(src.name) + 1, len(src.data)}
	value := string(src.data[at.from:])
	begins := func(with ...string) bool {
		return slices.ContainsFunc(with, func(w string) bool { return strings.HasPrefix(strings.TrimSpace(value), w) })
	}
	bare := &node{kind: text, text: value, key: at, val: at}
	switch {
	case where.leaf == nil && !where.check && !begins("{", "["):
		d.wrong.add(at, strings.Join(where.path, "."), "is a table, or a list of them: write it as TOML, { key = value } or [{ key = value }]")
		return nil
	case n == nil && (begins("{", `["`, "['", "[{") || !where.list && begins(`"`, "'") || where.leaf == nil && !where.check):
		d.wrong = append(d.wrong, bad)
		return nil
	case where.leaf == nil && !where.check:
		return n
	case where.list && n != nil && n.kind == list:
		return n
	case where.list:
		return d.envList(src)
	case n != nil && (n.kind == text || where.check && n.kind == table || !where.check && where.leaf.takes(n.kind)):
		return n
	case n == nil || where.check || where.leaf.takes(text):
		return bare
	}
	return n
}

// envTOML reads NAME=value as the TOML that it is.
func (d *decoder) envTOML(src *source) (*node, problem) {
	var wrong problems
	b := newBuilder(src, &wrong)
	b.p.Reset(src.data)
	for b.p.NextExpression() {
		b.expression(b.p.Expression())
	}
	n := b.root.get(src.name)
	switch err := b.p.Error(); {
	case err != nil:
		return nil, b.explain(err.Error(), 0, b.place(err))
	case len(wrong) > 0:
		return nil, wrong[0]
	case n == nil || len(b.root.kids) > 1:
		return nil, problem{at: span{src, 0, len(src.name)}, err: errors.New("the value has lines that are settings of their own")}
	}
	return n, problem{}
}

// envList reads a list with commas between its entries.
func (d *decoder) envList(src *source) *node {
	from := len(src.name) + 1
	all := &node{kind: list, val: span{src, from, len(src.data)}}
	if len(bytes.TrimSpace(src.data[from:])) == 0 {
		return all
	}
	for _, entry := range bytes.Split(src.data[from:], []byte(",")) {
		word := strings.TrimSpace(string(entry))
		at := from + strings.Index(string(entry), word)
		one := &node{kind: text, text: word, val: span{src, at, at + len(word)}}
		if q := word; len(q) > 1 && (q[0] == '"' || q[0] == '\'') && q[len(q)-1] == q[0] && !strings.ContainsAny(q[1:len(q)-1], `"'\`) {
			one.text = q[1 : len(q)-1]
		}
		one.key = one.val
		all.add(one)
		from += len(entry) + 1
	}
	return all
}

// put puts a value at its place in the tree, and makes the tables that lead there. Where the file has something that
// nothing can be put into, the decoder will complain about that.
func (d *decoder) put(root *node, where slot, n *node) {
	t := root
	for i, name := range where.path {
		last := i == len(where.path)-1
		if t.kind == list {
			place, _ := strconv.Atoi(name)
			switch {
			case place > len(t.kids):
				d.wrong.add(n.key, "", "there is no %s[%d] to come before it", t.path(), place-1)
				return
			case last && place < len(t.kids):
				n.parent, n.place, t.kids[place] = t, place, n
				return
			case !last && place < len(t.kids):
				t = t.kids[place]
				continue
			}
			name = ""
		} else if t.kind != table {
			return
		}
		if last {
			n.name = name
			t.add(n)
			return
		}
		next := t.get(name)
		if next == nil {
			next = &node{kind: table, made: byChild, name: name, key: n.key, val: n.key}
			if f := where.path[i+1]; f != "" && f[0] >= '0' && f[0] <= '9' {
				next.kind = list
			}
			t.add(next)
		}
		if next.kind == text { // of a check: an action for fail alone
			next = d.spread(t, next)
		}
		t = next
	}
}

// spread makes { fail = "reject" } of "reject", so that a variable can add another outcome.
func (d *decoder) spread(t, check *node) *node {
	if t.path() != "policy.checks" {
		return check
	}
	all := &node{kind: table, made: byValue, name: check.name, key: check.key, val: check.val}
	t.add(all)
	all.add(&node{kind: text, name: string(helogate.Fail), text: check.text, key: check.key, val: check.val})
	return all
}

// unknownVariable complains of a variable that looks like a setting. Others, such as Kubernetes' HELOGATE_SERVICE_HOST for
// a service of our name, are not for us.
func (d *decoder) unknownVariable(src *source) {
	if slices.Contains(notSettings, src.name) {
		return
	}
	fold := func(s string) string {
		return strings.ReplaceAll(strings.ToUpper(strings.TrimPrefix(s, prefix)), "__", "_")
	}
	known := d.variables()
	folded := make([]string, len(known))
	for i, k := range known {
		folded[i] = fold(k)
	}
	near := closest(fold(src.name), folded)
	if near == "" && !strings.Contains(strings.TrimPrefix(src.name, prefix), "__") {
		return
	}
	src.data = []byte(src.name) // what it holds is not ours to show
	msg := "no setting has this name: there are HELOGATE_MODE, HELOGATE_DNS__SERVERS and so on, with __ between table and key"
	if near != "" {
		msg = "no setting has this name; did you mean " + known[slices.Index(folded, near)] + "?"
	}
	d.wrong.add(span{src, 0, len(src.name)}, "", "%s", msg)
}

// variables returns the names of all that are settings; of those in lists, with the number 0.
func (d *decoder) variables() []string {
	var names []string
	var walk func(string, reflect.Type)
	walk = func(at string, t reflect.Type) {
		for _, f := range fieldsOf(t) {
			name := at + strings.ToUpper(f.name)
			names = append(names, name)
			switch {
			case f.leaf == checksLeaf:
				for _, c := range d.opt.Checks {
					names = append(names, name+"__"+strings.ToUpper(strings.ReplaceAll(c, "-", "_")))
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
