package testdns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// questionOf returns the question of a query. A reverse name becomes its address.
func questionOf(q dns.Question) helogate.Question {
	name := canonical(q.Name)
	if q.Qtype == dns.TypePTR {
		if addr, ok := addressOf(name); ok {
			name = addr.String()
		}
	}
	return helogate.Question{Kind: kindOf(q.Qtype), Name: name}
}

// kindOf returns the kind of a type, AnyKind for one that a zone does not have.
func kindOf(qtype uint16) helogate.Kind {
	k, _ := helogate.ParseKind(dns.Type(qtype).String())
	return k
}

func canonical(name string) string {
	name = strings.ToLower(name)
	if len(name) > 1 && dns.IsFqdn(name) {
		name = name[:len(name)-1]
	}
	return name
}

// addressOf parses a reverse name. A name with the labels of RFC 2317 is not one.
func addressOf(name string) (netip.Addr, bool) {
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		octets := strings.Split(v4, ".")
		slices.Reverse(octets)
		addr, err := netip.ParseAddr(strings.Join(octets, "."))
		return addr, err == nil && addr.Is4()
	}
	if v6, ok := strings.CutSuffix(name, ".ip6.arpa"); ok {
		nibbles := strings.Split(v6, ".")
		slices.Reverse(nibbles)
		b, err := hex.DecodeString(strings.Join(nibbles, ""))
		if err != nil || len(b) != 16 || len(nibbles) != 32 {
			return netip.Addr{}, false
		}
		return netip.AddrFrom16([16]byte(b)), true
	}
	return netip.Addr{}, false
}

// maxAliases is where a recursive server stops following. It then answers what it has, and the client sees the loop.
const maxAliases = 12

// answer is the honest reply.
func (s *Server) answer(r request) *dns.Msg {
	m := new(dns.Msg).SetReply(r.Msg)
	m.RecursionAvailable = true
	if opt := r.IsEdns0(); opt != nil {
		m.SetEdns0(dns.DefaultMsgSize, opt.Do())
	}
	owner, authentic := r.Question[0].Name, true
	asked := questionOf(r.Question[0])
	for {
		a := s.at(&asked, owner)
		authentic = authentic && a.Authentic
		switch a.Status {
		case helogate.OK:
			for _, v := range a.Values {
				m.Answer = append(m.Answer, record(owner, asked.Kind, v, a.TTL))
			}
			if kindOf(r.Question[0].Qtype) != asked.Kind && len(m.Answer) < maxAliases && len(a.Values) > 0 {
				owner = dns.Fqdn(a.Values[0])
				asked = helogate.Question{Kind: kindOf(r.Question[0].Qtype), Name: canonical(owner)}
				continue
			}
		case helogate.NXDomain:
			m.Rcode = dns.RcodeNameError
			m.Ns = []dns.RR{soa(a.TTL)}
		case helogate.NoData:
			m.Ns = []dns.RR{soa(a.TTL)}
		default:
			m.Rcode, m.Answer = dns.RcodeServerFailure, nil
		}
		m.AuthenticatedData = authentic && (r.AuthenticatedData || r.IsEdns0() != nil && r.IsEdns0().Do())
		return m
	}
}

// at asks the zone what is at a name, the alias if there is one; then q says so.
func (s *Server) at(q *helogate.Question, owner string) *helogate.Answer {
	if _, err := netip.ParseAddr(q.Name); err == nil && q.Kind == helogate.PTR {
		// A zone keeps PTRs under the address, and an alias of RFC 2317 under the reverse name.
		if a := s.zone.Ask(s.ctx, *q); a.Status != helogate.NXDomain {
			return a
		}
	}
	if q.Kind != helogate.CNAME {
		alias := helogate.Question{Kind: helogate.CNAME, Name: canonical(owner)}
		if a := s.zone.Ask(s.ctx, alias); a.Status == helogate.OK {
			*q = alias
			return a
		}
	}
	return s.zone.Ask(s.ctx, *q)
}

func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

// soa returns a SOA of the root, which proves a negative answer for any name.
func soa(ttl time.Duration) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: seconds(ttl)},
		Ns:  "ns.test.", Mbox: "hostmaster.test.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: seconds(ttl),
	}
}

// record returns the record of a value in the presentation form of an Answer.
func record(owner string, kind helogate.Kind, value string, ttl time.Duration) dns.RR {
	h := dns.RR_Header{Name: owner, Rrtype: dns.StringToType[kind.String()], Class: dns.ClassINET, Ttl: seconds(ttl)}
	switch kind {
	case helogate.A:
		addr, _ := netip.ParseAddr(value)
		return &dns.A{Hdr: h, A: addr.AsSlice()}
	case helogate.AAAA:
		addr, _ := netip.ParseAddr(value)
		return &dns.AAAA{Hdr: h, AAAA: addr.AsSlice()}
	case helogate.MX:
		pref, host, _ := strings.Cut(value, " ")
		n, _ := strconv.ParseUint(pref, 10, 16)
		return &dns.MX{Hdr: h, Preference: uint16(n), Mx: dns.Fqdn(host)}
	case helogate.SRV:
		f := strings.SplitN(value, " ", 4)
		number := func(s string) uint16 { n, _ := strconv.ParseUint(s, 10, 16); return uint16(n) }
		return &dns.SRV{Hdr: h, Priority: number(f[0]), Weight: number(f[1]), Port: number(f[2]), Target: dns.Fqdn(f[3])}
	case helogate.TXT:
		return &dns.TXT{Hdr: h, Txt: pieces(value)}
	case helogate.CNAME:
		return &dns.CNAME{Hdr: h, Target: dns.Fqdn(value)}
	default:
		h.Rrtype = dns.TypePTR
		return &dns.PTR{Hdr: h, Ptr: dns.Fqdn(value)}
	}
}

// pieces splits a text into the strings of a TXT record, at most 255 octets each. An escape is one octet.
func pieces(text string) []string {
	var cut []string
	start, octets := 0, 0
	for i := 0; i < len(text); {
		if octets == 255 {
			cut, start, octets = append(cut, text[start:i]), i, 0
		}
		switch {
		case text[i] != '\\' || i+1 == len(text):
			i++
		case text[i+1] >= '0' && text[i+1] <= '9':
			i = min(i+4, len(text))
		default:
			i += 2
		}
		octets++
	}
	return append(cut, text[start:])
}
