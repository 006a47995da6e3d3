package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

const maxShown = parsed.MaxShown

// said is the HELO argument, cut for a finding.
func said(c *helogate.Case) string { return clip(c.Helo) }

func clip(s string) string { return parsed.Cut(s) }

// heloName returns the name that the client greets with, if it is one that DNS can be asked about: not for an address,
// a private name, and what is no name at all. A single label is one, for DNS will say that it does not exist.
func heloName(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	h := parsed.Of(c)
	switch h.Form {
	case hostname.FQDN, hostname.SingleLabel:
		return h.Name, none, true
	case hostname.Private:
		return "", c.None("HELO %s is a private name", said(c)), false
	case hostname.Literal, hostname.BareAddress:
		return "", c.None("HELO %s is an address", said(c)), false
	}
	return "", c.None("there is no name to judge"), false
}

// heloAndClient is heloName for checks that hold the name against the client's address: that has to be one that DNS can
// speak of.
func heloAndClient(c *helogate.Case) (name string, none helogate.Finding, ok bool) {
	name, none, ok = heloName(c)
	if ok {
		var private bool
		none, private = parsed.Unroutable(c)
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

// addrsOf words the addresses of name that are of the client's family, for a finding of an outcome.
func addrsOf(c *helogate.Case, o helogate.Outcome, name string) string {
	if !c.WantsReason(o) {
		return ""
	}
	return list(slices.Collect(c.Addrs(name)))
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

// isAlias returns what a host is an alias of.
func isAlias(c *helogate.Case, host string) (of string, is bool) {
	if v := c.Values(helogate.CNAME, host); len(v) > 0 {
		return v[0], true
	}
	return "", false
}
