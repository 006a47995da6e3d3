package config

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/helogate/helogate"
)

// prefix begins the name of every variable that is a setting: HELOGATE_DNS__SERVERS is dns.servers.
const prefix = "HELOGATE_"

// notSettings are the variables with the prefix that are not settings of the file.
var notSettings = []string{"HELOGATE_CONFIG", "HELOGATE_SOCKET", "HELOGATE_SPP_TIMEOUT", "HELOGATE_SPP_ALONE"}

// environment puts the values of variables into the tree, where the decoder reads them as if they were in the file.
// They come in the order of their names: HELOGATE_DNS before HELOGATE_DNS__SERVERS. Their places in the order of errors
// begin at offset.
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
		where, ok := d.resolve(root, name)
		if !ok {
			d.unknownVariable(src, where)
			continue
		}
		if !utf8.Valid(src.data) {
			d.wrong.add(span{src, 0, len(name)}, where.name(), "the value is not UTF-8")
			continue
		}
		if n := d.envValue(src, where); n != nil {
			n.key = span{src, 0, len(name)}
			d.put(root, where, n)
		}
	}
}

// envValue reads the value of a variable: TOML, or a text without quotes for a setting that is a text, or a list
// without brackets for one that is a list. It reports any other value, and returns nil.
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
		d.wrong.add(at, where.name(), "must be a table or a list of tables, as TOML: { key = value } or [{ key = value }]")
		return nil
	case n == nil && where.leaf != nil && where.leaf.free && !begins(`"`, "'"):
		return bare
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

// envTOML reads NAME=value as TOML.
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
	case n == nil || len(b.root.children) > 1:
		return nil, problem{at: span{src, 0, len(src.name)}, err: errors.New("the value has further lines with settings: remove them")}
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

// put puts a value at its place in the tree, and makes the tables on the way. Where the file has a value in place of
// such a table, the decoder reports that.
func (d *decoder) put(root *node, where slot, n *node) {
	t := root
	for i, s := range where.path {
		last := i == len(where.path)-1
		if t.kind != table && t.kind != list || (t.kind == list) != (s.place >= 0) {
			return
		}
		next := t.get(s.name)
		if t.kind == list && s.place < len(t.children) {
			next = t.children[s.place]
		}
		switch {
		case s.place >= 0 && s.place > len(t.children):
			d.wrong.add(n.key, "", "there is no %s[%d] before it", t.path(), s.place-1)
			return
		case last && t.kind == list && next != nil:
			n.parent, n.place, t.children[s.place] = t, s.place, n
			return
		case last:
			n.name = s.name
			t.add(n)
			return
		case next == nil:
			next = t.add(&node{kind: table, made: byChild, name: s.name, key: n.key, val: n.key})
			if where.path[i+1].place >= 0 {
				next.kind = list
			}
		case next.kind == text && where.outcome && i == len(where.path)-2:
			next = spread(t, next)
		}
		t = next
	}
}

// spread turns "reject" into { fail = "reject" }, so that a variable can add another outcome.
func spread(t, check *node) *node {
	all := t.add(&node{kind: table, made: byValue, name: check.name, key: check.key, val: check.val})
	all.add(&node{kind: text, name: helogate.Fail.String(), text: check.text, key: check.key, val: check.val})
	return all
}
