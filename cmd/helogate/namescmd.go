package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/printable"
)

type namesCmd struct {
	Explain bool   `help:"Print the reason for custom names too, and the address."`
	File    string `arg:"" optional:"" default:"-" help:"A file with a NAME, or NAME tab ADDRESS, a line; - is standard input."`
}

// Run prints the class of each name and the reason, in the order of the input.
func (cmd namesCmd) Run(env *env) error {
	var in io.Reader = os.Stdin
	if cmd.File != "-" {
		in = &lateFile{path: cmd.File}
	}
	n := namesFilter{explain: cmd.Explain}
	err := n.run(env.ctx, in, env.stdout)
	n.faults.print(env.stderr)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return nil // the reader has seen enough
	case err == nil && n.faults.count > 0:
		return status(exitFailed)
	}
	return err
}

// A namesFilter writes the class of each name that it reads.
type namesFilter struct {
	explain bool
	names   int // written
	faults  faults
}

// run reads a NAME, or NAME tab ADDRESS, a line from in, until it or ctx ends. What one read brings is classified at
// once, so no line waits for a batch to fill.
//
// When ctx ends, a read from in may still be running. Its goroutine ends when the read returns.
func (n *namesFilter) run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *nameBatch)
	order := make(chan *nameBatch, 2*workers) // bounded, so that a slow reader of the output slows down reading
	var failed error
	go func() {
		defer close(order)
		defer close(work)
		failed = cutBatches(in, func(b *nameBatch) bool { return hand(ctx, order, b) && hand(ctx, work, b) })
	}()
	for range workers {
		go func() {
			for b := range work {
				b.classify(n.explain)
				close(b.done)
			}
		}()
	}
	ended, err := n.write(ctx, order, out)
	switch {
	case err != nil:
		return err
	case !ended:
		return fmt.Errorf("interrupted after %s", many(uint64(n.names), "name"))
	case failed != nil && n.faults.lines == 0: // it is set before order is closed
		return fmt.Errorf("no names were read: %w", failed)
	case failed != nil:
		return fmt.Errorf("the names after line %d were not read: %w", n.faults.lines, failed)
	}
	return nil
}

// hand sends b. It returns false if ctx ends before.
func hand(ctx context.Context, to chan<- *nameBatch, b *nameBatch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// write writes the output of the batches in order. It reports whether it reached the end of the input.
func (n *namesFilter) write(ctx context.Context, order <-chan *nameBatch, out io.Writer) (ended bool, err error) {
	for {
		var b *nameBatch
		select {
		case next, more := <-order:
			if !more {
				return true, nil
			}
			b = next
		case <-ctx.Done():
			return false, nil
		}
		select {
		case <-b.done:
		case <-ctx.Done():
			return false, nil
		}
		n.names += b.names
		n.faults.add(&b.faults)
		if _, err := out.Write(b.out); err != nil {
			return false, fmt.Errorf("writing the classes: %w", err)
		}
	}
}

// A nameBatch is some whole lines of the input.
type nameBatch struct {
	text    string
	first   int  // the number of its first line
	tooLong bool // the batch is the beginning of one line, the rest of which is left out

	out    []byte
	names  int
	faults faults
	done   chan struct{} // closed when out, names and faults are set
}

func (b *nameBatch) classify(explain bool) {
	b.out = make([]byte, 0, 3*len(b.text))
	b.faults.lines = b.first - 1
	for line := range strings.Lines(b.text) {
		b.faults.lines++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.TrimSpace(line) != "" && line[0] != '#' {
			b.line(line, explain)
		}
	}
	if b.tooLong {
		b.faults.note("longer than %d bytes; the rest is ignored", maxNameLine)
	}
}

// maxNameOut is the most bytes of a name in the output: a name in DNS has at most 255 octets, each of which may need
// four.
const maxNameOut = 4 * 255

// noSignal is the reason for a custom name, where the classifier has none.
const noSignal = "nothing indicates an auto-generated name"

// line appends the output for one line: class, name and reason, and with explain the address, separated by tabs. The
// output is printable ASCII, so a name holds no tab, no line break and no escape sequence.
func (b *nameBatch) line(line string, explain bool) {
	name, rest, _ := strings.Cut(line, "\t")
	if name == "" {
		b.faults.note("no name before the tab; the line is ignored")
		return
	}
	address, _, _ := strings.Cut(rest, "\t")
	addr, err := parseNameAddress(address)
	if err != nil {
		b.faults.note("\"%s\" is no address; the name is classified without it", printable.Text(address, 80))
	}
	class, why := hostname.Classify(name, addr)
	b.names++
	b.out = append(b.out, class...)
	b.out = append(b.out, '\t')
	b.out = append(b.out, printable.Text(name, maxNameOut)...)
	b.out = append(b.out, '\t')
	switch {
	case class == hostname.Custom && !explain:
	case why == "" && explain:
		b.out = append(b.out, noSignal...)
	default:
		b.out = append(b.out, why...)
	}
	if explain {
		b.out = append(b.out, '\t')
		if addr.IsValid() {
			b.out = addr.AppendTo(b.out)
		}
	}
	b.out = append(b.out, '\n')
}

// parseNameAddress reads an address, which may have brackets or blanks around it. An empty one is no address.
func parseNameAddress(s string) (netip.Addr, error) {
	s = strings.Trim(s, " []")
	if s == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err
}
