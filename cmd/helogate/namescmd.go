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
	Explain bool   `help:"Say why of those that a person gave too, and for which address."`
	File    string `arg:"" optional:"" default:"-" help:"NAME, or NAME tab ADDRESS, a line; - or nothing is standard input."`
}

// Run prints the class of each name, and why, in the order read.
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
		return nil // who read along has seen enough
	case err == nil && n.faults.count > 0:
		return status(exitFailed)
	}
	return err
}

// A namesFilter writes the class of each name that it reads.
type namesFilter struct {
	explain bool
	names   int // that were written
	faults  faults
}

// run reads NAME or NAME tab ADDRESS a line from in, until it ends or ctx does. A line of it is out as soon as the lines
// before it are: what comes with one read is classified at once, so nothing waits for a batch to fill.
//
// When ctx ends, a read from in may still be under way, and its goroutine stays until it returns.
func (n *namesFilter) run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *nameBatch)
	order := make(chan *nameBatch, 2*workers) // that nobody reads far ahead of a slow reader of ours
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
		return fmt.Errorf("interrupted; %s classified before", many(uint64(n.names), "name"))
	case failed != nil && n.faults.lines == 0: // it was set before order was closed
		return fmt.Errorf("no names were read: %w", failed)
	case failed != nil:
		return fmt.Errorf("the names after line %d were not read: %w", n.faults.lines, failed)
	}
	return nil
}

// hand sends b, and reports whether it did before ctx ended.
func hand(ctx context.Context, to chan<- *nameBatch, b *nameBatch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// write writes what the workers make of the batches, in order. It reports whether it came to the end of them.
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
			return false, fmt.Errorf("the classes could not be written: %w", err)
		}
	}
}

// A nameBatch is some whole lines, in the order of the input.
type nameBatch struct {
	text    string
	first   int  // the number of its first line
	tooLong bool // its one line goes on, and the rest of it is left out

	out    []byte
	names  int
	faults faults
	done   chan struct{} // closed when out, names and faults are there
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
		b.faults.note("more than %d bytes; only its beginning was read", maxNameLine)
	}
}

// The longest name and reason in the output: a name in DNS has 255 octets, and four bytes stand for a strange one.
const maxNameShown = 4 * 255

// notStamped is the reason where the classifier has none to give.
const notStamped = "nothing indicates an auto-generated name"

// line appends what one line comes to: class, name and reason, and with explain the address, separated by tabs. All that
// came from outside is printable ASCII, so a name holds no tab, no line break and nothing that a terminal obeys.
func (b *nameBatch) line(line string, explain bool) {
	name, rest, _ := strings.Cut(line, "\t")
	if name == "" {
		b.faults.note("no name before the tab; it was left out")
		return
	}
	address, _, _ := strings.Cut(rest, "\t")
	addr, err := parseNameAddress(address)
	if err != nil {
		b.faults.note("\"%s\" is no address; the name was classified without", printable.Text(address, 80))
	}
	class, why := hostname.Classify(name, addr)
	b.names++
	b.out = append(b.out, class...)
	b.out = append(b.out, '\t')
	b.out = append(b.out, printable.Text(name, maxNameShown)...)
	b.out = append(b.out, '\t')
	switch {
	case class == hostname.Custom && !explain:
	case why == "" && explain:
		b.out = append(b.out, notStamped...)
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

// parseNameAddress reads an address as people write it beside a name: with brackets or blanks around it, or left out.
func parseNameAddress(s string) (netip.Addr, error) {
	s = strings.Trim(s, " []")
	if s == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err
}
