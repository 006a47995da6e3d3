// Package parsed parses the facts of a client once for all checks of a judgement, and has functions that checks of
// several packages share.
package parsed

import (
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Facts are parsed facts: HELO, the envelope addresses, and the names of the client. Each is computed when it is
// first needed.
type Facts struct {
	hostname.Helo // of the HELO argument

	client    netip.Addr
	sender    mailbox
	recipient mailbox
	names     []name
	room      [4]name
}

// Of returns the parsed facts of a case.
func Of(c *helogate.Case) *Facts {
	memo, spare := c.Memo()
	if f, ok := (*memo).(*Facts); ok {
		return f
	}
	f, ok := spare.(*Facts)
	if !ok {
		f = new(Facts)
	}
	*f = Facts{Helo: hostname.ParseHelo(c.Helo), client: c.Client}
	f.sender.address, f.recipient.address = c.Sender, c.Recipient
	f.names = f.room[:0]
	*memo = f
	return f
}

// A mailbox is an envelope address.
type mailbox struct {
	address       string
	parsed        bool
	local, domain string
}

func (m *mailbox) parts() (local, domain string) {
	if !m.parsed {
		m.local, m.domain = Mailbox(m.address)
		m.parsed = true
	}
	return m.local, m.domain
}

// Sender returns the parts of the sender address, as Mailbox does.
func (f *Facts) Sender() (local, domain string) { return f.sender.parts() }

// SenderDomain returns the domain of the sender address, "" if it has none.
func (f *Facts) SenderDomain() string { _, domain := f.sender.parts(); return domain }

// Recipient returns the parts of the recipient address, as Mailbox does.
func (f *Facts) Recipient() (local, domain string) { return f.recipient.parts() }

// RecipientDomain returns the domain of the recipient address, "" if it has none.
func (f *Facts) RecipientDomain() string { _, domain := f.recipient.parts(); return domain }

// A name is what is known about a domain name: of HELO, of the client, of the sender.
type name struct {
	text     string
	class    hostname.Class
	org      string
	hasClass bool
	hasOrg   bool
}

// maxNames is how many names of a judgement are kept. A client has at most ten names, HELO and sender have one each.
const maxNames = 16

func (f *Facts) name(text string) *name {
	for i := range f.names {
		if f.names[i].text == text {
			return &f.names[i]
		}
	}
	if len(f.names) == maxNames {
		f.names = f.names[:maxNames-1]
	}
	f.names = append(f.names, name{text: text})
	return &f.names[len(f.names)-1]
}

// Org returns the organisational domain of a canonical name, as hostname.Org does.
func (f *Facts) Org(text string) string {
	n := f.name(text)
	if !n.hasOrg {
		n.org, n.hasOrg = hostname.Org(text), true
	}
	return n.org
}

// HeloOrg returns the organisational domain of the HELO name, "" where it is not an FQDN.
func (f *Facts) HeloOrg() string {
	if f.Form != hostname.FQDN {
		return ""
	}
	return f.Org(f.Name)
}

// Class returns the class of a canonical name of the client, as hostname.Classify does. The result is kept, because
// most servers use the same name in PTR and HELO.
func (f *Facts) Class(text string) hostname.Class {
	n := f.name(text)
	if !n.hasClass {
		n.class, n.org = hostname.ClassAndOrg(text, f.client)
		n.hasClass, n.hasOrg = true, true
	}
	return n.class
}

// Why returns the reason for the class of a name, for a finding with an outcome, or "" if no reason is wanted.
func Why(c *helogate.Case, o helogate.Outcome, text string) string {
	if !c.WantsReason(o) {
		return ""
	}
	_, why := hostname.Classify(text, c.Client)
	return why
}
