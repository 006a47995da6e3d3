package callout

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A script is a dialogue to the byte, in which a mail host plays its part: lines with CRLF after "S: " or "C: "; a
// quoted string after "S= " is sent as it is; "wait 1s" says nothing for a second; "hang" says nothing more, "close"
// ends the connection. At its end the client is to close.
type script string

// scene is what all scripts have that come to MAIL.
const scene script = `
	S: 220 mx.example.org ESMTP
	C: EHLO mx.example.net
	S: 250-mx.example.org
	S: 250 HELP
	C: MAIL FROM:<>
	`

const quits script = `
	C: QUIT
	S: 221 Bye`

func (s script) play(conn net.Conn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for line := range strings.Lines(strings.TrimSpace(string(s))) {
		who, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch who {
		case "":
		case "S:", "S=":
			text := what + "\r\n"
			if who == "S=" {
				var err error
				if text, err = strconv.Unquote(what); err != nil {
					return err
				}
			}
			if _, err := io.WriteString(conn, text); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				return err
			}
		case "C:":
			got, err := in.ReadString('\n')
			if got != what+"\r\n" {
				return fmt.Errorf("client says %q (%v), not %q", got, err, what)
			}
		case "wait":
			d, err := time.ParseDuration(what)
			if err != nil {
				return err
			}
			time.Sleep(d)
		case "close":
			return nil
		case "hang":
			return ends(in)
		default:
			return fmt.Errorf("what is %q?", line)
		}
	}
	return ends(in)
}

// ends reads to the end, at which there is to be nothing more.
func ends(in io.Reader) error {
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		return fmt.Errorf("client goes on with %q", rest)
	}
	return nil
}

// A world is mail hosts by address: of its scripts each connection plays the next, and the last for ever.
type world struct {
	t  *testing.T
	wg sync.WaitGroup

	mu     sync.Mutex // guards what follows
	hosts  map[string][]script
	dialed []string
}

func newWorld(t *testing.T, hosts map[string][]script) *world { return &world{t: t, hosts: hosts} }

// dial is Config.Dial. Where there is no host, it is refused.
func (w *world) dial(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	addr := to.Addr().String()
	w.dialed = append(w.dialed, addr)
	scripts := w.hosts[addr]
	if len(scripts) == 0 || to.Port() != 25 {
		return nil, fmt.Errorf("dial tcp %s: connection refused", to)
	}
	if len(scripts) > 1 {
		w.hosts[addr] = scripts[1:]
	}
	ours, theirs := net.Pipe()
	w.wg.Go(func() {
		if err := scripts[0].play(theirs); err != nil {
			w.t.Errorf("%s: %v", addr, err)
		}
	})
	return ours, nil
}

// asked returns the addresses that were dialed since it was called last.
func (w *world) asked() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := strings.Join(w.dialed, " ")
	w.dialed = nil
	return out
}

// caller makes a Caller in a world, for the length of a test.
func (w *world) caller(dns string, change func(*Config)) *Caller {
	w.t.Helper()
	config := Config{Helo: "mx.example.net", DNS: helogate.MustZone(dns), Dial: w.dial}
	if change != nil {
		change(&config)
	}
	c, err := newCaller(config, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c.random = func() string { return "nobody" }
	w.t.Cleanup(func() { c.Close(); w.wg.Wait() })
	return c
}

func question(address string) helogate.Question {
	return helogate.Question{Kind: helogate.Callout, Name: address}
}

// ask returns the answer about an address in a word.
func ask(t *testing.T, c *Caller, address string) string {
	return word(c.Ask(t.Context(), question(address)))
}

func word(a *helogate.Answer) string {
	switch {
	case a == nil:
		return "unknown"
	case a.Status == helogate.OK:
		return strings.Join(a.Values, " | ")
	}
	return strings.TrimSuffix(a.Status.String()+": "+a.Note, ": ")
}

// shelf is a store in memory.
type shelf struct {
	state.Store
	mu      sync.Mutex // guards what follows
	records map[string]state.Record
	err     error
}

func newShelf() *shelf { return &shelf{records: map[string]state.Record{}} }

func (s *shelf) Get(_ context.Context, k state.Bucket, key string, now time.Time) (state.Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[string(k)+" "+key]
	return r, ok && now.Before(r.Expires), s.err
}

func (s *shelf) Put(_ context.Context, r state.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.records[string(r.Bucket)+" "+r.Key] = r
	}
	return s.err
}

func (s *shelf) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, key := range []string{"callout example.org", "callout jane@example.org"} {
		if r, ok := s.records[key]; ok {
			fmt.Fprintf(&b, "%s: %s for %s; ", r.Key, r.Value, r.Expires.Sub(r.Last))
		}
	}
	return b.String()
}
