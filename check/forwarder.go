package check

import (
	"strings"

	"github.com/helogate/helogate"
)

// ForwarderHost passes mailing lists and relays that forward mail of other servers. Their handshake says nothing about
// the servers that the mail comes from. The mail of a forwarder with Origin is judged by its origin, see ByOrigin; this
// check passes it only where the listener does not know the origin.
func ForwarderHost(entries []Forwarder) helogate.Check {
	cost := helogate.Local
	for i := range entries {
		if len(entries[i].Names) > 0 {
			cost = helogate.Lookup
		}
	}
	refs := refs(entries, (*Forwarder).Ref)
	return helogate.Check{
		Name: "forwarder", Settings: strings.Join(refs, "\n"), Needs: helogate.Connect, Cost: cost, Conclusive: helogate.Pass,
		Doc: "the client is a mailing list or relay of [[forwarder]], which forwards mail of other servers",
		Run: func(c *helogate.Case) helogate.Finding {
			if i := match(c, entries, func(f *Forwarder) *Exemption { return &f.Exemption }); i >= 0 {
				return c.Pass("forwarder %d: %s", i+1, entries[i].Describe()).At(i+1, refs[i])
			}
			return c.None("no forwarder")
		},
	}
}

// ByOrigin returns helogate.Policy.ByOrigin for forwarders: whether a client's mail is judged by the origin that the
// client names. It is nil if no forwarder has Origin.
func ByOrigin(entries []Forwarder) func(*helogate.Facts) bool {
	var believed []Forwarder
	for _, f := range entries {
		if f.Origin {
			believed = append(believed, f)
		}
	}
	if believed == nil {
		return nil
	}
	return func(f *helogate.Facts) bool {
		c := helogate.Case{Facts: *f}
		for i := range believed {
			if e := &believed[i].Exemption; len(e.Addresses) > 0 && len(e.Names) == 0 && e.miss(&c) == missNothing {
				return true
			}
		}
		return false
	}
}
