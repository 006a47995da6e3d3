package check

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"golang.org/x/net/idna"
)

// A greeting is what the HELO argument says by itself, worked out once for all checks.
type greeting struct {
	hostname.Helo
	org      string // organisational domain of Name
	class    hostname.Class
	classWhy string
	others   []classified // names of the client that were classified
}

type classified struct {
	name, why string
	class     hostname.Class
}

// classOf classifies a name of the client, once for all checks. Most servers greet with the name that they have.
func classOf(c *helogate.Case, name string) (hostname.Class, string) {
	g := greets(c)
	if name == g.Name && g.Kind == hostname.FQDN {
		return g.class, g.classWhy
	}
	for i := range g.others {
		if o := &g.others[i]; o.name == name {
			return o.class, o.why
		}
	}
	class, why := hostname.Classify(name, c.Client)
	g.others = append(g.others, classified{name, why, class})
	return class, why
}

// greets returns what the client's HELO argument says.
func greets(c *helogate.Case) *greeting {
	memo := c.Memo()
	if g, ok := (*memo).(*greeting); ok {
		return g
	}
	g := &greeting{Helo: hostname.ParseHelo(c.Helo)}
	if g.Kind == hostname.FQDN {
		g.org = hostname.Org(g.Name)
		g.class, g.classWhy = hostname.Classify(g.Name, c.Client)
	}
	*memo = g
	return g
}

const maxShown = 80 // bytes of a client's text in a finding; a finding says more than that

// said is the HELO argument, cut for a finding.
func said(c *helogate.Case) string { return clip(c.Helo) }

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return s[:maxShown] + "..."
}

// heloName returns the name that the client greets with, if it is one that DNS can be asked about: not for an address,
// a private name, and what is no name at all. A single label is one, for DNS will say that it does not exist.
func heloName(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	h := greets(c)
	switch h.Kind {
	case hostname.FQDN, hostname.SingleLabel:
		return h.Name, none, true
	case hostname.Private:
		return "", c.None("HELO %s is a private name", said(c)), false
	case hostname.Literal, hostname.BareAddress:
		return "", c.None("HELO %s is an address", said(c)), false
	}
	return "", c.None("there is no name to judge"), false
}

// unroutable is a finding for a client that DNS cannot judge: a private address means that it is ours and nobody said
// so, or that something between us and it hides who it is.
func unroutable(c *helogate.Case) (none helogate.Finding, is bool) {
	if hostname.IsPrivate(c.Client) {
		return c.None("%s is a private address: DNS says nothing of it", c.ClientText()), true
	}
	return none, false
}

// heloAndClient is heloName for checks that hold the name against the client's address: that has to be one that DNS can
// speak of.
func heloAndClient(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	name, none, ok = heloName(c)
	if ok {
		var private bool
		none, private = unroutable(c)
		ok = !private
	}
	return name, none, ok
}

// near reports whether a is in the client's /24 or /64: the same small network, though not the same host.
func near(c *helogate.Case, a netip.Addr) bool {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(c.Client)
}

func isNear(c *helogate.Case, addrs []netip.Addr) bool {
	for _, a := range addrs {
		if near(c, a) {
			return true
		}
	}
	return false
}

// list words addresses for a finding.
func list(addrs []netip.Addr) string {
	const most = 4
	if len(addrs) > most {
		return fmt.Sprintf("%v and %d more", addrs[:most], len(addrs)-most)
	}
	return fmt.Sprint(addrs)
}

// missing words why a name has no addresses of a kind.
func missing(c *helogate.Case, kind helogate.Kind, name string) string {
	if a := c.Ask(kind, name); a.Status == helogate.NXDomain {
		if a.Note != "" {
			return clip(name) + " does not exist (" + a.Note + ")"
		}
		return clip(name) + " does not exist"
	}
	return fmt.Sprintf("%s has no %s record", clip(name), kind)
}

// Mailbox takes an envelope address apart, as it is delivered: without a source route (RFC 5321 appendix C), the local part
// without its quotes (section 4.1.2), the domain as Domain has it.
func Mailbox(address string) (local, domain string) {
	if strings.HasPrefix(address, "@") {
		if _, after, is := strings.Cut(address, ":"); is {
			address = after
		}
	}
	local = address
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		local = address[:at]
	}
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = unescape(local[1 : len(local)-1])
	}
	return local, Domain(address)
}

// unescape undoes the quoted pairs of a quoted string.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Domain returns the domain of an envelope address as DNS knows it, "" if it has none: the null reverse-path, an
// address literal, a local part alone.
func Domain(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	domain := hostname.Canonical(address[at+1:])
	if domain == "" || domain[0] == '[' {
		return ""
	}
	for i := range len(domain) {
		if domain[i] >= 0x80 { // SMTPUTF8 (RFC 6531)
			ascii, err := idna.Lookup.ToASCII(domain)
			if err != nil {
				return ""
			}
			return ascii
		}
	}
	return domain
}

// mailHosts yields the hosts that take mail for a domain: its MX, or itself if it has none (RFC 5321 section 5.1). It
// yields nothing for a domain that takes none.
func mailHosts(c *helogate.Case, domain string) iter.Seq[string] {
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

// isAlias returns what a host is an alias of.
func isAlias(c *helogate.Case, host string) (of string, is bool) {
	if v := c.Values(helogate.CNAME, host); len(v) > 0 {
		return v[0], true
	}
	return "", false
}
