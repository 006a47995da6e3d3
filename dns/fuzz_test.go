package dns

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	wire "github.com/miekg/dns"

	"github.com/helogate/helogate"
)

var kinds = []helogate.Kind{helogate.A, helogate.AAAA, helogate.MX, helogate.TXT, helogate.PTR, helogate.CNAME, helogate.SRV}

// FuzzReply replies with arbitrary bytes to a query. Nothing panics; a reply that does not match the question is
// ignored; values are canonical, whatever the server wrote.
func FuzzReply(f *testing.F) {
	for i, kind := range kinds {
		for _, rcode := range []int{wire.RcodeSuccess, wire.RcodeNameError, wire.RcodeServerFailure} {
			q, _ := plan(helogate.Question{Kind: kind, Name: map[bool]string{true: "192.0.2.1", false: "a.test"}[kind == helogate.PTR]})
			f.Add(uint8(i), seedReply(q, rcode))
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, reply []byte) {
		kind := kinds[int(n)%len(kinds)]
		q, err := plan(helogate.Question{Kind: kind, Name: map[bool]string{true: "192.0.2.1", false: "a.test"}[kind == helogate.PTR]})
		if err != nil {
			t.Fatal(err)
		}
		sent := q.pack(options{edns: true})
		if len(reply) >= 2 {
			copy(reply, sent[:2]) // a forger who guessed the id
		}
		got := compare(sent, reply)
		if got == unrelated {
			return
		}
		if !bytes.Equal(reply[:2], sent[:2]) || reply[2]&0x80 == 0 || reply[2]&0x78 != 0 {
			t.Fatal("believed, and does not fit")
		}
		if asked := binary.BigEndian.Uint16(reply[4:]); asked == 1 && !bytes.EqualFold(question(sent), question(reply)) || asked > 1 {
			t.Fatal("believed, and the question does not fit")
		}
		m, ok := parse(reply)
		if !ok {
			return
		}
		r := &Resolver{config: Config{MaxTTL: 1 << 40, FailTTL: 1}}
		read, failure := trail{start: q.name, kind: q.kind}.read(m, false)
		switch {
		case failure != nil:
			return
		case !read.ended:
			if _, err := newQuery(read.name(), q.kind); err != nil {
				t.Fatalf("cannot ask for %q: %v", read.name(), err)
			}
			return
		}
		e := r.found(read)
		checkAnswer(t, map[bool]helogate.Kind{true: helogate.A, false: kind}[kind == helogate.CNAME], &e.answer)
		if e.alias != nil {
			checkAnswer(t, helogate.CNAME, e.alias)
		}
	})
}

// seedReply is a correct reply with records of all kinds.
func seedReply(q query, rcode int) []byte {
	m := new(wire.Msg)
	m.Id, m.Response, m.Rcode = 1, true, rcode
	m.Question = []wire.Question{{Name: wire.Fqdn(q.name), Qtype: q.kind, Qclass: wire.ClassINET}}
	h := func(name string, kind uint16) wire.RR_Header {
		return wire.RR_Header{Name: name, Rrtype: kind, Class: wire.ClassINET, Ttl: 60}
	}
	if rcode == wire.RcodeSuccess {
		m.Answer = []wire.RR{
			&wire.CNAME{Hdr: h(wire.Fqdn(q.name), wire.TypeCNAME), Target: "b.test."},
			&wire.A{Hdr: h("b.test.", wire.TypeA), A: []byte{192, 0, 2, 1}},
			&wire.AAAA{Hdr: h("b.test.", wire.TypeAAAA), AAAA: make([]byte, 16)},
			&wire.MX{Hdr: h("b.test.", wire.TypeMX), Mx: "."},
			&wire.TXT{Hdr: h("b.test.", wire.TypeTXT), Txt: []string{"a", `\000"`}},
			&wire.SRV{Hdr: h("b.test.", wire.TypeSRV), Priority: 1, Weight: 2, Port: 25, Target: `X\ y.test.`},
			&wire.SRV{Hdr: h("b.test.", wire.TypeSRV), Target: "."},
			&wire.PTR{Hdr: h("b.test.", wire.TypePTR), Ptr: `X\.y.test.`},
		}
	}
	m.Ns = []wire.RR{&wire.SOA{Hdr: h("test.", wire.TypeSOA), Ns: ".", Mbox: ".", Minttl: 1}}
	m.SetEdns0(1232, true)
	b, _ := m.Pack()
	return b
}

// checkAnswer checks an answer against the documentation of Question and Answer.
func checkAnswer(t *testing.T, kind helogate.Kind, a *helogate.Answer) {
	t.Helper()
	if (a.Status == helogate.OK) != (len(a.Values) > 0) || a.TTL < 0 || a.Authentic {
		t.Fatalf("%s with %q, TTL %v, authentic %v", a.Status, a.Values, a.TTL, a.Authentic)
	}
	for i, v := range append(slices.Clone(a.Values), a.Note) {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q is not for printing", v)
		}
		if i < len(a.Values) && slices.Index(a.Values, v) != i {
			t.Fatalf("%q is there twice", v)
		}
	}
	if kind == helogate.CNAME && len(a.Values) > 1 {
		t.Fatalf("an alias of %q", a.Values)
	}
	for i, v := range a.Values {
		switch kind {
		case helogate.A, helogate.AAAA:
			addr, err := netip.ParseAddr(v)
			if err != nil || addr.String() != v || i > 0 && !netip.MustParseAddr(a.Values[i-1]).Less(addr) {
				t.Fatalf("addresses %q: %v", a.Values, err)
			}
		case helogate.MX:
			_, host, _ := strings.Cut(v, " ")
			checkName(t, host)
		case helogate.SRV:
			f := strings.SplitN(v, " ", 4)
			if len(f) != 4 {
				t.Fatalf("%q lacks a field", v)
			}
			checkName(t, f[3])
		case helogate.PTR, helogate.CNAME:
			checkName(t, v)
		}
	}
}

// checkName packs and unpacks a name, which must not change it.
func checkName(t *testing.T, name string) {
	t.Helper()
	q, err := newQuery(name, wire.TypeA)
	if err != nil || q.name != name {
		t.Fatalf("%q is not canonical: %q, %v", name, q.name, err)
	}
}

// FuzzName takes arbitrary text as a name. An accepted name can be unpacked, is canonical, and equals the result of
// the wire package.
func FuzzName(f *testing.F) {
	for _, s := range []string{".", "", "a.test", "A.Test.", `\000.\255`, `a\.b\\.c`, `\`, `\9`, `\999`, "a..b", "ü", strings.Repeat("a.", 127)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		q, err := newQuery(name, wire.TypeA)
		if err != nil {
			return
		}
		if len(q.wire) > maxName {
			t.Fatalf("%d octets", len(q.wire))
		}
		checkName(t, q.name)
		sent := q.pack(options{edns: true, mix: true})
		var m wire.Msg
		if err := m.Unpack(sent); err != nil || canonical(m.Question[0].Name) != q.name || m.IsEdns0().UDPSize() != 1232 {
			t.Fatalf("%v: %v", err, &m)
		}
		if !m.RecursionDesired || !m.AuthenticatedData || m.Question[0].Qclass != wire.ClassINET {
			t.Fatalf("%v", &m)
		}
		sent[2] |= 0x80
		if compare(sent, sent) != fits {
			t.Fatal("an echo of the question does not fit it")
		}
	})
}

// FuzzReverse compares the reverse name of an address with that of the wire package.
func FuzzReverse(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1})
	f.Add(netip.MustParseAddr("2001:db8::1").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		want, err := wire.ReverseAddr(addr.Unmap().String())
		if got := reverseName(addr) + "."; err != nil || got != want {
			t.Fatalf("%v: %s, not %s, %v", addr, got, want, err)
		}
	})
}

// FuzzResolvConf parses arbitrary text: nothing panics, and every server can be asked.
func FuzzResolvConf(f *testing.F) {
	f.Add("nameserver 192.0.2.53\noptions timeout:1 attempts:3\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseResolvConf(text)
		if err != nil {
			return
		}
		if _, err := withPorts(found.servers); err != nil {
			t.Fatal(err)
		}
		if found.timeout < 0 || found.attempts < 0 {
			t.Fatalf("%+v", found)
		}
	})
}
