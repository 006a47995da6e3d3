package check

import (
	"context"
	"testing"

	"github.com/helogate/helogate"
)

// warm is a cache that has every answer.
type warm map[helogate.Question]*helogate.Answer

func (w warm) Known(q helogate.Question) (*helogate.Answer, bool) { a, ok := w[q]; return a, ok }

func (w warm) Ask(_ context.Context, q helogate.Question) *helogate.Answer { return w[q] }

// warmWorld has three clients that mail comes from all day: a domain's own server, a host of a hoster, and one of a
// large sender's pool.
const warmWorld = `
	203.0.113.5            PTR mail.shop.example
	mail.shop.example      A   203.0.113.5
	mail.shop.example      TXT v=spf1 a -all
	shop.example           MX  10 mail.shop.example
	shop.example           TXT v=spf1 mx -all

	203.0.113.21           PTR mail21.hoster.example
	mail21.hoster.example  A   203.0.113.21
	customer.example       MX  10 mx1.hoster.example
	customer.example       MX  20 mx2.hoster.example
	customer.example       TXT v=spf1 include:_spf.hoster.example -all
	_spf.hoster.example    TXT v=spf1 ip4:203.0.113.16/28 -all
	mx1.hoster.example     A   198.51.100.1
	198.51.100.1           PTR mx1.hoster.example
	mx2.hoster.example     A   198.51.100.2
	198.51.100.2           PTR mx2.hoster.example

	203.0.113.81           PTR mail-81.out.pool.example
	mail-81.out.pool.example A 203.0.113.81
	smtp.pool.example      A   198.51.100.81
	pool.example           MX  10 smtp.pool.example
	pool.example           TXT v=spf1 ip4:203.0.113.0/24 ip4:198.51.100.0/24 ~all`

var warmClients = map[string]string{
	"own server":    "203.0.113.5 mail.shop.example jane@shop.example bob@example.net",
	"hoster's host": "203.0.113.21 mail21.hoster.example info@customer.example bob@example.net",
	"pool":          "203.0.113.81 smtp.pool.example news@customer.example bob@example.net",
}

func BenchmarkWarmVerdict(b *testing.B) {
	for name, client := range warmClients {
		b.Run(name, func(b *testing.B) {
			p, f, w := warmUp(b, client)
			b.ReportAllocs()
			for b.Loop() {
				p.Judge(b.Context(), f, w)
			}
		})
	}
}

// warmUp returns the balanced policy, a client, and all answers that it needs of this client.
func warmUp(t testing.TB, client string) (*helogate.Policy, helogate.Facts, warm) {
	t.Helper()
	p, err := NewPolicy("balanced", Settings{})
	if err != nil {
		t.Fatal(err)
	}
	p.OmitReasons = true
	f, w := facts(client), warm{}
	for _, qa := range p.Judge(t.Context(), f, helogate.MustZone(warmWorld)).Asked {
		w[qa.Question] = qa.Answer
	}
	return p, f, w
}
