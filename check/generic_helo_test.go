package check

import (
	"strings"
	"testing"

	"github.com/helogate/helogate"
)

func TestGenericHelo(t *testing.T) {
	zone(t, GenericHelo, "",
		"192.0.2.1 mx1.example.org", "pass: a name that a person gave",
		"192.0.2.1 [192.0.2.1]", "none: no public name was given",
		"192.0.2.1 pc", "none: no public name was given")
	got := GenericHelo.Judge(facts("192.0.2.99 ppp-192-0-2-99.dyn.example.com"), helogate.MustZone(""))
	if got.Outcome != helogate.Fail || !strings.Contains(got.Why, "(access)") {
		t.Error(got)
	}
}
