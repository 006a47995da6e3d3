package qmailspp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/helogate/helogate"
)

// errNoDaemon means that no daemon listens.
var errNoDaemon = errors.New("no helogate listens")

// maxAnswer limits what is read of an answer: a verdict with much evidence has some 100 KiB.
const maxAnswer = 1 << 20

// askDaemon asks the daemon at a unix socket. HTTP/1.0 is sufficient: one question per connection, which ends with the
// answer. net/http would take as long to initialise as the question takes.
func askDaemon(ctx context.Context, socket string, within time.Duration, f helogate.Facts) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return Answer{}, errNoDaemon
	}
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	request, err := request(f)
	if err != nil {
		return Answer{}, err
	}
	if _, err := conn.Write(request); err != nil {
		return Answer{}, err
	}
	all, err := io.ReadAll(io.LimitReader(conn, maxAnswer+1))
	if err != nil {
		return Answer{}, err
	}
	if len(all) > maxAnswer {
		return Answer{}, errors.New("the answer is too long")
	}
	return parseAnswer(all)
}

// request is the facts as JSON, as POST /v1/judge wants them.
func request(f helogate.Facts) ([]byte, error) {
	f.Time, f.Earlier = time.Time{}, nil // which are the judge's own
	var record struct {
		Facts json.RawMessage `json:"facts"`
	}
	if err := json.Unmarshal((&helogate.Record{Facts: f}).AppendJSON(nil), &record); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST /v1/judge HTTP/1.0\r\nHost: helogate\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(record.Facts))
	b.Write(record.Facts)
	return b.Bytes(), nil
}

// parseAnswer reads an HTTP answer whole.
func parseAnswer(all []byte) (Answer, error) {
	head, body, ok := bytes.Cut(all, []byte("\r\n\r\n"))
	if !ok {
		return Answer{}, errors.New("closed without a whole answer")
	}
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	word := bytes.Fields(line)
	if len(word) < 2 || !bytes.HasPrefix(word[0], []byte("HTTP/1.")) {
		return Answer{}, errors.New("what answers does not speak HTTP")
	}
	if code, err := strconv.Atoi(string(word[1])); err != nil || code != 200 {
		return Answer{}, fmt.Errorf("answered %q", cut(line, 60))
	}
	var in struct {
		Now *struct {
			Action  helogate.Action `json:"action"`
			Reply   helogate.Reply  `json:"reply"`
			Headers []Field         `json:"headers"`
		} `json:"now"`
	}
	record := new(helogate.Record)
	if err := errors.Join(json.Unmarshal(body, &in), json.Unmarshal(body, record)); err != nil {
		return Answer{}, fmt.Errorf("the answer is no verdict: %w", err)
	}
	if in.Now == nil || !known(in.Now.Action) {
		return Answer{}, errors.New("the answer does not say what to do")
	}
	return Answer{Action: in.Now.Action, Reply: in.Now.Reply, Headers: in.Now.Headers, Record: record}, nil
}

func cut(b []byte, n int) []byte { return b[:min(len(b), n)] }
