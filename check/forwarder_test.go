package check

import (
	"net/netip"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

func forwarders() []Forwarder {
	day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC) // the facts' day
	of := func(p string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(p)} }
	return []Forwarder{
		{Exemption: Exemption{Addresses: of("198.51.100.0/28"), Comment: "the list server"}},
		{Exemption: Exemption{Names: names(".lists.example")}},
		{Exemption: Exemption{Addresses: of("198.18.0.0/24")}, Origin: true},
		{Exemption: Exemption{Addresses: of("198.18.1.0/24"), Until: day}, Origin: true},
	}
}

func TestForwarder(t *testing.T) {
	zone(t, ForwarderHost(forwarders()), `
		192.0.2.1 PTR a.lists.example
		192.0.2.2 PTR b.lists.example
		192.0.2.3 PTR c.lists.example
		a.lists.example A 192.0.2.1
		b.lists.example A 192.0.2.99
		c.lists.example A tempfail`,
		"198.51.100.7", "pass: forwarder 1: 198.51.100.0/28 (the list server)",
		"198.51.100.17", "none: no forwarder",
		"192.0.2.1", "pass: forwarder 2: .lists.example",
		"192.0.2.2", "none: no forwarder",
		"192.0.2.3", "temperror: A of c.lists.example: the zone says so",
		"198.18.0.1", "pass: forwarder 3: 198.18.0.0/24",
		"198.18.1.1", "none: no forwarder")
	if ForwarderHost(forwarders()[:1]).Cost != helogate.Local {
		t.Error("without PTR names forwarders need no DNS")
	}
}

// Who is believed is judged by the origin, where it is shown, and is let in where it is not.
func TestByOrigin(t *testing.T) {
	lines := []helogate.Line{
		{Check: ForwarderHost(forwarders()), On: map[helogate.Outcome]helogate.Effect{helogate.Pass: {Action: helogate.Accept}}},
		{Check: BareAddress, On: map[helogate.Outcome]helogate.Effect{helogate.Fail: {Action: helogate.Reject}}},
	}
	p, err := helogate.NewPolicy(helogate.Thresholds{}, lines...)
	if err != nil {
		t.Fatal(err)
	}
	p.ByOrigin = ByOrigin(forwarders())
	for _, c := range []struct {
		client, origin, originHelo string
		want                       helogate.Action
	}{
		{"198.18.0.1 list.example", "192.0.2.9", "192.0.2.9", helogate.Reject},
		{"198.18.0.1 list.example", "::ffff:192.0.2.9", "192.0.2.9", helogate.Reject},
		{"198.18.0.1 198.18.0.1", "192.0.2.9", "mx.example.org", helogate.Continue}, // its own greeting is not held against others
		{"198.18.0.1 list.example", "198.51.100.7", "192.0.2.9", helogate.Accept},   // the origin is a forwarder itself
		{"198.18.0.1 198.18.0.1", "", "", helogate.Accept},                          // no origin is shown
		{"198.18.1.1 198.18.1.1", "192.0.2.9", "mx.example.org", helogate.Reject},   // it is believed no more
		{"192.0.2.77 192.0.2.77", "192.0.2.9", "mx.example.org", helogate.Reject},   // nobody believes it
	} {
		f := facts(c.client)
		if c.origin != "" {
			f.Origin = helogate.Origin{Client: netip.MustParseAddr(c.origin), Helo: c.originHelo}
		}
		if v := p.Judge(t.Context(), f, helogate.MustZone("")); v.Action != c.want {
			t.Errorf("%v: %s by %s", c, v.Action, v.By)
		}
	}
	if ByOrigin(forwarders()[:2]) != nil {
		t.Error("there is somebody to believe where nobody is")
	}
}
