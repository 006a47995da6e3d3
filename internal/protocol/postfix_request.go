package protocol

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/printable"
)

// requestEnd returns how many bytes the request at the start of b has, with the empty line that ends it; 0 if that has
// not come. The first bytes of b were searched before.
func requestEnd(b []byte, searched int) (int, error) {
	if len(b) > 0 && b[0] == '\n' {
		return 1, nil
	}
	from := max(0, searched-1)
	if i := bytes.Index(b[from:], []byte("\n\n")); i >= 0 {
		return from + i + 2, nil
	}
	return 0, nil
}

// attributes are those of a request that say something about the client. All others are ignored, so that new versions
// of Postfix may send more.
type attributes struct {
	request, protocolState, protocolName, policyContext    []byte
	clientAddress, clientPort, serverAddress, serverPort   []byte
	heloName, sender, recipient, saslUsername, certSubject []byte
	instance                                               []byte
}

// parse reads a request's name=value lines. A value is all between the first "=" and the LF: names that clients give in
// HELO hold spaces, "=", CR and any other byte but LF and NUL. Of an attribute that comes twice, which Postfix never
// sends, the last counts, as with the policy servers in Postfix's documentation.
func (a *attributes) parse(request []byte) error {
	*a = attributes{}
	request = request[:len(request)-1] // without the empty line
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

// facts sets f to the facts in the attributes, and returns false if they have no client address.
//
// A request is judged at the stage that its restriction belongs to, with what is known then: with the default
// smtpd_delay_reject Postfix knows the recipient when it asks for smtpd_helo_restrictions, but an answer there must not
// depend on the recipient that Postfix happened to ask about first. Only the login is always kept, since it is valid at
// every stage.
//
// The HELO name is raw only while the state is HELO or EHLO. Afterwards Postfix replaces by "?" what is not printable
// and any of <>()\";@ and space: "a b" at EHLO is "a?b" at MAIL, and that is no other HELO name.
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

// stage is where the dialogue is, or what policy_context names, whichever is earlier. Postfix sends policy_context as
// it stands in main.cf: check_policy_service { inet:127.0.0.1:10040, policy_context=helo }.
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
	return reached // "rcpt", "recipient", "data", "eod", or a name that the administrator chose
}

// reached returns how far the dialogue has come. From DATA on Postfix shows the recipient only if there is just one.
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
	switch { // VRFY, ETRN and future states: as far as is shown
	case len(a.recipient) > 0:
		return helogate.Rcpt
	case len(a.sender) > 0:
		return helogate.Mail
	case len(a.heloName) > 0:
		return helogate.Helo
	}
	return helogate.Connect
}

// verb returns HELO or EHLO. While the client sends it, protocol_name still has the one before, or SMTP if there was
// none; the state is current.
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

// login returns the client's proved identity. Postfix names a certificate's subject only if it has verified it; it
// sends a fingerprint of any certificate, which proves nothing.
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

// A memo keeps the addresses of a connection's last request: smtpd asks several times about one client, and its own
// address is always the same.
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
