package main

import (
	"bytes"
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

// What docs/names.md shows of the command is what it prints.
func TestNamesPageExamples(t *testing.T) {
	page := readPage(t)
	at := slices.Index(page, "    $ cat clients")
	if at < 0 {
		t.Fatal("the example is gone")
	}
	end := at
	for end < len(page) && strings.HasPrefix(page[end], "    ") {
		end++
	}
	path, err := filepath.Abs(namesPage)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	lines := page[at:end]
	var ran []string
	for len(lines) > 0 {
		command, printed, rest := step(lines)
		lines = rest
		ran = append(ran, "    $ "+command)
		if file, isCat := strings.CutPrefix(command, "cat "); isCat {
			if err := os.WriteFile(file, []byte(strings.Join(printed, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		} else {
			printed = output(t, command)
		}
		for _, l := range printed {
			ran = append(ran, strings.TrimRight("    "+l, "\t"))
		}
	}
	if !slices.Equal(ran, page[at:end]) {
		checkPage(t, path, slices.Concat(page[:at], ran, page[end:]), page)
	}
}

// step takes a command and what it prints off a dialogue.
func step(lines []string) (command string, printed, rest []string) {
	command = strings.TrimPrefix(lines[0], "    $ ")
	rest = lines[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "    $ ") {
		printed = append(printed, strings.TrimPrefix(rest[0], "    "))
		rest = rest[1:]
	}
	return command, printed, rest
}

func output(t *testing.T, command string) []string {
	t.Helper()
	args := strings.Fields(command)
	var out, errs bytes.Buffer
	if code := run(args[1:], &out, &errs, nil); code != exitOK || errs.Len() > 0 {
		t.Fatalf("%s: exit status %d, %s", command, code, errs.String())
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

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
