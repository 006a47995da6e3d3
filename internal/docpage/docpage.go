// Package docpage reads the Markdown pages of the documentation, for the tests that run what the pages show.
package docpage

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

// A Page is a Markdown file.
type Page struct {
	Name    string // relative to the root of the module, with slashes: "docs/postfix.md"
	Blocks  []Block
	Links   []Link
	Anchors map[string]bool // what a link to the page can name behind #
}

// A Block is a code block.
type Block struct {
	Page string
	Line int    // of its first line, from 1
	Lang string // the language that its fence names; Indented, where it has no fence
	Text string // without the indentation of its list item; each line ends with \n
}

// Indented is the language of a block that is indented, and so has no fence that could name one.
const Indented = "(indented)"

// String names the place of the block.
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// A Link leads from a page to another place.
type Link struct {
	Page, To string
	Line     int
}

// String names the place of the link.
func (l Link) String() string { return fmt.Sprintf("%s:%d", l.Page, l.Line) }

// Pages reads all pages of the module whose root that directory is, by name. Folders whose name begins with "." or "_",
// and those called testdata, have no pages.
func Pages(root string) (map[string]*Page, error) {
	pages := map[string]*Page{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := Parse(filepath.ToSlash(name), string(text))
		pages[page.Name] = page
		return err
	})
	return pages, err
}

var (
	fenceRE    = regexp.MustCompile("^( *)(```+|~~~+) *([^ `]*)")
	itemRE     = regexp.MustCompile(`^( *)([-*+]|\d+[.)])( +)`)
	headingRE  = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	codeSpanRE = regexp.MustCompile("`[^`]*`")
	linkRE     = regexp.MustCompile(`\]\(([^()\s]+)(?: "[^"]*")?\)`)
	linkTextRE = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	anchorRE   = regexp.MustCompile(`<[^>]* (?:id|name)="([^"]+)"`)
)

// Parse reads a page. A fence that is not closed is an error.
func Parse(name, text string) (*Page, error) {
	p := &Page{Name: name, Anchors: map[string]bool{}}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	content, blank := 0, true // the column of the list item's text, and whether the line before was empty
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if strings.TrimSpace(line) == "" {
			blank = true
			continue
		}
		if m := fenceRE.FindStringSubmatch(line); m != nil && indent < content+4 {
			end := i + 1
			for end < len(lines) && strings.TrimSpace(lines[end]) != m[2] {
				end++
			}
			if end == len(lines) {
				return p, fmt.Errorf("%s:%d: the fence is not closed", name, i+1)
			}
			p.Blocks = append(p.Blocks, Block{name, i + 2, m[3], unindented(lines[i+1:end], len(m[1]))})
			i, blank = end, false
			continue
		}
		if indent == 0 && blank && !itemRE.MatchString(line) {
			content = 0
		}
		if blank && indent >= content+4 {
			end := i
			for end < len(lines) && (strings.HasPrefix(lines[end], strings.Repeat(" ", content+4)) || strings.TrimSpace(lines[end]) == "") {
				end++
			}
			for strings.TrimSpace(lines[end-1]) == "" {
				end--
			}
			p.Blocks = append(p.Blocks, Block{name, i + 1, Indented, unindented(lines[i:end], content+4)})
			i, blank = end-1, false
			continue
		}
		if m := itemRE.FindStringSubmatch(line); m != nil {
			content = len(m[0])
		}
		p.line(i+1, line)
		blank = false
	}
	return p, nil
}

// line notes the links and the anchors of a line of text.
func (p *Page) line(n int, line string) {
	for _, m := range anchorRE.FindAllStringSubmatch(line, -1) {
		p.Anchors[m[1]] = true
	}
	if m := headingRE.FindStringSubmatch(line); m != nil {
		p.Anchors[p.unique(slug(m[1]))] = true
	}
	for _, m := range linkRE.FindAllStringSubmatch(codeSpanRE.ReplaceAllString(line, "code"), -1) {
		p.Links = append(p.Links, Link{p.Name, m[1], n})
	}
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	heading = linkTextRE.ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

// unique is the anchor of a heading that may not be the first of its name.
func (p *Page) unique(slug string) string {
	name := slug
	for i := 1; p.Anchors[name]; i++ {
		name = fmt.Sprintf("%s-%d", slug, i)
	}
	return name
}

// unindented is the text of lines without their first n blanks.
func unindented(lines []string, n int) string {
	var b strings.Builder
	for _, line := range lines {
		cut := min(n, len(line)-len(strings.TrimLeft(line, " ")))
		b.WriteString(line[cut:] + "\n")
	}
	return b.String()
}
