package protocol

import (
	"slices"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// Exim is the protocol of Exim's ${readsocket}. Exim has no policy protocol: an ACL, which docs/exim has, sends a request in
// Postfix's form, shuts down its side, and reads all that comes until the connection is closed. So a connection has one
// request and one answer.
//
// The answer is Postfix's, and what is to be added to the message's header comes with it, a line a field:
//
//	action=DUNNO
//	header=X-Helogate: id=4tbf2n0w6q8zc; action=continue; score=0
//	(an empty line)
//
// The empty line says that the answer is whole, for Exim cannot tell an answer from a part of one. In trouble the
// connection is closed without an answer, which Exim takes for an empty one, and does what the ACL then says.
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
	// Exim sends it at once and nothing after it. If there is more, some attribute's text had an empty line in it, and what
	// came before that is not to be believed.
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

// appendEximAnswer words a ruling, or appends nothing where there is none. At RCPT all is known that a field can say: one
// that was given before would stand beside it.
func appendEximAnswer(b []byte, r response.Response, at helogate.Stage) []byte {
	b = appendAnswer(b, r)
	if at < helogate.Rcpt || r.Action != helogate.Continue && r.Action != helogate.Accept {
		return b
	}
	b = b[:len(b)-len("\n")]
	for _, f := range slices.Backward(r.Headers) { // each goes on top of those before it
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
