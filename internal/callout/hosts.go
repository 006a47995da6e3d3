package callout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
)

// hosts returns the mail servers of a domain, in the order of RFC 5321 section 5.1, or a result that is known without
// asking any server.
func (c *Caller) hosts(ctx context.Context, domain string) ([]string, result) {
	a := c.lookUp(ctx, helogate.MX, domain)
	switch {
	case a.Status == helogate.TempFail:
		return nil, result{note: fmt.Sprintf("MX of %s: %s", domain, a.Note)}
	case a.Status == helogate.NXDomain:
		return nil, result{value: refuses + domain + " does not exist"}
	case slices.Contains(a.Values, "0 ."):
		return nil, result{value: refuses + domain + " takes no mail: null MX (RFC 7505)"}
	case len(a.Values) == 0:
		return c.implicit(ctx, domain)
	}
	return mixed(a.Values[:min(len(a.Values), helogate.MaxMX)]), result{}
}

// implicit is the mail host of a domain without an MX: itself, if it has an address.
func (c *Caller) implicit(ctx context.Context, domain string) ([]string, result) {
	for _, kind := range [...]helogate.Kind{helogate.A, helogate.AAAA} {
		if a := c.lookUp(ctx, kind, domain); a.Status == helogate.OK || a.Status == helogate.TempFail {
			return []string{domain}, result{}
		}
	}
	return nil, result{value: refuses + domain + " has neither an MX nor an address"}
}

// mixed returns the hosts of MX values, those of the same preference in random order, to spread the load on them.
func mixed(values []string) []string {
	hosts, preference := make([]string, len(values)), make([]string, len(values))
	for i, v := range values {
		preference[i], hosts[i], _ = strings.Cut(v, " ")
	}
	for i := 0; i < len(hosts); {
		j := i + 1
		for j < len(hosts) && preference[j] == preference[i] {
			j++
		}
		same := hosts[i:j]
		rand.Shuffle(len(same), func(x, y int) { same[x], same[y] = same[y], same[x] })
		i = j
	}
	return hosts
}

// addresses returns the addresses of a mail server that may be asked; note says why there are none. IPv4 comes first,
// since many hosts have IPv6 addresses without IPv6 connectivity.
func (c *Caller) addresses(ctx context.Context, host string) (addrs []netip.Addr, note string) {
	note = host + " does not resolve"
	for _, kind := range [...]helogate.Kind{helogate.A, helogate.AAAA} {
		a := c.lookUp(ctx, kind, host)
		if a.Status == helogate.TempFail {
			note = fmt.Sprintf("%s of %s: %s", kind, host, a.Note)
		}
		for _, v := range a.Values[:min(len(a.Values), helogate.MaxAddrs)] {
			addr, err := netip.ParseAddr(v)
			if err != nil {
				continue
			}
			if addr = addr.Unmap(); c.forbidden(addr) {
				note = fmt.Sprintf("%s is %s, which is never asked: it is an own address, or not public", host, addr)
				continue
			}
			addrs = append(addrs, addr)
		}
	}
	return addrs, note
}

func (c *Caller) lookUp(ctx context.Context, kind helogate.Kind, name string) *helogate.Answer {
	q := helogate.Question{Kind: kind, Name: name}
	if a, ok := c.config.DNS.Known(q); ok {
		return a
	}
	return c.config.DNS.Ask(ctx, q)
}

// notPublic are networks beside those of hostname.IsPrivate in which no foreign mail server is: those that map to or
// tunnel IPv4, which could be private, and those reserved for tests, future use and internal use.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("192.0.0.0/24"),  // RFC 6890
	netip.MustParsePrefix("198.18.0.0/15"), // RFC 2544
	netip.MustParsePrefix("240.0.0.0/4"),   // RFC 1112, with the broadcast address
	netip.MustParsePrefix("::/96"),         // RFC 4291 section 2.5.5.1
	netip.MustParsePrefix("64:ff9b::/96"),  // RFC 6052
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), // RFC 4380
	netip.MustParsePrefix("2002::/16"), // RFC 3056
	netip.MustParsePrefix("fec0::/10"), // RFC 3879
}

// forbidden reports whether no server at an address may be asked. The sender of a mail controls the DNS that leads
// here, and must not make this host connect to its own network.
func (c *Caller) forbidden(a netip.Addr) bool {
	if c.config.AllowLoopback && a.IsLoopback() {
		return false
	}
	in := func(n netip.Prefix) bool { return n.Contains(a) }
	return !a.IsValid() || a.IsMulticast() || hostname.IsPrivate(a) || slices.ContainsFunc(notPublic, in) ||
		slices.Contains(c.own, a) || slices.ContainsFunc(c.config.Networks, in)
}

// interfaces returns the public addresses of this host.
func interfaces() (addrs []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then those of the configuration have to do
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			addrs = append(addrs, p.Addr().Unmap().WithZone(""))
		}
	}
	return addrs
}
