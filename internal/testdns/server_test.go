package testdns

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/helogate/helogate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, zone helogate.Asker, opts ...Option) *Server {
	t.Helper()
	s, err := Start(zone, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// dig asks with the client of another library.
func dig(t *testing.T, s *Server, network, name string, kind uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	m, _, err := (&dns.Client{Net: network, Timeout: 20 * time.Second}).Exchange(q, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// describe writes a reply on one line, without TTLs.
func describe(m *dns.Msg) string {
	s := dns.RcodeToString[m.Rcode]
	for _, rr := range append(m.Answer, m.Ns...) {
		words := strings.Fields(rr.String())
		s += "; " + strings.Join(append(words[:1], words[3:]...), " ")
	}
	return s
}

func TestAnswersFromAZone(t *testing.T) {
	s := start(t, helogate.MustZone(`
		192.0.2.1       PTR   mx.example.org
		2001:db8::1     PTR   mx.example.org
		mx.example.org  A     192.0.2.1
		mx.example.org  AAAA  2001:db8::1
		example.org     MX    10 mx.example.org
		example.org     TXT   v=spf1 -all
		_x._tcp.test    SRV   1 2 3 mx.example.org
		_no._tcp.test   SRV   0 0 0 .
		www.example.org CNAME mx.example.org
		down.example.org A    tempfail`))
	for _, c := range []struct {
		name string
		kind uint16
		want string
	}{
		{"1.2.0.192.in-addr.arpa", dns.TypePTR, "NOERROR; 1.2.0.192.in-addr.arpa. PTR mx.example.org."},
		{strings.TrimSuffix(reverse(t, "2001:db8::1"), "."), dns.TypePTR, "NOERROR; " + reverse(t, "2001:db8::1") + " PTR mx.example.org."},
		{"MX.example.org", dns.TypeA, "NOERROR; MX.example.org. A 192.0.2.1"},
		{"mx.example.org", dns.TypeAAAA, "NOERROR; mx.example.org. AAAA 2001:db8::1"},
		{"example.org", dns.TypeMX, "NOERROR; example.org. MX 10 mx.example.org."},
		{"example.org", dns.TypeTXT, `NOERROR; example.org. TXT "v=spf1 -all"`},
		{"_x._tcp.test", dns.TypeSRV, "NOERROR; _x._tcp.test. SRV 1 2 3 mx.example.org."},
		{"_no._tcp.test", dns.TypeSRV, "NOERROR; _no._tcp.test. SRV 0 0 0 ."},
		{"www.example.org", dns.TypeA, "NOERROR; www.example.org. CNAME mx.example.org.; mx.example.org. A 192.0.2.1"},
		{"www.example.org", dns.TypeCNAME, "NOERROR; www.example.org. CNAME mx.example.org."},
		{"down.example.org", dns.TypeA, "SERVFAIL"},
	} {
		if got := describe(dig(t, s, "udp", c.name, c.kind)); got != c.want {
			t.Errorf("%s: %s\nand should be %s", c.name, got, c.want)
		}
	}
	for name, rcode := range map[string]int{"none.example.org": dns.RcodeNameError, "mx.example.org": dns.RcodeSuccess} {
		m := dig(t, s, "tcp", name, dns.TypeMX)
		if _, soa := m.Ns[0].(*dns.SOA); m.Rcode != rcode || !soa || len(m.Answer) > 0 {
			t.Errorf("%s: %s", name, describe(m))
		}
	}
	asked := s.Asked()
	if asked[0] != (helogate.Question{Kind: helogate.PTR, Name: "192.0.2.1"}) || asked[1].Name != "2001:db8::1" || asked[2].Name != "mx.example.org" {
		t.Errorf("asked: %v", asked[:3])
	}
	if len(asked) != 13 || s.Queries() != 13 {
		t.Errorf("%d asked, %d queries", len(asked), s.Queries())
	}
}

func reverse(t *testing.T, addr string) string {
	t.Helper()
	name, err := dns.ReverseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestCutToWhatTheClientTakes: 512 octets without EDNS (RFC 1035 section 4.2.1), and the whole over TCP.
func TestCutToWhatTheClientTakes(t *testing.T) {
	var zone strings.Builder
	for i := range 60 {
		fmt.Fprintf(&zone, "many.example.org A 192.0.2.%d\n", i)
	}
	s := start(t, helogate.MustZone(zone.String()))
	m := dig(t, s, "udp", "many.example.org", dns.TypeA)
	m.Compress = true // as it was sent
	if !m.Truncated || m.Len() > 512 {
		t.Errorf("over UDP: truncated %v, %d octets", m.Truncated, m.Len())
	}
	if m := dig(t, s, "tcp", "many.example.org", dns.TypeA); m.Truncated || len(m.Answer) != 60 {
		t.Errorf("over TCP: truncated %v, %d answers", m.Truncated, len(m.Answer))
	}
	q := new(dns.Msg).SetQuestion("many.example.org.", dns.TypeA).SetEdns0(1232, false)
	if m, _, err := new(dns.Client).Exchange(q, s.Addr().String()); err != nil || m.Truncated || len(m.Answer) != 60 {
		t.Errorf("with EDNS: %v, %v", err, m)
	}
}

// TestDelay holds replies back side by side: ten that wait for each other would take half a second.
func TestDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	s := start(t, helogate.MustZone("a.test A 192.0.2.1"), Delay(delay))
	began := time.Now()
	done := make(chan error)
	for range 10 {
		go func() {
			_, err := dns.Exchange(new(dns.Msg).SetQuestion("a.test.", dns.TypeA), s.Addr().String())
			done <- err
		}()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took < delay || took > 9*delay {
		t.Errorf("took %v", took)
	}
}

func TestOptions(t *testing.T) {
	zone := helogate.MustZone("a.test A 192.0.2.1")
	first := start(t, zone, Always("servfail"))
	if m := dig(t, first, "udp", "a.test", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Error(describe(m))
	}
	if _, err := Start(zone, At(first.Addr())); err == nil {
		t.Error("two servers at one address")
	}
	addr := first.Addr()
	first.Close()
	second := start(t, zone, At(addr), Misbehave("EVIL.test"), Rewrite(func(m *dns.Msg, tcp bool) *dns.Msg {
		if tcp {
			m.Rcode = dns.RcodeRefused
		}
		return m
	}))
	if second.Addr() != addr || !addr.Addr().IsLoopback() {
		t.Errorf("listens at %v, not at %v", second.Addr(), addr)
	}
	for name, want := range map[string]string{
		"a.test": "NOERROR; a.test. A 192.0.2.1", "evil.test": "NXDOMAIN", "refused.evil.test": "REFUSED",
		"anything.evil.test": "NOERROR; anything.evil.test. A 192.0.2.66", "SLOW1.evil.test": "NOERROR; SLOW1.evil.test. A 192.0.2.66",
	} {
		if got := describe(dig(t, second, "udp", name, dns.TypeA)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if m := dig(t, second, "tcp", "a.test", dns.TypeA); m.Rcode != dns.RcodeRefused {
		t.Error("Rewrite does not see TCP")
	}
	if _, err := Start(zone, Always("nonsense")); err == nil {
		t.Error("a behaviour that there is not")
	}
}

// TestCloseDoesNotWait for replies that are held back, nor for clients that hold the line.
func TestCloseDoesNotWait(t *testing.T) {
	s := start(t, helogate.MustZone("a.test A 192.0.2.1"), Delay(time.Hour))
	for _, network := range []string{"udp", "tcp"} {
		c, err := dns.Dial(network, s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.WriteMsg(new(dns.Msg).SetQuestion("a.test.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	go func() { s.Close(); cancel() }()
	<-ctx.Done()
	if ctx.Err() == context.DeadlineExceeded {
		t.Error("Close hangs")
	}
}

func TestReverseNames(t *testing.T) {
	for _, a := range []string{"192.0.2.1", "2001:db8::1", "::", "255.255.255.255"} {
		if got, ok := addressOf(canonical(reverse(t, a))); !ok || got != netip.MustParseAddr(a) {
			t.Errorf("%s: %v %v", a, got, ok)
		}
	}
	for _, name := range []string{"1.0-25.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "x.ip6.arpa", "in-addr.arpa", "1.0.ip6.arpa", "a.test"} {
		if got, ok := addressOf(name); ok {
			t.Errorf("%s is taken for %v", name, got)
		}
	}
}

func TestPiecesOfText(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat(`\"`, 300), strings.Repeat(`\255`, 600), `\`} {
		got := pieces(text)
		if strings.Join(got, "") != text {
			t.Errorf("%q is cut into %q", text, got)
		}
		if text == `\` {
			continue
		}
		if _, err := (&dns.Msg{Answer: []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTXT}, Txt: got}}}).Pack(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
