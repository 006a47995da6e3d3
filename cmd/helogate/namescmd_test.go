package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/helogate/helogate/hostname"
)

func filtered(t testing.TB, in io.Reader, explain bool) (string, *namesFilter) {
	t.Helper()
	var out bytes.Buffer
	n := &namesFilter{explain: explain}
	if err := n.run(context.Background(), in, &out); err != nil {
		t.Fatal(err)
	}
	return out.String(), n
}

// Each line is classified, however it comes in: with many others, or a byte at a time.
func TestNamesInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{"", "# mx", " ", "\t", "mx.example.org", "\t192.0.2.1", "host-192-0-2-9.dyn.example.net\t192.0.2.9"}),
			rapid.StringMatching(`[a-z0-9.-]{1,30}(\t[0-9a-f.:]{1,12})?\r?`),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
		)).Draw(t, "lines")
		text := strings.Join(lines, "\n")
		explain := rapid.Bool().Draw(t, "explain")
		var out [3]bytes.Buffer
		for i, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			n := namesFilter{explain: explain}
			if err := n.run(context.Background(), in, &out[i]); err != nil {
				t.Fatal(err)
			}
		}
		if out[0].String() != out[1].String() || out[0].String() != out[2].String() {
			t.Fatalf("%q\nread in other pieces is\n%q\n%q", out[0].String(), out[1].String(), out[2].String())
		}
		if got, want := strings.Count(out[0].String(), "\n"), namesIn(text); got != want {
			t.Fatalf("%d lines for %d names", got, want)
		}
		checkForm(t, out[0].String(), explain)
	})
}

func namesIn(text string) (n int) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) != "" && line[0] != '#' && line[0] != '\t' {
			n++
		}
	}
	return n
}

// checkForm fails unless a program can read the output: printable lines, with as many tabs as promised, the class
// first.
func checkForm(t interface{ Fatalf(string, ...any) }, out string, explain bool) {
	tabs := 2
	if explain {
		tabs = 3
	}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != tabs+1 {
			t.Fatalf("%d columns in %q", len(fields), line)
		}
		switch hostname.Class(fields[0]) {
		case hostname.Custom, hostname.Access, hostname.Hosting, hostname.Generic:
		default:
			t.Fatalf("class %q", fields[0])
		}
		if hasReason := fields[2] != ""; hasReason != (explain || fields[0] != "custom") {
			t.Fatalf("a reason, or none: %q", line)
		}
		for _, f := range fields {
			for i := range len(f) {
				if f[i] < ' ' || f[i] > '~' {
					t.Fatalf("byte %#x in %q", f[i], line)
				}
			}
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"mx.example.org\n", "a\x1b[2J\x00\u202e\t192.0.2.1\r\n#\n\tx\n", "x\t\xff", strings.Repeat("1-", 400)} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, explain bool) {
		out, n := filtered(t, bytes.NewReader(in), explain)
		if strings.Count(out, "\n") != n.names || n.names != namesIn(string(in)) {
			t.Fatalf("%d names, %d lines, want %d", n.names, strings.Count(out, "\n"), namesIn(string(in)))
		}
		checkForm(t, out, explain)
	})
}

// The order is that of the input, over many batches.
func TestNamesOrder(t *testing.T) {
	var in strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&in, "mx%d.example.org\n", i)
	}
	out, _ := filtered(t, strings.NewReader(in.String()), false)
	i := 0
	for line := range strings.Lines(out) {
		if want := fmt.Sprintf("custom\tmx%d.example.org\t\n", i); line != want {
			t.Fatalf("line %d is %q, want %q", i+1, line, want)
		}
		i++
	}
	if i != 100_000 {
		t.Errorf("%d lines", i)
	}
}

// A line is answered while the input goes on: "tail -f log | helogate names" shows it at once.
func TestNamesAtOnce(t *testing.T) {
	in, typed := io.Pipe()
	printed, out := io.Pipe()
	done := make(chan error)
	go func() {
		n := namesFilter{}
		done <- n.run(context.Background(), in, out)
	}()
	answers := bufio.NewReader(printed)
	for i := range 3 {
		fmt.Fprintf(typed, "mx%d.example.org\nmx", i)
		typed.Write([]byte("9.exam")) // a line that is not whole waits
		if got, err := answers.ReadString('\n'); err != nil || got != fmt.Sprintf("custom\tmx%d.example.org\t\n", i) {
			t.Fatalf("%q, %v", got, err)
		}
		io.WriteString(typed, "ple.org\n")
		if got, _ := answers.ReadString('\n'); got != "custom\tmx9.example.org\t\n" {
			t.Fatalf("%q", got)
		}
	}
	typed.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestNamesInterrupted(t *testing.T) {
	in, typed := io.Pipe()
	defer typed.Close() // ends the read that is still under way
	ctx, interrupt := context.WithCancel(context.Background())
	printed, out := io.Pipe()
	done := make(chan error)
	go func() {
		n := namesFilter{}
		done <- n.run(ctx, in, out)
	}()
	io.WriteString(typed, "mx.example.org\n")
	if _, err := bufio.NewReader(printed).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	interrupt()
	select {
	case err := <-done:
		if err == nil || err.Error() != "interrupted after 1 name" {
			t.Errorf("%v", err)
		}
	case <-time.After(patience):
		t.Fatal("it reads on")
	}
}

// brokenPipe is a pipe whose reader has gone, after some writes.
type brokenPipe struct{ writes int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.writes--; p.writes < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

func TestNamesReaderGone(t *testing.T) {
	n := namesFilter{}
	err := n.run(context.Background(), endless{}, &brokenPipe{writes: 2})
	if !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v, want EPIPE, which the command ends quietly on", err)
	}
}

// Where a closed pipe is an error and no signal, as with a socket, the command ends as quietly.
func TestNamesEndQuietly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("mx.example.org\tx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	if code := run([]string{"names", path}, &brokenPipe{}, &errs, nil); code != exitOK || strings.Contains(errs.String(), "pipe") {
		t.Errorf("exit status %d, %s", code, errs.String())
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return copy(b, "mx.example.org\nmx.example.com\n"), nil }

func TestNamesReadError(t *testing.T) {
	var out bytes.Buffer
	n := namesFilter{}
	err := n.run(context.Background(), io.MultiReader(strings.NewReader("mx.example.org\n"), iotest.ErrReader(errors.New("bad sector"))), &out)
	if err == nil || err.Error() != "the names after line 1 were not read: bad sector" || out.String() != "custom\tmx.example.org\t\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// A line of 100 KB is a name like others. One without end is cut and reported, and does not fill the memory.
func TestNamesLong(t *testing.T) {
	long := strings.Repeat("a", 100_000)
	out, n := filtered(t, strings.NewReader(long+"\t192.0.2.1\nmx.example.org\n"), false)
	if want := "custom\t" + long[:maxNameOut-3] + "...\t\ncustom\tmx.example.org\t\n"; out != want || n.faults.count != 0 {
		t.Errorf("%.2000q, %v", out, n.faults)
	}
	endless := strings.Repeat("a", 3*maxNameLine+2*nameRead)
	out, n = filtered(t, strings.NewReader("mx1.example.org\n"+endless+"\nmx2.example.org\nx\ty\n"), false)
	if lines := strings.Split(out, "\n"); len(lines) != 5 || !strings.Contains(lines[1], "aaa...") || lines[2] != "custom\tmx2.example.org\t" {
		t.Errorf("%.3000q", out)
	}
	want := []string{"line 2: longer than 262144 bytes; the rest is ignored", `line 4: "y" is no address; the name is classified without it`}
	if fmt.Sprint(n.faults.first) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", n.faults.first, want)
	}
}

func TestNamesFaults(t *testing.T) {
	var in strings.Builder
	for i := range 30_000 { // more than one batch
		fmt.Fprintf(&in, "mx%d.example.org", i)
		if i%1000 == 0 {
			in.WriteString("\t192.0.2")
		}
		in.WriteString("\n")
	}
	_, n := filtered(t, strings.NewReader(in.String()), false)
	var printed strings.Builder
	n.faults.print(&printed)
	lines := strings.Split(printed.String(), "\n")
	if len(lines) != maxFaultsListed+2 || lines[9] != `helogate names: line 9001: "192.0.2" is no address; the name is classified without it` ||
		lines[10] != "helogate names: 30 of 30,000 lines wrong, 20 of them not listed" {
		t.Errorf("%s", printed.String())
	}
}

func TestParseNameAddress(t *testing.T) {
	for _, c := range []struct{ s, want string }{
		{"", "invalid IP"},
		{"192.0.2.1", "192.0.2.1"},
		{" [192.0.2.1] ", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
	} {
		if got, err := parseNameAddress(c.s); err != nil || got.String() != c.want {
			t.Errorf("%q: %v, %v; want %s", c.s, got, err, c.want)
		}
	}
	for _, s := range []string{"192.0.2", "unknown", "192.0.2.1:25", "\x00"} {
		if got, err := parseNameAddress(s); err == nil || got != (netip.Addr{}) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

// BenchmarkNames is the whole of it, for a list of names as they come in a log: an operation is one name.
func BenchmarkNames(b *testing.B) {
	shapes := []string{"mail%d.example.org", "host-192-0-2-%d.dyn.example.net\t192.0.2.%[1]d", "static.%d.2.0.192.clients.example.com",
		"mx.intranet%d.example.de", "192.0.2.%d.adsl.example.co.uk\t192.0.2.%[1]d"}
	var in strings.Builder
	for i := range b.N {
		fmt.Fprintf(&in, shapes[i%len(shapes)]+"\n", i%256)
	}
	b.ReportAllocs()
	b.SetBytes(int64(in.Len() / b.N))
	b.ResetTimer()
	n := namesFilter{}
	if err := n.run(context.Background(), strings.NewReader(in.String()), io.Discard); err != nil || n.names != b.N {
		b.Fatal(err, n.names)
	}
}
