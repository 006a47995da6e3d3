package list

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/printable"
	"golang.org/x/net/idna"
)

// add adds one entry: a line without comment and surrounding blanks.
func (l *List) add(entry string) error {
	switch {
	case strings.ContainsAny(entry, " \t,;"):
		return fmt.Errorf("%s: write one entry a line, followed by nothing but a # comment", quote(entry))
	case entry == "<>":
		return errors.New(`"<>": a list cannot contain the null sender; use sender == "" in the rule`)
	case strings.Contains(entry, "@"):
		return l.addMailbox(entry)
	case strings.Contains(entry, "/"):
		return l.addPrefix(entry)
	case strings.HasPrefix(entry, "."):
		name, err := canonicalName(entry[1:])
		if err == nil {
			l.suffixes[name] = struct{}{}
		}
		return err
	}
	if a, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		a = a.Unmap().WithZone("")
		l.prefixes.Insert(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	name, err := canonicalName(entry)
	if err == nil {
		l.names[name] = struct{}{}
	}
	return err
}

func (l *List) addPrefix(entry string) error {
	p, err := netip.ParsePrefix(entry)
	if err != nil {
		return fmt.Errorf("%s is not a network: write 192.0.2.0/24 or 2001:db8::/32", quote(entry))
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return fmt.Errorf("%s contains more than IPv4-mapped addresses: write the IPv4 network", quote(entry))
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	// 192.0.2.77/24 may mean the host or the network, which makes a great difference.
	if p != p.Masked() {
		return fmt.Errorf("%s has host bits: the network is %s, the host %s", quote(entry), p.Masked(), p.Addr())
	}
	l.prefixes.Insert(p)
	return nil
}

func (l *List) addMailbox(entry string) error {
	at := strings.LastIndexByte(entry, '@')
	if at == 0 {
		return fmt.Errorf("%s has no local part: for all addresses of a domain write %s", quote(entry), quote(entry[1:]))
	}
	domain := entry[at+1:]
	if _, err := canonicalName(domain); err != nil && !isLiteral(domain) {
		return err
	}
	l.mailboxes[canonicalMailbox(entry, at)] = struct{}{}
	return nil
}

func isLiteral(domain string) bool {
	return len(domain) > 2 && domain[0] == '[' && hostname.ParseHelo(domain).Form == hostname.Literal
}

// canonicalName returns a name in the form of DNS: lower case, without a final dot, in A-labels (RFC 5890).
func canonicalName(s string) (string, error) {
	name := hostname.Canonical(s)
	if strings.HasPrefix(name, "*.") {
		return "", fmt.Errorf("%s: for all names below a domain write %s", quote(s), quote(name[1:]))
	}
	if !isASCII(name) {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("%s is not a valid domain name: %s", quote(s), printable.Text(err.Error(), maxShown))
		}
		name = ascii
	}
	switch h := hostname.ParseHelo(name); h.Form {
	case hostname.FQDN, hostname.SingleLabel, hostname.Private:
		return h.Name, nil
	case hostname.Malformed:
		return "", fmt.Errorf("%s is neither an address, a network, a name nor a mail address: %s", quote(s), h.Why)
	case hostname.BareAddress:
		return "", fmt.Errorf("%s is not a name: write a network as 192.0.2.0/24", quote(s))
	}
	return "", fmt.Errorf("%s is neither an address, a network, a name nor a mail address", quote(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

const maxShown = 60 // octets of an entry in a message

func quote(entry string) string { return printable.Quote(entry, maxShown) }
