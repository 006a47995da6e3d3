package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxNameLine = 256 << 10 // bytes of a line that are read; no real name is as long
	nameRead    = 256 << 10 // bytes that one read may bring
)

// cutBatches reads in to its end and calls emit with batches of whole lines, until emit returns false. The lines of
// one read are a batch: a file comes in large batches, a typed line comes alone. A line is cut after maxNameLine
// bytes, so that an endless one does not fill the memory.
func cutBatches(in io.Reader, emit func(*nameBatch) bool) error {
	c := cutter{buf: make([]byte, 0, maxNameLine+nameRead), line: 1, emit: emit}
	for {
		n, err := in.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
		if !c.cut() {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			c.send(len(c.buf), false) // the last line need not end in a line break
			return nil
		case err != nil:
			return err
		}
	}
}

type cutter struct {
	buf      []byte // read and not sent yet; between two reads never more than maxNameLine
	line     int    // the number of the first line in buf
	skipping bool   // buf begins inside a line whose beginning is sent
	emit     func(*nameBatch) bool
}

// cut sends the whole lines in the buffer. It returns false if emit does.
func (c *cutter) cut() bool {
	if c.skipping {
		c.skip()
	}
	if whole := bytes.LastIndexByte(c.buf, '\n') + 1; whole > 0 && !c.send(whole, false) {
		return false
	}
	if len(c.buf) > maxNameLine {
		if !c.send(len(c.buf), true) {
			return false
		}
		c.skipping = true
	}
	return true
}

// skip drops the rest of a line that is too long.
func (c *cutter) skip() {
	end := bytes.IndexByte(c.buf, '\n')
	if end < 0 {
		c.buf = c.buf[:0]
		return
	}
	c.drop(end + 1)
	c.line++
	c.skipping = false
}

// send gives the first n bytes to emit.
func (c *cutter) send(n int, tooLong bool) bool {
	if n == 0 {
		return true
	}
	b := &nameBatch{text: string(c.buf[:n]), first: c.line, tooLong: tooLong, done: make(chan struct{})}
	c.line += bytes.Count(c.buf[:n], []byte("\n"))
	c.drop(n)
	return c.emit(b)
}

func (c *cutter) drop(n int) { c.buf = c.buf[:copy(c.buf, c.buf[n:])] }

// A lateFile is opened by the first read: to open a named pipe can take as long as to read from it, and an interrupt
// must end that too.
type lateFile struct {
	path string
	file *os.File
}

func (l *lateFile) Read(b []byte) (n int, err error) {
	if l.file == nil {
		if l.file, err = os.Open(l.path); err != nil {
			return 0, err
		}
	}
	if n, err = l.file.Read(b); err != nil {
		l.file.Close()
	}
	return n, err
}

const maxFaultsListed = 10

// faults are the wrong lines of the input: their number, and the first of them.
type faults struct {
	lines int // read
	count int
	first []string
}

// note records what is wrong with the latest line.
func (f *faults) note(format string, args ...any) {
	f.count++
	if len(f.first) < maxFaultsListed {
		f.first = append(f.first, fmt.Sprintf("line %d: ", f.lines)+fmt.Sprintf(format, args...))
	}
}

// add appends the faults of the lines that follow.
func (f *faults) add(next *faults) {
	f.lines = next.lines
	f.count += next.count
	f.first = append(f.first, next.first[:min(len(next.first), maxFaultsListed-len(f.first))]...)
}

func (f *faults) print(out io.Writer) {
	if f.count == 0 {
		return
	}
	for _, s := range f.first {
		fmt.Fprintf(out, "helogate names: %s\n", s)
	}
	more := ""
	if left := f.count - len(f.first); left > 0 {
		more = fmt.Sprintf(", %d of them not listed", left)
	}
	fmt.Fprintf(out, "helogate names: %d of %s wrong%s\n", f.count, many(uint64(f.lines), "line"), more)
}
