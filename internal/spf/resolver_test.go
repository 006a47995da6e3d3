package spf

import (
	"net/netip"
	"testing"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/dns"
	"github.com/helogate/helogate/internal/testdns"
)

// Octets that no host name has pass through the resolver and back, in names and in texts.
func TestThroughTheResolver(t *testing.T) {
	server, err := testdns.Start(helogate.MustZone(`
		e.example TXT v=spf1 a:%{h}.x.example -all exp=%{l}.why.example
		a\;\(b\000\255.x.example A 192.0.2.1
		j\'\@e.why.example TXT hi \"you\" \\ there`))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	resolver, err := dns.New(dns.Config{Servers: []netip.AddrPort{server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	for _, c := range []struct {
		client, explanation string
		outcome             helogate.Outcome
	}{
		{"192.0.2.1", "", helogate.Pass},
		{"192.0.2.2", `hi "you" \ there`, helogate.Fail},
	} {
		got := judge(resolver, identity(c.client, "a;(B\x00\xff", "j'@e@e.example"))
		if got.found.Outcome != c.outcome || got.explanation != c.explanation {
			t.Errorf("%s: %s %q, want %s %q", c.client, got.found, got.explanation, c.outcome, c.explanation)
		}
	}
}
