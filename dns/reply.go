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

// maxAliases is how many CNAMEs are followed. No domain with working mail needs more, and each may cost a query.
const maxAliases = 10

// A link is one CNAME.
type link struct {
	target string
	ttl    uint32
}

// A trail is the path from the name asked to its data, as far as replies have shown it.
type trail struct {
	start     string
	kind      uint16 // the type of record
	links     []link
	ended     bool // its end is known, with a status
	status    helogate.Status
	values    []string
	ttl       uint32 // seconds; of the data, or of the negative answer
	authentic bool   // every reply was authentic
	first     bool   // the first reply, which has the first link, was authentic
	note      string // of a TempFail
}

// name returns the last name on the trail.
func (t trail) name() string {
	if len(t.links) == 0 {
		return t.start
	}
	return t.links[len(t.links)-1].target
}

// read extends the trail with the reply to a query for its last name. It ignores records that are not on the trail. A
// failure is one of this server: another server may do better.
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
	t.links = slices.Clone(t.links) // the caller may read another server's reply into its trail
	for {
		found, err := t.takeRecords(m.Answer)
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

// end ends the trail at a name for which the reply has no record: either that is a negative answer, or this server
// knows no more.
func (t trail) end(m *wire.Msg, moved bool) (trail, *failure) {
	ttl, proof := negativeTTL(m.Ns, t.name())
	switch {
	case m.Rcode == wire.RcodeNameError:
		t.ended, t.status, t.ttl = true, helogate.NXDomain, ttl // of the last name of the chain, RFC 6604 section 3
	case proof:
		t.ended, t.status, t.ttl = true, helogate.NoData, ttl
	case moved:
		// Neither data nor a negative answer: the server does not follow aliases out of its zones. resolve asks on.
	case !m.Authoritative && slices.ContainsFunc(m.Ns, func(rr wire.RR) bool { _, ok := rr.(*wire.NS); return ok }):
		return t, lame // a referral (RFC 2308 section 2.2.1), which a stub does not follow
	default:
		t.ended, t.status, t.ttl = true, helogate.NoData, ttl
	}
	return t, nil
}

// takeRecords takes the records of the trail's last name that were asked for, and reports whether there were any.
func (t *trail) takeRecords(records []wire.RR) (bool, *failure) {
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
		found, ttl = true, min(ttl, validTTL(rr.Header().Ttl))
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

// follow takes one CNAME, and reports whether there was one. Several are an error of the zone (RFC 2181 section
// 10.1); follow takes the first in the alphabet, so that their order has no effect.
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
		if l := (link{canonical(c.Target), validTTL(c.Hdr.Ttl)}); next == nil || l.target < next.target {
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

// A value is the data of one record, and its sort keys.
type value struct {
	text string
	addr netip.Addr
	pref uint16 // the lowest comes first
	load uint16 // of SRV: the weight; the highest comes first (RFC 2782)
	none bool   // the record says that there is no value
}

// valueOf reads a record. ok is false for a record without data, which the wire package accepts because dynamic
// updates have such.
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
		if rr.Ptr == "." { // some zones use the root for "no name"
			return value{none: true}, true
		}
		return value{text: canonical(rr.Ptr)}, rr.Ptr != ""
	}
	return value{}, false
}

// inOrder sorts values, addresses, preferences and weights by number, and drops duplicates.
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
	// maxNegative limits how long a negative answer is cached: by RFC 2308 section 5, one to three hours work well.
	maxNegative = 3 * time.Hour
	// noSOA is for how many seconds a negative answer without SOA is cached. RFC 2308 section 5 would not cache it;
	// but then a client with broken DNS would cost a query a command, and a minute does no harm.
	noSOA = 60
)

// negativeTTL returns for how many seconds a negative answer about name is cached, and whether a SOA proves it (RFC
// 2308 sections 3 and 5). It ignores the SOA of a zone that cannot contain the name.
func negativeTTL(authority []wire.RR, name string) (uint32, bool) {
	for _, rr := range authority {
		soa, ok := rr.(*wire.SOA)
		if ok && soa.Hdr.Class == wire.ClassINET && within(name, canonical(soa.Hdr.Name)) {
			return min(validTTL(soa.Hdr.Ttl), validTTL(soa.Minttl)), true
		}
	}
	return noSOA, false
}

// within reports whether name is zone or below it. It takes care of `\.` before the zone's name; elsewhere a dot that
// ends a label is never part of an escape.
func within(name, zone string) bool {
	if zone == "." || name == zone {
		return true
	}
	rest, ok := strings.CutSuffix(name, "."+zone)
	return ok && wire.IsFqdn(rest+".")
}

// validTTL returns a TTL as RFC 2181 section 8 reads it: zero if the highest bit is set.
func validTTL(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}
