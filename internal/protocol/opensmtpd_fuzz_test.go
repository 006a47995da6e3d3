package protocol

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/response"
)

// asksSMTPD is a request as smtpd writes it, read in the plainest way.
var asksSMTPD = regexp.MustCompile(`(?s)^filter\|\d{1,4}\.\d{1,4}\|[^|]*\|smtp-in\|([^|]+)\|([0-9a-f]{1,16})\|([0-9a-f]{1,16})(\|.*)?$`)

// answersSMTPD is what smtpd takes for an answer (lka_filter.c): anything else ends it.
var answersSMTPD = regexp.MustCompile(`(?s)^filter-result\|([0-9a-f]{1,16}\|[0-9a-f]{1,16})\|(proceed|(reject|disconnect)\|[45]\d\d [45]\.[ -~]{3,500})$`)

// Whatever comes, in whatever pieces: each request is answered once and in a form that smtpd takes, nothing else is
// said, and the lines of messages keep their order.
func FuzzOpenSMTPD(f *testing.F) {
	for _, sent := range sentIn(f, "opensmtpd", sentLine(f)) {
		f.Add(sent, uint16(100), byte(0))
		f.Add(sent, uint16(4096), byte(1))
	}
	f.Add([]byte("config|ready\nfilter|0.6|1|smtp-in|data-line|a|b|"+strings.Repeat("x", 1000)+"\n"), uint16(9), byte(2))
	f.Fuzz(fuzzOpenSMTPD)
}

func fuzzOpenSMTPD(t *testing.T, in []byte, piece uint16, do byte) {
	results, lines := map[string]int{}, []string(nil) // what is to be answered; the lines are those that pass as they are
	registered := false
	for line := range bytes.Lines(in) {
		text, whole := strings.CutSuffix(string(line), "\n")
		if !whole || len(text) > maxSMTPDLine {
			continue
		}
		ask := asksSMTPD.FindStringSubmatch(text)
		switch {
		case !registered:
			registered = text == "config|ready"
		case ask != nil && ask[1] == "data-line":
			lines = append(lines, "filter-dataline|"+ask[2]+"|"+ask[3]+"|"+strings.TrimPrefix(ask[4], "|"))
		case ask != nil:
			results[ask[2]+"|"+ask[3]]++
		}
	}
	var mu sync.Mutex
	judge := func(_ context.Context, f helogate.Facts) response.Response {
		mu.Lock()
		defer mu.Unlock()
		if !f.Client.IsValid() || f.Client.Is4In6() || f.Client.Zone() != "" || f.Session == "" || f.Stage > helogate.Rcpt || f.Stage < helogate.Connect {
			t.Errorf("shown %s", factsText(f))
		}
		return response.Response{
			Action: []helogate.Action{helogate.Continue, helogate.Reject, helogate.Drop, helogate.Defer, helogate.Action(200)}[do%5],
			Reply:  helogate.Reply{Code: 550, Enhanced: "5.7.1", Text: f.Helo + f.Sender},
		}
	}
	answers, ended := playOpenSMTPD(t, &Server{Judge: judge}, in, int(piece)%5000+1)
	if ended {
		return // by a protocol that is too old
	}
	for _, said := range answers {
		m := answersSMTPD.FindStringSubmatch(said)
		switch {
		case strings.HasPrefix(said, "register|"):
		case len(lines) > 0 && said == lines[0]:
			lines = lines[1:]
		case m != nil && results[m[1]] > 0:
			results[m[1]]--
		default:
			t.Fatalf("said %q, which nobody asked for", said)
		}
	}
	for who, n := range results {
		if n != 0 {
			t.Fatalf("%s was not answered", who)
		}
	}
	if len(lines) > 0 {
		t.Fatalf("these lines are lost: %q", lines)
	}
}

// playOpenSMTPD returns what a listener says when all that smtpd sends has come, and all of it is answered.
func playOpenSMTPD(t *testing.T, s *Server, in []byte, piece int) (lines []string, ended bool) {
	var out bytes.Buffer
	s.init()
	o := (&OpenSMTPD{Headers: true}).newConn(s, &out)
	err := o.lines(&scriptConn{in: in, piece: piece})
	if err != ErrGone && !strings.Contains(err.Error(), "this smtpd speaks version") {
		t.Fatal(err)
	}
	<-o.drain()
	o.close()
	text := strings.TrimSuffix(out.String(), "\n")
	if text == "" {
		return nil, err != ErrGone
	}
	return strings.Split(text, "\n"), err != ErrGone
}
