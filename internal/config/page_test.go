package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPage holds docs/config.md to the types, the defaults and the example. "go generate" writes it anew.
func TestPage(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "config.md")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, file, page(t))
}

// TestExampleHasAll: every setting occurs in the example, so that the page can show it.
func TestExampleHasAll(t *testing.T) {
	for _, key := range allKeys() {
		if other := sameAs(key[:max(0, strings.LastIndexByte(key, '.'))]); other == "" && exampleOf(t, key) == "" {
			t.Errorf("%s is not in example.toml", key)
		}
	}
}

// TestPageExamples: what the page shows is so.
func TestPageExamples(t *testing.T) {
	_, text, _ := strings.Cut(pageEnvironment, "```sh\n")
	text, _, _ = strings.Cut(text, "```")
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		parse(t, "[[exempt]]\nname = \"a.example\"\n[[listen]]\nprotocol = \"exim\"\naddress = \"[::1]:0\"\n", name+"="+strings.Trim(value, "'"))
	}
	_, err := Parse("helogate.toml", []byte(strings.Repeat("\n", 10)+"[policy]\nprest = \"balanced\"\n"), options())
	if err == nil || !strings.Contains(pageHead, err.Error()) {
		t.Errorf("the page does not show\n%v", err)
	}
}

func page(t *testing.T) string {
	docs := comments(t)
	var b strings.Builder
	b.WriteString(pageHead)
	fmt.Fprintf(&b, "```toml\n%s```\n", Example)
	b.WriteString(pageEnvironment)
	b.WriteString("\n## Above the first table\n")
	for _, f := range fieldsOf(configType) {
		if f.leaf != nil && f.leaf.table == nil {
			setting(t, &b, "### "+f.name, f, docs["Config."+f.comment], f.name)
		}
	}
	for _, f := range fieldsOf(configType) {
		switch {
		case f.leaf == nil:
			tables(t, &b, docs, f.name)
		case f.leaf.table != nil:
			setting(t, &b, "## ["+f.name+"]", f, docs["Config."+f.comment], f.name)
		}
	}
	return b.String()
}

// tables writes the chapter of a table, and those of the tables in it.
func tables(t *testing.T, b *strings.Builder, docs map[string]string, path string) {
	for _, s := range sections() {
		if s.path != path && !strings.HasPrefix(s.path, path+".") {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s\n", s.header(), docOf(t, docs, s.path))
		if s.path == "listen" {
			l := Default().Listen[0]
			fmt.Fprintf(b, "Where there is none, it is %s at `%s`.\n", l.Protocol, l.Address)
		}
		if other := sameAs(s.path); other != "" {
			fmt.Fprintf(b, "\nIts settings are those of [[%s]].\n", other)
			continue
		}
		for _, f := range s.fields {
			if path := s.path + "." + f.name; f.leaf != nil {
				setting(t, b, "### "+path, f, docOf(t, docs, path), path)
			}
		}
	}
}

// sameAs names the list before it that has the same settings, "" if there is none.
func sameAs(path string) string {
	var typ reflect.Type
	for _, s := range sections() {
		if s.path == path {
			typ = s.typ
		}
	}
	for _, s := range sections() {
		if s.path == path {
			return ""
		}
		if s.typ == typ {
			return s.path
		}
	}
	return ""
}

// fieldAt finds a setting or a table by its path, and says of which Go type it is a field.
func fieldAt(t *testing.T, path string) (field, reflect.Type) {
	t.Helper()
	in, name := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		in, name = path[:i], path[i+1:]
	}
	for _, s := range sections() {
		for _, f := range s.fields {
			if s.path == in && f.name == name {
				return f, s.typ
			}
		}
	}
	t.Fatalf("there is no %s", path)
	return field{}, nil
}

func docOf(t *testing.T, docs map[string]string, path string) string {
	t.Helper()
	f, typ := fieldAt(t, path)
	doc := docs[typ.Name()+"."+f.comment]
	if doc == "" {
		t.Errorf("%s has no comment", path)
	}
	return doc
}

// variableOf is the variable of a setting; of one in a list, that of the first.
func variableOf(path string) string {
	for _, s := range sections() {
		if rest, ok := strings.CutPrefix(path, s.path+"."); s.list && ok {
			path = s.path + ".0." + rest
		}
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}

// setting writes the entry of one setting.
func setting(t *testing.T, b *strings.Builder, heading string, f field, doc, path string) {
	t.Helper()
	what := f.leaf.what
	switch {
	case f.single:
		what += ", or a list of such"
	case f.list:
		what = "a list; each entry is " + what
	}
	if f.min != "" {
		what += fmt.Sprintf(", from %s to %s", f.min, f.max)
	}
	def := f.unset
	if v, ok := defaultOf(path); def == "" || ok {
		def = "`" + literal(v) + "`"
	}
	if def == needed {
		what += "; required"
	}
	fmt.Fprintf(b, "\n%s\n\n%s\n\n", heading, doc)
	fmt.Fprintf(b, "- Type: %s\n", what)
	if def != needed {
		fmt.Fprintf(b, "- Default: %s\n", strings.ReplaceAll(def, `"0660"`, "`\"0660\"`"))
	}
	fmt.Fprintf(b, "- Variable: `%s`\n", variableOf(path))
	fmt.Fprintf(b, "\n```toml\n%s\n```\n", exampleOf(t, path))
}

// defaultOf returns the default of a setting, and whether it is one that is written down.
func defaultOf(path string) (reflect.Value, bool) {
	v := reflect.ValueOf(Default()).Elem()
	for _, name := range strings.Split(path, ".") {
		if v.Kind() == reflect.Slice {
			v = reflect.Zero(v.Type().Elem())
		}
		fields := fieldsOf(v.Type())
		v = v.Field(fields[slices.IndexFunc(fields, func(f field) bool { return f.name == name })].index)
	}
	return v, !v.IsZero()
}

// exampleOf finds the lines of the example that give a setting.
func exampleOf(t *testing.T, path string) string {
	t.Helper()
	c, err := Parse("example.toml", []byte(Example), options())
	if err != nil {
		t.Fatal(err)
	}
	n := found(c.origin.root, strings.Split(path, "."))
	switch {
	case n == nil || n.kind == list && n.made == byHeader:
		return ""
	case n.made == byHeader:
		text := "[" + path + "]\n"
		for _, child := range n.children {
			text += oneSpace(Example[child.key.from:child.val.to]) + "\n"
		}
		return strings.TrimSpace(text)
	}
	text := oneSpace(Example[n.key.from:n.val.to])
	if at := n.parent; at.parent != nil {
		text = brackets(at.header(), at.parent.kind == list) + "\n" + text
	}
	return text
}

// found returns the first setting of that name, in whichever table of a list it is.
func found(n *node, names []string) *node {
	if n == nil || len(names) == 0 {
		return n
	}
	if n.kind == list && n.made == byHeader {
		for _, one := range n.children {
			if hit := found(one, names); hit != nil {
				return hit
			}
		}
		return nil
	}
	return found(n.get(names[0]), names[1:])
}

// oneSpace undoes the alignment of a line.
func oneSpace(s string) string {
	name, value, _ := strings.Cut(s, "=")
	return strings.TrimSpace(name) + " = " + strings.TrimSpace(value)
}

// comments returns the comments of the fields in the files with settings, as "Type.Field".
func comments(t *testing.T) map[string]string {
	docs := map[string]string{}
	for _, name := range []string{"config.go", "reputation.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						docs[spec.Name.Name+"."+name.Name] = strings.TrimSpace(f.Doc.Text())
					}
				}
			}
			return true
		})
	}
	return docs
}

const pageHead = `<!-- Made of internal/config by "go generate ./internal/config". Change config.go, reputation.go and example.toml there, not this. -->

# The configuration file

The file is [TOML](https://toml.io), and all of it is optional: an empty file watches, with the preset ` + "`balanced`" + `, and
touches no mail. It is read strictly. What is unknown, given twice, of a wrong type or out of bounds is an error, for a
setting that is misspelt and passed over is a filter that you believe in and do not have:

` + "```" + `
helogate.toml:12:1: policy: unknown key "prest" in [policy]; did you mean "preset"?
  12 | prest = "balanced"
     | ^~~~~
` + "```" + `

All errors are reported at once, in the order of the file. The first line of each is whole by itself, for a log; columns
count characters. ` + "`helogate config check`" + ` looks for errors and does nothing else, and ` + "`helogate config show`" + ` prints every
setting in force with where it comes from.

A duration is text such as ` + "`\"5s\"`" + `, ` + "`\"1h30m\"`" + ` or ` + "`\"1d\"`" + `. A size is ` + "`\"64MiB\"`" + ` (of 1024), ` + "`\"64MB\"`" + ` (of 1000), or a number of
bytes. Text in ` + "`'single quotes'`" + ` may have backslashes in it, which regular expressions need; in double quotes each must be
written twice.

## Example

Every setting there is:

`

const pageEnvironment = `
## The environment

A variable overrides the file: ` + "`HELOGATE_`" + `, and the path of the setting in capitals with ` + "`__`" + ` between its parts. In the
name of a check, a list or a rule, what is no letter and no digit is an underscore. A table of a list goes by its number,
from 0; the number after the last adds one.

` + "```sh" + `
HELOGATE_MODE=enforce
HELOGATE_DNS__SERVERS=127.0.0.1,192.0.2.53
HELOGATE_POLICY__CHECKS__SPF_FROM='{ fail = "reject", softfail = "score 1" }'
HELOGATE_POLICY__CHECKS__SPF_FROM__SOFTFAIL='score 1'
HELOGATE_LISTEN='[{ protocol = "postfix", address = "0.0.0.0:10040" }]'
HELOGATE_EXEMPT__0__UNTIL=2027-06-30
HELOGATE_LISTEN__0__CHECKS__FCRDNS=reject
HELOGATE_POLICY__FOR__0__RECIPIENT=abuse@example.net
HELOGATE_POLICY__REPLIES__FCRDNS='{client} has no name: {why}'
HELOGATE_LISTS__RELAYS=/etc/helogate/relays
HELOGATE_HEADERS__X_HELO=true
` + "```" + `

The value is TOML. Quotes around text may be left out, and so may the brackets of a list whose entries have no comma in
them. A list or table that is given whole takes the place of the file's. The same strict reader judges it, and a variable that
looks like a setting and is none is an error. Others that begin with ` + "`HELOGATE_`" + `, such as those that Kubernetes makes for a
service of that name, are passed over, and so is ` + "`HELOGATE_CONFIG`" + `.
`
