package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// Settings are what the checks need to know of a site. The zero value works: without its setting, a check has the
// outcome none.
type Settings struct {
	Own          Own
	BadHelo      BadHeloList
	Impersonated []string      // domains, with all names below, beside those that the check impersonation knows; canonical
	Exempt       []Exemption   // clients that are accepted, whatever other checks find
	Forwarders   []Forwarder   // mailing lists and relays that forward mail of other servers
	Trusted      bool          // whether an Asker answers questions of the kind helogate.Trust
	Hammering    bool          // whether one answers those of the kind helogate.Hammering
	Lists        []List        // DNS lists; see ListChecks
	Greylist     Greylisting   // the zero value greylists no client
	Patience     time.Duration // how long a client is deferred for DNS failures; 0 is without end
	Callout      []NamePattern // the domains whose senders are asked about; empty is no callouts. See Callout
}

// Own is what is local: local clients are not judged, and other clients cannot use local names and addresses in HELO.
type Own struct {
	Names     []string       // host names and domains, with everything below; canonical: lower case, no final dot
	Addresses []netip.Addr   // of local hosts; without a zone, IPv4 not as IPv6
	Ranges    []netip.Prefix // more addresses of local hosts
	Networks  []netip.Prefix // of local clients
}

// hasAddress reports whether an address is local: a configured one, the one that the client connected to, or a loopback
// address.
func (o *Own) hasAddress(c *helogate.Case, a netip.Addr) bool {
	return a.IsValid() && (a.IsLoopback() || a == c.Server.Addr().Unmap() || slices.Contains(o.Addresses, a) ||
		slices.ContainsFunc(o.Ranges, func(p netip.Prefix) bool { return p.Contains(a) }))
}

// hasClient reports whether the client is local.
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

// domainOf returns the local name that a name is, or is below of.
func (o *Own) domainOf(name string) (string, bool) {
	for _, own := range o.Names {
		if hostname.Under(name, own) {
			return own, true
		}
	}
	return "", false
}

// An Exemption names clients that are accepted whatever other checks find. Each field that has entries must match, by
// at least one of them. An Exemption without entries matches no client.
type Exemption struct {
	Addresses  []netip.Prefix   // of the client
	Names      []NamePattern    // forward-confirmed PTR names
	Helos      []NamePattern    // HELO names
	Senders    []MailboxPattern // envelope senders; they match no client before MAIL
	Recipients []MailboxPattern // envelope recipients; they match no client before RCPT
	Comment    string           // ends the text of the finding
	Until      time.Time        // the end, exclusive; zero is no end
}

// A Forwarder forwards mail of other servers. Of the Exemption only Addresses, Names, Comment and Until count.
type Forwarder struct {
	Exemption
	Origin bool // its mail is judged by helogate.Facts.Origin where that is known, see ByOrigin; needs Addresses, and no Names
}
