package dunno

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A pieces reader gives a text in pieces of some size.
type pieces struct {
	in    string
	piece int
	bytes.Buffer
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.in == "" {
		return 0, io.EOF
	}
	n := copy(b, p.in[:min(p.piece, len(p.in))])
	p.in = p.in[n:]
	return n, nil
}

// A request is answered once, when it is whole, whatever the pieces that it comes in.
func TestServe(t *testing.T) {
	const request = "request=smtpd_access_policy\nhelo_name=\n\n"
	for text, want := range map[string]int{
		"":                             0,
		request:                        1,
		request[:len(request)-1]:       0,
		strings.Repeat(request, 1_000): 1_000,
	} {
		for piece := 1; piece <= len(request); piece++ {
			if len(request)%piece != 0 && want > 1 {
				continue // the asker waits for the answer, so no piece has a part of the next request
			}
			c := &pieces{in: text, piece: piece}
			serve(c)
			if got := c.String(); got != strings.Repeat(string(answer), want) {
				t.Fatalf("%d bytes in pieces of %d: %d answers, want %d", len(text), piece, len(got)/len(answer), want)
			}
		}
	}
}
