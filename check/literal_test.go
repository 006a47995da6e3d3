package check

import (
	"testing"
)

func TestLiteral(t *testing.T) {
	zone(t, Literal, "",
		"192.0.2.1 [192.0.2.1]", "fail: HELO [192.0.2.1] is an address, not a host name",
		"192.0.2.1 mx.example.org", "pass: no address literal")
}
