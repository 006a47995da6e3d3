package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Settings are what the checks need to know of the place that they run at. The zero value works: checks that need
// something of it find nothing.
type Settings struct {
	Own          Own
	BadHelo      BadHeloList
	Impersonated []string // names, with all below, beside those that the impersonation check knows
	Exempt       []Exemption
	Forwarders   []Forwarder
	Trusted      bool // whether somebody answers questions of the kind helogate.Trust
	Hammering    bool // and of the kind helogate.Hammering
	Lists        []List
	Greylist     Greylisting
	Patience     time.Duration // how long a client is deferred for failures of DNS; 0 is without end
	Callout      []NamePattern // the domains whose senders are asked about; see Callout
}

// Own is what is ours: others may not say it, and it is never judged.
type Own struct {
	Names     []string // host names and domains, with everything below; canonical
	Addresses []netip.Addr
	Ranges    []netip.Prefix // more addresses of ours, too many to write down
	Networks  []netip.Prefix
}

// hasAddress reports whether an address is one that our own hosts answer at: a configured one, the one that the client
// connected to, or a loopback address.
func (o *Own) hasAddress(c *helogate.Case, a netip.Addr) bool {
	return a.IsValid() && (a.IsLoopback() || a == c.Server.Addr().Unmap() || slices.Contains(o.Addresses, a) ||
		slices.ContainsFunc(o.Ranges, func(p netip.Prefix) bool { return p.Contains(a) }))
}

// hasClient reports whether the client is one of ours.
func (o *Own) hasClient(c *helogate.Case) bool {
	if o.hasAddress(c, c.Client) {
		return true
	}
	for _, n := range o.Networks {
		if n.Contains(c.Client) {
			return true
		}
	}
	return false
}

// domainOf returns which of our names a name is, or is below of.
func (o *Own) domainOf(name string) (string, bool) {
	for _, own := range o.Names {
		if hostname.Under(name, own) {
			return own, true
		}
	}
	return "", false
}

// An Exemption names clients that are never judged. All that it names must match, and it must name something.
type Exemption struct {
	Addresses  []netip.Prefix
	Names      []NamePattern // confirmed PTR names
	Helos      []NamePattern // what the client says in HELO
	Senders    []MailboxPattern
	Recipients []MailboxPattern
	Comment    string
	Until      time.Time // the first instant at which it is over; zero: for ever
}

// A Forwarder passes on the mail of others. Of the Exemption its addresses and names count.
type Forwarder struct {
	Exemption
	Origin bool // its mail is judged by helogate.Facts.Origin, where the door shows it; see helogate.Policy.ByOrigin
}
