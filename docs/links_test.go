package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every link leads to a file that is there, and to a heading that the page has.
func TestLinks(t *testing.T) {
	all := pages(t)
	for _, page := range all {
		for _, link := range page.Links {
			if strings.Contains(link.To, "://") || strings.HasPrefix(link.To, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(link.To, "#")
			to := page.Name
			if file != "" {
				to = path.Join(path.Dir(page.Name), file)
			}
			if _, err := os.Stat(filepath.Join("..", to)); err != nil {
				t.Errorf("%s: the link %s leads to no file", link, link.To)
				continue
			}
			if target := all[to]; anchor != "" && (target == nil || !target.Anchors[anchor]) {
				t.Errorf("%s: the link %s names no heading of %s", link, link.To, to)
			}
		}
	}
}

// A reader comes from the index to every page.
func TestReachable(t *testing.T) {
	all := pages(t)
	const index = "docs/README.md"
	if all[index] == nil {
		t.Fatalf("%s is not there", index)
	}
	reached := map[string]bool{index: true}
	for next := []string{index}; len(next) > 0; next = next[1:] {
		for _, link := range all[next[0]].Links {
			file, _, _ := strings.Cut(link.To, "#")
			to := path.Join(path.Dir(next[0]), file)
			if all[to] != nil && !reached[to] {
				reached[to] = true
				next = append(next, to)
			}
		}
	}
	for name := range all {
		if !reached[name] && name != "README.md" {
			t.Errorf("no link leads from %s to %s", index, name)
		}
	}
}

var logRowRE = regexp.MustCompile("(?m)^\\| helogate: `([^`=]+)`")

// What the tables of the pages show of helogate's log is in the code.
func TestLogRows(t *testing.T) {
	var code strings.Builder
	for _, dir := range []string{"internal", "cmd"} {
		err := filepath.WalkDir("../"+dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			text, err := os.ReadFile(file)
			code.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	for name := range pages(t) {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range logRowRE.FindAllStringSubmatch(string(text), -1) {
			rows++
			words := strings.TrimSuffix(row[1], "…")
			if _, message, ok := strings.Cut(words, ": "); ok && !strings.Contains(code.String(), words) {
				words = message // after the name of a setting
			}
			if !strings.Contains(code.String(), words) {
				t.Errorf("%s: helogate never logs %q", name, row[1])
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows", rows)
	}
}
