package protocol

import (
	"strconv"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Postfix is the protocol of Postfix's policy delegation (SMTPD_POLICY_README): for each restriction that names the
// service, smtpd sends a request of name=value lines and an empty line, and does what the answer says, "action=DUNNO"
// and an empty line. A connection carries one request after another; pipelined requests are answered in their order.
//
// A client that is not refused is answered DUNNO, never OK. A refusal is answered with code, enhanced code and text, of
// which Postfix makes its reply; Drop has the code 521, after which Postfix closes the connection. PREPEND adds a field
// to the message of a client that is not refused; it is no permit either. In case of an error (not a policy request, a
// panic, no verdict) the connection is closed without an answer: Postfix tries once more, and then does what
// smtpd_policy_service_default_action in main.cf says.
type Postfix struct{ prepended prepended }

const maxRequest = 64 << 10 // bytes

var postfixLimits = limits{
	name: "request", size: maxRequest, // smtpd sends some 800 bytes
	buffer: 4 << 10,
	idle:   15 * time.Minute, // longer than smtpd_policy_service_max_idle (300s), so that smtpd closes first
	whole:  30 * time.Second,
	write:  10 * time.Second,
}

func (*Postfix) missing() string { return "" }

func (p *Postfix) answer(c *conn) error {
	q := newPolicyConn(c, &postfixLimits)
	for p.one(q) {
	}
	return nil
}

// one answers one request. It returns false if the connection must be closed.
func (p *Postfix) one(q *policyConn) bool {
	request, err := q.next()
	if err == nil {
		err = q.attrs.parse(request)
	}
	if err != nil {
		q.unread(err, "not a valid policy request")
		return false
	}
	resp := q.judge()
	if field, ok := p.prepend(&q.attrs, resp); ok {
		q.out = appendPrepend(q.out[:0], field)
	} else {
		q.out = appendAnswer(q.out[:0], resp)
	}
	return q.sendResponse(resp)
}

// A policyConn is the connection of an MTA that sends requests in Postfix's form.
type policyConn struct {
	*conn
	attrs attributes
	memo  memo
	out   []byte
}

func newPolicyConn(c *conn, l *limits) *policyConn {
	c.limits, c.whole = l, requestEnd
	return &policyConn{conn: c}
}

// judge judges the client in the attributes. If they have no address, the client is accepted.
func (q *policyConn) judge() response.Response {
	if q.attrs.facts(&q.facts, &q.memo) {
		return q.conn.judge()
	}
	q.warnNoAddress("client_address", printable.Text(string(q.attrs.clientAddress), 64))
	return response.Response{Action: helogate.Continue}
}

// sendResponse sends the answer in out, and reports whether the MTA accepted it.
func (q *policyConn) sendResponse(r response.Response) bool {
	if len(q.out) == 0 {
		q.noVerdict(r.Action)
		return false
	}
	return q.send(q.out)
}

const dropCode = 521 // Postfix sends it, and closes (RFC 7504 gave it its meaning)

// appendAnswer appends the answer for a response, or nothing if that has none.
func appendAnswer(b []byte, r response.Response) []byte {
	switch r.Action {
	case helogate.Continue, helogate.Accept:
		return append(b, "action=DUNNO\n\n"...)
	case helogate.Defer, helogate.Reject, helogate.Drop:
		reply := refusal(r)
		if r.Action == helogate.Drop {
			reply.Code = dropCode
		}
		b = append(b, "action="...)
		b = strconv.AppendInt(b, int64(reply.Code), 10)
		b = append(b, ' ')
		b = append(b, reply.Enhanced...)
		b = append(b, ' ')
		b = append(b, reply.Text...)
		return append(b, "\n\n"...)
	}
	return b
}
