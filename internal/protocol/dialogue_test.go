package protocol

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// Each file of testdata/postfix is a dialogue on one connection:
//
//	# a comment
//	judge reject 550 5.7.1 text    what the judge says from here on; continue at first. "judge panics", and "judge" without
//	                               more, which is no verdict
//	field X-One: text              what the judge adds to the header from here on, after the fields above; "field" without
//	                               more takes them back
//	> name=value                   what Postfix sends, a line; ">" alone is the empty line
//	= stage=helo client=…          what the judge was shown; every judgement has its line
//	< action=DUNNO                 what the listener answers
//	closed                         the listener closed without saying more
//	log text                       the listener's log has this, in slog's text form
//
// Escapes are Go's: \x00, \r, \\.
func TestPostfixDialogues(t *testing.T) {
	playDialogues(t, "postfix", func(t *testing.T, _ string) player { return newDialogue(t) })
}

// A player plays a dialogue, a line after the other.
type player interface {
	begin(at string) // the place of the next line, for what is wrong with it
	line(string)
	end()
}

func (d *dialogue) begin(at string) { d.at = at }

// playDialogues plays each dialogue of a folder of testdata with a player of its own.
func playDialogues(t *testing.T, folder string, newPlayer func(t *testing.T, name string) player) {
	files, err := filepath.Glob("testdata/" + folder + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				p := newPlayer(t, name)
				for i, line := range strings.Split(string(text), "\n") {
					p.begin(fmt.Sprintf("%s:%d", file, i+1))
					p.line(line)
				}
				p.end()
			})
		})
	}
}

// sentIn is what the MTA sends in each dialogue of a folder of testdata, by what it sends for one line: seeds for a
// fuzz target.
func sentIn(f *testing.F, folder string, sends func(line string) string) (all [][]byte) {
	files, err := filepath.Glob("testdata/" + folder + "/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no dialogues", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var sent []byte
		for line := range strings.SplitSeq(string(text), "\n") {
			sent = append(sent, sends(line)...)
		}
		all = append(all, sent)
	}
	return all
}

// sentLine is what is sent for a line of a protocol of lines.
func sentLine(f *testing.F) func(string) string {
	return func(line string) string {
		said, ok := strings.CutPrefix(line, ">")
		if !ok {
			return ""
		}
		return unescape(f, strings.TrimPrefix(said, " ")) + "\n"
	}
}

// serveListener runs a listener in memory until the test ends.
func serveListener(t *testing.T, d *Server) *pipeListener {
	t.Helper()
	l := newPipeListener()
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
	})
	return l
}

type dialogue struct {
	t    *testing.T
	at   string
	conn net.Conn
	in   *bufio.Reader
	log  logbook

	toSend  strings.Builder
	sending sync.WaitGroup
	sent    chan struct{} // closed when the latest has been sent; nil if there was none

	mu      sync.Mutex
	respond func() response.Response
	fields  []header.Field
	shown   []string
}

func newDialogue(t *testing.T) *dialogue {
	d := &dialogue{t: t, respond: func() response.Response { return response.Response{Action: helogate.Continue} }}
	d.conn = serveListener(t, &Server{Protocol: &Postfix{}, Judge: d.judge, Log: d.log.logger()}).dial()
	d.in = bufio.NewReader(d.conn)
	return d
}

func (d *dialogue) judge(_ context.Context, f helogate.Facts) response.Response {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown = append(d.shown, factsText(f))
	r := d.respond()
	r.Headers = d.fields
	return r
}

func (d *dialogue) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	if word == ">" {
		d.toSend.WriteString(unescape(d.t, rest) + "\n")
		return
	}
	d.send()
	switch word {
	case "", "#":
	case "judge":
		d.rule(rest)
	case "field":
		d.field(rest)
	case "=":
		d.expect(d.nextShown(), rest)
	case "<":
		got, err := d.in.ReadString('\n')
		if err != nil {
			d.t.Fatalf("%s: %q and %v, want the line %q", d.at, got, err, rest)
		}
		d.expect(strings.TrimSuffix(got, "\n"), rest)
	case "closed":
		d.closed()
	case "log":
		synctest.Wait()
		if !strings.Contains(d.log.String(), rest) {
			d.t.Errorf("%s: the log has no %s:\n%s", d.at, rest, d.log.String())
		}
	default:
		d.t.Fatalf("%s: what is %q?", d.at, line)
	}
}

// send sends, beside all else, but in order: a pipe has no room for what nobody reads yet.
func (d *dialogue) send() {
	text := d.toSend.String()
	d.toSend.Reset()
	if text != "" {
		before, sent := d.sent, make(chan struct{})
		d.sent = sent
		d.sending.Go(func() {
			defer close(sent)
			if before != nil {
				<-before
			}
			io.WriteString(d.conn, text)
		})
	}
}

func (d *dialogue) rule(s string) {
	word := append(strings.SplitN(s, " ", 4), "", "", "")
	code, _ := strconv.Atoi(word[1])
	do, err := helogate.ParseAction(word[0])
	if err != nil && word[0] != "panics" && word[0] != "" {
		d.t.Fatal(err)
	}
	r := response.Response{Action: do, Reply: helogate.Reply{Code: code, Enhanced: word[2], Text: unescape(d.t, word[3])}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.respond = func() response.Response {
		if word[0] == "panics" {
			panic("on purpose")
		}
		return r
	}
}

func (d *dialogue) field(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == "" {
		d.fields = nil
		return
	}
	name, value, _ := strings.Cut(unescape(d.t, s), ": ")
	d.fields = append(slices.Clip(d.fields), header.Field{Name: name, Value: value})
}

func (d *dialogue) nextShown() string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.shown) == 0 {
		return "(nothing was shown to the judge)"
	}
	first := d.shown[0]
	d.shown = d.shown[1:]
	return first
}

func (d *dialogue) expect(got, want string) {
	d.t.Helper()
	if got != want {
		d.t.Errorf("%s:\n got %s\nwant %s", d.at, got, want)
	}
}

func (d *dialogue) closed() {
	if got, err := io.ReadAll(d.in); len(got) > 0 || err != nil {
		d.t.Errorf("%s: %q and %v, want it closed without more", d.at, got, err)
	}
}

func (d *dialogue) end() {
	synctest.Wait()
	if len(d.shown) > 0 {
		d.t.Errorf("%s: judged, and no line says so: %s", d.at, d.shown)
	}
	d.conn.SetReadDeadline(time.Now().Add(time.Second))
	if rest, _ := io.ReadAll(d.in); len(rest) > 0 {
		d.t.Errorf("%s: answered, and no line says so: %q", d.at, rest)
	}
	d.conn.Close()
	d.sending.Wait()
}

func unescape(tb testing.TB, s string) string {
	tb.Helper()
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		tb.Fatalf("%q: %v", s, err)
	}
	return out
}

// factsText is what is set in f.
func factsText(f helogate.Facts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "stage=%s client=%s", f.Stage, f.Client)
	if f.Server.IsValid() {
		fmt.Fprintf(&b, " server=%s", f.Server)
	}
	if f.Verb != "" {
		fmt.Fprintf(&b, " verb=%s", f.Verb)
	}
	for _, field := range [][2]string{
		{"helo", f.Helo}, {"sender", f.Sender}, {"recipient", f.Recipient}, {"auth", f.Auth}, {"session", f.Session},
	} {
		if field[1] != "" {
			fmt.Fprintf(&b, " %s=%q", field[0], field[1])
		}
	}
	if !f.Time.IsZero() || f.Earlier != nil {
		b.WriteString(" and what a listener does not know")
	}
	return b.String()
}
