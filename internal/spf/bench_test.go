package spf

import (
	"testing"

	"github.com/helogate/helogate"
)

// direct is a judgement that has every answer, and costs nothing itself.
type direct struct {
	answers helogate.Evidence
	client  string
}

func (d direct) Ask(k helogate.Kind, n string) *helogate.Answer {
	a, _ := d.answers.Known(helogate.Question{Kind: k, Name: n})
	return a
}
func (d direct) Values(k helogate.Kind, n string) []string { return d.Ask(k, n).Values }
func (d direct) Pending() bool                             { return false }
func (d direct) ClientText() string                        { return d.client }

var benchZone = helogate.MustZone(`
	example.org TXT google-site-verification=x
	example.org TXT v=spf1 mx include:_spf.example.net ip4:203.0.113.0/24 -all
	example.org MX 10 mx1.example.org
	example.org MX 20 mx2.example.org
	mx1.example.org A 192.0.2.11
	mx2.example.org A 192.0.2.12
	_spf.example.net TXT v=spf1 ip4:198.51.100.0/27 ip4:198.51.100.64/27 ip4:198.51.100.128/27 ip6:2001:db8::/32 ~all
	near.example TXT v=spf1 a/24//64 ?ptr mx:example.org/28 redirect=example.org
	near.example A 192.0.2.200
	near.example AAAA 2001:db8::1
	macro.example TXT v=spf1 exists:%{ir}.%{v}.list.example -all
	null.example A 192.0.2.3`)

// atHand is the input of an evaluation, with all answers.
func atHand(client, domain string) (Asker, Identity) {
	id := identity(client, "mx.example.org", "jane@"+domain)
	return direct{judge(benchZone, id).asked, client}, id
}

// The cost of an evaluation with all answers.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct{ name, client, domain string }{
		{"pass", "198.51.100.65", "example.org"},
		{"fail", "192.0.2.99", "example.org"},
		{"redirect", "198.51.100.222", "near.example"},
		{"macro", "198.51.100.222", "macro.example"},
		{"no record", "192.0.2.99", "null.example"},
		{"no domain", "192.0.2.99", "gone.example"},
	} {
		b.Run(c.name, func(b *testing.B) {
			ask, id := atHand(c.client, c.domain)
			b.ReportAllocs()
			for b.Loop() {
				Check(ask, id)
			}
		})
	}
}

// An ordinary record costs no allocation.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		client, domain string
		want           helogate.Outcome
		most           float64
	}{
		{"198.51.100.65", "example.org", helogate.Pass, 0},
		{"192.0.2.12", "example.org", helogate.Pass, 0},
		{"192.0.2.99", "example.org", helogate.Fail, 0},
		{"2001:db8:1::1", "example.org", helogate.Pass, 0},
		{"192.0.2.7", "near.example", helogate.Pass, 0},
		{"2001:db8::7", "near.example", helogate.Pass, 0},
		{"198.51.100.222", "near.example", helogate.Fail, 0},
		{"192.0.2.99", "null.example", helogate.None, 0},
		{"192.0.2.99", "macro.example", helogate.Fail, 1}, // the name that is asked for
	} {
		ask, id := atHand(c.client, c.domain)
		var got Result
		n := testing.AllocsPerRun(100, func() { got = Check(ask, id) })
		if got.Outcome != c.want || n > c.most {
			t.Errorf("%s %s: %s with %v allocations, want %s with %v", c.client, c.domain, got.Outcome, n, c.want, c.most)
		}
	}
}
