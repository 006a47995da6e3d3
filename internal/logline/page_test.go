package logline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPage: docs/logs.md has every message and every key that the program logs, and no others.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	found := logged{keys: map[string]string{}, messages: map[string]string{}}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "bench" || d.Name() == "interop" || d.Name() == "logline"):
			return fs.SkipDir
		case d.IsDir():
			return found.dir(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.keys) < 40 || len(found.messages) < 30 || found.keys["max_score"] == "" || found.keys["queue_id"] == "" {
		t.Fatalf("the test found only %d keys and %d messages", len(found.keys), len(found.messages))
	}
	_, keys, _ := strings.Cut(page, "\n## Keys\n")
	listed := map[string]bool{"time": true, "level": true, "msg": true}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(keys, -1) {
		for _, key := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			listed[key[1]] = true
			if found.keys[key[1]] == "" && !slices.Contains([]string{"time", "level", "msg"}, key[1]) {
				t.Errorf("docs/logs.md has the key %s, which no message has", key[1])
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found.keys)) {
		if !listed[key] {
			t.Errorf("%s: the key %s is not on docs/logs.md", found.keys[key], key)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:info|warn|error) \\|").FindAllStringSubmatch(page, -1) {
		message, _, _ := strings.Cut(row[1], ": the connection was closed") // which conn.unread adds
		if found.messages[row[1]] == "" && found.messages[message] == "" {
			t.Errorf("docs/logs.md has the message %q, which nothing logs", row[1])
		}
	}
	for _, message := range slices.Sorted(maps.Keys(found.messages)) {
		if !strings.Contains(page, "`"+message+"`") && !strings.Contains(page, "`"+message+":") {
			t.Errorf("%s: the message %q is not on docs/logs.md", found.messages[message], message)
		}
	}
}

// logged is what the source logs, and where: messages without those of level debug.
type logged struct{ keys, messages map[string]string }

// dir reads the files of a directory.
func (l *logged) dir(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	fset, consts := token.NewFileSet(), map[string]string{}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is && len(spec.Values) == len(spec.Names) {
				for i := range spec.Names {
					if text, ok := textOf(spec.Values[i], nil); ok {
						consts[spec.Names[i].Name] = text
					}
				}
			}
			return true
		})
	}
	for _, f := range files {
		if !imports(f, "log/slog") && !imports(f, "internal/logline") && !strings.HasSuffix(dir, "protocol") && !strings.HasSuffix(dir, "daemon") &&
			!strings.HasSuffix(dir, "control") && !strings.HasSuffix(dir, "callout") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			at := ""
			if n != nil {
				at = fset.Position(n.Pos()).String()
			}
			switch n := n.(type) {
			case *ast.CallExpr:
				l.call(n, at, consts)
			case *ast.CompositeLit:
				if a, is := n.Type.(*ast.ArrayType); is && exprText(a.Elt) == "any" {
					l.pairs(n.Elts, at)
				}
			}
			return true
		})
	}
	return nil
}

// call notes what a call logs.
func (l *logged) call(c *ast.CallExpr, at string, consts map[string]string) {
	name, receiver := exprText(c.Fun), ""
	if s, is := c.Fun.(*ast.SelectorExpr); is {
		name, receiver = s.Sel.Name, exprText(s.X)
	}
	isLog := strings.HasSuffix(receiver, "log") || strings.HasSuffix(receiver, "Log")
	args := c.Args
	switch {
	case (isLog || receiver == "slog") && slices.Contains([]string{"Info", "Warn", "Error"}, name) && len(args) > 0:
		l.message(args[0], at, consts)
		l.pairs(args[1:], at)
	case isLog && name == "Debug" && len(args) > 0:
		l.pairs(args[1:], at)
	case name == "With" && isLog, name == "warnNoAddress":
		l.pairs(args, at)
	case name == "append" && len(args) > 1:
		if to := exprText(args[0]); to == "args" || to == "said" {
			l.pairs(args[1:], at)
		}
	case name == "log" && len(args) > 1 && strings.HasPrefix(exprText(args[0]), "slog.Level"), name == "warn" && len(args) > 1:
		if exprText(args[0]) != "slog.LevelDebug" {
			l.message(args[1], at, consts)
		}
		l.pairs(args[2:], at)
	case name == "unread" && len(args) == 2:
		l.message(args[1], at, consts)
	case receiver == "slog" && slices.Contains([]string{"String", "Int", "Any", "Bool", "Duration"}, name):
		l.pairs(args, at)
	case name == "Begin" && len(args) == 4:
		l.message(args[3], at, consts)
	case receiver == "line" && slices.Contains([]string{"Text", "Bytes", "Addr", "Int", "Bool", "Millis", "List"}, name):
		l.pairs(args[:1], at)
	case name == "logChecks":
		l.pairs(args[1:2], at)
	}
}

// message notes a message, unless it is made at run time.
func (l *logged) message(e ast.Expr, at string, consts map[string]string) {
	if text, ok := textOf(e, consts); ok {
		l.messages[text] = at
	}
}

// pairs notes the keys of key and value, key and value.
func (l *logged) pairs(args []ast.Expr, at string) {
	for i := 0; i < len(args); i++ {
		if key, ok := textOf(args[i], nil); ok {
			l.keys[key] = at
			i++
		}
	}
}

// textOf returns the text of a literal, of literals that are added, or of a constant.
func textOf(e ast.Expr, consts map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		x, ok := textOf(e.X, consts)
		y, ok2 := textOf(e.Y, consts)
		return x + y, ok && ok2 && e.Op == token.ADD
	case *ast.Ident:
		text, ok := consts[e.Name]
		return text, ok
	}
	return "", false
}

// exprText returns a name, with what is before its dots.
func exprText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprText(e.X) + "." + e.Sel.Name
	}
	return ""
}

func imports(f *ast.File, path string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, path) })
}
