package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Settings are what the checks need to know of the place that they run at. The zero value works: a check that needs a
// setting that is not given finds nothing.
type Settings struct {
	Own          Own
	BadHelo      BadHeloList
	Impersonated []string      // domains, with all below them, beside those that the impersonation check knows; canonical
	Exempt       []Exemption   // who is accepted, whatever other checks find
	Forwarders   []Forwarder   // mailing lists and relays that pass on the mail of others
	Trusted      bool          // whether an Asker answers questions of the kind helogate.Trust
	Hammering    bool          // whether one answers those of the kind helogate.Hammering
	Lists        []List        // DNS lists; see ListChecks
	Greylist     Greylisting   // the zero value greylists no client
	Patience     time.Duration // how long a client is deferred for failures of DNS; 0 is without end
	Callout      []NamePattern // the domains whose senders are asked about; none is no callouts. See Callout
}

// Own is what belongs to us: other clients may not say it, and our own are never judged.
type Own struct {
	Names     []string       // host names and domains, with everything below; canonical: lower case, no final dot
	Addresses []netip.Addr   // of our hosts; without a zone, IPv4 not as IPv6
	Ranges    []netip.Prefix // more addresses of our hosts, too many to write down
	Networks  []netip.Prefix // of our clients
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

// An Exemption names clients that are accepted whatever other checks find. Every field that has entries must match, of each
// one entry is enough; one that names nothing matches no client.
type Exemption struct {
	Addresses  []netip.Prefix   // of the client
	Names      []NamePattern    // confirmed PTR names
	Helos      []NamePattern    // what the client says in HELO
	Senders    []MailboxPattern // of the reverse-path; they match no client before MAIL
	Recipients []MailboxPattern // of the forward-path
	Comment    string           // for people; ends the finding
	Until      time.Time        // the first instant at which it is over; zero: for ever
}

// A Forwarder passes on the mail of others. Of the Exemption only Addresses, Names, Comment and Until count.
type Forwarder struct {
	Exemption
	Origin bool // its mail is judged by helogate.Facts.Origin, where that is known; see ByOrigin. It needs Addresses, and no Names
}
