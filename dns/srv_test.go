package dns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check/legacy"
	"github.com/helogate/helogate/internal/testdns"
	wire "github.com/miekg/dns"
)

// A server may add the addresses of the targets (RFC 2782). They were not asked for, so they are ignored.
func TestTargetsAddressesAreNotBelieved(t *testing.T) {
	s := start(t, records{}.add(helogate.SRV, "_x._tcp.test", time.Minute, "1 2 25 bank.test"), testdns.Rewrite(func(m *wire.Msg, _ bool) *wire.Msg {
		h := wire.RR_Header{Name: "bank.test.", Rrtype: wire.TypeA, Class: wire.ClassINET, Ttl: 60}
		m.Extra = append([]wire.RR{&wire.A{Hdr: h, A: []byte{192, 0, 2, 66}}}, m.Extra...)
		return m
	}))
	r := open(t, Config{}, s)
	expect(t, ask(r, helogate.SRV, "_x._tcp.test"), `ok ["1 2 25 bank.test"] 1m0s`)
	if _, poisoned := r.Known(helogate.Question{Kind: helogate.A, Name: "bank.test"}); poisoned {
		t.Error("an address that came along is in the cache")
	}
}

// RFC 2782 forbids compressed targets, but RFC 3597 section 4 requires to read them. Anything that is not an SRV record
// is a failure of the server, never a negative answer.
func TestSRVOnTheWire(t *testing.T) {
	q, err := plan(helogate.Question{Kind: helogate.SRV, Name: "_x.test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, rdata, want string
	}{
		{"compressed", "\x00\x01\x00\x02\x00\x19\x02mx\xc0\x0f", `ok ["1 2 25 mx.test"]`},
		{"all compressed", "\x00\x01\x00\x02\x00\x19\xc0\x0f", `ok ["1 2 25 test"]`},
		{"upper case", "\x00\x01\x00\x02\x00\x19\x02MX\x00", `ok ["1 2 25 mx"]`},
		{"root", "\x00\x01\x00\x02\x00\x19\x00", `ok ["1 2 25 ."]`},
		{"no target", "\x00\x01\x00\x02\x00\x19", "senseless"},
		{"no port", "\x00\x01\x00\x02", "senseless"},
		{"nothing", "", "senseless"},
		{"half a name", "\x00\x01\x00\x02\x00\x19\x05mx", "senseless"},
		{"more than a name", "\x00\x01\x00\x02\x00\x19\x00\x00", "senseless"},
		{"a pointer ahead", "\x00\x01\x00\x02\x00\x19\xc0\xff", "senseless"},
		{"a pointer to itself", "\x00\x01\x00\x02\x00\x19\xc0\x2c", "senseless"},
	} {
		msg := q.pack(options{})
		msg[2], msg[7] = msg[2]|0x80, 1 // a reply, with one answer
		msg = append(msg, 0xc0, headerLen)
		msg = binary.BigEndian.AppendUint16(msg, wire.TypeSRV)
		msg = binary.BigEndian.AppendUint16(msg, wire.ClassINET)
		msg = binary.BigEndian.AppendUint32(msg, 60)
		msg = binary.BigEndian.AppendUint16(msg, uint16(len(c.rdata)))
		msg = append(msg, c.rdata...)
		got := "senseless"
		if m, ok := parse(msg); ok {
			if read, failed := (trail{start: q.name, kind: q.kind}).read(m, false); failed == nil {
				got = fmt.Sprintf("%s %q", read.status, read.values)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The checks read SRV and TXT as a server sends them, escapes and several strings a record included.
func TestLegacyRecordsOffTheWire(t *testing.T) {
	const comment = "<!-- \\195\\164 \\\" longer than one string: %0260d -->"
	r := open(t, Config{}, start(t, records{}.
		add(helogate.SRV, "_client._smtp.mx.test", time.Minute, "1 2 0 mx.test").
		add(helogate.A, "mx.test", time.Minute, "192.0.2.1").
		add(helogate.TXT, "_ep.list.test", time.Minute,
			"2:</m></out></ep>", `1:<ep xmlns=\"http://ms.net/1\"><out><m>`+fmt.Sprintf(comment, 0)+"<a>mx.test</a>")))
	for _, c := range []struct {
		check        helogate.Check
		client, want string
	}{
		{legacy.CSA, "192.0.2.1", "pass: mx.test may send from 192.0.2.1 by CSA"},
		{legacy.CSA, "192.0.2.2", "fail: mx.test may not send from 192.0.2.2 by CSA"},
		{legacy.CallerID, "192.0.2.1", "pass: 192.0.2.1 is an outgoing server of list.test by Caller ID"},
		{legacy.CallerID, "192.0.2.2", "fail: 192.0.2.2 is no outgoing server of list.test by Caller ID"},
	} {
		f := helogate.Facts{Stage: helogate.Rcpt, Time: time.Now(), Client: netip.MustParseAddr(c.client), Helo: "mx.test", Sender: "jane@list.test"}
		if got := c.check.Judge(f, r).String(); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.check.Name, c.client, got, c.want)
		}
	}
}
