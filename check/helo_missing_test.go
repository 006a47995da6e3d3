package check

import (
	"testing"
)

func TestHeloMissing(t *testing.T) {
	zone(t, HeloMissing, "",
		"192.0.2.1", "fail: 192.0.2.1 sent no HELO or EHLO name",
		"192.0.2.1 _SP_", "fail: 192.0.2.1 sent no HELO or EHLO name",
		"192.0.2.1 x", "pass: HELO has a name")
}
