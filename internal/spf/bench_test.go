package spf

import (
	"testing"

	"github.com/helogate/helogate"
)

type direct struct{ w *helogate.Zone }

func (d direct) Ask(k helogate.Kind, n string) *helogate.Answer {
	a, _ := d.w.Known(helogate.Question{Kind: k, Name: n})
	return a
}
func (d direct) Values(k helogate.Kind, n string) []string { return d.Ask(k, n).Values }
func (d direct) Waiting() bool                             { return false }

// What an evaluation costs when all answers are at hand.
func BenchmarkCheck(b *testing.B) {
	zone := helogate.MustZone(`
		example.org TXT google-site-verification=x
		example.org TXT v=spf1 mx include:_spf.example.net ip4:203.0.113.0/24 -all
		example.org MX 10 mx1.example.org
		example.org MX 20 mx2.example.org
		mx1.example.org A 192.0.2.11
		mx2.example.org A 192.0.2.12
		_spf.example.net TXT v=spf1 ip4:198.51.100.0/27 ip4:198.51.100.64/27 ip4:198.51.100.128/27 ip6:2001:db8::/32 ~all
		null.example A 192.0.2.3`)
	for _, c := range []struct{ name, client, domain string }{
		{"pass", "198.51.100.65", "example.org"},
		{"fail", "192.0.2.99", "example.org"},
		{"no record", "192.0.2.99", "null.example"},
		{"no domain", "192.0.2.99", "gone.example"},
	} {
		b.Run(c.name, func(b *testing.B) {
			id := identity(c.client, "mx.example.org", "jane@"+c.domain)
			b.ReportAllocs()
			for b.Loop() {
				Check(direct{zone}, id)
			}
		})
	}
}
