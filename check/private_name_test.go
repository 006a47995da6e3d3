package check

import (
	"testing"
)

func TestPrivateName(t *testing.T) {
	zone(t, PrivateName, "",
		"192.0.2.1 exchange01.corp.local", "fail: HELO exchange01.corp.local is a private name, which is not in public DNS",
		"192.0.2.1 NAS.Home.Arpa.", "fail: HELO NAS.Home.Arpa. is a private name, which is not in public DNS",
		"192.0.2.1 mx.example.test", "pass: no private name",
		"192.0.2.1 [10.0.0.1]", "none: HELO has no name to judge")
}
