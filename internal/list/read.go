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

// maxProblems is how many problems are reported in full; the others are counted. The administrator may have named the
// wrong file.
const maxProblems = 10

// A Problem is a wrong line.
type Problem struct {
	Line int // from 1
	Msg  string
}

// String returns "line 3: ...".
func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Msg) }

// Read reads a list with one entry a line: an address, a network without host bits, a host name or domain,
// ".example.org" for all names below example.org, a mail address. It ignores case, empty lines, blanks around an
// entry, text after a #, CR before LF, and a byte order mark.
//
// A file with a wrong line is refused as a whole, with the first ten such lines. A list that silently lacked a line
// would accept or reject the wrong clients; an error is read by the administrator who changed the file, and the old
// list stays in effect. An empty file is an empty list.
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
			return nil, nil, fmt.Errorf("list %s, line %d: not a text file: it contains a NUL", name, n)
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
	fmt.Fprintf(&b, "list %s is refused as a whole, because of these lines:", name)
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
		return errors.New("not valid UTF-8")
	}
	line, _, _ = bytes.Cut(line, []byte("#"))
	entry := string(bytes.TrimSpace(line))
	if entry == "" {
		return nil
	}
	l.entries++
	return l.add(entry)
}

var errLongLine = fmt.Errorf("longer than %d octets, the limit of an entry", maxLine)

// readLine returns a line without its end, valid until the next call. It skips the rest of a line that is too long.
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

// counted is a reader with a limit of maxSize.
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
	case !info.Mode().IsRegular(): // reading a pipe could wait forever
		return nil, nil, fmt.Errorf("list %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("list: %w", err)
	}
	defer f.Close()
	return Read(path, f)
}
