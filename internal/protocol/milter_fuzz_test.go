package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// Whatever comes, in whatever pieces, through our own reader and the library behind it: nothing dies, each command that
// is well formed and in order is judged once and answered once, up to the first that is not; and an answer is one line.
func FuzzMilter(f *testing.F) {
	for _, sent := range sentIn(f, "milter", func(line string) string {
		switch word, rest, _ := strings.Cut(line, " "); word {
		case ">":
			return frame(unescape(f, rest))
		case "negotiate":
			return frame(optNeg)
		case "connect":
			return frame(connectMsg)
		case "greet":
			return frame(connectMsg) + frame(heloMsg)
		}
		return ""
	}) {
		f.Add(sent, uint16(1), byte(0))
		f.Add(sent, uint16(4096), byte(1))
	}
	f.Add([]byte(frame(optNeg)+"\x00\x00\x00\x00"), uint16(3), byte(2))
	f.Add([]byte(frame(optNeg)+frame("LX\x00")), uint16(3), byte(3))
	f.Fuzz(fuzzMilter)
}

func fuzzMilter(t *testing.T, in []byte, piece uint16, do byte) {
	resp := []response.Response{
		{Action: helogate.Continue, Headers: []header.Field{{Name: header.AuthenticationResults, Value: "mx.example.net; none"}, {Name: "X\n", Value: "y"}}},
		{Action: helogate.Reject, Reply: helogate.Reply{Text: "100% \r\n no"}},
		{Action: helogate.Drop}, {Action: helogate.Accept},
	}[do%4]
	wantJudged, wantAnswers := milterOracle(in, resp.Action == helogate.Drop)
	judged := 0
	d := &Server{Protocol: &Milter{Name: "mx.example.net"}, Judge: func(_ context.Context, f helogate.Facts) response.Response {
		judged++
		if !f.Client.IsValid() || f.Client.Is4In6() || f.Client.Zone() != "" || f.Session == "" || strings.ContainsRune(f.Helo+f.Sender+f.Recipient+f.Auth, 0) {
			t.Errorf("shown %s", factsText(f))
		}
		return resp
	}}
	d.init()
	conn := &scriptConn{in: in, piece: int(piece)%5000 + 1}
	d.answer(conn)
	answered := 0
	for out := conn.out.Bytes(); len(out) > 0; {
		n := int(binary.BigEndian.Uint32(out))
		if reply := out[4 : 4+n]; strings.IndexByte("mi", reply[0]) < 0 {
			answered++
			if reply[0] == 'y' && (bytes.ContainsAny(reply, "\r\n") || bytes.IndexByte(reply, 0) != n-1) {
				t.Errorf("answered %q", reply)
			}
		}
		out = out[4+n:]
	}
	if judged != wantJudged || answered != wantAnswers {
		t.Errorf("%d judged and %d answered, want %d and %d", judged, answered, wantJudged, wantAnswers)
	}
}

// milterOracle reads what was sent in the plainest way, and says how many commands are judged, and how many answered.
func milterOracle(in []byte, drops bool) (judged, answered int) {
	var order milterOrder
	var protocol uint32
	noAddress, dropped := false, false
	for len(in) >= 4 {
		n := int(binary.BigEndian.Uint32(in))
		if n == 0 || n > maxFrame || 4+n > len(in) || order.check(in[4:4+n]) != nil {
			break
		}
		code, data := in[4], in[5:4+n]
		in = in[4+n:]
		switch code {
		case 'O':
			protocol = binary.BigEndian.Uint32(data[8:])
			answered++
		case 'K':
			noAddress, dropped = false, false
		case 'C', 'H', 'M', 'R':
			if code == 'C' {
				family := data[bytes.IndexByte(data, 0)+1]
				noAddress, dropped = family != '4' && family != '6', false
			}
			if !noAddress && !dropped {
				judged++
				dropped = drops && code != 'H'
			}
			answered++
		case 'L':
			if protocol&(1<<7) == 0 { // SMFIP_NR_HDR
				answered++
			}
		case 'T', 'N', 'B', 'U', 'E':
			answered++
		case 'Q':
			return judged, answered
		}
	}
	return judged, answered
}

// Whatever a field says, its authserv-id has no end of its own, and who is named plainly is found.
func FuzzAuthservID(f *testing.F) {
	for _, s := range []string{"mx.example.net; none", "(a (b)) \"mx\\.example.net\" 1;", "(", `"`, `\`, "a\x00b", "\u00e9.example; x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id := authservID(s); len(id) > len(s) || strings.ContainsAny(id, "\r\n") {
			t.Errorf("%q: %q", s, id)
		}
		for _, before := range []string{"", " ", "\r\n\t", "(" + strings.Map(func(r rune) rune {
			if strings.ContainsRune(`()\`, r) {
				return -1
			}
			return r
		}, s) + ")"} {
			if !isAuthserv(before+"MX.example.net;"+s, "mx.example.net.") {
				t.Errorf("not found behind %q", before)
			}
		}
	})
}
