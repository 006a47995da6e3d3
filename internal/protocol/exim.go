package protocol

import (
	"slices"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// Exim is the protocol of Exim's ${readsocket}. Exim has no policy protocol: an ACL, which is in docs/exim, sends a
// request in Postfix's form, shuts down its side, and reads until the connection is closed. So a connection has one
// request and one answer.
//
// The answer is Postfix's, followed by the header fields to add, one on a line:
//
//	action=DUNNO
//	header=X-Helogate: id=4tbf2n0w6q8zc; action=continue; score=0
//	(an empty line)
//
// The empty line marks a complete answer, since Exim cannot tell one from a part. In case of an error the connection is
// closed without an answer, and the ACL decides what happens.
type Exim struct{}

var eximLimits = limits{
	name: "request", size: maxRequest, // the ACL's has some 400 bytes
	buffer: 4 << 10,
	idle:   10 * time.Second,
	whole:  10 * time.Second,
	write:  10 * time.Second,
}

func (*Exim) missing() string { return "" }

func (*Exim) answer(c *conn) error {
	q := newPolicyConn(c, &eximLimits)
	request, err := q.next()
	if err == nil {
		err = q.attrs.parse(request)
	}
	// Exim sends one request and nothing after it. If there is more, an attribute's text contained an empty line, and
	// the part before it cannot be trusted.
	if err == nil && c.start < c.end {
		err = broken("there is more after the request")
	}
	if err != nil {
		q.unread(err, "not a valid request of Exim's ACL")
		return nil
	}
	resp := q.judge()
	q.out = appendEximAnswer(nil, resp, q.facts.Stage)
	q.sendResponse(resp)
	return nil
}

// appendEximAnswer appends the answer for a response, or nothing if that has none. Fields are added at RCPT, where
// everything is known: fields from an earlier stage would remain beside them.
func appendEximAnswer(b []byte, r response.Response, at helogate.Stage) []byte {
	b = appendAnswer(b, r)
	if at < helogate.Rcpt || r.Action != helogate.Continue && r.Action != helogate.Accept {
		return b
	}
	b = b[:len(b)-len("\n")]
	for _, f := range slices.Backward(r.Headers) { // Exim puts each on top of those before it
		if isField(f) {
			b = append(b, "header="...)
			b = append(b, f.Name...)
			b = append(b, ": "...)
			b = append(b, oneLine(f.Value, header.MaxField-len(f.Name)-len(": "))...)
			b = append(b, '\n')
		}
	}
	return append(b, '\n')
}
