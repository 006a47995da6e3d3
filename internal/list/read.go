package list

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Limits of a file. 250,000 networks take 6 MB.
const (
	maxSize = 64 << 20
	maxLine = 1024 // octets
)

// maxProblems are told one by one, and the rest of them counted: who has given the wrong file need not read it all.
const maxProblems = 10

// A Problem is a line that is no entry.
type Problem struct {
	Line int // from 1
	Msg  string
}

// String returns "line 3: ...".
func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Msg) }

// Read reads a list, an entry a line: an address, a network without host bits, a host name or domain, ".example.org" for
// all that is below example.org, a mail address. Case says nothing, and neither do empty lines, blanks around an entry,
// what follows a #, CR LF, and a byte order mark.
//
// A file with a line that is no entry is refused whole, with the first ten such lines: a list that silently lacks one
// lets in, or keeps out, whom nobody meant, while the error is told to whoever has just changed the file, and the list
// that was in force stays so. An empty file is a list that holds nothing.
func Read(name string, r io.Reader) (*List, []Problem, error) {
	l := &List{Name: name, names: map[string]struct{}{}, suffixes: map[string]struct{}{}, mailboxes: map[string]struct{}{}}
	in := &counted{r: r}
	lines := bufio.NewReaderSize(in, 64<<10)
	var problems []Problem
	wrong := 0
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			break
		}
		if err == nil && n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		switch {
		case err == errLongLine:
		case err != nil:
			return nil, nil, fmt.Errorf("list %s, line %d: %w", name, n, err)
		case bytes.IndexByte(line, 0) >= 0:
			return nil, nil, fmt.Errorf("list %s, line %d: this is no text, it has a NUL", name, n)
		default:
			err = l.addLine(line)
		}
		if err != nil {
			if wrong++; wrong <= maxProblems {
				problems = append(problems, Problem{n, err.Error()})
			}
		}
	}
	if wrong > 0 {
		return nil, problems, refused(name, problems, wrong)
	}
	return l, nil, nil
}

func refused(name string, problems []Problem, wrong int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "list %s is refused whole, for lines of it are no entries:", name)
	for _, p := range problems {
		fmt.Fprintf(&b, "\n  %s", p)
	}
	if more := wrong - len(problems); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return errors.New(b.String())
}

func (l *List) addLine(line []byte) error {
	if !utf8.Valid(line) {
		return errors.New("this is no UTF-8")
	}
	line, _, _ = bytes.Cut(line, []byte("#"))
	entry := string(bytes.TrimSpace(line))
	if entry == "" {
		return nil
	}
	l.entries++
	return l.add(entry)
}

var errLongLine = fmt.Errorf("longer than %d octets: no entry is", maxLine)

// readLine returns a line without its end, until the next call. It reads past one that is too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	long := len(line) > maxLine
	for err == bufio.ErrBufferFull {
		_, err = r.ReadSlice('\n')
	}
	switch {
	case err == io.EOF && len(line) == 0:
		return nil, io.EOF
	case err != nil && err != io.EOF:
		return nil, err
	case long:
		return nil, errLongLine
	}
	return line, nil
}

// counted is a reader that has had enough at maxSize.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if c.n += n; c.n > maxSize {
		return 0, fmt.Errorf("longer than %d MiB: is this the right file?", maxSize>>20)
	}
	return n, err
}

// Load reads the list in a file. See Read.
func Load(path string) (*List, []Problem, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("list: %w", err)
	case info.IsDir():
		return nil, nil, fmt.Errorf("list %s is a directory: name the file in it", path)
	case !info.Mode().IsRegular(): // reading a pipe could wait for ever
		return nil, nil, fmt.Errorf("list %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("list: %w", err)
	}
	defer f.Close()
	return Read(path, f)
}
