package main

// Where and how text is printed for people: the terminal's width, its colours and its characters.

import (
	"cmp"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A screen is what a command prints on: a terminal, a pipe or a file.
type screen struct {
	painter
	width int  // the columns that lines are wrapped to; 0 does not wrap
	ascii bool // nothing but ASCII is printed
}

// screenOf returns the screen of a command. Lines are wrapped to $COLUMNS, else to the width of the terminal, else
// not at all.
func screenOf(env *env) screen {
	s := screen{painter: painter(inColour(env)), width: columns(env), ascii: !isUTF8(env)}
	if s.painter {
		text.EnableColors()
	}
	return s
}

func columns(env *env) int {
	if n, err := strconv.Atoi(env.get("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := env.stdout.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return cmp.Or(n, 80)
		}
	}
	return 0
}

// isUTF8 reports whether the locale of the environment has UTF-8. The first of the variables that is set and not empty
// names it (POSIX.1-2017, section 8.2); where there is none, the locale is POSIX.
func isUTF8(env *env) bool {
	locale := cmp.Or(env.get("LC_ALL"), env.get("LC_CTYPE"), env.get("LANG"))
	return strings.Contains(strings.ToUpper(strings.ReplaceAll(locale, "-", "")), "UTF8")
}

// get returns a variable of the environment; of one that is there twice, the last.
func (env *env) get(name string) (value string) {
	for _, v := range env.environ {
		if n, s, _ := strings.Cut(v, "="); n == name {
			value = s
		}
	}
	return value
}

// inColour reports whether the output is a terminal that shows colours, and the user wants them (https://no-color.org).
func inColour(env *env) bool {
	f, ok := env.stdout.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && env.get("NO_COLOR") == "" && env.get("TERM") != "dumb"
}

// A painter colours text if it is true.
type painter bool

// paint colours a text.
func (p painter) paint(s string, c ...text.Color) string {
	if !p || s == "" {
		return s
	}
	return text.Colors(c).Sprint(s)
}

// words colours each word of a text, which can still be wrapped between words then.
func (p painter) words(s string, c ...text.Color) string {
	words := strings.Split(s, " ")
	for i := range words {
		words[i] = p.paint(words[i], c...)
	}
	return strings.Join(words, " ")
}

// minText is how many columns a text needs at least beside what stands before it.
const minText = 24

// hang returns first and then s, whose further lines begin below its first. Where that leaves s too few columns, s
// begins on a line of its own.
func (s screen) hang(first, text string) string {
	indent := visible(first)
	if s.width > 0 && s.width-indent < minText && text != "" {
		return strings.TrimRight(first, " ") + "\n" + s.hang(strings.Repeat(" ", min(6, s.width/4)), text)
	}
	lines := wrapWords(text, s.width, indent)
	return strings.TrimRight(first+strings.Join(lines, "\n"+strings.Repeat(" ", indent)), " ") + "\n"
}

// wrapWords breaks text between words into lines that end before column width, where they begin at column indent. A
// word stays whole, however long. A width of 0 does not break.
func wrapWords(text string, width, indent int) []string {
	if width == 0 || indent+visible(text) <= width {
		return []string{text}
	}
	var lines []string
	line, used := "", 0
	for i, word := range strings.Split(text, " ") {
		n := visible(word)
		if i > 0 && indent+used+1+n > width && strings.TrimSpace(line) != "" {
			lines, line, used = append(lines, strings.TrimRight(line, " ")), word, n
			continue
		}
		if i > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	return append(lines, line)
}

// visible returns how many columns a text takes, without its colours.
func visible(s string) int { return text.StringWidthWithoutEscSequences(s) }

// marks are what the lines of a tree begin with.
type marks struct{ item, last, below, none string }

func (s screen) marks() marks {
	if s.ascii {
		return marks{"|- ", "`- ", "|  ", "   "}
	}
	return marks{"├─ ", "└─ ", "│  ", "   "}
}

// A node is an item of a tree.
type node struct {
	text string
	kids []*node
}

// tree draws nodes, one below the other, with what hangs on them.
func (s screen) tree(nodes []*node, before string) string {
	var b strings.Builder
	m := s.marks()
	for i, n := range nodes {
		mark, under := m.item, m.below
		if i == len(nodes)-1 {
			mark, under = m.last, m.none
		}
		beside := under // of the further lines of the item
		if len(n.kids) > 0 {
			beside = under + m.below
		} else {
			beside = under + m.none
		}
		lines := wrapWords(n.text, s.width, visible(before)+visible(mark)+visible(m.none))
		for j, line := range lines {
			if j == 0 {
				b.WriteString(before + mark + line + "\n")
			} else {
				b.WriteString(before + beside + line + "\n")
			}
		}
		b.WriteString(s.tree(n.kids, before+under))
	}
	return b.String()
}
