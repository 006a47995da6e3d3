package check

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/helogate/helogate"
)

// zone runs c on a literal DNS and on cases: "client helo sender recipient", of which all but the first may be left out
// or be -, and the finding expected: "outcome: why", where ~ at the end stands for any words of the name classifier.
func zone(t *testing.T, c helogate.Check, text string, cases ...string) {
	t.Helper()
	z := helogate.MustZone(text)
	for i := 0; i+1 < len(cases); i += 2 {
		got, want := c.Judge(facts(cases[i]), z).String(), cases[i+1]
		begin, cut := strings.CutSuffix(want, " ~")
		if got != want && !(cut && strings.HasPrefix(got, begin)) {
			t.Errorf("%s:\n got %s\nwant %s", cases[i], got, want)
		}
	}
	if len(cases) == 0 || len(cases)%2 != 0 {
		t.Errorf("%d strings are no cases", len(cases))
	}
}

// facts are those of a client at RCPT that connected to 192.0.2.25, port 25.
func facts(s string) helogate.Facts {
	f := append(strings.Fields(s), "-", "-", "-")
	for i := range f {
		f[i] = strings.TrimPrefix(f[i], "-")
		f[i] = strings.ReplaceAll(f[i], "_SP_", " ")
	}
	return helogate.Facts{
		Stage: helogate.Rcpt, Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Verb: "EHLO",
		Client: netip.MustParseAddr(f[0]), Server: netip.MustParseAddrPort("192.0.2.25:25"), Helo: f[1], Sender: f[2], Recipient: f[3],
	}
}

// manyPTR gives an address n names, host0.example.org and on.
func manyPTR(address string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n%s PTR host%d.example.org", address, i)
	}
	return b.String()
}
