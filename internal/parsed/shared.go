package parsed

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/printable"
)

// MaxShown is how many octets of a client's text a finding shows, so that the rest of the finding has room.
const MaxShown = 80

// Cut cuts a client's text for a finding.
func Cut(s string) string { return printable.Cut(s, MaxShown) }

// Unroutable returns a finding for a client that DNS cannot judge. A private address is a local client that is not
// configured as one, or something on the way hides the client's address.
func Unroutable(c *helogate.Case) (none helogate.Finding, is bool) {
	if hostname.IsPrivate(c.Client) {
		return c.None("%s is a private address: DNS says nothing of it", c.ClientText()), true
	}
	return none, false
}

// MailHosts yields the hosts that accept mail for a domain: its MX hosts, or the domain itself if it has no MX (RFC
// 5321 section 5.1). It yields nothing for a domain that accepts no mail.
func MailHosts(c *helogate.Case, domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if c.Ask(helogate.MX, domain).Status != helogate.NoData {
			c.MX(domain)(yield)
			return
		}
		if a, b := c.AddressKinds(); c.Exists(domain, a, b) {
			yield(domain)
		}
	}
}

const nibbles = "0123456789abcdef"

// Reversed returns an address in the form of reverse zones and DNS lists, without the zone: its octets, or nibbles
// for IPv6, the last first (RFC 5782 sections 2.1 and 2.4).
func Reversed(a netip.Addr) string {
	if a.Is4() {
		var room [15]byte
		out := room[:0]
		for i, b := range slices.Backward(a.AsSlice()) {
			if out = strconv.AppendUint(out, uint64(b), 10); i > 0 {
				out = append(out, '.')
			}
		}
		return string(out)
	}
	var out [63]byte
	for i, b := range a.As16() {
		at := 4 * (15 - i)
		out[at], out[at+2] = nibbles[b&0xf], nibbles[b>>4]
		if out[at+1] = '.'; i > 0 {
			out[at+3] = '.'
		}
	}
	return string(out[:])
}
