package protocol

import (
	"strconv"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
	"github.com/helogate/helogate/internal/response"
)

// Postfix is the protocol of Postfix's policy delegation (SMTPD_POLICY_README): for each restriction that names the
// service, smtpd sends a request of name=value lines and an empty line, and does what the answer says, "action=DUNNO" and
// an empty line. A connection carries one request after another; requests sent ahead are answered in their order.
//
// What passes is answered DUNNO, never OK. What is refused is answered with code, enhanced code and text, of which Postfix
// makes its reply; Drop has the code 521, after which Postfix closes. What passes may have a field added to its header by
// PREPEND, which is no permit either. In trouble (what came is no policy request, the judge panicked or has no ruling) the
// connection is closed without an answer: Postfix tries once more, and then does what smtpd_policy_service_default_action
// says in main.cf.
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

// one answers one request. It returns false when the connection is to be closed.
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

// A policyConn is the connection of an MTA that asks in Postfix's form.
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

// judge rules on the client that the attributes name. Where they name none it is let pass.
func (q *policyConn) judge() response.Response {
	if q.attrs.facts(&q.facts, &q.memo) {
		return q.conn.judge()
	}
	q.warnNoAddress("client_address", printable.Text(string(q.attrs.clientAddress), 64))
	return response.Response{Action: helogate.Continue}
}

// sayRuling says what a ruling was worded as, and reports whether that was said.
func (q *policyConn) sendResponse(r response.Response) bool {
	if len(q.out) == 0 {
		q.noVerdict(r.Action)
		return false
	}
	return q.send(q.out)
}

const dropCode = 521 // Postfix sends it, and closes (RFC 7504 gave it its meaning)

// appendAnswer words a ruling, or appends nothing where there is none.
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
