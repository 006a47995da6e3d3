package testdns

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/helogate/helogate"
)

// A behaviour makes the messages to send from the good reply to a request.
type behaviour func(s *Server, good *dns.Msg, r request) [][]byte

// Behaviours returns the first labels that have a meaning below the suffix of [Misbehave]. A name with another label
// there gets the reply of a good server: 192.0.2.66, 2001:db8::66, or ok.<suffix>. In addition there is "slow<n>", a
// reply after n milliseconds.
func Behaviours() []string { return slices.Sorted(maps.Keys(behaviours)) }

var behaviours map[string]behaviour

// In init, because a behaviour may read the table.
func init() {
	behaviours = map[string]behaviour{
		"servfail": rcode(dns.RcodeServerFailure),
		"refused":  rcode(dns.RcodeRefused),
		"formerr":  rcode(dns.RcodeFormatError),
		"notimp":   rcode(dns.RcodeNotImplemented),
		"nx":       rcode(dns.RcodeNameError),
		"drop":     func(*Server, *dns.Msg, request) [][]byte { return nil },

		"tc":         cutOver(false, false), // truncated over UDP, good over TCP
		"tctimeout":  cutOver(false, true),  // and silent over TCP
		"tctc":       cutOver(true, false),  // and truncated over TCP
		"tcbroken":   tcbroken,
		"truncpkt":   onBytes(func(b []byte) []byte { return b[:len(b)-3] }),
		"garbage":    onBytes(func(b []byte) []byte { return append(b[:2:2], strings.Repeat("\xff", 20)...) }),
		"wrongid":    onBytes(func(b []byte) []byte { b[1]++; return b }),
		"noqr":       onBytes(func(b []byte) []byte { b[2] &^= 0x80; return b }),
		"wrongop":    onBytes(func(b []byte) []byte { b[2] |= 0x28; return b }),
		"headeronly": onBytes(func(b []byte) []byte { return binary.BigEndian.AppendUint64(b[:4:4], 0) }),
		"halfcount":  onBytes(func(b []byte) []byte { b[7]++; return b[:len(b):len(b)] }), // one record more than there are
		"ptrloop":    ptrloop,
		"upper":      upper,
		"wrongq":     onMsg(func(m *dns.Msg) { m.Question[0].Name = "other.test." }),
		"wrongtype":  onMsg(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeSRV }),
		"wrongclass": onMsg(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"twoq":       onMsg(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"forged":     forged,
		"noedns":     noedns,
		"noednshdr":  noednsHeader,

		"aa0":       onMsg(func(m *dns.Msg) { m.Authoritative = false }),
		"ttl0":      onMsg(func(m *dns.Msg) { m.Answer[0].Header().Ttl = 0 }),
		"ttlhuge":   onMsg(func(m *dns.Msg) { m.Answer[0].Header().Ttl = 1 << 31 }),
		"empty":     onMsg(func(m *dns.Msg) { m.Answer = nil }),
		"lame":      onMsg(referral),
		"extra":     onMsg(extra),
		"nxdata":    onMsg(func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }),
		"rootptr":   onMsg(func(m *dns.Msg) { m.Answer = []dns.RR{record(m.Question[0].Name, helogate.PTR, ".", time.Minute)} }),
		"cnameloop": onMsg(cnameLoop),
		"selfloop":  onMsg(func(m *dns.Msg) { m.Answer = []dns.RR{alias(m.Question[0].Name, m.Question[0].Name)} }),
		"longchain": onMsg(longChain),
		"dangling":  onMsg(dangling),
	}
}

// known reports whether there is such a behaviour.
func known(name string) bool {
	_, ok := behaviours[name]
	return ok || slow(name) > 0
}

// slow parses "slow250".
func slow(name string) time.Duration {
	var n int
	if rest, ok := strings.CutPrefix(name, "slow"); ok {
		fmt.Sscanf(rest, "%d", &n)
	}
	return time.Duration(n) * time.Millisecond
}

// behaviour returns the behaviour for a request; "" is an answer from the zone.
func (s *Server) behaviour(r request) string {
	if s.always != "" {
		return s.always
	}
	name := strings.ToLower(r.Question[0].Name)
	if s.suffix == "" || !strings.HasSuffix(name, s.suffix) {
		return ""
	}
	first, _, _ := strings.Cut(name, ".")
	if known(first) {
		return first
	}
	return "aa0"
}

func (s *Server) misbehave(name string, r request) [][]byte {
	good := s.answer(r)
	if s.always == "" {
		good = s.stock(r)
	}
	if good = s.rewritten(good, r); good == nil {
		return nil
	}
	if d := slow(name); d > 0 {
		if !s.wait(d) {
			return nil
		}
		return [][]byte{s.pack(good, r)}
	}
	return behaviours[name](s, good, r)
}

// stock returns the good reply for a name below the suffix.
func (s *Server) stock(r request) *dns.Msg {
	m := new(dns.Msg).SetReply(r.Msg)
	m.Authoritative = true
	q := r.Question[0]
	kind := kindOf(q.Qtype)
	ok := "ok" + s.suffix
	value, has := map[helogate.Kind]string{
		helogate.A: "192.0.2.66", helogate.AAAA: "2001:db8::66", helogate.PTR: ok, helogate.MX: "10 " + ok, helogate.TXT: "ok",
		helogate.SRV: "1 2 25 " + ok,
	}[kind]
	if has {
		m.Answer = []dns.RR{record(q.Name, kind, value, time.Minute)}
	} else {
		m.Ns = []dns.RR{soa(time.Minute)}
	}
	return m
}

func rcode(code int) behaviour {
	return onMsg(func(m *dns.Msg) { m.Rcode, m.Answer, m.Ns = code, nil, nil })
}

// onMsg changes the message.
func onMsg(f func(*dns.Msg)) behaviour {
	return func(s *Server, m *dns.Msg, r request) [][]byte {
		f(m)
		return [][]byte{s.pack(m, r)}
	}
}

// onBytes changes the bytes of the message.
func onBytes(f func([]byte) []byte) behaviour {
	return func(s *Server, m *dns.Msg, r request) [][]byte { return [][]byte{f(s.pack(m, r))} }
}

func cutOver(tcpToo, tcpSilent bool) behaviour {
	return func(s *Server, m *dns.Msg, r request) [][]byte {
		switch {
		case r.tcp && tcpSilent:
			return nil
		case !r.tcp || tcpToo:
			m.Truncated, m.Answer = true, nil
		}
		return [][]byte{s.pack(m, r)}
	}
}

// tcbroken truncates in the middle of a record, as some servers do.
func tcbroken(s *Server, m *dns.Msg, r request) [][]byte {
	b := s.pack(m, r)
	if !r.tcp {
		b[2] |= 0x02
		b = b[:len(b)-3]
	}
	return [][]byte{b}
}

// ptrloop sends a record whose name is a pointer to itself.
func ptrloop(s *Server, m *dns.Msg, r request) [][]byte {
	m.Answer, m.Ns, m.Extra = nil, nil, nil
	b := s.pack(m, r)
	b[7] = 1
	at := len(b)
	return [][]byte{append(b, 0xc0, byte(at), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4)}
}

// upper sends the question in upper case.
func upper(s *Server, m *dns.Msg, r request) [][]byte {
	m.Question[0].Name = strings.ToUpper(m.Question[0].Name)
	return [][]byte{s.pack(m, r)}
}

// forged sends replies that do not match the question before the right one.
func forged(s *Server, m *dns.Msg, r request) [][]byte {
	truth := s.pack(m.Copy(), r)
	lie := m.Copy()
	lie.Answer = []dns.RR{record(m.Question[0].Name, helogate.A, "203.0.113.13", time.Hour)}
	id, name := lie.Copy(), lie.Copy()
	id.Id ^= 0x0f0f
	name.Question[0].Name = "other.test."
	return [][]byte{s.pack(id, r), s.pack(name, r), {}, {0}, truth}
}

// noedns does not know EDNS.
func noedns(s *Server, m *dns.Msg, r request) [][]byte {
	if r.IsEdns0() != nil {
		m.Rcode, m.Answer, m.Ns = dns.RcodeFormatError, nil, nil
	}
	m.Extra = nil
	return [][]byte{s.pack(m, r)}
}

// noednsHeader does not know EDNS either, and replies with a bare header.
func noednsHeader(s *Server, m *dns.Msg, r request) [][]byte {
	b := noedns(s, m, r)[0]
	if r.IsEdns0() != nil {
		b = binary.BigEndian.AppendUint64(b[:4:4], 0)
	}
	return [][]byte{b}
}

// referral refers to other servers.
func referral(m *dns.Msg) {
	m.Authoritative, m.Answer = false, nil
	m.Ns = []dns.RR{&dns.NS{
		Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: "ns.test.",
	}}
}

// extra adds records that were not asked for.
func extra(m *dns.Msg) {
	poison := record("bank.test.", helogate.A, "203.0.113.13", time.Hour)
	m.Answer = append(m.Answer, poison)
	m.Ns = append(m.Ns, poison)
	m.Extra = append(m.Extra, poison)
}

func alias(from, to string) dns.RR { return record(from, helogate.CNAME, to, time.Minute) }

func cnameLoop(m *dns.Msg) {
	m.Answer = []dns.RR{alias(m.Question[0].Name, "loop.evil.test."), alias("loop.evil.test.", m.Question[0].Name)}
}

// longChain is longer than a resolver should follow.
func longChain(m *dns.Msg) {
	from := m.Question[0].Name
	m.Answer = nil
	for i := range 30 {
		to := fmt.Sprintf("hop%d.evil.test.", i)
		m.Answer = append(m.Answer, alias(from, to))
		from = to
	}
}

// dangling is an alias without its target, as from a server that knows only its own zone.
func dangling(m *dns.Msg) {
	m.Answer = []dns.RR{alias(m.Question[0].Name, "target.test.")}
}
