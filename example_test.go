package helogate_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/check"
)

// A mail server embeds the judge: a policy of a preset, an Asker, and the facts. In earnest the Asker is a resolver of
// package dns: dns.New(dns.Config{}).
func Example() {
	policy, err := check.NewPolicy("balanced", check.Settings{Own: check.Own{Names: []string{"example.net"}}})
	if err != nil {
		panic(err)
	}
	asker := helogate.MustZone("mx.example.net A 192.0.2.25")
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	client := helogate.Facts{Stage: helogate.Helo, Time: time.Now(), Client: netip.MustParseAddr("198.51.100.7"), Helo: "mx.example.net"}
	verdict := policy.Judge(ctx, client, asker)
	fmt.Println(verdict.Action, verdict.By, verdict.Reply.Code, verdict.Reply.Enhanced)
	// Output: reject own-name 550 5.7.1
}
