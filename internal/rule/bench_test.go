package rule

import (
	"context"
	"net/netip"
	"testing"

	"github.com/helogate/helogate"
)

// BenchmarkRule measures a rule of two comparisons alone, without the policy around it.
func BenchmarkRule(b *testing.B) {
	for name, when := range map[string]string{
		"santronics": `helo.text.contains("santronics.com") && client != ip("208.247.131.9")`,
		"miss":       `helo.text.contains("example.net") && client != ip("192.0.2.9")`,
		"list":       `client in list("relays")`,
		"pattern":    `helo.matches("^(dsl|dyn|pool)[0-9-]+[.]")`,
	} {
		b.Run(name, func(b *testing.B) {
			r := mustCompile(b, when, "reject")
			loop := helogate.Check{Name: "loop", Run: func(c *helogate.Case) (f helogate.Finding) {
				for b.Loop() {
					f = r.Check.Run(c)
				}
				return f
			}}
			p, err := helogate.NewPolicy(helogate.Thresholds{}, helogate.Line{Check: loop})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			p.Judge(context.Background(), helogate.Facts{
				Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Helo: "mail.santronics.com",
			}, helogate.MustZone(""))
		})
	}
}
