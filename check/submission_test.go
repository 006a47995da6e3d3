package check

import (
	"net/netip"
	"testing"

	"github.com/helogate/helogate"
)

func TestSubmission(t *testing.T) {
	for port, want := range map[string]string{
		"587": "pass: connected to the submission port 587",
		"465": "pass: connected to the submission port 465",
		"25":  "none: no submission port",
	} {
		f := facts("192.0.2.1")
		f.Server = netip.MustParseAddrPort("192.0.2.25:" + port)
		if got := Submission.Judge(f, helogate.MustZone("")).String(); got != want {
			t.Errorf("port %s: %s, want %s", port, got, want)
		}
	}
}
