package callout

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/helogate/helogate"
)

func addrs(text string) (out []netip.Addr) {
	for _, a := range strings.Fields(text) {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

const (
	no   script = scene + "S: 250 Ok\nC: RCPT TO:<jane@example.org>\nS: 550 no" + quits
	wait script = scene + "S: 250 Ok\nC: RCPT TO:<jane@example.org>\nS: 450 wait" + quits
	busy script = "S: 421 busy\nhang"
)

// The hosts that are asked, and their order. Hosts that are not in the table refuse connections.
func TestHosts(t *testing.T) {
	for _, c := range []struct{ name, dns, asked, want string }{
		{"the best first", "example.org MX 10 b.example\nexample.org MX 5 a.example\na.example A 192.0.2.9\nb.example A 192.0.2.8",
			"192.0.2.9", "refuses 550 no"},
		{"the next where one is down", "example.org MX 5 a.example\nexample.org MX 10 b.example\na.example A 192.0.2.1\nb.example A 192.0.2.9",
			"192.0.2.1 192.0.2.9", "refuses 550 no"},
		{"the next where one wants us to wait", "example.org MX 5 a.example\nexample.org MX 10 b.example\na.example A 192.0.2.7\nb.example A 192.0.2.9",
			"192.0.2.7 192.0.2.9", "refuses 550 no"},
		{"all addresses, IPv4 first", "example.org MX 5 a.example\na.example AAAA 2001:db8::1\na.example A 192.0.2.1\na.example A 192.0.2.2",
			"192.0.2.1 192.0.2.2 2001:db8::1", "tempfail: a.example [2001:db8::1]: dial tcp [2001:db8::1]:25: connection refused"},
		{"five at most", "example.org MX 5 a.example\na.example A 192.0.2.1\na.example A 192.0.2.2\na.example A 192.0.2.3\na.example A 192.0.2.4\na.example A 192.0.2.5\na.example A 192.0.2.6",
			"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5", "tempfail: a.example [192.0.2.5]: dial tcp 192.0.2.5:25: connection refused"},
		{"an alias", "example.org MX 5 a.example\na.example CNAME b.example\nb.example A 192.0.2.9", "192.0.2.9", "refuses 550 no"},
		{"no MX", "example.org A 192.0.2.9", "192.0.2.9", "refuses 550 no"},
		{"no MX, IPv6 alone", "example.org AAAA 2001:db8::9", "2001:db8::9", "refuses 550 no"},
		{"no MX, no address", "example.org TXT hello", "", "refuses example.org has neither an MX nor an address"},
		{"no MX, no address for now", "example.org TXT hello\nexample.org AAAA tempfail", "", "tempfail: AAAA of example.org: the zone says so"},
		{"null MX", "example.org MX 0 .\nexample.org A 192.0.2.9", "", "refuses example.org takes no mail: null MX (RFC 7505)"},
		{"no domain", "", "", "refuses example.org does not exist"},
		{"no DNS", "example.org MX tempfail\nexample.org A 192.0.2.9", "", "tempfail: MX of example.org: the zone says so"},
		{"an MX that is not", "example.org MX 5 gone.example", "", "tempfail: gone.example does not resolve"},
		{"an MX whose address is not known", "example.org MX 5 a.example\na.example A tempfail", "", "tempfail: A of a.example: the zone says so"},
		{"half of an address", "example.org MX 5 a.example\na.example A tempfail\na.example AAAA 2001:db8::9", "2001:db8::9", "refuses 550 no"},
		{"ours", "example.org MX 5 a.example\na.example A 198.51.100.25", "", "tempfail: a.example is 198.51.100.25, which is never asked: it is an own address, or not public"},
		{"of our network", "example.org MX 5 a.example\na.example A 203.0.113.77", "", "tempfail: a.example is 203.0.113.77, which is never asked: it is an own address, or not public"},
		{"ours, and another", "example.org MX 5 a.example\nexample.org MX 10 b.example\na.example A 198.51.100.25\nb.example A 192.0.2.9", "192.0.2.9", "refuses 550 no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]script{"192.0.2.9": {no}, "2001:db8::9": {no}, "192.0.2.8": {wait}, "192.0.2.7": {wait}})
				caller := w.caller(c.dns, func(c *Config) {
					c.Own, c.Networks = addrs("::ffff:198.51.100.25"), []netip.Prefix{netip.MustParsePrefix("203.0.113.64/26")}
				})
				if got := ask(t, caller, "jane@example.org"); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if got := w.asked(); got != c.asked {
					t.Errorf("asked %s, not %s", got, c.asked)
				}
			})
		})
	}
}

// Hosts of the same preference are all tried, now this one first and now that.
func TestSamePreference(t *testing.T) {
	orders := map[string]bool{}
	for range 200 {
		orders[strings.Join(mixed([]string{"5 first.example", "10 a.example", "10 b.example", "20 last.example"}), " ")] = true
	}
	if len(orders) != 2 || !orders["first.example a.example b.example last.example"] || !orders["first.example b.example a.example last.example"] {
		t.Errorf("%v", orders)
	}
}

// Whoever writes an MX must not have us knock at listeners inside.
func TestForbidden(t *testing.T) {
	w := newWorld(t, nil)
	c := w.caller("", nil)
	for _, a := range addrs(`0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.1.2.3 169.254.169.254 172.16.0.1 192.0.0.1 192.168.1.1 198.18.0.1
		224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 64:ff9b::7f00:1 64:ff9b:1::1 2001:0:1::1 2002:7f00:1::1 fc00::1 fd00::1 fe80::1 fec0::1 ff02::1`) {
		if !c.forbidden(a) {
			t.Errorf("%s is allowed", a)
		}
	}
	for _, a := range addrs("192.0.2.1 198.51.100.1 203.0.113.1 9.9.9.9 2001:db8::1 2600::1") {
		if c.forbidden(a) {
			t.Errorf("%s is forbidden", a)
		}
	}
	local := w.caller("", func(c *Config) { c.AllowLoopback = true })
	if local.forbidden(netip.MustParseAddr("127.0.0.1")) || !local.forbidden(netip.MustParseAddr("10.0.0.1")) {
		t.Error("a test may have loopback, and nothing else")
	}
}

// The addresses of this host are own addresses, whether or not the configuration has them.
func TestOwnInterfaces(t *testing.T) {
	c, err := newCaller(Config{Helo: "mx.example.net", DNS: helogate.MustZone("")}, addrs("203.0.113.5"))
	if err != nil || !c.forbidden(netip.MustParseAddr("203.0.113.5")) {
		t.Error("an address of this host is allowed", err)
	}
	for _, a := range interfaces() {
		if a.IsLoopback() || a.Zone() != "" {
			t.Errorf("%s is no address that needs to be forbidden", a)
		}
	}
}
