package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// read reads the source into the tree. Where it is no TOML, that is reported, and reading goes on at the next line that
// looks like the beginning of something, so that one missing quote does not hide the other mistakes.
func (b *builder) read() {
	data := b.src.data
	for tries := 0; tries < 2*most; tries++ {
		b.p.Reset(data[b.base:])
		end := b.base
		for b.p.NextExpression() {
			end = b.expression(b.p.Expression())
		}
		err := b.p.Error()
		if err == nil {
			return
		}
		at := b.place(err)
		start := min(b.begins(end), lineStart(data, at.from))
		header := bytes.HasPrefix(bytes.TrimLeft(data[start:], " \t"), []byte("["))
		if header {
			b.cur = &node{kind: table}
			b.root.incomplete = true // a table is missing that should be there
		}
		b.cur.incomplete = true
		*b.wrong = append(*b.wrong, b.explain(err.Error(), start, at))
		next := b.resume(start, at.from, header)
		if next < 0 {
			return
		}
		b.base = next
	}
}

// place is where the parser failed.
func (b *builder) place(err error) span {
	var failed *unstable.ParserError
	if !errors.As(err, &failed) {
		return span{b.src, b.base, b.base}
	}
	return b.at(b.p.Range(failed.Highlight))
}

// begins returns the beginning of the line after end that is neither empty nor a comment. If end is not the beginning
// of the text that the parser has, something ended there, and the rest of its line belongs to it.
func (b *builder) begins(end int) int {
	data, i := b.src.data, end
	if end > b.base {
		i = nextLine(data, end)
	}
	for i < len(data) {
		line := bytes.TrimLeft(data[i:nextLine(data, i)], " \t\r\n")
		if len(line) > 0 && line[0] != '#' {
			return i
		}
		i = nextLine(data, i)
	}
	return i
}

var (
	looksLikeHeader = regexp.MustCompile(`^[ \t]*\[\[?[ \t]*[A-Za-z_][\w.-]*[ \t]*\]`)
	looksLikeDate   = regexp.MustCompile(`^[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}$`)
	looksLikeKey    = regexp.MustCompile(`^[ \t]*[\w-]+([ \t]*\.[ \t]*[\w-]+)*[ \t]*=`)
)

// resume returns the line to go on with after an error at off in what began at start, -1 if there is none.
func (b *builder) resume(start, off int, header bool) int {
	data := b.src.data
	i := nextLine(data, start)
	if line := lineStart(data, off); line > start && off < len(data)-1 {
		i = line // what is not closed eats the lines after it: the one it chokes on may be good
	}
	for i < len(data) {
		line := data[i:min(nextLine(data, i), i+256)]
		if looksLikeHeader.Match(line) || !header && looksLikeKey.Match(line) {
			return i
		}
		i = nextLine(data, i)
	}
	return -1
}

// explain turns the parser's message about what began at start into one for people that do not know its grammar.
func (b *builder) explain(msg string, start int, at span) problem {
	data := b.src.data
	is := func(words string) bool { return strings.Contains(msg, words) }
	p := problem{at: at}
	say := func(format string, args ...any) problem { p.err = fmt.Errorf(format, args...); return p }
	switch {
	case is("invalid UTF-8"):
		return say(`the byte \x%02x is not UTF-8: save the file as UTF-8`, data[at.from])
	case is("control characters") || is("carriage return") || is("U+000D"):
		return say(`the control character \x%02x is not valid here: remove it`, data[at.from])
	case is("cannot have new lines") || is("unterminated"):
		p.at = b.openQuote(at.from)
		return say("this text has no closing quote")
	case is("not terminated by"):
		p.at = b.opening(start, at.from, `"""`, "'''")
		return say("this text over several lines has no closing %s", data[p.at.from:p.at.to])
	case is("is incomplete"):
		p.at = b.opening(start, at.from, "[", "{")
		return say("this bracket is never closed")
	case is("invalid escape"):
		esc := data[at.from:at.to]
		return say(`%s is not a valid escape: double the backslash, or put the text in 'single quotes'`, esc)
	case is("expected '='"):
		return say(`a "=" is missing after the name of the setting`)
	case is("invalid character at start of key"):
		return say(`expected the name of a setting or a [table]`)
	case is("to close"):
		return say("the brackets around the name of the table are not closed")
	case is("leading zeroes"):
		return say(`a number cannot begin with 0; if it is text, such as permissions, put it in quotes: "%s"`, b.word(&p.at))
	case is("expected keyword"), is("at start of value"), is("strings must be quoted"), is("not end of input"),
		is("expected digit"), is("expected number"), is("expected newline") && b.glued(at.from), is("after array") && b.glued(at.from):
		return b.unquoted(p)
	case is("expected newline"):
		return say("nothing may follow the value: begin the next setting on a new line, a comment with #")
	case is("after array value"), is("after inline table"):
		what, closing := "list", "]"
		if is("table") {
			what, closing = "table", "}"
		}
		if at.from > 0 && strings.IndexByte(`"'`, data[at.from-1]) >= 0 {
			return say("before this, a quote is missing or there is one too many")
		}
		if first := (span{b.src, start, start}).line(); first < at.line() {
			return say(`a "," or "%s" is missing before this: the %s that began at line %d is still open`, closing, what, first)
		}
		return say(`a "," or "%s" is missing in this %s`, closing, what)
	}
	return say("%s", msg)
}

// switches are the words of other programs for true and false.
var switches = map[string]string{
	"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false",
}

// unquoted explains an invalid value, which most often is text without quotes.
func (b *builder) unquoted(p problem) problem {
	word := b.word(&p.at)
	if word == "" {
		p.err = errors.New("the value is missing")
	} else if looksLikeDate.MatchString(word) {
		p.err = fmt.Errorf("%s is not a date: write year, month and day, such as 2027-06-30", word)
	} else if right, ok := switches[strings.ToLower(word)]; ok {
		p.err = fmt.Errorf("%s is not a value; did you mean %s? If it is text, put it in quotes", word, right)
	} else if strings.ContainsAny(word[:1], ",)}=:") {
		p.err = fmt.Errorf("%s is not a value", quoted(word))
	} else {
		p.err = fmt.Errorf("put text in quotes: %s", quote(cut(word, 80)))
	}
	return p
}

// word returns the word at the place, and makes the place that of the word.
func (b *builder) word(at *span) string {
	const ends = " \t\r\n,]}#\"'"
	data := b.src.data
	if at.from >= len(data) || strings.IndexByte(ends, data[at.from]) >= 0 && data[at.from] != ',' {
		return ""
	}
	for at.from > 0 && strings.IndexByte(ends+"=[{", data[at.from-1]) < 0 {
		at.from--
	}
	at.to = at.from + 1
	for at.to < len(data) && strings.IndexByte(ends, data[at.to]) < 0 {
		at.to++
	}
	return string(data[at.from:at.to])
}

// openQuote returns the quote on the line of off that is still open there.
func (b *builder) openQuote(off int) span {
	data := b.src.data
	open, i := -1, lineStart(data, off)
	for ; i < len(data) && data[i] != '\n'; i++ {
		switch c := data[i]; {
		case open >= 0 && c == '\\' && data[open] == '"':
			i++
		case open >= 0 && c == data[open]:
			open = -1
		case open < 0 && (c == '"' || c == '\''):
			open = i
		}
	}
	if open < 0 {
		return span{b.src, off, off}
	}
	return span{b.src, open, open + 1}
}

// opening returns the first of the marks between start and end.
func (b *builder) opening(start, end int, marks ...string) span {
	at := span{b.src, end, end}
	for _, m := range marks {
		if i := strings.Index(string(b.src.data[start:end]), m); i >= 0 && start+i < at.from {
			at = span{b.src, start + i, start + i + len(m)}
		}
	}
	return at
}

// glued reports whether what stands at i goes on with a word, as in 127.0.0.1, whose first half is a number.
func (b *builder) glued(i int) bool {
	return i > 0 && strings.IndexByte(" \t\r\n]}\"'", b.src.data[i-1]) < 0
}

func lineStart(data []byte, i int) int { return bytes.LastIndexByte(data[:i], '\n') + 1 }

func nextLine(data []byte, i int) int {
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(data)
}
