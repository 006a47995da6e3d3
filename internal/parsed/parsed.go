// Package parsed takes apart what a client shows, once for all checks of a judgement, and holds what checks of several
// packages share.
package parsed

import (
	"net/netip"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Facts are what the facts of a case say by themselves: HELO, the envelope addresses, and the names that the client has.
// Each is worked out when it is first asked for.
type Facts struct {
	hostname.Helo // of the HELO argument

	client    netip.Addr
	sender    mailbox
	recipient mailbox
	names     []name
	room      [4]name
}

// Of returns what the facts of a case say.
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

// Sender returns the parts of the reverse-path, as Mailbox does.
func (f *Facts) Sender() (local, domain string) { return f.sender.parts() }

// SenderDomain returns the domain of the reverse-path, "" if it has none.
func (f *Facts) SenderDomain() string { _, domain := f.sender.parts(); return domain }

// Recipient returns the parts of the forward-path, as Mailbox does.
func (f *Facts) Recipient() (local, domain string) { return f.recipient.parts() }

// RecipientDomain returns the domain of the forward-path, "" if it has none.
func (f *Facts) RecipientDomain() string { _, domain := f.recipient.parts(); return domain }

// A name is what is known of a name: of HELO, of the client, of the sender's domain.
type name struct {
	text     string
	class    hostname.Class
	org      string
	hasClass bool
	hasOrg   bool
}

// maxNames of a judgement are kept. A client has ten names at the most, and HELO and sender one each.
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

// HeloOrg returns the organisational domain of the name in HELO, "" where it is no FQDN.
func (f *Facts) HeloOrg() string {
	if f.Form != hostname.FQDN {
		return ""
	}
	return f.Org(f.Name)
}

// Class returns the class of a canonical name that the client has or says, as hostname.Classify does. Most servers greet
// with the name that they have.
func (f *Facts) Class(text string) hostname.Class {
	n := f.name(text)
	if !n.hasClass {
		n.class, n.org = hostname.ClassAndOrg(text, f.client)
		n.hasClass, n.hasOrg = true, true
	}
	return n.class
}

// Why says why a name has its class, for a finding of an outcome.
func Why(c *helogate.Case, o helogate.Outcome, text string) string {
	if !c.WantsReason(o) {
		return ""
	}
	_, why := hostname.Classify(text, c.Client)
	return why
}
