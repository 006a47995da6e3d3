package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

func TestGenericHelo(t *testing.T) {
	zone(t, GenericHelo, "",
		"192.0.2.1 mx1.example.org", "pass: a custom name",
		"192.0.2.1 [192.0.2.1]", "none: HELO is no public name",
		"192.0.2.1 pc", "none: HELO is no public name")
	got := GenericHelo.Judge(facts("192.0.2.99 ppp-192-0-2-99.dyn.example.com"), helogate.MustZone(""))
	if got.Outcome != helogate.Fail || !strings.Contains(got.Why, "(access)") {
		t.Error(got)
	}
}
