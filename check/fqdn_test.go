package check

import (
	"testing"
)

func TestFQDN(t *testing.T) {
	zone(t, FQDN, "",
		"192.0.2.1 yq3H9cDKgS", "fail: HELO yq3H9cDKgS is not a fully qualified host name",
		"192.0.2.1 mail.", "fail: HELO mail. is not a fully qualified host name",
		"192.0.2.1 mail.example.com", "pass: fully qualified",
		"192.0.2.1 mail.corp.local", "pass: fully qualified",
		"192.0.2.1 [192.0.2.1]", "none: HELO has no name to judge",
		"192.0.2.1 a..b", "none: HELO has no name to judge")
}
