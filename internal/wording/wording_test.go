// Package wording holds a test of the words of the whole project: docs/glossary.md has the terms, and the ones that
// they replaced occur nowhere that a person reads.
package wording

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// root is the module, seen from this package.
const root = "../.."

// retired are words that a plain term has replaced, each with what to write in its place.
var retired = []struct{ word, write string }{
	{`suspicions?`, "score"},
	{`suspect(s|ed|ing)?`, "score N, for an action; else look suspicious"},
	{`vouch(es|ed|er|ing)?`, "score -N, for an action; else speak for"},
	{`[0-9] points?|points? (of|off|are|in) `, "score"},
	{`doors?`, "listener"},
	{`on trial|trials?`, "dry run"},
	{`(set|sets|setting) aside`, "suspended"},
	{`sick`, "the resolver is failing"},
	{`(un)?heard`, "evaluated"},
	{`told|tells? (him|them|it|the client|clients?)`, "replied, sent, or logged"},
	{`lets? (him|it|them|you|clients?|anybody|everybody|everything|mail|all|the client) (in|pass|through)`, "accept"},
	{`lets? (in|pass|through)`, "accept"},
	{`spared`, "not greylisted, or another plain term"},
	{`in force|into force`, "in effect, or enforced"},
	{`whom|whose turn`, "that, which"},
	{`(he|him|his|himself)`, "it, or you"},
	{`greets?( with)?|greeted`, "send HELO, use as HELO name"},
	{`greetings?`, "HELO name"},
	{`(lead|leads|leading|led) back`, "resolves back"},
	{`stamped|stamps`, "auto-generated"},
	{`ours`, "local, own"},
	{`halfwits?`, "nothing"},
	{`forgiven`, "expired, or ignored"},
	{`strangers?`, "other clients"},
	{`nobody|somebody|everybody|whoever`, "no client, a client, every client; or a passive without an agent"},
	{`reverse-path`, "sender; null sender"},
	{`(comes?|came|coming) again`, "retry"},
	{`who (is|are|was|has|have|had|comes?|connects?|says?|sends?|does|do|can|may|must|wants?|needs?|reads?|retries|passes|asks?|gets?|knows?)`, "clients that, you"},
	{`patience`, "DNS failure grace period"},
	{`journal(s|ed)?`, "log, record"},
}

// right are the places where a retired word is right: a file, or "" for every file, and what the text contains.
var right = []struct{ file, text, why string }{
	{"docs/glossary.md", "", "its second table has the retired words"},
	{"CHANGELOG.md", "", "it says what was renamed"},
	{"internal/config/renamed.go", "", "it names the new word where a file has the old one"},
	{"action.go", "vouch", "an effect with the old word gets an error that names the new one"},
	{"action.go", "suspect", "as above"},
	{"internal/rule/names.go", "suspicion", "as above, for a rule"},
	{"", "`patience`", "the name of the check"},
	{"", `"patience"`, "the name of the check"},
	{"", "patience must be ", "the name of the check"},
	{"", "Patience is the grace period", "the name of the check in Go"},
	{"", "Package patience", "the package that answers for the check"},
	{"", "The check patience", "the name of the check"},
	{"", "`patience = \"ignore\"`", "the name of the check"},
	{"docs/embed.md", "`Patience`", "the name of the check in Go"},
	{"docs/names.md", "not who sends", "a question"},
	{"docs/opensmtpd.md", "decide who may send", "a question"},
}

var retiredWords = func() *regexp.Regexp {
	var all []string
	for _, r := range retired {
		all = append(all, r.word)
	}
	return regexp.MustCompile(`(?i)(^|[^\pL\pN_./-])(` + strings.Join(all, "|") + `)($|[^\pL\pN_/-])`)
}()

// instead returns what to write in place of a word that was found.
func instead(word string) string {
	for _, r := range retired {
		if regexp.MustCompile(`(?i)^(` + r.word + `)$`).MatchString(word) {
			return r.write
		}
	}
	return "a term of docs/glossary.md"
}

// holdTo reports each retired word in a text that people read, unless it is right there.
func holdTo(t *testing.T, file string, line int, what, text string) {
	t.Helper()
	for _, word := range retiredIn(file, text) {
		t.Errorf("%s:%d: %s: %q is retired; write: %s\n\t%s", file, line, what, word, instead(word),
			strings.TrimSpace(text[:min(len(text), 200)]))
	}
}

// retiredIn returns the retired words of a text, but for those that are right there. A text is one paragraph: a phrase
// may go over the end of a line.
func retiredIn(file, text string) (words []string) {
	text = strings.Join(strings.Fields(text), " ")
	for i, r := range right {
		if r.file != "" && r.file != file {
			continue
		}
		if r.text == "" && retiredWords.MatchString(text) {
			used[i] = true
			return nil
		}
		if r.text != "" && strings.Contains(text, r.text) {
			used[i] = true
			text = strings.ReplaceAll(text, r.text, "-")
		}
	}
	for at := 0; ; { // the words may share what is between them
		m := retiredWords.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return words
		}
		words = append(words, text[at+m[4]:at+m[5]])
		at += m[5]
	}
}

// TestRetiredIn holds the test itself to what it finds.
func TestRetiredIn(t *testing.T) {
	for text, want := range map[string]string{
		"a client is told":                   "told",
		"it was put\nin\nforce":              "in force",
		"the check `patience` is told":       "told",
		"whom nobody":                        "whom,nobody",
		"Patience, and the door":             "Patience,door",
		"the score of a client; a listener.": "",
		"sourced, tours, outdoors":           "",
		"hours; hers":                        "",
	} {
		if got := strings.Join(retiredIn("docs/x.md", text), ","); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// used are the entries of right that have a retired word.
var used = map[int]bool{}

// TestRetiredWords finds no retired word in a page, in a text of the program (replies, log messages, errors, help) or
// in a comment.
func TestRetiredWords(t *testing.T) {
	clear(used)
	pages, sources := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(file, "_test.go"):
			return nil
		case strings.HasSuffix(file, ".md"), strings.HasPrefix(file, "docs/") && !strings.HasSuffix(file, ".go"):
			pages++
			return page(t, path, file)
		case strings.HasSuffix(file, ".go"):
			sources++
			return source(t, path, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 30 || sources < 200 {
		t.Errorf("only %d pages and %d sources were read", pages, sources)
	}
	for i, r := range right {
		if !used[i] {
			t.Errorf("no retired word is left in %q %q: take it out of the list of the places where one is right", r.file, r.text)
		}
	}
}

// page reads a page, paragraph by paragraph. A line that begins a row, an item or a block is a paragraph of its own.
func page(t *testing.T, path, file string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	paragraph, first := "", 0
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "#") {
			holdTo(t, file, first, "page", paragraph)
			paragraph, first = "", n+1
		}
		paragraph += line + "\n"
	}
	holdTo(t, file, first, "page", paragraph)
	return nil
}

// source reads the comments and the texts of a Go file.
func source(t *testing.T, path, file string) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, comment := range f.Comments {
		holdTo(t, file, fset.Position(comment.Pos()).Line, "comment", comment.Text())
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if name, is := n.(*ast.Ident); is && name.IsExported() && name.Name != "Patience" {
			holdTo(t, file, fset.Position(name.Pos()).Line, "name", apart(name.Name))
		}
		literal, is := n.(*ast.BasicLit)
		if !is || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if text == "patience" { // a literal of its own is a name
			text = `"patience"`
		}
		holdTo(t, file, fset.Position(literal.Pos()).Line, "text", text)
		return true
	})
	return nil
}

// apart returns the words of a name: "SetAside" is "Set Aside".
func apart(name string) string {
	return regexp.MustCompile(`[a-z0-9][A-Z]`).ReplaceAllStringFunc(name, func(two string) string { return two[:1] + " " + two[1:] })
}
