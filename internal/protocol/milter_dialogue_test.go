package protocol

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// Each file of testdata/milter is a dialogue on one connection, in the lines of testdata/postfix, but for
//
//	> Hmail.example.com\x00        a frame that the MTA sends: the command and its data, without the length
//	< c                            a frame that the listener answers
//	raw \x00\x00\x00               bytes that the MTA sends as they are
//	negotiate                      what Postfix 3.7 and Sendmail 8.17 say first, and what is said to that
//	connect                        192.0.2.25 comes from port 54321
//	greet                          with mail.example.com; both are let pass, and are not to be looked at
//
// Escapes are Go's. In what the judge was shown the session's number is N.
func TestMilterDialogues(t *testing.T) {
	playDialogues(t, "milter", func(t *testing.T, _ string) player { return newMilterDialogue(t) })
}

type milterDialogue struct{ dialogue }

func newMilterDialogue(t *testing.T) *milterDialogue {
	d := &milterDialogue{dialogue{t: t, respond: func() response.Response { return response.Response{Action: helogate.Continue} }}}
	d.conn = serveListener(t, &Server{Protocol: &Milter{Name: "mx.example.net"}, Judge: d.judge, Log: d.log.logger()}).dial()
	d.in = bufio.NewReader(d.conn)
	return d
}

// frame is what is sent of a command and its data.
func frame(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }

const (
	optNeg     = "O\x00\x00\x00\x06\x00\x00\x01\xff\x00\x1f\xff\xff"
	connectMsg = "Cmail.example.com\x004\xd4\x31192.0.2.25\x00"
	heloMsg    = "Hmail.example.com\x00"
	mailMsg    = "M<jane@example.com>\x00"
	rcptMsg    = "R<bob@example.net>\x00"
)

// agreed is the answer to optNeg: what is done, what is not wanted, and what is asked for.
const agreed = "O\x00\x00\x00\x06\x00\x00\x01\x11\x00\x00\x03\xd0" +
	"\x00\x00\x00\x00{daemon_addr} {daemon_port} {if_addr} {client_port}\x00" +
	"\x00\x00\x00\x01{verify} {cert_subject}\x00" +
	"\x00\x00\x00\x02{auth_authen} {verify} {cert_subject}\x00" +
	"\x00\x00\x00\x05i\x00"

func readFrame(in io.Reader) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return "", err
	}
	data := make([]byte, min(binary.BigEndian.Uint32(head[:]), 1<<20))
	_, err := io.ReadFull(in, data)
	return string(data), err
}

// answers expects a frame.
func answers(t *testing.T, in io.Reader, want string) {
	t.Helper()
	if got, err := readFrame(in); got != want || err != nil {
		t.Fatalf("answer %q, %v\nnot %q", got, err, want)
	}
}

// tell sends frames, and expects to hear "continue" for each, or what is agreed.
func tell(t *testing.T, c net.Conn, frames ...string) {
	t.Helper()
	for _, f := range frames {
		io.WriteString(c, frame(f))
		if f == optNeg {
			answers(t, c, agreed)
		} else {
			answers(t, c, "c")
		}
	}
}

func (d *milterDialogue) line(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case ">":
		d.toSend.WriteString(frame(unescape(d.t, rest)))
	case "raw":
		d.toSend.WriteString(unescape(d.t, rest))
	case "<":
		d.send()
		got, err := readFrame(d.in)
		if err != nil {
			d.t.Fatalf("%s: %q and %v, want the frame %s", d.at, got, err, rest)
		}
		d.expect(escape(got), rest)
	case "negotiate":
		d.line("> " + escape(optNeg))
		d.line("< " + escape(agreed))
	case "connect":
		d.pass(connectMsg)
	case "greet":
		d.pass(connectMsg)
		d.pass(heloMsg)
	case "=":
		d.send()
		d.expect(sessionNumber.ReplaceAllString(d.nextShown(), "milter N"), rest)
	default:
		d.dialogue.line(line)
	}
}

// pass has a command judged that is not what the dialogue is about.
func (d *milterDialogue) pass(command string) {
	d.line("> " + escape(command))
	d.line("< c")
	d.nextShown()
}

var sessionNumber = regexp.MustCompile(`milter \d+`)

func escape(s string) string {
	q := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
