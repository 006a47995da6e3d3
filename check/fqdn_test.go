package check

import (
	"testing"
)

func TestFQDN(t *testing.T) {
	zone(t, FQDN, "",
		"192.0.2.1 yq3H9cDKgS", "fail: HELO yq3H9cDKgS is not fully qualified",
		"192.0.2.1 mail.", "fail: HELO mail. is not fully qualified",
		"192.0.2.1 mail.example.com", "pass: fully qualified",
		"192.0.2.1 mail.corp.local", "pass: fully qualified",
		"192.0.2.1 [192.0.2.1]", "none: there is no name to judge",
		"192.0.2.1 a..b", "none: there is no name to judge")
}
