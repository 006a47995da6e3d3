package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

const maxShown = parsed.MaxShown

// helo returns the HELO argument as a finding shows it.
func helo(c *helogate.Case) string { return printed(c.Helo) }

// printed returns text of the client or of DNS as a finding shows it: escaped and cut.
func printed(s string) string { return parsed.Cut(s) }

// heloName returns the HELO name if DNS can be asked about it: ok is true for an FQDN and for a single label, of which
// DNS says that it does not exist. For all else ok is false, and none is the finding that says why.
func heloName(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	h := parsed.Of(c)
	switch h.Form {
	case hostname.FQDN, hostname.SingleLabel:
		return h.Name, none, true
	case hostname.Private:
		return "", c.None("HELO %s is a private name", helo(c)), false
	case hostname.Literal, hostname.BareAddress:
		return "", c.None("HELO %s is an address", helo(c)), false
	}
	return "", c.None("HELO has no name to judge"), false
}

// heloAndClient is heloName for checks that compare the name with the client's address, which must be a public one.
func heloAndClient(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	name, none, ok = heloName(c)
	if ok {
		var private bool
		none, private = parsed.Unroutable(c)
		ok = !private
	}
	return name, none, ok
}

// near reports whether a is in the client's /24 (IPv4) or /64 (IPv6).
func near(c *helogate.Case, a netip.Addr) bool {
	bits := 24
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(c.Client)
}

// isNear reports whether name has an address that is near the client's.
func isNear(c *helogate.Case, name string) bool {
	for a := range c.Addrs(name) {
		if near(c, a) {
			return true
		}
	}
	return false
}

// hasAddrs reports whether name has an address of the client's family.
func hasAddrs(c *helogate.Case, name string) bool {
	for range c.Addrs(name) {
		return true
	}
	return false
}

// addrsOf lists the addresses of name that are of the client's family, for a finding with outcome o.
func addrsOf(c *helogate.Case, o helogate.Outcome, name string) string {
	if !c.WantsReason(o) {
		return ""
	}
	return list(slices.Collect(c.Addrs(name)))
}

// list lists addresses for a finding: "192.0.2.1, 192.0.2.2 and 3 more".
func list(addrs []netip.Addr) string {
	const most = 4
	s := strings.Join(texts(nil, addrs[:min(len(addrs), most)]), ", ")
	if n := len(addrs) - most; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// missing says why a name has no records of a kind: "gone.example does not exist".
func missing(c *helogate.Case, kind helogate.Kind, name string) string {
	return printed(name) + " " + lacks(c, kind, name)
}

// lacks is missing without the name.
func lacks(c *helogate.Case, kind helogate.Kind, name string) string {
	a := c.Ask(kind, name)
	switch {
	case a.Status != helogate.NXDomain:
		return "has no " + kind.String() + " record"
	case a.Note != "":
		return "does not exist (" + a.Note + ")"
	}
	return "does not exist"
}

// isAlias returns the name that a host is an alias of, if it is one (CNAME).
func isAlias(c *helogate.Case, host string) (of string, is bool) {
	if v := c.Values(helogate.CNAME, host); len(v) > 0 {
		return v[0], true
	}
	return "", false
}
