package legacy

import (
	"strconv"
	"strings"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/hostname"
	"github.com/helogate/helogate/internal/parsed"
)

// CSA is Client SMTP Authorization (draft-ietf-marid-csv-csa), a proposal of 2004 that Exim implements. A host says
// by an SRV record of its own name whether it may send, and from which addresses; a domain says whether all sending
// hosts below it have such a record. Exim's own extension looks up an address literal in the reverse zone. The check
// follows Exim 4.96.
var CSA = helogate.Check{
	Name: "csa", Needs: helogate.Helo, Cost: helogate.Lookup, Code: "5.7.1",
	Doc: "HELO's host may send, and is the client, by its CSA record (draft-ietf-marid-csv-csa, as in Exim 4.96)",
	Fix: "use a HELO name whose CSA record has your address",
	Run: func(c *helogate.Case) helogate.Finding {
		if none, is := parsed.Unroutable(c); is {
			return none
		}
		name, parents := csaNames(parsed.Of(c))
		if name == "" {
			return c.None("HELO is neither a name nor an address that CSA covers")
		}
		if own := csaOf(c, name); len(own) > 0 {
			return csaByItself(c, name, own)
		}
		return csaByParents(c, name, parents)
	},
}

// A csaRecord is an SRV record of CSA: one with priority 1, which is the version.
type csaRecord struct {
	weight, port uint64
	target       string
}

// The meanings of a weight.
const (
	csaMaySend    = 2 // a lower weight: it may not
	csaUnprovable = 3 // it may send, from unknown addresses; a higher weight is not defined
)

// csaExplicit is the bit of a port which says that every sending host below this domain has a record.
const csaExplicit = 1

// csaOf returns the records of a name, nil for each record of another version, which counts as present but without
// effect.
func csaOf(c *helogate.Case, name string) []*csaRecord {
	values := c.Values(helogate.SRV, "_client._smtp."+name)
	out := make([]*csaRecord, 0, len(values))
	for _, v := range values {
		out = append(out, csaRead(v))
	}
	return out
}

func csaRead(v string) *csaRecord {
	f := strings.SplitN(v, " ", 4)
	if len(f) != 4 || f[0] != "1" {
		return nil
	}
	weight, wrongWeight := strconv.ParseUint(f[1], 10, 16)
	port, wrongPort := strconv.ParseUint(f[2], 10, 16)
	if wrongWeight != nil || wrongPort != nil {
		return nil
	}
	return &csaRecord{weight, port, f[3]}
}

// csaByItself judges by the host's own records. One record with the client's address is enough.
func csaByItself(c *helogate.Case, name string, records []*csaRecord) helogate.Finding {
	var mayNot, unprovable bool
	targets := 0
	for _, r := range records {
		switch {
		case r == nil || r.weight > csaUnprovable:
		case r.weight == csaUnprovable:
			unprovable = true
		case r.weight < csaMaySend:
			mayNot = true
		default:
			targets++
			if r.target != "." && targets <= maxCSATargets && c.ResolvesBack(r.target) {
				return c.Pass("%s may send from %s by CSA", parsed.Cut(name), c.ClientText())
			}
		}
	}
	switch {
	case unprovable:
		return c.Neutral("%s may send by CSA, which does not say from where", parsed.Cut(name))
	case targets > maxCSATargets:
		return c.Neutral("%s has more CSA records than are followed", parsed.Cut(name))
	case targets > 0:
		return c.Fail("%s may not send from %s by CSA", parsed.Cut(name), c.ClientText())
	case mayNot:
		return c.Fail("%s may not send by CSA", parsed.Cut(name))
	}
	return c.Neutral("%s has a CSA record that says nothing known", parsed.Cut(name))
}

// csaByParents judges a host without a record by the domains above it, the highest first, because its records are
// cached for other hosts of the domain.
func csaByParents(c *helogate.Case, name string, parents []string) helogate.Finding {
	silent := ""
	for _, p := range parents {
		for _, r := range csaOf(c, p) {
			switch {
			case r == nil:
			case r.port&csaExplicit != 0:
				return c.Fail("%s has no CSA record, and by that of %s must have one", parsed.Cut(name), parsed.Cut(p))
			default:
				silent = p
			}
		}
	}
	if silent != "" {
		return c.Neutral("the CSA record of %s says nothing of %s", parsed.Cut(silent), parsed.Cut(name))
	}
	return c.None("%s has no CSA record", parsed.Cut(name))
}

// Limits.
const (
	maxCSAParents = 5
	maxCSATargets = 10
)

// csaNames returns the name to ask about, and the domains above it that belong to the same organisation.
func csaNames(g *parsed.Facts) (name string, parents []string) {
	switch g.Form {
	case hostname.FQDN:
		return g.Name, csaParents(g.Name, g.HeloOrg())
	case hostname.Literal, hostname.BareAddress:
		switch {
		case g.Addr.Is4():
			name = parsed.Reversed(g.Addr) + ".in-addr.arpa"
			return name, csaReverse(name, 1, len("in-addr.arpa"))
		case g.Addr.Is6():
			name = parsed.Reversed(g.Addr) + ".ip6.arpa"
			return name, csaReverse(name, 4, len("ip6.arpa"))
		}
	}
	return "", nil
}

// csaParents returns the domains above a name, from its organisational domain downwards.
func csaParents(name, org string) []string {
	var out []string
	if org == "" {
		return nil
	}
	for at := len(name) - len(org); at > 0 && len(out) < maxCSAParents; at = strings.LastIndexByte(name[:at-1], '.') + 1 {
		out = append(out, name[at:])
	}
	return out
}

// csaReverse returns three parents of a reverse name, of one octet to three, or of 16 bits to 48: the levels at which
// networks are delegated.
func csaReverse(name string, labels, zone int) []string {
	var out []string
	at := len(name) - zone
	for range 3 {
		for range labels {
			at = strings.LastIndexByte(name[:at-1], '.') + 1
		}
		out = append(out, name[at:])
	}
	return out
}
