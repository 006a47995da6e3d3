package dns

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// maxAliases is how many CNAMEs are followed. Nobody who wants mail needs more, and each may cost a query.
const maxAliases = 10

// A link is one CNAME.
type link struct {
	target string
	ttl    uint32
}

// A trail is the way from the name asked to its data, as far as the replies have shown it.
type trail struct {
	start     string
	kind      uint16 // what is looked for
	links     []link
	ended     bool // its end is known: a status
	status    helogate.Status
	values    []string
	ttl       uint32 // seconds; of the data, or of the proof that there are none
	authentic bool   // every reply was
	first     bool   // the first reply was: that is the one with the first link
	note      string // of a TempFail
}

// name is where the trail has come to.
func (t trail) name() string {
	if len(t.links) == 0 {
		return t.start
	}
	return t.links[len(t.links)-1].target
}

// read follows the trail through the reply to a query for its name. What is not on the trail is not looked at. The
// failures it gives are the server's, and another may do better.
func (t trail) read(m *wire.Msg, trusted bool) (trail, *failure) {
	if m.Rcode != wire.RcodeSuccess && m.Rcode != wire.RcodeNameError {
		return t, rcodeFailure(m.Rcode)
	}
	asked := len(t.links)
	authentic := m.AuthenticatedData && trusted
	if asked == 0 {
		t.first, t.authentic = authentic, authentic
	}
	t.authentic = t.authentic && authentic
	t.links = slices.Clone(t.links) // the caller's trail may be read into again, from another server's reply
	for {
		found, err := t.gather(m.Answer)
		if err != nil {
			return t, err
		}
		if found && m.Rcode == wire.RcodeNameError {
			return t, senseless // data of a name that does not exist
		}
		if found {
			return t, nil
		}
		more, err := t.follow(m.Answer)
		if err != nil {
			return t, err
		}
		if t.ended {
			return t, nil
		}
		if !more {
			return t.end(m, len(t.links) > asked)
		}
	}
}

// end is the trail at a name about which the reply has no record: is that a no, or only all that this server knows?
func (t trail) end(m *wire.Msg, moved bool) (trail, *failure) {
	ttl, proof := negativeTTL(m.Ns, t.name())
	switch {
	case m.Rcode == wire.RcodeNameError:
		t.ended, t.status, t.ttl = true, helogate.NXDomain, ttl // of the last name of the chain, RFC 6604 section 3
	case proof:
		t.ended, t.status, t.ttl = true, helogate.NoData, ttl
	case moved:
		// Neither data nor proof: the server does not follow aliases out of its zones. The alias's end is asked for.
	case !m.Authoritative && slices.ContainsFunc(m.Ns, func(rr wire.RR) bool { _, ok := rr.(*wire.NS); return ok }):
		return t, lame // a referral (RFC 2308 section 2.2.1): it says who knows, and we do not go there
	default:
		t.ended, t.status, t.ttl = true, helogate.NoData, ttl
	}
	return t, nil
}

// gather takes the records of the trail's name that were asked for, and says whether there were any.
func (t *trail) gather(records []wire.RR) (bool, *failure) {
	name, ttl, found := t.name(), uint32(math.MaxUint32), false
	var values []value
	for _, rr := range records {
		if h := rr.Header(); h.Rrtype != t.kind || h.Class != wire.ClassINET || canonical(h.Name) != name {
			continue
		}
		v, ok := valueOf(rr)
		if !ok {
			return false, senseless
		}
		found, ttl = true, min(ttl, sane(rr.Header().Ttl))
		if !v.none {
			values = append(values, v)
		}
	}
	if !found {
		return false, nil
	}
	t.ended, t.status, t.ttl = true, helogate.NoData, ttl
	if len(values) > 0 {
		t.status, t.values = helogate.OK, inOrder(values)
	}
	return true, nil
}

// follow takes one CNAME, and says whether there was one. Of several, which is an error of the zone (RFC 2181 section
// 10.1), it takes the first in the alphabet, so that their order changes nothing.
func (t *trail) follow(records []wire.RR) (bool, *failure) {
	name := t.name()
	var next *link
	for _, rr := range records {
		c, ok := rr.(*wire.CNAME)
		if !ok || c.Hdr.Class != wire.ClassINET || canonical(c.Hdr.Name) != name {
			continue
		}
		if c.Target == "" {
			return false, senseless
		}
		if l := (link{canonical(c.Target), sane(c.Hdr.Ttl)}); next == nil || l.target < next.target {
			next = &l
		}
	}
	if next == nil {
		return false, nil
	}
	looped := next.target == t.start || slices.ContainsFunc(t.links, func(l link) bool { return l.target == next.target })
	t.links = append(t.links, *next)
	switch {
	case looped:
		t.ended, t.status, t.note = true, helogate.TempFail, "cname loop at "+next.target
	case len(t.links) > maxAliases:
		t.ended, t.status, t.note = true, helogate.TempFail, fmt.Sprintf("more than %d aliases, from %s on", maxAliases, t.start)
	}
	return true, nil
}

// A value is one record's data, and what it is sorted by.
type value struct {
	text string
	addr netip.Addr
	pref uint16 // the least comes first
	load uint16 // of SRV: the weight, and the greatest comes first (RFC 2782)
	none bool   // the record says that there is nothing
}

// valueOf reads a record. It is not ok if the record has no data at all, which the wire package lets pass, since
// dynamic updates have such.
func valueOf(rr wire.RR) (value, bool) {
	switch rr := rr.(type) {
	case *wire.A:
		a, ok := netip.AddrFromSlice(rr.A.To4())
		return value{text: a.String(), addr: a}, ok
	case *wire.AAAA:
		a, ok := netip.AddrFromSlice(rr.AAAA)
		return value{text: a.String(), addr: a}, ok
	case *wire.MX:
		host := canonical(rr.Mx)
		return value{text: strconv.Itoa(int(rr.Preference)) + " " + host, pref: rr.Preference}, rr.Mx != ""
	case *wire.SRV:
		text := fmt.Sprintf("%d %d %d %s", rr.Priority, rr.Weight, rr.Port, canonical(rr.Target))
		return value{text: text, pref: rr.Priority, load: rr.Weight}, rr.Target != ""
	case *wire.TXT:
		return value{text: strings.Join(rr.Txt, "")}, len(rr.Txt) > 0
	case *wire.PTR:
		if rr.Ptr == "." { // some say "no name" with the root
			return value{none: true}, true
		}
		return value{text: canonical(rr.Ptr)}, rr.Ptr != ""
	}
	return value{}, false
}

// inOrder sorts values, addresses, preferences and weights by number, and drops what is there twice.
func inOrder(values []value) []string {
	slices.SortFunc(values, func(a, b value) int {
		return cmp.Or(a.addr.Compare(b.addr), cmp.Compare(a.pref, b.pref), cmp.Compare(b.load, a.load), strings.Compare(a.text, b.text))
	})
	values = slices.Compact(values)
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.text
	}
	return texts
}

const (
	// maxNegative bounds how long a no is believed: RFC 2308 section 5 found one to three hours to work well.
	maxNegative = 3 * time.Hour
	// noSOA is how long a no without SOA is believed, in seconds. RFC 2308 section 5 would not cache it at all; but
	// then a client with broken DNS costs a query a command, and a minute hurts nobody.
	noSOA = 60
)

// negativeTTL is how long a no about name holds, in seconds, and whether a SOA proves it (RFC 2308 sections 3 and 5). A
// SOA of a zone in which the name cannot be says nothing.
func negativeTTL(authority []wire.RR, name string) (uint32, bool) {
	for _, rr := range authority {
		soa, ok := rr.(*wire.SOA)
		if ok && soa.Hdr.Class == wire.ClassINET && within(name, canonical(soa.Hdr.Name)) {
			return min(sane(soa.Hdr.Ttl), sane(soa.Minttl)), true
		}
	}
	return noSOA, false
}

// within says whether name is zone or below it. A dot that ends a label is never part of an escape when the name before
// it is whole, and `\.` before the zone's name is seen to.
func within(name, zone string) bool {
	if zone == "." || name == zone {
		return true
	}
	rest, ok := strings.CutSuffix(name, "."+zone)
	return ok && wire.IsFqdn(rest+".")
}

// sane is a TTL as RFC 2181 section 8 reads it: with the highest bit set it is zero.
func sane(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}
