package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helogate/helogate/internal/config"
	"github.com/helogate/helogate/internal/daemon"
	"github.com/helogate/helogate/internal/policy"
)

// What the pages show as configuration is one: it is read, and the policies that name no files are built.
func TestPagesShowConfigurations(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(pages, "../../README.md") {
		if filepath.Base(page) == "config.md" { // a setting each; its own test holds it
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(text), "```toml\n")[1:] {
			block, _, closed := strings.Cut(block, "```")
			if !closed {
				t.Errorf("%s, block %d is not closed", page, i+1)
			}
			c, err := config.Parse(filepath.Base(page), []byte(block), daemon.Known(nil))
			if err != nil {
				t.Errorf("%s, block %d:\n%v", page, i+1, err)
				continue
			}
			n++
			if strings.Contains(block, "list(") || len(c.Lists)+len(c.Policy.BadHeloFiles) > 0 {
				continue // the files are the reader's
			}
			if _, err := policy.Build(c); err != nil {
				t.Errorf("%s, block %d:\n%v", page, i+1, err)
			}
		}
	}
	if n < 12 {
		t.Errorf("only %d configurations are shown", n)
	}
}
