package docs_test

import (
	"os"
	"path"
	"path/filepath"
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
	index := "docs/README.md"
	if all[index] == nil {
		index = "README.md"
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
