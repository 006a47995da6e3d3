package load

import (
	"fmt"
	"net/netip"
)

// A Mail is what a request says about a client at RCPT.
type Mail struct {
	Client                  netip.AddrPort
	Name                    string // of the client as Postfix found it; "unknown" if ""
	Helo, Sender, Recipient string
}

// Request is what Postfix 3.7 sends at RCPT: 29 attributes, some 800 bytes.
func (m Mail) Request() []byte {
	name := m.Name
	if name == "" {
		name = "unknown"
	}
	return fmt.Appendf(nil, `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=%s
client_name=%s
client_port=%d
reverse_client_name=%[2]s
server_address=198.51.100.1
server_port=25
helo_name=%[4]s
sender=%s
recipient=%s
recipient_count=0
queue_id=
instance=49e1.6b008ec4.27697.0
size=100
etrn_domain=
stress=
sasl_method=
sasl_username=
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=
encryption_cipher=
encryption_keysize=0
policy_context=

`, m.Client.Addr(), name, m.Client.Port(), m.Helo, m.Sender, m.Recipient)
}

// Cycle makes the requests of all mails at once, and returns a Next for a Run that sends them in turn, over and over:
// with few mails the clients are soon known to the server, with as many mails as requests each client is new.
func Cycle(mails []Mail) func(n int) []byte {
	requests := make([][]byte, len(mails))
	for i, m := range mails {
		requests[i] = m.Request()
	}
	return func(n int) []byte { return requests[n%len(requests)] }
}

// Clients returns n mails of n clients with consecutive addresses from first on, each with a name and a HELO of its own
// below domain: the eighth address uses c7.example.org as its HELO name.
func Clients(n int, first netip.Addr, domain string) []Mail {
	mails := make([]Mail, n)
	for i, addr := 0, first; i < n; i, addr = i+1, addr.Next() {
		name := fmt.Sprintf("c%d.%s", i, domain)
		mails[i] = Mail{
			Client: netip.AddrPortFrom(addr, uint16(10_000+i%50_000)), Name: name, Helo: name,
			Sender: "a@" + name, Recipient: "u@example.net",
		}
	}
	return mails
}
