package door

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// requests reads a connection's policy requests. A request is given whole or not at all.
type requests struct {
	conn    net.Conn
	closing func() bool
	max     int           // bytes of a request, its empty line included
	idle    time.Duration // for the first byte
	whole   time.Duration // from there to the last

	buf    []byte // buf[start:end] was read and not yet given
	start  int
	end    int
	since  time.Time // when the first byte of the request in buf came; zero if there is none
	looked bool      // for what had come when the door was closed
}

const (
	smallBuffer = 4 << 10               // what an idle connection costs; most requests fit
	lastLook    = 10 * time.Millisecond // for what is on its way when the door closes
)

// errDone is the end of a connection of which nobody needs to hear: the peer closed between two requests, was idle for
// too long, or the door is closing.
var errDone = errors.New("done")

// broken is what is wrong with a request.
type broken string

func (b broken) Error() string { return string(b) }

// next waits for a request and returns it, with the line ends of all its lines but without the empty one that ends it.
// It is valid until the next call.
func (r *requests) next() ([]byte, error) {
	r.since = time.Time{}
	if r.start == r.end {
		r.start, r.end = 0, 0
		if len(r.buf) > smallBuffer {
			r.buf = nil // an idle connection holds no large one
		}
	}
	for searched := 0; ; {
		have := r.buf[r.start:r.end]
		if n := requestEnd(have, searched); n >= 0 {
			r.start += n + 1
			return have[:n], nil
		}
		searched = len(have)
		if len(have) >= r.max {
			return nil, broken(fmt.Sprintf("a request of more than %d bytes", r.max))
		}
		r.room()
		if err := r.read(); err != nil {
			return nil, err
		}
	}
}

// requestEnd finds where the empty line is that ends the request at the start of b, or -1. The first bytes of b were
// searched before.
func requestEnd(b []byte, searched int) int {
	if len(b) > 0 && b[0] == '\n' {
		return 0
	}
	from := max(0, searched-1)
	if i := bytes.Index(b[from:], []byte("\n\n")); i >= 0 {
		return from + i + 1
	}
	return -1
}

// room makes the buffer such that a byte more fits, and never larger than a request may be.
func (r *requests) room() {
	if r.end < len(r.buf) {
		return
	}
	into := r.buf
	if r.start == 0 {
		into = make([]byte, min(max(2*len(r.buf), smallBuffer), r.max))
	}
	r.end = copy(into, r.buf[r.start:r.end])
	r.start, r.buf = 0, into
}

// read waits for more. A server that closes sets a deadline that is over (see server.shutdown) and so wakes it: part of a
// request is then read to its end; else one last look is taken for a request that came at that moment.
func (r *requests) read() error {
	partial := r.end > r.start
	for {
		now := time.Now()
		deadline := now.Add(r.idle)
		if partial {
			if r.since.IsZero() {
				r.since = now
			}
			deadline = r.since.Add(r.whole)
		}
		r.conn.SetReadDeadline(deadline)
		if !partial && r.closing() { // after setting it: who closes sets his later, or is seen here
			if r.looked {
				return errDone
			}
			r.looked = true
			r.conn.SetReadDeadline(now.Add(lastLook))
		}
		n, err := r.conn.Read(r.buf[r.end:])
		r.end += n
		switch {
		case n > 0: // an error comes again
			if !partial {
				r.since = time.Now()
			}
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && r.closing() && (!partial || time.Now().Before(deadline)):
			continue
		case errors.Is(err, os.ErrDeadlineExceeded) && partial:
			return broken(fmt.Sprintf("a request that was not whole after %s", r.whole))
		case !partial && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF)):
			return errDone
		case err != nil:
			return err
		}
	}
}

// attributes are those of a request that tell something of the client. All else that Postfix sends is passed over, so
// that new versions may send more.
type attributes struct {
	request, protocolState, protocolName, policyContext    []byte
	clientAddress, clientPort, serverAddress, serverPort   []byte
	heloName, sender, recipient, saslUsername, certSubject []byte
	instance                                               []byte
}

// parse reads name=value lines. A value is all between the first "=" and the LF: names that clients give in HELO hold
// spaces, "=", CR and any other byte but LF and NUL. Of an attribute that comes twice, which Postfix never sends, the last
// counts, as with the policy servers in Postfix's documentation.
func (a *attributes) parse(request []byte) error {
	*a = attributes{}
	for number := 1; len(request) > 0; number++ {
		end := bytes.IndexByte(request, '\n')
		line := request[:end]
		request = request[end+1:]
		equals := bytes.IndexByte(line, '=')
		if equals < 0 {
			return broken(fmt.Sprintf(`line %d has no "=": %s`, number, printable.Text(string(line), 80)))
		}
		if to := a.attribute(line[:equals]); to != nil {
			*to = line[equals+1:]
		}
	}
	if string(a.request) != "smtpd_access_policy" {
		return broken(fmt.Sprintf("request is %q, not smtpd_access_policy", printable.Text(string(a.request), 80)))
	}
	return nil
}

func (a *attributes) attribute(name []byte) *[]byte {
	switch string(name) {
	case "request":
		return &a.request
	case "protocol_state":
		return &a.protocolState
	case "protocol_name":
		return &a.protocolName
	case "policy_context":
		return &a.policyContext
	case "client_address":
		return &a.clientAddress
	case "client_port":
		return &a.clientPort
	case "server_address":
		return &a.serverAddress
	case "server_port":
		return &a.serverPort
	case "helo_name":
		return &a.heloName
	case "sender":
		return &a.sender
	case "recipient":
		return &a.recipient
	case "sasl_username":
		return &a.saslUsername
	case "ccert_subject":
		return &a.certSubject
	case "instance":
		return &a.instance
	}
	return nil
}

// facts fills f with what the attributes say, and returns false if they name no client.
//
// A request is judged at the stage that its restriction belongs to, and shows what is known then: with the default
// smtpd_delay_reject Postfix knows the recipient when it asks for smtpd_helo_restrictions, but an answer there must not
// hang on whom Postfix happened to ask about first. Only the login is kept, for whoever has one is known whatever is asked.
//
// The HELO name is raw only while the state is HELO or EHLO. Afterwards Postfix shows it with "?" for what is not
// printable and for any of  <>()\";@ and space: what was "a b" at EHLO is "a?b" at MAIL, and that is no other greeting.
func (a *attributes) facts(f *helogate.Facts, m *memo) bool {
	*f = helogate.Facts{Client: m.client.parse(a.clientAddress)}
	if !f.Client.IsValid() {
		return false
	}
	f.Stage = a.stage()
	f.Server = endpoint(m.server.parse(a.serverAddress), a.serverPort)
	f.Session = session(endpoint(f.Client, a.clientPort))
	f.Auth = a.login()
	if f.Stage >= helogate.Helo && len(a.heloName) > 0 {
		f.Verb, f.Helo = a.verb(), string(a.heloName)
	}
	if f.Stage >= helogate.Mail {
		f.Sender = string(a.sender)
	}
	if f.Stage >= helogate.Rcpt {
		f.Recipient = string(a.recipient)
	}
	return true
}

// stage is where the dialogue is, or what policy_context names, whichever is earlier. Postfix sends policy_context as it
// stands in main.cf: check_policy_service { inet:127.0.0.1:10040, policy_context=helo }.
func (a *attributes) stage() helogate.Stage {
	reached := a.reached()
	switch string(a.policyContext) {
	case "connect", "client":
		return helogate.Connect
	case "helo":
		return min(reached, helogate.Helo)
	case "mail", "sender":
		return min(reached, helogate.Mail)
	}
	return reached // "rcpt", "recipient", "data", "eod", or a word of the administrator's
}

// reached is how far the dialogue has come. From DATA on Postfix shows the recipient only if there is just one.
func (a *attributes) reached() helogate.Stage {
	switch string(a.protocolState) {
	case "CONNECT", "XCLIENT": // XCLIENT: as if another client had just connected
		return helogate.Connect
	case "HELO", "EHLO":
		return helogate.Helo
	case "RCPT":
		return helogate.Rcpt
	case "MAIL":
		return helogate.Mail
	case "DATA", "BDAT", "END-OF-MESSAGE":
		if len(a.recipient) == 0 {
			return helogate.Mail
		}
		return helogate.Rcpt
	}
	switch { // VRFY, ETRN and what is to come: as far as is shown
	case len(a.recipient) > 0:
		return helogate.Rcpt
	case len(a.sender) > 0:
		return helogate.Mail
	case len(a.heloName) > 0:
		return helogate.Helo
	}
	return helogate.Connect
}

// verb is how the client greeted. While it does, protocol_name still tells of the greeting before, or SMTP if there was
// none; the state is what is new.
func (a *attributes) verb() string {
	switch string(a.protocolState) {
	case "HELO":
		return "HELO"
	case "EHLO":
		return "EHLO"
	}
	switch string(a.protocolName) {
	case "ESMTP":
		return "EHLO"
	case "SMTP":
		return "HELO"
	}
	return ""
}

// login is how the client proved who it is. Postfix names a certificate's subject only if it has verified it; a
// fingerprint is sent of any certificate, and proves nothing.
func (a *attributes) login() string {
	switch {
	case len(a.saslUsername) > 0:
		return string(a.saslUsername)
	case len(a.certSubject) > 0:
		return "certificate " + string(a.certSubject)
	}
	return ""
}

// session names a connection for people: "[192.0.2.1]:54321". Without a port it has no name, for all connections of a
// client would share it.
func session(client netip.AddrPort) string {
	if client.Port() == 0 {
		return ""
	}
	var room [64]byte
	b := client.Addr().AppendTo(append(room[:0], '['))
	b = append(b, "]:"...)
	return string(strconv.AppendUint(b, uint64(client.Port()), 10))
}

// endpoint is zero if either half is missing.
func endpoint(a netip.Addr, port []byte) netip.AddrPort {
	n, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil || !a.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(n))
}

// A memo keeps what a connection's last request told: smtpd asks several times about one client, and its own address is
// always the same.
type memo struct{ client, server address }

type address struct {
	text string
	addr netip.Addr
}

// parse returns the address in b, unmapped and without a zone, or the zero Addr.
func (a *address) parse(b []byte) netip.Addr {
	const longest = 64 // 45 bytes of IPv6, and a zone
	if len(b) > longest {
		return netip.Addr{}
	}
	if string(b) != a.text {
		a.text = string(b)
		a.addr, _ = netip.ParseAddr(a.text)
		a.addr = a.addr.WithZone("").Unmap()
	}
	return a.addr
}
