package main

import (
	"go/ast"
	"go/doc"
	doccomment "go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const namesPage = "../../docs/names.md"

// The signals in docs/names.md are those that the classifier's documentation has.
func TestNamesPageSignals(t *testing.T) {
	page := readPage(t)
	from := slices.IndexFunc(page, func(l string) bool { return strings.HasPrefix(l, "<!-- signals") }) + 1
	to := slices.Index(page, "<!-- end of signals -->")
	if from == 0 || to < from {
		t.Fatal("the place of the signals is gone")
	}
	path, err := filepath.Abs(namesPage)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, path, slices.Concat(page[:from], signalsText(t), page[to:]), page)
}

// signalsText is the documentation of hostname.Classify as Markdown, from "Only the labels before the registered
// domain are read".
func signalsText(t *testing.T) []string {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	paths, err := filepath.Glob("../../hostname/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		f, err := parser.ParseFile(files, p, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	pkg, err := doc.NewFromFiles(files, parsed, "github.com/helogate/helogate/hostname")
	if err != nil {
		t.Fatal(err)
	}
	funcs := pkg.Funcs
	for _, typ := range pkg.Types {
		funcs = append(funcs, typ.Funcs...)
	}
	at := slices.IndexFunc(funcs, func(f *doc.Func) bool { return f.Name == "Classify" })
	if at < 0 {
		t.Fatal("no function Classify")
	}
	_, text, _ := strings.Cut(funcs[at].Doc, "\n\n") // the first paragraph is for programmers
	printer := pkg.Printer()
	printer.DocLinkURL = func(*doccomment.DocLink) string { return "" }
	text = strings.TrimSpace(string(printer.Markdown(pkg.Parser().Parse(text))))
	return slices.Concat([]string{""}, strings.Split(text, "\n"), []string{""})
}

func readPage(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(namesPage)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// checkPage compares the page with what it should be, and writes that with -update.
func checkPage(t *testing.T, path string, want, page []string) {
	t.Helper()
	if slices.Equal(want, page) {
		return
	}
	if !*update {
		t.Fatalf("docs/names.md is not what it should be (go test ./cmd/helogate -run TestNamesPage -update):\n%s",
			strings.Join(want, "\n"))
	}
	if err := os.WriteFile(path, []byte(strings.Join(want, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
