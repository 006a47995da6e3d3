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
			b.WriteString("\n" + setting(t, f, docs["Config."+f.comment], f.name))
		}
	}
	for _, f := range fieldsOf(configType) {
		switch {
		case f.leaf == nil:
			tables(t, &b, docs, f.name)
		case f.leaf.table != nil:
			fmt.Fprintf(&b, "\n## [%s]\n\n%s", f.name, setting(t, f, docs["Config."+f.comment], f.name))
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
			fmt.Fprintf(b, "The default is one listener, %s at `%s`.\n", l.Protocol, l.Address)
		}
		if other := sameAs(s.path); other != "" {
			fmt.Fprintf(b, "\nIt has the settings of [[%s]].\n", other)
			continue
		}
		b.WriteString("\n")
		for _, f := range s.fields {
			if path := s.path + "." + f.name; f.leaf != nil {
				b.WriteString(setting(t, f, docOf(t, docs, path), path))
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

// setting returns the entry of one setting: an item of a list. The example of the page shows how it is written.
func setting(t *testing.T, f field, doc, path string) string {
	t.Helper()
	what, _, _ := strings.Cut(f.leaf.what, " such as ")
	what = strings.TrimSuffix(what, ",")
	switch {
	case f.single:
		what += ", or a list of them"
	case f.list:
		what = "list; each " + what
	}
	if f.min != "" {
		what += fmt.Sprintf(", %s to %s", f.min, f.max)
	}
	for _, article := range []string{"a ", "an ", "the "} {
		what = strings.TrimPrefix(what, article)
	}
	v, literally := defaultOf(path)
	unset := "default " + strings.ReplaceAll(f.unset, `"0660"`, "`\"0660\"`")
	switch {
	case literally || f.unset == "":
		unset = "default `" + literal(v) + "`"
	case f.unset == needed:
		unset = "required"
	}
	return fmt.Sprintf("- **`%s`** (%s; %s): %s\n", f.name, what, unset, strings.ReplaceAll(doc, "\n", " "))
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
	return oneSpace(Example[n.key.from:n.val.to])
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
	for _, name := range []string{"config.go", "settings.go"} {
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

const pageHead = `<!-- Made of internal/config by "go generate ./internal/config". Change config.go, settings.go and example.toml there, not this. -->

# The configuration file

This page describes every setting. The file is [TOML](https://toml.io), and all of it is optional: with an empty file helogate
judges by the preset ` + "`balanced`" + `, logs the verdicts, and does not touch the mail. A setting that is unknown, given twice, of a
wrong type or out of bounds is an error:

` + "```" + `
helogate.toml:12:1: policy: unknown key "prest" in [policy]; did you mean "preset"?
  12 | prest = "balanced"
     | ^~~~~
` + "```" + `

All errors are reported at once. ` + "`helogate config check`" + ` looks for errors. ` + "`helogate config show`" + ` prints every setting in
effect, and where it comes from.

A duration is text such as ` + "`\"5s\"`" + `, ` + "`\"1h30m\"`" + ` or ` + "`\"1d\"`" + `. A size is ` + "`\"64MiB\"`" + ` (of 1024), ` + "`\"64MB\"`" + ` (of 1000), or a number of
bytes. Write regular expressions in ` + "`'single quotes'`" + `; in double quotes you must double each backslash. A table in double
brackets, such as ` + "`[[exempt]]`" + `, may occur any number of times.

## Example

This file has every setting:

`

const pageEnvironment = `
## Environment variables

A variable overrides the file. Its name is ` + "`HELOGATE_`" + ` and the path of the setting in capital letters, with ` + "`__`" + ` between its parts.
In the name of a check, a list or a rule, an underscore stands for every character that is not a letter or a digit. A table
of a list has its number, from 0; the number after the last adds a table.

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

The value is TOML. You can omit the quotes around text, and the brackets of a list whose values have no comma. A whole list
or table replaces that of the file. A wrong value is an error, and so is a variable that looks like a setting and is not one.
Other variables that begin with ` + "`HELOGATE_`" + ` are ignored, such as ` + "`HELOGATE_CONFIG`" + ` and those that Kubernetes makes for a
service of that name.
`
