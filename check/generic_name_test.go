package check

import "testing"

// Both read the same names; what one leaves, the other judges.
func TestGenericAndHostingName(t *testing.T) {
	const dns = `
		192.0.2.1  PTR mx.example.org
		192.0.2.99 PTR ppp-192-0-2-99.dyn.example.com
		192.0.2.2  PTR ec2-192-0-2-2.compute-1.hoster.example
		192.0.2.3  PTR ppp-192-0-2-3.dyn.example.com
		192.0.2.3  PTR mail.example.org
		192.0.2.4  PTR ppp-192-0-2-4.dyn.example.com
		192.0.2.4  PTR ec2-192-0-2-4.compute-1.hoster.example
		192.0.2.5  PTR tempfail`
	zone(t, GenericName, dns,
		"192.0.2.1", "pass: mx.example.org is a custom name",
		"192.0.2.99", "fail: PTR of 192.0.2.99 is ppp-192-0-2-99.dyn.example.com, which looks auto-generated (access): ~",
		"192.0.2.2", "none: ec2-192-0-2-2.compute-1.hoster.example is the default name of a rented server",
		"192.0.2.3", "pass: mail.example.org is a custom name",
		"192.0.2.4", "fail: PTR of 192.0.2.4 is ppp-192-0-2-4.dyn.example.com, which looks auto-generated (access): ~",
		"192.0.2.5", "temperror: PTR of 192.0.2.5: the zone says so",
		"192.0.2.6", "none: 192.0.2.6 has no PTR name to judge",
		"10.0.0.1", "none: 10.0.0.1 has no PTR name to judge")
	zone(t, HostingName, dns,
		"192.0.2.1", "pass: mx.example.org is a custom name",
		"192.0.2.99", "none: ppp-192-0-2-99.dyn.example.com is not the default name of a rented server",
		"192.0.2.2", "fail: PTR of 192.0.2.2 is ec2-192-0-2-2.compute-1.hoster.example, the default name of a rented server: ~",
		"192.0.2.4", "none: ppp-192-0-2-4.dyn.example.com is not the default name of a rented server",
		"192.0.2.5", "temperror: PTR of 192.0.2.5: the zone says so",
		"192.0.2.6", "none: 192.0.2.6 has no PTR name to judge")
}
