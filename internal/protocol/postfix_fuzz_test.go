package protocol

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// A scriptConn gives what a client sends in pieces, and keeps what it is answered.
type scriptConn struct {
	net.Conn // nil: what is not below is not called
	in       []byte
	piece    int
	out      bytes.Buffer
	reads    int // bytes read so far
}

func (c *scriptConn) Read(b []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.in[:min(c.piece, len(c.in))])
	c.in = c.in[n:]
	c.reads += n
	return n, nil
}

func (c *scriptConn) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *scriptConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }

// asked is what a client asked, read in the plainest way: the requests that are whole and well formed, up to the first
// that is not.
func asked(in string, max int) (requests []map[string]string, ends []int) {
	at := 0
	for {
		end := strings.Index("\n"+in[at:], "\n\n")
		if end < 0 || end+1 > max {
			return requests, ends
		}
		attrs := map[string]string{}
		for line := range strings.Lines(in[at : at+end]) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			if !ok {
				return requests, ends
			}
			attrs[name] = value
		}
		if attrs["request"] != "smtpd_access_policy" {
			return requests, ends
		}
		at += end + 1
		requests, ends = append(requests, attrs), append(ends, at)
	}
}

// Whatever comes, in whatever pieces: each request that is whole is answered once, nothing else is, a request is judged
// only when its last byte was read, and what the judge is shown is what was sent.
func FuzzPostfix(f *testing.F) {
	for _, piece := range []uint16{1, 7, 4096} {
		f.Add([]byte(smallRequest), piece)
		f.Add([]byte(smallRequest+smallRequest+smallRequest[:20]), piece)
		f.Add([]byte("\n"), piece)
		f.Add([]byte("request=smtpd_access_policy\nhelo_name\n\n"), piece)
		f.Add([]byte(padded(maxRequest)+padded(maxRequest+1)), piece)
	}
	for _, sent := range sentIn(f, "postfix", sentLine(f)) {
		f.Add(sent, uint16(100))
	}
	f.Fuzz(fuzzPostfix)
}

func fuzzPostfix(t *testing.T, in []byte, piece uint16) {
	requests, ends := asked(string(in), maxRequest)
	conn := &scriptConn{in: in, piece: int(piece)%5000 + 1}
	next := 0
	judge := func(_ context.Context, f helogate.Facts) response.Response {
		for next < len(requests) && !hasClient(requests[next]) { // those are let pass
			next++
		}
		if next == len(requests) {
			t.Fatalf("judged %+v, which was not asked", f)
		}
		if conn.reads < ends[next] {
			t.Fatalf("judged after %d bytes of %d", conn.reads, ends[next])
		}
		sameFacts(t, f, requests[next])
		next++
		return response.Response{Action: helogate.Continue}
	}
	p := &Server{Protocol: &Postfix{}, Judge: judge}
	p.init()
	p.answer(conn)
	if got, want := conn.out.String(), strings.Repeat(dunno, len(requests)); got != want {
		t.Fatalf("%d requests were answered %q", len(requests), got)
	}
	for ; next < len(requests); next++ {
		if hasClient(requests[next]) {
			t.Fatalf("request %d was not judged: %q", next, requests[next])
		}
	}
}

func hasClient(attrs map[string]string) bool {
	return new(address).parse([]byte(attrs["client_address"])).IsValid()
}

// sameFacts holds facts against attributes: what is shown is what was sent, and what the stage has not reached is not
// shown.
func sameFacts(t *testing.T, f helogate.Facts, attrs map[string]string) {
	t.Helper()
	shown := func(s helogate.Stage, name string) string {
		if f.Stage < s {
			return ""
		}
		return attrs[name]
	}
	auth := attrs["sasl_username"]
	if auth == "" && attrs["ccert_subject"] != "" {
		auth = "certificate " + attrs["ccert_subject"]
	}
	if f.Helo != shown(helogate.Helo, "helo_name") || f.Sender != shown(helogate.Mail, "sender") ||
		f.Recipient != shown(helogate.Rcpt, "recipient") || f.Auth != auth ||
		f.Client.Is4In6() || f.Client.Zone() != "" || f.Stage < helogate.Connect || f.Stage > helogate.Rcpt ||
		f.Verb != "" && f.Helo == "" {
		t.Fatalf("shown %s\nof %q", factsText(f), attrs)
	}
}
