package check

import (
	"strings"

	"github.com/helogate/helogate"
)

// ForwarderHost lets in mailing lists and relays that pass on the mail of others: judged by their own handshake, all of it
// would be what they are. One whose mail is judged by its origin is let in only where the listener does not show that.
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
		Doc: "the client is a mailing list or relay that passes on the mail of others, who are not here to be judged",
		Run: func(c *helogate.Case) helogate.Finding {
			if i := match(c, entries, func(f *Forwarder) *Exemption { return &f.Exemption }); i >= 0 {
				return c.Pass("forwarder %d: %s", i+1, entries[i].Describe()).At(i+1, refs[i])
			}
			return c.None("no forwarder")
		},
	}
}

// ByOrigin is helogate.Policy.ByOrigin for forwarders: which clients are judged by who they say they have the mail from.
// It is nil if there are none.
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
