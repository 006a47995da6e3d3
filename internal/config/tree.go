package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// kind is the type of a TOML value, as messages name it.
type kind string

const (
	table    kind = "table"
	list     kind = "list"
	text     kind = "text"
	integer  kind = "number"
	float    kind = "number with a fraction"
	boolean  kind = "boolean"
	date     kind = "date"
	clock    kind = "time of day"
	dateTime kind = "date and time"
	localDT  kind = "local date and time"
)

// a is the kind with its article.
func (k kind) a() string {
	switch k {
	case text:
		return "text"
	case integer:
		return "a number"
	}
	return "a " + string(k)
}

var kinds = map[unstable.Kind]kind{
	unstable.String: text, unstable.Integer: integer, unstable.Float: float, unstable.Bool: boolean,
	unstable.LocalDate: date, unstable.LocalTime: clock, unstable.DateTime: dateTime, unstable.LocalDateTime: localDT,
	unstable.Array: list, unstable.InlineTable: table,
}

// made says how a table was written, which decides what may add to it (TOML 1.0.0, section "Table").
type made int

const (
	byValue  made = iota // {…} or […]: nothing
	byHeader             // [table] or [[table]]: no second header
	byChild              // the a of [a.b]: one header
	byDots               // the a of a.b = 1: other keys like it
)

// node is a value and where it stands.
type node struct {
	kind       kind
	made       made
	name       string // in the table that it is in
	place      int    // in the list that it is in
	parent     *node
	key        span             // the key; of an entry of a list, its value
	val        span             // the value; of a table with a header, the key in it
	text       string           // of a scalar: as written, and of a string what it means
	children   []*node          // in the order of the file
	named      map[string]*node // of a table
	incomplete bool             // a line of this table could not be read
}

// get returns the entry of a table, nil if it has none.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	return n.named[name]
}

// entries returns what is in a table, nothing if there is none.
func (n *node) entries() []*node {
	if n == nil {
		return nil
	}
	return n.children
}

// value is the text of a scalar, "" if there is none.
func (n *node) value() string {
	if n == nil || n.kind != text {
		return ""
	}
	return n.text
}

// add puts a node into a table under its name, in place of what was there, or at the end of a list.
func (n *node) add(child *node) *node {
	child.parent = n
	if n.kind == list {
		child.place = len(n.children)
		n.children = append(n.children, child)
		return child
	}
	if old := n.named[child.name]; old != nil {
		for i := range n.children {
			if n.children[i] == old {
				n.children[i] = child
			}
		}
	} else {
		n.children = append(n.children, child)
	}
	if n.named == nil {
		n.named = map[string]*node{}
	}
	n.named[child.name] = child
	return child
}

// path returns "policy.checks.fcrdns", "exempt[1].until"; "" for the whole file.
func (n *node) path() string {
	var steps []string
	for ; n.parent != nil && len(steps) < 16; n = n.parent {
		switch {
		case n.parent.kind == list:
			steps = append(steps, "["+strconv.Itoa(n.place)+"]")
		case n.parent.parent == nil:
			steps = append(steps, keyText(n.name))
		default:
			steps = append(steps, "."+keyText(n.name))
		}
	}
	var b strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		b.WriteString(steps[i])
	}
	return b.String()
}

// header is what stands in the brackets of a table: "listen.checks".
func (n *node) header() string { return header(n.path()) }

var inBrackets = regexp.MustCompile(`\[[0-9]+\]`)

// header returns "listen.checks" for "listen[0].checks".
func header(path string) string { return inBrackets.ReplaceAllString(path, "") }

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// keyText is a key as TOML has it.
func keyText(name string) string {
	if bareKey.MatchString(name) {
		return name
	}
	return quote(name)
}

// builder makes a tree of what the TOML parser reads.
type builder struct {
	src   *source
	p     unstable.Parser
	base  int   // offset in the source of what the parser was given
	root  *node // the whole file
	cur   *node // the table that the next keys belong to
	wrong *problems
}

func newBuilder(src *source, wrong *problems) *builder {
	root := &node{kind: table, made: byHeader, key: span{src, 0, 0}, val: span{src, 0, 0}}
	return &builder{src: src, root: root, cur: root, wrong: wrong}
}

func (b *builder) at(r unstable.Range) span {
	from := b.base + int(r.Offset)
	return span{b.src, from, from + int(r.Length)}
}

// expression takes one line, or what belongs together, of the file. It returns where that ends.
func (b *builder) expression(e *unstable.Node) int {
	keys := b.keys(e)
	last := keys[len(keys)-1]
	switch e.Kind {
	case unstable.KeyValue:
		b.keyValue(b.cur, e)
		return b.at(e.Raw).to
	case unstable.Table:
		b.header(keys, table)
	case unstable.ArrayTable:
		b.header(keys, list)
	}
	return last.at.to
}

// key is one part of a dotted key.
type key struct {
	name string
	at   span
}

func (b *builder) keys(e *unstable.Node) []key {
	var keys []key
	for it := e.Key(); it.Next(); {
		keys = append(keys, key{string(it.Node().Data), b.at(it.Node().Raw)})
	}
	return keys
}

// keyValue puts key = value into the table t.
func (b *builder) keyValue(t *node, e *unstable.Node) {
	keys := b.keys(e)
	for _, k := range keys[:len(keys)-1] {
		next := t.get(k.name)
		switch {
		case next == nil:
			next = t.add(&node{kind: table, made: byDots, name: k.name, key: k.at, val: k.at})
		case next.kind != table:
			b.wrong.add(k.at, next.path(), "has %[2]s as its value at line %[1]d, so nothing can be set in it", next.key.line(), next.kind.a())
			return
		case next.made != byDots:
			b.wrong.add(k.at, next.path(), "this table is at line %d: move the setting there", next.key.line())
			return
		}
		t = next
	}
	last := keys[len(keys)-1]
	if old := t.get(last.name); old != nil {
		b.wrong.add(last.at, old.path(), "is set twice; first at line %d: remove one", old.key.line())
		return
	}
	child := b.value(e.Value(), b.valueSpan(last.at, b.at(e.Raw)))
	child.name, child.key = last.name, last.at
	t.add(child)
}

// valueSpan finds the value of a "key = value", whose place the parser reports only if it is not a list or table.
func (b *builder) valueSpan(key, whole span) span {
	data, i := b.src.data, key.to
	skip := func(set string) {
		for i < whole.to && strings.IndexByte(set, data[i]) >= 0 {
			i++
		}
	}
	skip(" \t")
	skip("=")
	skip(" \t")
	return span{b.src, i, whole.to}
}

// value makes a node of a value; at is where it stands, or what it stands in.
func (b *builder) value(v *unstable.Node, at span) *node {
	n := &node{kind: kinds[v.Kind], text: string(v.Data), key: at, val: at}
	if v.Raw.Length > 0 && v.Kind != unstable.InlineTable {
		n.val = b.at(v.Raw)
		n.key = n.val
	}
	for it := v.Children(); it.Next(); {
		child := it.Node()
		if v.Kind == unstable.InlineTable {
			b.keyValue(n, child)
			continue
		}
		place := at
		if child.Kind == unstable.InlineTable {
			place = b.at(child.Raw)
		}
		n.add(b.value(child, place))
	}
	return n
}

// header takes [a.b] or [[a.b]], and makes it the table of the keys that follow.
func (b *builder) header(keys []key, k kind) {
	last := keys[len(keys)-1]
	at := span{b.src, keys[0].at.from, last.at.to}
	b.cur = &node{kind: table} // after an error, the keys below belong nowhere
	t := b.root
	for _, k := range keys[:len(keys)-1] {
		next := t.get(k.name)
		if next == nil {
			next = t.add(&node{kind: table, made: byChild, name: k.name, key: k.at, val: k.at})
		}
		if next.kind == list && next.made == byHeader {
			next = next.children[len(next.children)-1]
		}
		if next.kind != table || next.made == byValue {
			b.wrong.add(at, next.path(), "has a value at line %d, so no table can be in it", next.key.line())
			return
		}
		t = next
	}
	old := t.get(last.name)
	switch {
	case old == nil && k == table:
		b.cur = t.add(&node{kind: table, made: byHeader, name: last.name, key: at, val: at})
	case old == nil:
		old = t.add(&node{kind: list, made: byHeader, name: last.name, key: at, val: at})
		fallthrough
	case k == list && old.kind == list && old.made == byHeader:
		b.cur = old.add(&node{kind: table, made: byHeader, key: at, val: at})
	case k == table && old.kind == table && old.made == byChild:
		old.made, old.key, old.val = byHeader, at, at
		b.cur = old
	default:
		b.headerTwice(at, old, k)
	}
}

// headerTwice reports a header for what exists. The keys below it are still read where the intention is clear.
func (b *builder) headerTwice(at span, old *node, k kind) {
	path, line := old.path(), old.key.line()
	switch {
	case old.made == byHeader && old.kind == table && k == table:
		b.wrong.add(at, path, "[%s] occurs twice, first at line %d: move the settings there", cut(path, 80), line)
		b.cur = old
	case old.made == byHeader && old.kind == list:
		b.wrong.add(at, path, "[%[1]s] comes after [[%[1]s]] at line %[2]d; did you mean another [[%[1]s]]?", cut(path, 80), line)
		b.cur = old.add(&node{kind: table, made: byHeader, key: at, val: at})
	case old.made == byChild && k == list:
		b.wrong.add(at, path, "[[%s]] comes after [%s] at line %d, which belongs to it: move [%[2]s] below", cut(path, 80), cut(old.children[0].header(), 80), line)
		old.incomplete = true
	case old.kind == table && k == list:
		b.wrong.add(at, path, "[[%[1]s]] comes after [%[1]s] at line %[2]d: write both in the same brackets", cut(path, 80), line)
	default:
		b.wrong.add(at, path, "is set twice; first at line %d: remove one", line)
	}
}
