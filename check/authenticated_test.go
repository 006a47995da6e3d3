package check

import (
	"testing"

	"github.com/helogate/helogate"
)

func TestAuthenticated(t *testing.T) {
	f := facts("192.0.2.1")
	if got := Authenticated.Judge(f, helogate.MustZone("")).String(); got != "none: not authenticated" {
		t.Error(got)
	}
	f.Auth = "jane\x1b"
	if got := Authenticated.Judge(f, helogate.MustZone("")).String(); got != `pass: authenticated as jane\x1b` {
		t.Error(got)
	}
}
