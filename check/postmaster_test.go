package check

import (
	"testing"
)

func TestRoles(t *testing.T) {
	zone(t, Postmaster, "",
		"192.0.2.1 - - postmaster@example.net", "pass: mail to postmaster",
		"192.0.2.1 - - PostMaster", "pass: mail to postmaster",
		`192.0.2.1 - - "postmaster"@example.net`, "pass: mail to postmaster",
		"192.0.2.1 - - postmaster.x@example.net", "none: not to postmaster",
		"192.0.2.1 - - abuse@example.net", "none: not to postmaster")
	zone(t, Abuse, "", "192.0.2.1 - - ABUSE@example.net", "pass: mail to abuse")
}
